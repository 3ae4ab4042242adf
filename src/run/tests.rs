//! Steps on a backend that does as it is told.

use std::time::Duration;

use super::event::{Event, Status};
use super::{Options, Outcome, run_scenario};
use crate::backend::probe::{self, Measurement, Probe};
use crate::backend::{Backend, BackendError, Script, ScriptEnd, ScriptOutput, Skipped};
use crate::guest::Guest;
use crate::network::{Change, NodeId};
use crate::scenario;

/// Gives every script the same output; its clock stands still.
struct Told(ScriptOutput);

impl Backend for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    async fn pause(&mut self, _: Duration) {}

    fn take_capture(&mut self) -> Option<crate::backend::CaptureFile> {
        None
    }

    fn skip(&mut self, _: Duration) {}

    async fn apply(&mut self, _: &[Change]) -> Result<(), BackendError> {
        Ok(())
    }

    async fn probe(&self, _: &Probe) -> Result<Measurement, BackendError> {
        Ok(Measurement {
            outcome: probe::Outcome::Silent,
            evidence: Vec::new(),
            elapsed: Duration::ZERO,
        })
    }

    async fn guest(&self, _: &NodeId) -> Result<Guest, BackendError> {
        Ok(Guest::default())
    }

    async fn run(&self, _: &Script) -> Result<ScriptOutput, BackendError> {
        Ok(self.0.clone())
    }
}

/// A script with these expectations, and what comes of it.
fn script(more: &str, exit: i32, skipped: usize) -> (Status, u32, Outcome) {
    let text = format!("title = \"t\"\n[[step]]\non = \"pc\"\nrun = \"some script\"\n{more}\n");
    let scenario = scenario::read("t.toml", text.as_bytes()).unwrap();
    let skip = Skipped {
        command: "nft".into(),
        reason: "there is no `nft` here".into(),
    };
    let mut backend = Told(ScriptOutput {
        end: ScriptEnd::Exit(exit),
        stdout: "what it wrote".into(),
        stderr: String::new(),
        skipped: vec![skip; skipped],
    });
    let mut steps = Vec::new();
    let mut sink = |event| {
        if let Event::StepFinished(step) = event {
            steps.push((step.status, step.attempts));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ran = run_scenario(&scenario, &mut backend, Options::default(), &mut sink);
    let outcome = runtime.block_on(ran);
    let [(status, attempts)] = steps[..] else {
        panic!("{steps:?}");
    };
    (status, attempts, outcome)
}

#[test]
fn what_was_skipped_never_passes() {
    use Status::{Failed, Passed, Skipped};
    for (more, exit, skipped, status) in [
        ("", 0, 0, Passed),
        ("", 2, 0, Failed),
        ("exit = 2", 2, 0, Passed),
        ("", 0, 1, Skipped),
        ("exit = 2", 2, 1, Skipped),
        ("stdout = \"wrote\"", 0, 1, Skipped),
        // For want of what was skipped, perhaps.
        ("exit = 2", 0, 1, Skipped),
        ("stdout = \"something else\"", 0, 1, Skipped),
        // What was carried out refused.
        ("", 2, 1, Failed),
        ("exit = 1", 2, 1, Failed),
    ] {
        let (found, _, outcome) = script(more, exit, skipped);
        assert_eq!(found, status, "{more} {exit} {skipped}");
        match (status, outcome) {
            (Passed, Outcome::Passed) | (Failed, Outcome::Failed) => {}
            (Skipped, Outcome::Skipped) => {}
            (_, outcome) => panic!("{more} {exit} {skipped}: {outcome:?}"),
        }
    }
}

#[test]
fn what_was_skipped_is_not_tried_again() {
    for more in ["repeat = 3", "eventually = \"1min\""] {
        let (status, attempts, _) = script(more, 0, 1);
        assert_eq!((status, attempts), (Status::Skipped, 1), "{more}");
    }
}
