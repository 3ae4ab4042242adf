//! The clouds' state machines against a small model of each: random operations, and time between them.
//! A model says of each operation whether it is carried out, and what is there afterwards; it knows
//! nothing of the implementation. What is seen on the way is collected, and it has to be everything that
//! can be seen, and nothing else.

mod aws;
mod aws_model;
mod soracom;
mod soracom_model;
mod status;

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::time::Duration;

use canal_sim::cloud::{ApiError, Cloud, Event, Time};
use proptest::test_runner::TestRunner;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use serde_json::Value;

use crate::any::action::action;
use crate::any::cases;

/// Seven days: how long the accepter of a peering has.
const WEEK: u64 = 7 * 24 * 60 * 60;

/// What is done next.
enum Doing {
    /// An operation.
    Operation(&'static str, Value),
    /// A SIM's session carries traffic.
    Traffic(&'static str),
    /// Nothing, for so many seconds.
    Wait(u64),
}

/// The clouds under test.
#[derive(Default)]
struct Subject {
    cloud: Cloud,
    now: Time,
    events: Vec<Event>,
}

impl Subject {
    /// Does it; a refusal leaves everything as it was.
    fn act(&mut self, doing: Doing) -> Result<(), ApiError> {
        let before = self.cloud.clone();
        self.events = match doing {
            Doing::Operation(name, parameters) => {
                let done = self.cloud.apply(&action(name, parameters), self.now);
                done.inspect_err(|_| assert_eq!(self.cloud, before, "a refusal changes nothing"))?
            }
            Doing::Traffic(sim) => {
                let sim = canal_sim::cloud::soracom::SimId::new(sim);
                self.cloud.soracom.touch(&sim, self.now);
                vec![]
            }
            Doing::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.cloud.advance(self.now)
            }
        };
        Ok(())
    }

    /// Does it, and fails where the model had it otherwise.
    fn act_as(&mut self, doing: Doing, allowed: bool, what: &impl Debug) {
        match self.act(doing) {
            Ok(()) => assert!(allowed, "{what:?} was carried out: {:#?}", self.cloud),
            Err(error) => assert!(!allowed, "{what:?} was refused: {error}"),
        }
    }

    /// Does what must succeed.
    fn must(&mut self, name: &'static str, parameters: Value) {
        let text = format!("{name} {parameters}");
        self.act_as(Doing::Operation(name, parameters), true, &text);
    }

    /// The states that something was in within the last action: `peering deleting`.
    fn passed(&self) -> impl Iterator<Item = String> + '_ {
        self.events.iter().flat_map(|event| {
            let kind = event.resource.rsplit_once(' ').map_or("", |(kind, _)| kind);
            let turns = Some(event.what.split(" → ")).filter(|_| event.what.contains(" → "));
            turns
                .into_iter()
                .flatten()
                .map(move |state| format!("{kind} {state}"))
        })
    }
}

/// Runs a machine many times over.
fn run<T: StateMachineTest>(usual_cases: u32, longest: usize)
where
    <T::Reference as ReferenceStateMachine>::State: 'static,
{
    let mut config = cases(usual_cases);
    config.source_file = Some(file!());
    config.test_name = Some(std::any::type_name::<T>());
    let mut runner = TestRunner::new(config.clone());
    let sequences = T::Reference::sequential_strategy(1..longest);
    let outcome = runner.run(&sequences, |(initial, transitions, seen)| {
        T::test_sequential(config.clone(), initial, transitions, seen);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}\n{runner}");
    }
}

/// Fails where not all was seen, or more; a few cases are no sample.
fn compare(
    seen: &BTreeSet<String>,
    wanted: impl IntoIterator<Item = impl Display>,
    usual_cases: u32,
) {
    let wanted: BTreeSet<String> = wanted.into_iter().map(|one| one.to_string()).collect();
    let more: Vec<_> = seen.difference(&wanted).collect();
    assert!(more.is_empty(), "seen besides: {more:?}");
    let never: Vec<_> = wanted.difference(seen).collect();
    let sample = cases(usual_cases).cases >= usual_cases;
    assert!(!sample || never.is_empty(), "never seen: {never:?}");
}
