//! Every scenario of the project on the in-memory network: the shipped ones, those that show a rule, those
//! that fail silently, and what the property tests found. Each is a trial of its own.
//!
//! They say what they expect of the kernel, so what passes here has the same verdicts and reasons there.
//! Where a script needs what is not understood here, the step is skipped, and what follows from it proves
//! nothing: just those scenarios are named below, and each must have its skipped step.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use canal_sim::backend::memory::Memory;
use canal_sim::run::event::{Event, Status};
use canal_sim::run::{Options, Outcome, run_scenario};
use canal_sim::scenario;
use libtest_mimic::{Arguments, Failed, Trial};

/// The folders that hold scenarios.
const FOLDERS: [&str; 5] = [
    "scenarios",
    "tests/rules",
    "tests/links",
    "tests/silent",
    "tests/regressions",
];

/// Scenarios with scripts that need `nft`, `iptables` or `veth`.
const BEYOND: [&str; 6] = [
    "tests/rules::gate-peer-filter",
    "tests/rules::nat-instance",
    "tests/rules::own-filters",
    "tests/rules::own-iptables",
    "tests/silent::forwarding",
    "tests/silent::own-filter",
];

fn main() {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut trials = Vec::new();
    for folder in FOLDERS {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
        files.sort();
        for file in files {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let name = format!("{folder}::{name}");
            let beyond = BEYOND.contains(&name.as_str());
            trials.push(Trial::test(name, move || passes(&file, beyond)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn passes(file: &Path, beyond: bool) -> Result<(), Failed> {
    let bytes = fs::read(file)?;
    let (scenario, diagnostics) = scenario::examine(&file.to_string_lossy(), &bytes);
    let scenario = scenario.ok_or_else(|| format!("{diagnostics}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut complaints = String::new();
    let mut skipped = 0;
    let mut sink = |event: Event| {
        if let Event::StepFinished(step) = event {
            match step.status {
                Status::Passed => {}
                Status::Skipped => skipped += 1,
                Status::Failed => {
                    complaints +=
                        &format!("step {} ({}): {:#?}\n", step.step, step.name, step.detail);
                }
            }
        }
    };
    let mut memory = Memory::new(1);
    let options = Options { fail_fast: false };
    let outcome = runtime.block_on(run_scenario(&scenario, &mut memory, options, &mut sink));
    if beyond != (skipped > 0) {
        return Err(format!("{skipped} steps were skipped\n{complaints}").into());
    }
    match outcome {
        Outcome::Passed => Ok(()),
        Outcome::Failed | Outcome::Skipped if beyond => Ok(()),
        Outcome::Interrupted(signal) => Err(format!("{signal:?} came").into()),
        Outcome::Skipped => Err("a step was skipped".into()),
        Outcome::Failed => Err(complaints.into()),
        Outcome::Wrong(list) => Err(format!("{list:?}").into()),
        Outcome::Broken(error) => Err(format!("{error}\n{complaints}").into()),
    }
}
