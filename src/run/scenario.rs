//! One scenario, from set-up to its last step.

use super::event::{Detail, Event, Status, StepReport};
use super::session::Session;
use super::step;
use super::world::world;
use crate::backend::{Backend, BackendError};
use crate::scenario::{Course, Diagnostic, Scenario};

/// How to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Leave the rest of a scenario out once a step of it failed.
    pub fail_fast: bool,
}

/// How a scenario ended.
#[derive(Debug)]
pub enum Outcome {
    /// Every step came out as expected.
    Passed,
    /// Some step did not.
    Failed,
    /// No step failed, and some were skipped.
    Skipped,
    /// The file is wrong.
    Wrong(Vec<Diagnostic>),
    /// The backend could not go on.
    Broken(BackendError),
}

/// Runs one scenario on one backend, which must be fresh.
pub async fn run_scenario<B: Backend>(
    scenario: &Scenario,
    backend: &mut B,
    options: Options,
    sink: &mut dyn FnMut(Event),
) -> Outcome {
    let began = backend.now();
    let file = &scenario.source.file;
    sink(Event::ScenarioStarted {
        file: file.clone(),
        title: scenario.title.clone(),
        steps: scenario.steps.len(),
    });
    let mut counts = Counts::default();
    let outcome = steps(scenario, backend, options, sink, &mut counts).await;
    if let Some(capture) = backend.take_capture() {
        sink(Event::Captured {
            file: file.clone(),
            packets: capture.packets,
            digest: format!("{:016x}", digest(&capture.bytes)),
            capture: capture.bytes,
        });
    }
    let error = match &outcome {
        Outcome::Passed | Outcome::Failed | Outcome::Skipped => None,
        Outcome::Wrong(list) => Some(
            list.iter()
                .map(|d| d.message.clone())
                .collect::<Vec<_>>()
                .join("; "),
        ),
        Outcome::Broken(error) => Some(error.to_string()),
    };
    sink(Event::ScenarioFinished {
        file: file.clone(),
        title: scenario.title.clone(),
        passed: counts.passed,
        failed: counts.failed,
        skipped: scenario.steps.len() - counts.passed - counts.failed,
        error,
        elapsed: backend.now() - began,
    });
    outcome
}

/// FNV-1a, 64 bits: enough for telling two captures apart that ought to be the same.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
}

async fn steps<B: Backend>(
    scenario: &Scenario,
    backend: &mut B,
    options: Options,
    sink: &mut dyn FnMut(Event),
    counts: &mut Counts,
) -> Outcome {
    let began = backend.now();
    let file = &scenario.source.file;
    let course = match Course::start(scenario) {
        Ok(course) => course,
        Err(diagnostics) => return Outcome::Wrong(diagnostics),
    };
    let name = backend.name();
    let mut session = match Session::start(course, world(scenario), backend).await {
        Ok(session) => session,
        Err(error) => return Outcome::Broken(error),
    };
    sink(Event::NetworkReady {
        file: file.clone(),
        backend: name,
        nodes: session.network.nodes.len(),
        links: session.network.links.len(),
        elapsed: session.backend.now() - began,
    });
    for (index, one) in scenario.steps.iter().enumerate() {
        let number = index + 1;
        let line = scenario.source.position(one.span.start).line;
        let report = |status, attempts, detail, elapsed| {
            Event::StepFinished(Box::new(StepReport {
                file: file.clone(),
                step: number,
                line,
                name: one.name.clone(),
                status,
                attempts,
                detail,
                elapsed,
            }))
        };
        sink(Event::StepStarted {
            file: file.clone(),
            step: number,
            name: one.name.clone(),
            kind: one.kind.key(),
        });
        if options.fail_fast && counts.failed > 0 {
            let why = "an earlier step failed".to_owned();
            let detail = Detail::Impossible { why };
            sink(report(Status::Skipped, 0, detail, Default::default()));
            continue;
        }
        let began = session.backend.now();
        let ended = step::run(&mut session, scenario, one).await;
        let elapsed = session.backend.now() - began;
        match ended {
            Ok(done) => {
                match done.status {
                    Status::Passed => counts.passed += 1,
                    Status::Failed => counts.failed += 1,
                    Status::Skipped => {}
                }
                sink(report(done.status, done.attempts, done.detail, elapsed));
            }
            Err(error) => {
                counts.failed += 1;
                let why = error.to_string();
                let detail = Detail::Impossible { why };
                sink(report(Status::Failed, 1, detail, elapsed));
                return Outcome::Broken(error);
            }
        }
    }
    if counts.failed > 0 {
        Outcome::Failed
    } else if counts.passed < scenario.steps.len() {
        Outcome::Skipped
    } else {
        Outcome::Passed
    }
}
