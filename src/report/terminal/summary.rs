//! The last lines: how many, and the failed ones again.

use std::collections::BTreeSet;
use std::time::Duration;

use super::block::counts;
use super::paint::Paint;
use crate::report::failure::quoted;
use crate::report::text::{counted, duration, visible};
use crate::run::Signal;
use crate::run::event::{Detail, Event, Status, StepReport};

/// Counts what goes by.
#[derive(Default)]
pub(super) struct Summary {
    scenarios: usize,
    steps: [usize; 3],
    passed: usize,
    failed: usize,
    broken: Vec<String>,
    /// Scenarios that were under way when the run was interrupted.
    interrupted: usize,
    /// What interrupted the run.
    signal: Option<Signal>,
    /// Scenarios without a failure in which something was skipped.
    skipped: usize,
    failures: Vec<Place>,
    skips: Vec<Place>,
    elapsed: Duration,
    /// The backend and its seed, where what failed can be repeated.
    repeatable: Option<(&'static str, u64)>,
}

/// A step, as the last lines name it.
struct Place {
    place: String,
    name: String,
}

impl Place {
    fn of(step: &StepReport) -> Self {
        Self {
            place: format!("{}:{}", step.file, step.line),
            name: step.name.clone(),
        }
    }
}

impl Summary {
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::RunStarted {
                scenarios,
                backend,
                seed,
                ..
            } => {
                self.scenarios = *scenarios;
                self.repeatable = seed.map(|seed| (*backend, seed));
            }
            Event::StepFinished(step) if step.status == Status::Failed => {
                self.failures.push(Place::of(step));
            }
            Event::StepFinished(step)
                if step.status == Status::Skipped && matches!(step.detail, Detail::Run { .. }) =>
            {
                self.skips.push(Place::of(step));
            }
            Event::ScenarioFinished {
                file,
                passed,
                failed,
                skipped,
                error,
                ..
            } => {
                for (sum, count) in self.steps.iter_mut().zip([passed, failed, skipped]) {
                    *sum += count;
                }
                if error.as_deref().is_some_and(|error| self.told(error)) {
                    self.interrupted += 1;
                } else if error.is_some() {
                    self.broken.push(file.clone());
                } else if *failed > 0 {
                    self.failed += 1;
                } else if *skipped > 0 {
                    self.skipped += 1;
                } else {
                    self.passed += 1;
                }
            }
            Event::Interrupted { signal } => self.signal = Some(*signal),
            Event::RunFinished { elapsed, .. } => self.elapsed = *elapsed,
            Event::ScenarioStarted { .. }
            | Event::NetworkReady { .. }
            | Event::Captured { .. }
            | Event::StepStarted { .. }
            | Event::StepFinished(_) => {}
        }
    }

    /// Whether this is why the run's scenarios could not go on, which was told for all of them.
    pub(super) fn told(&self, error: &str) -> bool {
        self.signal.is_some_and(|signal| signal.told() == error)
    }

    /// `7 scenarios: 7 passed · 85 steps in 1.9 s`.
    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = String::from("\n");
        let over = self.passed + self.failed + self.skipped + self.broken.len() + self.interrupted;
        let mut parts = vec![counts(paint, [self.passed, self.failed, 0])];
        if self.passed + self.failed == 0 {
            parts.clear();
        }
        if self.skipped > 0 {
            parts.push(paint.aside(format!("{} skipped in part", self.skipped)));
        }
        if !self.broken.is_empty() {
            parts.push(paint.bad(format!("{} broken off", self.broken.len())));
        }
        if self.interrupted > 0 {
            parts.push(paint.bad(format!("{} interrupted", self.interrupted)));
        }
        if over < self.scenarios {
            parts.push(paint.aside(format!("{} not run", self.scenarios - over)));
        }
        let [_, failed, skipped] = self.steps;
        let steps = counted(self.steps.iter().sum(), "step");
        let steps = if failed + skipped == 0 {
            steps
        } else {
            format!("{steps}: {}", counts(paint, self.steps))
        };
        text.push_str(&format!(
            "{}: {} · {steps} in {}\n",
            paint.strong(counted(self.scenarios, "scenario")),
            parts.join(", "),
            duration(self.elapsed)
        ));
        // Blocks may have come in any order; here the files' order counts.
        let marks = [
            (paint.bad("✗"), &self.failures),
            (paint.aside("–"), &self.skips),
        ];
        for (mark, steps) in marks {
            let mut steps: Vec<&Place> = steps.iter().collect();
            steps.sort_by(|a, b| file_of(a).cmp(file_of(b)));
            for step in steps {
                let (place, name) = (visible(&step.place), visible(&step.name));
                text.push_str(&format!("  {mark} {place}  {name}\n"));
            }
        }
        for file in &self.broken {
            text.push_str(&format!(
                "  {} {}  could not go on\n",
                paint.bad("✗"),
                visible(file)
            ));
        }
        if let Some(signal) = self.signal {
            let told = format!("the run was {}: this report is not whole", signal.told());
            text.push_str(&format!("{}\n", paint.bad(told)));
        }
        text + &self.repetition()
    }

    /// The command that repeats what failed: `to repeat it: canal-sim run a.toml --backend memory --seed 1`.
    fn repetition(&self) -> String {
        let failed = self.failures.iter().map(file_of);
        let files: BTreeSet<&str> = failed
            .chain(self.broken.iter().map(String::as_str))
            .collect();
        let Some((backend, seed)) = self.repeatable.filter(|_| !files.is_empty()) else {
            return String::new();
        };
        let files: Vec<String> = files.into_iter().map(quoted).collect();
        let files = visible(&files.join(" "));
        format!("to repeat it: canal-sim run {files} --backend {backend} --seed {seed}\n")
    }
}

fn file_of(step: &Place) -> &str {
    let file = step.place.rsplit_once(':');
    file.map_or(step.place.as_str(), |(file, _)| file)
}
