//! The clouds in the course of a scenario: what steps do to them, and their clock.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{Diagnostic, Links, NodeName, Scenario, ValueCheck, build};
use crate::cloud::soracom::SimId;
use crate::cloud::{Action, ApiError, Cloud, Event, Time};

/// Both clouds and their clock.
#[derive(Clone, Debug)]
pub struct Course {
    /// The clouds.
    pub cloud: Cloud,
    /// The links that are not plain.
    pub links: Links,
    now: Time,
}

impl Course {
    /// The clouds before the first step; see [`build`].
    ///
    /// # Errors
    ///
    /// What the services refuse.
    pub fn start(scenario: &Scenario) -> Result<Self, Vec<Diagnostic>> {
        let (cloud, now) = build(scenario)?;
        let links = Links::new(scenario);
        Ok(Self { cloud, links, now })
    }

    /// Carries an action out.
    ///
    /// # Errors
    ///
    /// The service's refusal; nothing has changed then.
    pub fn act(&mut self, action: &Action) -> Result<Vec<Event>, ApiError> {
        self.cloud.apply(action, self.now)
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) -> Vec<Event> {
        self.now = self.now.saturating_add(time);
        self.cloud.advance(self.now)
    }

    /// How long a step that may take until `bound`, and has waited for `waited`, lets the clock go on
    /// until something in the clouds changes by itself; none where nothing does in time.
    pub fn patience(&self, waited: Duration, bound: Duration) -> Option<Duration> {
        let next = self.cloud.next_change()?.saturating_sub(self.now);
        (waited.saturating_add(next) <= bound).then_some(next)
    }

    /// Notes the traffic between a node and an address, which keeps the sessions at both ends alive.
    pub fn touch(&mut self, from: &NodeName, to: Ipv4Addr) {
        let used: Vec<SimId> = (self.cloud.soracom.sims.iter())
            .filter(|(id, sim)| {
                matches!(from, NodeName::Sim(from) if from == *id)
                    || sim.session.as_ref().is_some_and(|s| s.ip == to)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for sim in used {
            self.cloud.soracom.touch(&sim, self.now);
        }
    }

    /// What differs from the values that a `check` step names, a line each.
    pub fn differences(&self, list: &[ValueCheck]) -> Vec<String> {
        let mut differences = Vec::new();
        for one in list {
            let path = &one.path.value;
            let expected = match one.expected.resolve(&self.cloud) {
                Ok(expected) => expected,
                Err(diagnostic) => {
                    differences.push(diagnostic.message);
                    continue;
                }
            };
            match self.cloud.value(path) {
                Ok(value) if value == expected => {}
                Ok(value) => {
                    differences.push(format!("{path} is {value:?}, expected {expected:?}"))
                }
                Err(why) => differences.push(why.to_string()),
            }
        }
        differences
    }
}
