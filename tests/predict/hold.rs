//! One scenario on a backend, and what came of each of its questions.

use std::time::Duration;

use canal_sim::backend::Backend;
use canal_sim::backend::kernel::Kernel;
use canal_sim::backend::memory::Memory;
use canal_sim::run::event::{Detail, Event, OutcomeKind, ProbeReport, Status};
use canal_sim::run::{Options, Outcome, run_scenario};
use canal_sim::scenario::{self, Scenario};
use tokio::runtime::Handle;

/// What came of a scenario.
#[derive(Debug, Default)]
pub struct Held {
    pub probes: Vec<Probe>,
    /// Steps other than questions that failed, and whatever else kept it from being carried out: in a
    /// generated scenario that is a fault of the generator or of the program.
    pub broken: Vec<String>,
    pub times: Times,
    /// How many times security groups, or who is in them, have been changed so far.
    regroupings: usize,
}

/// One question.
#[derive(Debug)]
pub struct Probe {
    /// Its line in the file, from 1.
    pub line: usize,
    pub report: ProbeReport,
    pub passed: bool,
    /// How many times groups or their rules had been changed before.
    pub regroupings: usize,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Writing and examining the file.
    pub reading: Duration,
    /// Making the network.
    pub making: Duration,
    /// Questions that were decided, by an answer or by evidence.
    pub decided: Duration,
    /// Questions that nothing decided until their time was over.
    pub waited: Duration,
    /// Scripts.
    pub scripts: Duration,
    /// Actions and waits.
    pub acting: Duration,
    /// Taking the network down.
    pub ending: Duration,
}

impl Times {
    /// Each with its name.
    pub fn list(&self) -> [(&'static str, Duration); 7] {
        [
            ("reading the file", self.reading),
            ("making the network", self.making),
            ("questions decided", self.decided),
            ("questions waited out", self.waited),
            ("scripts", self.scripts),
            ("actions", self.acting),
            ("taking it down", self.ending),
        ]
    }

    pub fn add(&mut self, other: &Self) {
        self.reading += other.reading;
        self.making += other.making;
        self.decided += other.decided;
        self.waited += other.waited;
        self.scripts += other.scripts;
        self.acting += other.acting;
        self.ending += other.ending;
    }
}

/// What carries a scenario out.
#[derive(Clone, Debug)]
pub enum Place {
    /// The kernel, on a runtime with threads.
    Kernel(Handle),
    /// The network in memory.
    Memory,
}

/// Runs a scenario on a network of its own.
pub fn hold(place: &Place, file: &str, text: &str) -> Held {
    let mut held = Held::default();
    let began = std::time::Instant::now();
    let (scenario, wrong) = scenario::examine(file, text.as_bytes());
    held.times.reading = began.elapsed();
    let Some(scenario) = scenario else {
        held.broken.push(format!("{wrong}"));
        return held;
    };
    match place {
        Place::Kernel(runtime) => runtime.block_on(async {
            match Kernel::new().await {
                Ok(kernel) => held.carry_out(&scenario, kernel).await,
                Err(error) => held.broken.push(error.to_string()),
            }
        }),
        Place::Memory => {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.expect("a runtime without drivers needs nothing");
            runtime.block_on(held.carry_out(&scenario, Memory::new(1)));
        }
    }
    held
}

impl Held {
    async fn carry_out(&mut self, scenario: &Scenario, mut backend: impl Backend) {
        let mut sink = |event| self.note(event);
        let options = Options { fail_fast: false };
        let outcome = run_scenario(scenario, &mut backend, options, &mut sink).await;
        match outcome {
            Outcome::Passed | Outcome::Failed | Outcome::Skipped => {}
            Outcome::Wrong(list) => {
                self.broken.extend(list.into_iter().map(|one| one.message));
            }
            Outcome::Broken(error) => self.broken.push(error.to_string()),
            Outcome::Interrupted(signal) => self.broken.push(format!("{signal:?} came")),
        }
        let began = std::time::Instant::now();
        drop(backend);
        self.times.ending = began.elapsed();
    }

    fn note(&mut self, event: Event) {
        let step = match event {
            Event::NetworkReady { elapsed, .. } => {
                self.times.making += elapsed;
                return;
            }
            Event::StepFinished(step) => *step,
            _ => return,
        };
        let passed = step.status == Status::Passed;
        match step.detail {
            Detail::Expect(report) => {
                if waited_out(&report) {
                    self.times.waited += step.elapsed;
                } else {
                    self.times.decided += step.elapsed;
                }
                self.probes.push(Probe {
                    line: step.line,
                    report: *report,
                    passed,
                    regroupings: self.regroupings,
                });
                return;
            }
            Detail::Do { ref operation, .. } => {
                let groups =
                    operation == "ModifyInstanceAttribute" || operation.contains("SecurityGroup");
                self.regroupings += usize::from(groups);
                self.times.acting += step.elapsed;
            }
            Detail::Run { .. } => self.times.scripts += step.elapsed,
            _ => self.times.acting += step.elapsed,
        }
        if !passed {
            self.broken.push(format!(
                "line {}: step {} ({}) failed: {:?}",
                step.line, step.step, step.name, step.detail
            ));
        }
    }
}

/// Whether nothing decided a question until its time was over.
pub fn waited_out(report: &ProbeReport) -> bool {
    match report.outcome {
        OutcomeKind::Reachable | OutcomeKind::Refused => false,
        OutcomeKind::LostWithoutEvidence => true,
        OutcomeKind::Blocked => !report.evidence.iter().any(|one| one.label.is_final),
    }
}
