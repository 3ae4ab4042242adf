//! A scenario up to a moment, on the pure clouds: what `run` does, without a network.

use std::time::Duration;

use super::machines::Machines;
use super::target;
use super::{Course, DoStep, Moment, ProbeStep, RunStep, Scenario, Step, StepKind};
use crate::guest::Guests;

/// What stands at a moment.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The clouds and their clock.
    pub course: Course,
    /// The machines: what the clouds gave them, what is declared to listen, and what scripts did.
    pub guests: Guests,
}

/// Why the moment can't be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The tables declare what the services refuse.
    #[error("the tables declare what is refused: {0}")]
    Tables(String),
    /// A step can't be carried out, or does not come out as it says.
    #[error("step {number}, {name:?}, can't be carried out: {why}")]
    Step {
        /// The step's number, from 1.
        number: usize,
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
}

/// Carries out the steps up to a moment. What a probe measures is not asked: whatever comes of it, the
/// steps after it are carried out all the same.
///
/// # Errors
///
/// A step's action is refused where it should succeed, or the other way round, or a name in it stands
/// for nothing.
pub fn replay(scenario: &Scenario, moment: Moment) -> Result<Replayed, ReplayError> {
    let course = Course::start(scenario).map_err(|errors| {
        let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
        ReplayError::Tables(messages.join("; "))
    })?;
    let mut replay = Replay {
        scenario,
        machines: Machines::default(),
        course,
    };
    let steps = scenario.steps.iter().take(moment.steps());
    for (number, step) in (1..).zip(steps) {
        replay.step(step).map_err(|why| ReplayError::Step {
            number,
            name: step.name.clone(),
            why,
        })?;
    }
    let guests = replay.machines.all(&replay.course.cloud, scenario);
    Ok(Replayed {
        course: replay.course,
        guests,
    })
}

struct Replay<'s> {
    scenario: &'s Scenario,
    course: Course,
    machines: Machines,
}

impl Replay<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.kind {
            StepKind::Do(act) => self.repeat(step, |replay| replay.act(act)),
            StepKind::Probe(probe) => {
                self.probe(probe);
                Ok(())
            }
            StepKind::Run(run) => self.repeat(step, |replay| replay.run(run)),
            StepKind::Wait(time) => self.repeat(step, |replay| {
                replay.course.wait(*time);
                replay.machines.follow(&replay.course.cloud);
                Ok(())
            }),
            StepKind::Check(list) => {
                let Some(bound) = step.eventually else {
                    return Ok(());
                };
                let mut waited = Duration::ZERO;
                while !self.course.differences(list).is_empty() {
                    let Some(next) = self.course.patience(waited, bound) else {
                        break;
                    };
                    waited += next;
                    self.course.wait(next);
                    self.machines.follow(&self.course.cloud);
                }
                Ok(())
            }
        }
    }

    fn repeat(
        &mut self,
        step: &Step,
        mut once: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        // What may take a while until it passes is carried out until it passed once.
        let times = if step.eventually.is_some() {
            1
        } else {
            step.repeat
        };
        (0..times).try_for_each(|_| once(self))
    }

    fn act(&mut self, step: &DoStep) -> Result<(), String> {
        let action = step
            .action(&self.scenario.source, &self.course.cloud)
            .map_err(|errors| {
                let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
                messages.join("; ")
            })?;
        let operation = &step.operation.value;
        let expected = step.error.as_ref().map(|code| code.value.as_str());
        match (self.course.act(&action), expected) {
            (Ok(_), None) => {
                self.machines.follow(&self.course.cloud);
                Ok(())
            }
            (Err(refusal), Some(code)) if refusal.code == code => Ok(()),
            (Ok(_), Some(code)) => Err(format!(
                "{operation} succeeds here, it does not fail with {code}"
            )),
            (Err(refusal), _) => Err(format!(
                "{} refuses {operation} with {refusal}",
                refusal.service
            )),
        }
    }

    /// Traffic keeps sessions alive. A probe whose names stand for nothing is not sent.
    fn probe(&mut self, step: &ProbeStep) {
        let cloud = &self.course.cloud;
        let Ok(from) = target::node(&step.from.value, cloud) else {
            return;
        };
        let Ok(to) = step.to.resolve(cloud) else {
            return;
        };
        if let Ok(to) = target::destination(&from, &to, cloud) {
            self.course.touch(&from, to);
        }
    }

    fn run(&mut self, step: &RunStep) -> Result<(), String> {
        let cloud = &self.course.cloud;
        let node = target::node(&step.on.value, cloud).map_err(|why| why.to_string())?;
        let script = step.script.resolve(cloud).map_err(|wrong| wrong.message)?;
        let script = (script.as_str(), step.exit);
        self.machines.run(node, script, cloud, self.scenario);
        Ok(())
    }
}

impl Scenario {
    /// The number of the first step that makes something of this name.
    pub fn made_by(&self, name: &str) -> Option<usize> {
        let makes = |step: &Step| match &step.kind {
            StepKind::Do(act) => act.creates() == Some(name),
            _ => false,
        };
        self.steps.iter().position(makes).map(|index| index + 1)
    }
}
