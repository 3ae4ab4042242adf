//! No packet leaves: neither scenarios nor probes nor what a `run` step tries reaches the caller's network.
//!
//! Each trial has a stand-in for the machine, out of namespaces of its own, with everything in it that a
//! packet could reach:
//!
//! ```text
//!   host: lo, eth0 10.0.0.254 198.51.100.7 …, default via 198.51.100.1 ══ eth0 neighbour: every address is its own
//! ```
//!
//! On both, everything that crosses any interface is captured, services listen, and changes to interfaces,
//! addresses, routes and neighbours are watched. The program runs on the host, as root and as an ordinary
//! user. Then the trial does the same without the program around it, and must see it: what can't be
//! seen proves nothing.
//!
//! | module | what it holds |
//! |---|---|
//! | `host` | the stand-in, in namespaces of its own |
//! | `witness` | what is seen on it |
//! | `trial` | the program on the host, and the same without it |
//! | `attempt` | what a `run` step tries |
//! | `quiet` | the memory backend under a filter of system calls |
//!
//! The process enters the airlock before anything else: nothing of this reaches the machine's own network.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Sockets of all kinds, and programs, are what these tests are made of.
#![allow(clippy::disallowed_methods)]

mod attempt;
mod host;
#[path = "../support/program.rs"]
mod program;
mod quiet;
mod trial;
mod witness;

use canal_sim::backend::kernel::airlock;
use libtest_mimic::{Arguments, Failed, Trial};
use program::{can_become_others, tell};
use trial::{As, Case};

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["attempt", name, machine] => return attempt::carry_out(name, machine),
        ["stand-in", who, case, machine] => {
            return trial::on_a_host(As::named(who), Case::named(case), machine);
        }
        _ => {}
    }
    let arguments = Arguments::from_args();
    let machine = attempt::own_network();
    let lacks = if arguments.list { None } else { lacking() };
    if let Some(why) = lacks {
        tell(&format!("that no packet leaves, because {why}"));
    }
    let is_somebody = can_become_others();
    if lacks.is_none() && !is_somebody && !arguments.list {
        tell("what an ordinary user may try, because these tests can't become one");
    }
    let mut trials = vec![Trial::test("memory::opens_no_socket", quiet::no_socket)];
    for who in [As::Root, As::Somebody] {
        for case in Case::all() {
            let name = format!("{}::{}", who.name(), case.name());
            let why = lacks.or_else(|| case.lacking());
            if let (Some(why), None, false) = (why, lacks, arguments.list) {
                tell(&format!("{name}, because {why}"));
            }
            let ignored = why.is_some() || who == As::Somebody && !is_somebody;
            let machine = machine.clone();
            let trial = Trial::test(name, move || -> Result<(), Failed> {
                host::stand_in(&[who.name(), case.name(), &machine])
            });
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Enters the airlock, and says what keeps the trials from being carried out here.
fn lacking() -> Option<&'static str> {
    if let Err(error) = airlock::enter() {
        eprintln!("{error}");
        return Some("this machine allows no namespaces");
    }
    let has_ip = std::process::Command::new("ip").arg("-V").output().is_ok();
    (!has_ip).then_some("there is no program `ip`")
}
