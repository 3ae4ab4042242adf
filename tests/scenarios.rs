//! Every shipped scenario passes, as root and as an ordinary user. Each is a trial of its own.
//!
//! What can't run here is listed as ignored, and the reason is told. An ordinary user needs user
//! namespaces; where the machine forbids them the trials fail, unless `CANAL_SIM_NO_USERNS=1` says that
//! this is known.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

mod support {
    pub mod program;
}

use libtest_mimic::{Arguments, Failed, Trial};
use support::program::{Open, Run, can_become_others, canal_sim, shipped, shipped_names, tell};

/// Set to 1 where user namespaces are forbidden on purpose.
const NO_USERNS: &str = "CANAL_SIM_NO_USERNS";

fn main() {
    let arguments = Arguments::from_args();
    let is_root = nix::unistd::geteuid().is_root();
    let without_userns = std::env::var_os(NO_USERNS).is_some_and(|value| value == "1");
    let is_somebody = !is_root || can_become_others();
    if !arguments.list {
        if !is_root {
            tell("the scenarios as root, because these tests don't run as root");
        }
        if without_userns {
            tell(&format!(
                "the scenarios as an ordinary user, because {NO_USERNS}=1 says that user \
                 namespaces are forbidden"
            ));
        } else if !is_somebody {
            tell(
                "the scenarios as an ordinary user, because these tests run as root of a user \
                 namespace that holds nobody else",
            );
        }
    }
    let mut trials = Vec::new();
    for name in shipped_names() {
        let scenario = name.clone();
        let trial = Trial::test(format!("root::{name}"), move || as_root(&scenario));
        trials.push(trial.with_ignored_flag(!is_root));
        let trial = Trial::test(format!("somebody::{name}"), move || as_somebody(&name));
        trials.push(trial.with_ignored_flag(without_userns || !is_somebody));
    }
    // Another user can only be made to see another /sys by one who may become another user.
    let can_remount = is_root && is_somebody && !without_userns;
    let trial = Trial::test("somebody::gate_where_sys_is_read_only", read_only_sys);
    trials.push(trial.with_ignored_flag(!can_remount));
    libtest_mimic::run(&arguments, trials).exit();
}

/// As in most containers: there the kernel allows a user namespace only a read-only /sys of its own, and
/// a script must not see the machine's interfaces instead.
fn read_only_sys() -> Result<(), Failed> {
    let place = Open::new();
    let file = place.scenario("gate", &support::program::shipped_text("gate"));
    let mut command = place.in_its_own_mounts("mount -o remount,bind,ro /sys");
    passed(&Run::of(command.arg("run").arg(file)));
    Ok(())
}

fn as_root(name: &str) -> Result<(), Failed> {
    let file = shipped().join(name).with_extension("toml");
    passed(&Run::of(canal_sim().arg("run").arg(file)));
    Ok(())
}

fn as_somebody(name: &str) -> Result<(), Failed> {
    let place = Open::new();
    let text = support::program::shipped_text(name);
    let file = place.scenario(name, &text);
    let run = Run::of(place.somebody().arg("run").arg(file));
    if run.code == Some(3) {
        let why = format!(
            "an ordinary user can't run scenarios on this machine; if that is on purpose, set \
             {NO_USERNS}=1\n{}",
            run.stderr
        );
        return Err(why.into());
    }
    passed(&run);
    Ok(())
}

/// Every step was carried out, and came out as expected.
fn passed(run: &Run) {
    let steps = run.steps();
    let planned = run.all("scenario-started");
    assert_eq!(planned.len(), 1, "{}", run.tale());
    assert!(!steps.is_empty(), "{}", run.tale());
    assert_eq!(
        planned[0]["steps"].as_u64(),
        Some(steps.len() as u64),
        "{}",
        run.tale()
    );
    for step in steps {
        assert_eq!(step["status"], "passed", "{}", run.tale());
    }
    assert_eq!(run.code, Some(0), "{}", run.tale());
}
