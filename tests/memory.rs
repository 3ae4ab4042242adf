//! Every scenario of the project on the in-memory network: the shipped ones, those that show a rule, those
//! that fail silently, and what the property tests found. Each is a trial of its own.
//!
//! They say what they expect of the kernel, so what passes here has the same verdicts and reasons there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use canal_sim::backend::memory::Memory;
use canal_sim::run::event::{Event, Status};
use canal_sim::run::{Options, Outcome, run_scenario};
use canal_sim::scenario;
use libtest_mimic::{Arguments, Failed, Trial};

/// The folders that hold scenarios.
const FOLDERS: [&str; 4] = [
    "scenarios",
    "tests/rules",
    "tests/silent",
    "tests/regressions",
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
            trials.push(Trial::test(name, move || passes(&file)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn passes(file: &Path) -> Result<(), Failed> {
    let bytes = fs::read(file)?;
    let (scenario, diagnostics) = scenario::examine(&file.to_string_lossy(), &bytes);
    let scenario = scenario.ok_or_else(|| format!("{diagnostics}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut complaints = String::new();
    let mut sink = |event: Event| {
        if let Event::StepFinished(step) = event
            && step.status == Status::Failed
        {
            complaints += &format!("step {} ({}): {:#?}\n", step.step, step.name, step.detail);
        }
    };
    let mut memory = Memory::new(1);
    let options = Options { fail_fast: false };
    let outcome = runtime.block_on(run_scenario(&scenario, &mut memory, options, &mut sink));
    match outcome {
        Outcome::Passed => Ok(()),
        Outcome::Failed => Err(complaints.into()),
        Outcome::Wrong(list) => Err(format!("{list:?}").into()),
        Outcome::Broken(error) => Err(format!("{error}\n{complaints}").into()),
    }
}
