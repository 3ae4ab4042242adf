//! One scenario, from set-up to its last step.

use std::time::Duration;

use super::event::{Detail, Event, Status, StepReport};
use super::session::Session;
use super::step::{self, Done};
use super::stop::{Signal, Stop};
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
    /// It was asked to end before its last step was over.
    Interrupted(Signal),
}

/// Runs one scenario on one backend, which must be fresh.
pub async fn run_scenario<B: Backend>(
    scenario: &Scenario,
    backend: &mut B,
    options: Options,
    sink: &mut dyn FnMut(Event),
) -> Outcome {
    run_until(scenario, backend, options, &Stop::default(), sink).await
}

/// The same, until it is asked to end.
pub async fn run_until<B: Backend>(
    scenario: &Scenario,
    backend: &mut B,
    options: Options,
    stop: &Stop,
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
    let outcome = steps(scenario, backend, options, stop, sink, &mut counts).await;
    if let Some(capture) = backend.take_capture() {
        sink(Event::Captured {
            file: file.clone(),
            packets: capture.packets,
            left_out: capture.left_out,
            digest: format!("{:016x}", digest(&capture.bytes)),
            capture: capture.bytes,
        });
    }
    let error = match &outcome {
        Outcome::Passed | Outcome::Failed | Outcome::Skipped => None,
        Outcome::Interrupted(signal) => Some(signal.told()),
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
    stop: &Stop,
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
    let started = stop.or(Session::start(course, world(scenario), backend));
    let mut session = match started.await {
        Ok(Ok(session)) => session,
        Ok(Err(error)) => return Outcome::Broken(error),
        Err(signal) => {
            sink(Event::Interrupted { signal });
            leave_out(scenario, 0, &signal.told(), sink);
            return Outcome::Interrupted(signal);
        }
    };
    sink(Event::NetworkReady {
        file: file.clone(),
        backend: name,
        nodes: session.network.nodes.len(),
        links: session.network.links.len(),
        elapsed: session.backend.now() - began,
    });
    for (index, one) in scenario.steps.iter().enumerate() {
        if options.fail_fast && counts.failed > 0 {
            leave_out(scenario, index, "an earlier step failed", sink);
            break;
        }
        sink(begun(scenario, index));
        let began = session.backend.now();
        let ended = stop.or(step::run(&mut session, scenario, one)).await;
        let elapsed = session.backend.now() - began;
        match ended {
            Ok(Ok(done)) => {
                match done.status {
                    Status::Passed => counts.passed += 1,
                    Status::Failed => counts.failed += 1,
                    Status::Skipped => {}
                }
                sink(finished(scenario, index, done, elapsed));
            }
            Ok(Err(error)) => {
                counts.failed += 1;
                let (status, detail) = step::impossible(&error);
                let done = Done {
                    status,
                    attempts: 1,
                    detail,
                };
                sink(finished(scenario, index, done, elapsed));
                return Outcome::Broken(error);
            }
            Err(signal) => {
                sink(Event::Interrupted { signal });
                let why = format!("{} before it was over", signal.told());
                sink(finished(scenario, index, not_done(&why), elapsed));
                leave_out(scenario, index + 1, &signal.told(), sink);
                return Outcome::Interrupted(signal);
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

/// Tells that the steps from this one on are not carried out, and why.
fn leave_out(scenario: &Scenario, from: usize, why: &str, sink: &mut dyn FnMut(Event)) {
    for index in from..scenario.steps.len() {
        sink(begun(scenario, index));
        sink(finished(scenario, index, not_done(why), Duration::ZERO));
    }
}

/// What comes of a step that is not carried out, or not to its end.
fn not_done(why: &str) -> Done {
    Done {
        status: Status::Skipped,
        attempts: 0,
        detail: Detail::Impossible {
            why: why.to_owned(),
        },
    }
}

fn begun(scenario: &Scenario, index: usize) -> Event {
    let step = &scenario.steps[index];
    Event::StepStarted {
        file: scenario.source.file.clone(),
        step: index + 1,
        name: step.name.clone(),
        kind: step.kind.key(),
    }
}

fn finished(scenario: &Scenario, index: usize, done: Done, elapsed: Duration) -> Event {
    let step = &scenario.steps[index];
    Event::StepFinished(Box::new(StepReport {
        file: scenario.source.file.clone(),
        step: index + 1,
        line: scenario.source.position(step.span.start).line,
        name: step.name.clone(),
        status: done.status,
        attempts: done.attempts,
        detail: done.detail,
        elapsed,
    }))
}
