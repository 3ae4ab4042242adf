//! A scenario at a moment: who there is, and who can be asked what.

use serde::Serialize;

use crate::cloud::{Cloud, NodeName};
use crate::guest::Guests;
use crate::reach::{Ask, Flow, Map};
use crate::scenario::target::{self, TargetError};
use crate::scenario::{Moment, ReplayError, Replayed, Scenario, replay};

/// What is asked, by the names of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who asks: a node.
    pub from: String,
    /// Who is asked: a node, a platform endpoint, or an address.
    pub to: String,
    /// How.
    pub ask: Ask,
}

/// A question that can't be asked at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistaken {
    /// Whether it is because of who asks, else of who is asked.
    pub asking: bool,
    /// Why.
    pub why: String,
}

impl Mistaken {
    /// A machine that does not run asks nothing.
    pub(super) fn asks_nothing(from: &str) -> Self {
        Self {
            asking: true,
            why: format!("`{from}` does not run, so it asks nothing"),
        }
    }
}

/// The step after which something is so, as reports tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct At {
    /// The step's place, from 1.
    pub step: usize,
    /// Its name.
    pub name: String,
}

/// A scenario at a moment.
pub struct Scene<'s> {
    scenario: &'s Scenario,
    moment: Moment,
    state: Replayed,
}

impl<'s> Scene<'s> {
    /// The scenario at a moment.
    ///
    /// # Errors
    ///
    /// A step before it can't be carried out.
    pub fn new(scenario: &'s Scenario, moment: Moment) -> Result<Self, ReplayError> {
        let state = replay(scenario, moment)?;
        Ok(Self {
            scenario,
            moment,
            state,
        })
    }

    /// The clouds at this moment.
    pub fn cloud(&self) -> &Cloud {
        &self.state.course.cloud
    }

    /// The machines at this moment.
    pub fn guests(&self) -> &Guests {
        &self.state.guests
    }

    /// Clouds, machines and links, ready for predictions.
    pub(super) fn map(&self) -> Map<'_> {
        Map::new(self.cloud(), self.guests()).with_cut(self.state.course.links.cut())
    }

    /// The moment, in words: `after step 7, "openGate"`.
    pub fn when(&self) -> String {
        self.moment.words(self.scenario)
    }

    /// The last step that was carried out; none where none was.
    pub fn at(&self) -> Option<At> {
        let step = self.moment.steps();
        let name = &self.scenario.steps.get(step.checked_sub(1)?)?.name;
        let name = name.clone();
        Some(At { step, name })
    }

    /// Every node: SIMs, instances, the user's computer, the server on the internet.
    pub fn nodes(&self) -> Vec<NodeName> {
        let cloud = self.cloud();
        let sims = cloud.soracom.sims.keys().cloned().map(NodeName::Sim);
        let instances = cloud.aws.instances.keys().cloned();
        sims.chain(instances.map(NodeName::Instance))
            .chain([NodeName::Pc, NodeName::Internet])
            .collect()
    }

    /// The flow that a question means.
    ///
    /// # Errors
    ///
    /// A name stands for nothing at this moment, or for what neither asks nor has an address.
    pub fn flow(&self, question: &Question) -> Result<Flow, Mistaken> {
        let cloud = self.cloud();
        let from = target::node(&question.from, cloud)
            .map_err(|why| self.mistaken(&question.from, &why, true))?;
        let to = target::destination(&from, &question.to, cloud)
            .map_err(|why| self.mistaken(&question.to, &why, false))?;
        let ask = question.ask;
        Ok(Flow { from, to, ask })
    }

    fn mistaken(&self, name: &str, error: &TargetError, asking: bool) -> Mistaken {
        let mut why = error.to_string();
        match error {
            TargetError::Unknown { nearest, .. } => {
                if let Some(step) = self.scenario.made_by(name) {
                    let when = self.when();
                    why = format!("there is no `{name}` {when}; step #{step} makes it");
                } else if nearest.is_none() {
                    let nodes: Vec<String> = self.nodes().iter().map(ToString::to_string).collect();
                    why.push_str(&format!("; the nodes are {}", nodes.join(", ")));
                    if !asking {
                        why.push_str(", and any address will do");
                    }
                }
            }
            TargetError::DomainName(_) => {
                let key = name.trim_end_matches('.').to_ascii_lowercase();
                let known = self.scenario.dns.get(&key).and_then(|list| list.first());
                if let Some(address) = known {
                    why = format!(
                        "`{name}` is a domain name, not a node; ask its address, which is {address}"
                    );
                } else {
                    why = format!("`{name}` is a domain name, not a node; ask an address");
                }
            }
            TargetError::Endpoint(_)
            | TargetError::Offline(_)
            | TargetError::Stopped(_)
            | TargetError::Silent(_)
            | TargetError::Terminated(_) => {}
        }
        Mistaken { asking, why }
    }
}
