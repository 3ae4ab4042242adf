//! `docs/reasons.md`: the catalogue of reasons.

use std::collections::BTreeSet;

use canal_sim::cloud::{Origin, Reason};
use canal_sim::scenario::{self, Expectation, StepKind};

use super::page::{assert_generated, files, one_line, read, root};

/// The code that gives reasons to packets.
fn emitting_code() -> String {
    let folders = ["src/lower", "src/run", "src/backend/shaper"];
    let paths = folders.iter().flat_map(|folder| files(folder, "rs"));
    paths
        .map(|path| {
            let text = read(&path);
            let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
            text[..tests].to_owned()
        })
        .collect()
}

#[test]
fn the_catalogue_is_the_codes() {
    let code = emitting_code();
    let mut page = String::new();
    for reason in Reason::ALL {
        let whose = match reason.origin() {
            Origin::Aws => "AWS's code.",
            Origin::Own => "canal-sim's own code.",
        };
        page.push_str(&format!("### `{reason}`\n\n{whose}\n\n"));
        for (what, text) in [
            ("What it means", reason.meaning()),
            ("How people get there", reason.cause()),
            ("How to mend it", reason.mend()),
        ] {
            page.push_str(&format!("- *{what}:* {}\n", one_line(text)));
        }
        page.push('\n');
        if !code.contains(&format!("Reason::{reason:?}")) {
            page.push_str("No packet is given this reason yet.\n\n");
        }
    }
    assert_generated("docs/reasons.md", "reasons", &page);
}

/// The reasons that the steps of a scenario file expect.
fn expected_in(path: &str) -> Vec<Reason> {
    let scenario = scenario::read(path, read(path).as_bytes());
    let scenario = scenario.unwrap_or_else(|diagnostics| panic!("{path}: {diagnostics:?}"));
    let steps = scenario.steps.into_iter();
    steps
        .filter_map(|step| match step.kind {
            StepKind::Probe(probe) => match probe.expect {
                Expectation::Blocked(reason) => reason,
                Expectation::Reachable(_) | Expectation::Refused | Expectation::Predicted => None,
            },
            _ => None,
        })
        .collect()
}

/// A name that no packet is ever given would be a promise.
#[test]
fn every_reason_is_expected_of_real_packets() {
    let folders = [
        "scenarios",
        "tests/rules",
        "tests/silent",
        "tests/links",
        "tests/regressions",
    ];
    let there = folders.iter().filter(|folder| root().join(folder).is_dir());
    let expected: BTreeSet<Reason> = there
        .flat_map(|folder| files(folder, "toml"))
        .flat_map(|path| expected_in(&path))
        .collect();
    let missing: Vec<&Reason> = Reason::ALL
        .iter()
        .filter(|reason| !expected.contains(reason))
        .collect();
    assert!(missing.is_empty(), "no scenario expects {missing:?}");
}
