//! The program on a host, and the same without the program.

use std::fs;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::attempt;
use crate::host::{self, NEIGHBOUR, PLACE};
use crate::program::{Run, SOMEBODY, shipped_names, shipped_text};
use crate::witness::{Seen, UDP, Witness};

/// Who runs the program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum As {
    Root,
    Somebody,
}

impl As {
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Somebody => "somebody",
        }
    }

    pub fn named(name: &str) -> Self {
        let all = [Self::Root, Self::Somebody];
        all.into_iter().find(|one| one.name() == name).unwrap()
    }
}

/// What the program is given to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// The shipped scenarios.
    Shipped,
    /// Probes of all kinds to every address of the host and to its neighbour.
    Probes,
    /// A script that tries something.
    Try(&'static str),
}

impl Case {
    pub fn all() -> Vec<Self> {
        let tries = attempt::NAMES.into_iter().map(Self::Try);
        [Self::Shipped, Self::Probes]
            .into_iter()
            .chain(tries)
            .collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Shipped => "shipped_scenarios",
            Self::Probes => "probes_to_the_host",
            Self::Try(name) => name,
        }
    }

    pub fn named(name: &str) -> Self {
        Self::all()
            .into_iter()
            .find(|one| one.name() == name)
            .unwrap()
    }

    /// Why this can't be tried here.
    pub fn lacking(self) -> Option<&'static str> {
        match self {
            Self::Try(name) => attempt::lacking(name),
            Self::Shipped | Self::Probes => None,
        }
    }

    /// The scenarios.
    fn texts(self, machine: &str) -> Vec<(String, String)> {
        match self {
            Self::Shipped => {
                let names = shipped_names().into_iter();
                names
                    .map(|name| (name.clone(), shipped_text(&name)))
                    .collect()
            }
            Self::Probes => vec![("probes".into(), shipped_text("public-web") + &probes())],
            Self::Try(name) => {
                let steps = ["server", "pc"].map(|node| {
                    let call = format!("{PLACE}/attempt attempt {name} {machine}");
                    format!("[[step]]\nname = \"on {node}\"\non = \"{node}\"\nrun = \"{call}\"\n")
                });
                vec![(name.into(), shipped_text("public-web") + &steps.concat())]
            }
        }
    }

    /// The same as the scenario tries, without the program.
    fn name_of_control(self) -> &'static str {
        match self {
            Self::Shipped | Self::Probes => "send",
            Self::Try(name) => name,
        }
    }
}

/// Every kind of probe, from a machine with a route to everywhere, to whatever the host has, too.
fn probes() -> String {
    let asked = [
        "ping = true",
        "tcp = 80",
        "udp = 7",
        "http = 80",
        "dns = \"example.com\"",
    ];
    let mut text = String::new();
    for to in host::ADDRESSES.iter().chain([&NEIGHBOUR, &"8.8.8.8"]) {
        for how in asked {
            text += &format!(
                "[[step]]\nfrom = \"server\"\nto = \"{to}\"\nexpect = {{ {how}, predicted = true }}\n"
            );
        }
    }
    text
}

/// Carries a trial out. The calling process must be pid 1 of a fresh host. It ends with a panic where
/// anything is seen of the program, or nothing without it.
pub fn on_a_host(who: As, case: Case, machine: &str) {
    host::furnish();
    let mut witness = Witness::new();
    witness.look();
    let before = witness.look();
    assert!(before.0.is_empty(), "the host speaks by itself:\n{before}");

    let mut reached = run(who, case, machine);
    reached.0.extend(witness.look().0);
    assert!(
        reached.0.is_empty(),
        "the program reaches the host:\n{reached}"
    );

    let mut control = bare(case.name_of_control(), machine);
    control.0.extend(witness.look().0);
    println!("without the program:\n{control}");
    assert!(!control.0.is_empty(), "what is tried can't be seen at all");
}

/// Runs the program, and says what scripts claim to have reached.
fn run(who: As, case: Case, machine: &str) -> Seen {
    let mut command = Command::new(format!("{PLACE}/canal-sim"));
    command
        .args(["run", "--backend", "kernel"])
        .current_dir(PLACE);
    for (name, text) in case.texts(machine) {
        let file = format!("{PLACE}/{name}.toml");
        fs::write(&file, text).unwrap();
        command.arg(file);
    }
    if who == As::Somebody {
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    let left_open = left_open();
    let run = Run::of(command.stdin(Stdio::null()));
    drop(left_open);
    let mut claims = Seen::default();
    for step in run.steps() {
        let stdout = step["detail"]["stdout"].as_str().unwrap_or_default();
        claims.0.extend(attempt::claims(stdout));
    }
    // What was to be tried has been tried.
    assert!(!run.steps().is_empty(), "{}", run.tale());
    assert!(
        run.steps().iter().all(|step| step["status"] == "passed"),
        "{}",
        run.tale()
    );
    assert_eq!(run.code, Some(0), "{}", run.tale());
    claims
}

/// Tries without the program, as root, on the host itself.
fn bare(name: &str, machine: &str) -> Seen {
    let left_open = left_open();
    let output = Command::new(format!("{PLACE}/attempt"))
        .args(["attempt", name, machine])
        .output()
        .unwrap();
    drop(left_open);
    assert!(output.status.success(), "{output:?}");
    Seen(attempt::claims(&String::from_utf8_lossy(&output.stdout)))
}

/// A socket to the neighbour that the caller has left open for whomever it starts.
fn left_open() -> UdpSocket {
    let socket = UdpSocket::bind("198.51.100.7:0").unwrap();
    socket.connect((NEIGHBOUR, UDP)).unwrap();
    fcntl(socket.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    socket
}
