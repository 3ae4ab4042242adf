//! The caller's network, mounts and switches are the same before, during and after a run, and nothing
//! of ours is left behind, however the program ends.
//!
//! Each trial has a caller of its own: a thread in a network namespace with something in it to lose,
//! and in a mount namespace whose mounts are shared, as on a machine with systemd, so that whatever the
//! program mounted would show here.
//!
//! ```text
//!   caller ── eth0 192.0.2.1/24 ══ eth1     route, rule, neighbour, nftables ruleset
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

mod support {
    pub mod caller;
    pub mod program;
}

use std::collections::BTreeSet;
use std::process::Stdio;

use libtest_mimic::{Arguments, Failed, Trial};
use support::caller::{
    Caller, PAUSE, Paused, descendants, has_ended, namespaces, processes, until,
};
use support::program::{Open, Run, can_become_others, tell};

fn main() {
    let arguments = Arguments::from_args();
    let is_somebody = can_become_others();
    if !arguments.list && !nix::unistd::geteuid().is_root() {
        // Root of a user namespace of its own may make all the others that these tests need.
        if let Err(error) = canal_sim::backend::kernel::airlock::enter() {
            eprintln!("not run: {error}");
            std::process::exit(1);
        }
    }
    if !arguments.list && !is_somebody {
        tell("what another user than the caller sees, because these tests can't become one");
    }
    let both = |name: &str, test: fn(As) -> Result<(), Failed>| {
        [
            Trial::test(format!("caller::{name}"), move || test(As::Caller)),
            Trial::test(format!("somebody::{name}"), move || test(As::Somebody))
                .with_ignored_flag(!is_somebody),
        ]
    };
    let trials = [
        both("nothing_of_the_caller_s_changes", nothing_changes),
        both(
            "nothing_is_left_after_the_end",
            nothing_is_left_after_the_end,
        ),
        both(
            "nothing_is_left_after_sigkill",
            nothing_is_left_after_sigkill,
        ),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}

/// Who runs the program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    /// The same user as the caller: root over the caller's namespaces.
    Caller,
    /// `nobody`.
    Somebody,
}

/// Gate with everything in it: two clouds, a tunnel, filters; and a step that waits for us.
fn scenario() -> String {
    let text = support::program::shipped_text("gate");
    let step = format!(
        "[[step]]\nname = \"the caller looks around\"\non = \"server\"\nrun = \"\"\"\n\
         sh -c 'sleep 1000' &\n{PAUSE}\"\"\"\n\n"
    );
    let place = "[[step]]\nname = \"a reboot keeps the addresses\"\n";
    support::program::replace(&text, place, &format!("{step}{place}"))
}

/// A run that waits in the middle of a step.
struct Halfway {
    place: Open,
    paused: Paused,
    child: std::process::Child,
}

impl Halfway {
    fn start(who: As) -> Self {
        let place = Open::new();
        let file = place.scenario("scenario", &scenario());
        let mut command = match who {
            As::Somebody => place.somebody(),
            As::Caller => place.same_user(),
        };
        let child = command
            .arg("run")
            .arg(file)
            .args(["--format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let paused = Paused::find(child.id());
        Self {
            place,
            paused,
            child,
        }
    }

    /// Lets it run to its end.
    fn end(self) -> Run {
        self.paused.go_on();
        let Self { child, place, .. } = self;
        let run = Run::read(&child.wait_with_output().unwrap());
        drop(place);
        run
    }
}

fn nothing_changes(who: As) -> Result<(), Failed> {
    Caller::enter(move |caller| {
        let before = caller.look();
        let halfway = Halfway::start(who);
        let during = caller.look();
        let run = halfway.end();
        let after = caller.look();
        assert_eq!(run.code, Some(0), "{}", run.tale());
        before.same(&during, "during the run");
        before.same(&after, "after the run");
    });
    Ok(())
}

fn nothing_is_left_after_the_end(who: As) -> Result<(), Failed> {
    Caller::enter(move |caller| {
        let mounts = caller.mounts();
        let halfway = Halfway::start(who);
        let left = Traces::of(&halfway, mounts);
        let run = halfway.end();
        assert_eq!(run.code, Some(0), "{}", run.tale());
        left.are_gone(caller);
    });
    Ok(())
}

fn nothing_is_left_after_sigkill(who: As) -> Result<(), Failed> {
    Caller::enter(move |caller| {
        let mounts = caller.mounts();
        let mut halfway = Halfway::start(who);
        let left = Traces::of(&halfway, mounts);
        halfway.child.kill().unwrap();
        halfway.child.wait().unwrap();
        left.are_gone(caller);
    });
    Ok(())
}

/// What a run has brought into being.
struct Traces {
    /// The program and everything below it.
    processes: BTreeSet<u32>,
    /// Their namespaces, and those that they hold open, less the caller's own.
    namespaces: BTreeSet<String>,
    /// The caller's mounts before the run.
    mounts: String,
}

impl Traces {
    fn of(halfway: &Halfway, mounts: String) -> Self {
        let mut processes = descendants(halfway.child.id());
        processes.insert(halfway.child.id());
        // The program, the node's pid 1, the script, and what the script left in the background.
        assert!(processes.len() >= 4, "{processes:?}");
        let own = namespaces(std::process::id());
        let namespaces: BTreeSet<String> = processes
            .iter()
            .flat_map(|pid| namespaces(*pid))
            .filter(|namespace| !own.contains(namespace) && !Caller::has(namespace))
            .collect();
        let networks = namespaces.iter().filter(|name| name.starts_with("net:"));
        // A namespace for each node.
        assert!(networks.count() > 5, "{namespaces:?}");
        Self {
            processes,
            namespaces,
            mounts,
        }
    }

    /// No process, no namespace, no mount, no file.
    fn are_gone(&self, caller: &Caller) {
        until("its processes end", || {
            self.processes.iter().all(|pid| has_ended(*pid))
        });
        // Whoever came after the list was made.
        until("its namespaces have nobody left", || {
            processes().into_iter().all(|pid| {
                let held = namespaces(pid);
                held.is_disjoint(&self.namespaces) || has_ended(pid)
            })
        });
        assert_eq!(caller.files(), BTreeSet::new(), "files are left");
        assert_eq!(caller.mounts(), self.mounts, "mounts are left");
    }
}
