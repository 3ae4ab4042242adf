//! What `explain` says at each step of every shipped scenario and every file of `tests/rules` is what the
//! step itself expects, which real packets have shown.
//!
//! Where a machine has something that is not understood, `explain` says so and may be wrong; the files
//! where it does are named, so that they can't become more on the quiet.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use canal_sim::explain::{Explained, Outcome, Request, When, Who, explain};
use canal_sim::reach;
use canal_sim::scenario::{self, Ask, Expectation, Moment, ProbeStep, Scenario, StepKind, replay};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some()).collect();
    files.sort();
    files
}

fn ask(ask: &Ask) -> reach::Ask {
    match ask {
        Ask::Ping {
            size,
            dont_fragment,
        } => reach::Ask::Ping {
            size: *size,
            dont_fragment: *dont_fragment,
        },
        Ask::Tcp { port } | Ask::Http { port, .. } => reach::Ask::Tcp(*port),
        Ask::Udp { port } => reach::Ask::Udp(*port),
        Ask::Dns { .. } => reach::Ask::Udp(53),
        Ask::Ntp => reach::Ask::Udp(123),
    }
}

/// What came of the questions of a file.
#[derive(Default)]
struct Tally {
    asked: usize,
    /// The files with answers in doubt.
    doubtful: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Tally {
    fn scenario(&mut self, scenario: &Scenario) {
        for (number, step) in (1..).zip(&scenario.steps) {
            let StepKind::Probe(probe) = &step.kind else {
                continue;
            };
            // What the step itself does to the clouds comes before its packet.
            let before = match number {
                1 => Moment::Start,
                _ => Moment::After(number - 1),
            };
            self.asked += 1;
            match differs(scenario, before, probe) {
                Differs::No => {}
                Differs::Doubtful => {
                    self.doubtful.insert(scenario.source.file.clone());
                }
                Differs::Yes(how) => {
                    let file = &scenario.source.file;
                    self.wrong
                        .push(format!("{file}, step {number}, {:?}: {how}", step.name));
                }
            }
        }
    }
}

enum Differs {
    No,
    Doubtful,
    Yes(String),
}

fn differs(scenario: &Scenario, moment: Moment, probe: &ProbeStep) -> Differs {
    let cloud = replay(scenario, moment).unwrap().course.cloud;
    let request = Request {
        who: Who::One {
            from: probe.from.value.clone(),
            to: probe.to.resolve(&cloud).unwrap(),
        },
        ask: ask(&probe.ask),
        when: When::At(moment),
    };
    let answer = match explain(scenario, &request) {
        Ok(Explained::Flow { answer, .. }) => answer,
        other => return Differs::Yes(format!("{other:?}")),
    };
    let fate = &answer.fate;
    let same = match &probe.expect {
        Expectation::Reachable(_) => fate.verdict == Outcome::Reachable,
        // Whatever is predicted.
        Expectation::Predicted => true,
        Expectation::Refused => fate.verdict == Outcome::Refused,
        Expectation::Blocked(None) => fate.verdict == Outcome::Blocked,
        Expectation::Blocked(Some(reason)) => {
            fate.reason == Some(*reason) || answer.also.contains(reason)
        }
    };
    match (same, fate.doubts.is_empty()) {
        (true, true) => Differs::No,
        (_, false) => Differs::Doubtful,
        (false, true) => Differs::Yes(format!(
            "expected {:?}, explained as {:?} {:?} at {:?}",
            probe.expect, fate.verdict, fate.reason, fate.resource
        )),
    }
}

fn tally(folder: &str) -> Tally {
    let mut tally = Tally::default();
    for file in files(folder) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let scenario = scenario::read(&name, &fs::read(&file).unwrap()).unwrap();
        tally.scenario(&scenario);
    }
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    tally
}

#[test]
fn the_shipped_scenarios_are_explained_as_they_come_out() {
    let tally = tally("scenarios");
    assert!(tally.asked > 40, "{} questions", tally.asked);
    assert!(tally.doubtful.is_empty(), "{:?}", tally.doubtful);
}

#[test]
fn the_rules_are_explained_as_they_come_out() {
    let tally = tally("tests/rules");
    assert!(tally.asked > 100, "{} questions", tally.asked);
    // Scripts that write packet filters, of which nobody claims to understand anything.
    let doubtful: Vec<&str> = tally.doubtful.iter().map(String::as_str).collect();
    let filters = [
        "gate-peer-filter.toml",
        "nat-instance.toml",
        "own-filters.toml",
        "own-iptables.toml",
    ];
    assert_eq!(doubtful, filters);
}
