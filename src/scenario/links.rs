//! The links of a scenario, in the course of its steps: what is cut, what is degraded.

use std::collections::{BTreeMap, BTreeSet};

use super::link::LinkTable;
use super::nearest::nearest;
use super::{Scenario, StepKind};
use crate::cloud::aws::{InstanceId, PeeringId};
use crate::cloud::soracom::{SimId, VpgId};
use crate::cloud::{Cloud, LinkName};
use crate::lower::LinkPlan;

/// What a step does to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// `cut = true`: whatever is sent over it is lost.
    Cut,
    /// `restore = true`: it is again as the tables have it.
    Restore,
    /// `degrade`: it differs from that in what the table says; an earlier change is over.
    Degrade(Box<LinkTable>),
}

/// The links that are not plain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// As the tables have them. Those that steps change are among them from the start, so that a change does not
    /// make the link anew.
    declared: BTreeMap<LinkName, LinkPlan>,
    /// As they are.
    now: BTreeMap<LinkName, LinkPlan>,
    cut: BTreeSet<LinkName>,
}

impl Links {
    /// The links before the first step.
    pub fn new(scenario: &Scenario) -> Self {
        let mut declared = scenario.links.clone();
        for step in &scenario.steps {
            if let StepKind::Link(step) = &step.kind {
                // What will have the name when its turn comes is not known yet.
                for link in meanings(&step.link.value) {
                    declared.entry(link).or_default();
                }
            }
        }
        Self {
            now: declared.clone(),
            declared,
            cut: BTreeSet::new(),
        }
    }

    /// What each link does that is not plain.
    pub fn plans(&self) -> &BTreeMap<LinkName, LinkPlan> {
        &self.now
    }

    /// The links that are cut.
    pub fn cut(&self) -> &BTreeSet<LinkName> {
        &self.cut
    }

    /// Changes a link. Gives in words what has become of it: `cut`, `latency 500ms, loss 30%`.
    pub fn change(&mut self, link: &LinkName, change: &LinkChange) -> String {
        let declared = self.declared.get(link).cloned().unwrap_or_default();
        let (plan, words) = match change {
            LinkChange::Cut => {
                let mut plan = declared;
                plan.ways.iter_mut().for_each(|way| way.shape.cut = true);
                (plan, "cut".to_owned())
            }
            LinkChange::Restore => (declared, "restored".to_owned()),
            LinkChange::Degrade(table) => {
                let plan = table.over(&declared);
                let words = format!("degraded: {plan}");
                (plan, words)
            }
        };
        if *change == LinkChange::Cut {
            self.cut.insert(link.clone());
        } else {
            self.cut.remove(link);
        }
        self.now.insert(link.clone(), plan);
        words
    }
}

/// Why a name stands for no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nothing with a link has it.
    #[error("nothing that has a link is called `{name}`{}", suggestion(.nearest.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// Several things have it.
    #[error("`{name}` may be {}", .meanings.join(" or "))]
    Ambiguous {
        /// The name.
        name: String,
        /// How to say which is meant.
        meanings: Vec<String>,
    },
    /// The VPG has no way to the internet.
    #[error("VPG `{0}` has no internet link: its internet gateway is off")]
    NoInternet(VpgId),
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

/// The kinds of what has a link, as they stand before a name that several have: `peering.pcx`.
const KINDS: [&str; 4] = ["sim", "instance", "peering", "vpg"];

/// The links that a text may mean.
fn meanings(text: &str) -> Vec<LinkName> {
    let (kinds, name) = match text.split_once('.') {
        Some((kind, name)) => (vec![kind], name),
        None => (KINDS.to_vec(), text),
    };
    let link = |kind: &str| match kind {
        "sim" => Some(LinkName::Sim(SimId::new(name))),
        "instance" => Some(LinkName::Instance(InstanceId::new(name))),
        "peering" => Some(LinkName::Peering(PeeringId::new(name))),
        "vpg" => Some(LinkName::Internet(VpgId::new(name))),
        _ => None,
    };
    kinds.into_iter().filter_map(link).collect()
}

/// The link that a text means now: the name of a SIM, an instance, a peering or a VPG, with its kind before it
/// where several have the name.
///
/// # Errors
///
/// Nothing has the name, or several things have it.
pub fn find(text: &str, cloud: &Cloud) -> Result<LinkName, LinkError> {
    let there = |link: &LinkName| match link {
        LinkName::Sim(sim) => cloud.soracom.sims.contains_key(sim),
        LinkName::Instance(instance) => cloud.aws.instances.contains_key(instance),
        LinkName::Peering(peering) => cloud.aws.peerings.contains_key(peering),
        LinkName::Internet(vpg) => cloud.soracom.vpgs.contains_key(vpg),
    };
    let mut found: Vec<LinkName> = meanings(text).into_iter().filter(there).collect();
    if found.len() > 1 {
        // A VPG without a way to the internet is not what is meant.
        found.retain(|link| has_internet(link, cloud));
    }
    match &found[..] {
        [link] if !has_internet(link, cloud) => {
            Err(LinkError::NoInternet(VpgId::new(link.owner())))
        }
        [link] => Ok(link.clone()),
        [] => Err(unknown(text, cloud)),
        several => Err(LinkError::Ambiguous {
            name: text.to_owned(),
            meanings: several.iter().map(in_full).collect(),
        }),
    }
}

fn has_internet(link: &LinkName, cloud: &Cloud) -> bool {
    let LinkName::Internet(vpg) = link else {
        return true;
    };
    let vpg = cloud.soracom.vpgs.get(vpg);
    vpg.is_some_and(|vpg| vpg.use_internet_gateway)
}

fn in_full(link: &LinkName) -> String {
    let kind = match link {
        LinkName::Sim(_) => "sim",
        LinkName::Instance(_) => "instance",
        LinkName::Peering(_) => "peering",
        LinkName::Internet(_) => "vpg",
    };
    format!("\"{kind}.{}\"", link.owner())
}

fn unknown(name: &str, cloud: &Cloud) -> LinkError {
    let sims = cloud.soracom.sims.keys().map(SimId::as_str);
    let instances = cloud.aws.instances.keys().map(InstanceId::as_str);
    let peerings = cloud.aws.peerings.keys().map(PeeringId::as_str);
    let vpgs = cloud.soracom.vpgs.keys().map(VpgId::as_str);
    let candidates = sims.chain(instances).chain(peerings).chain(vpgs);
    LinkError::Unknown {
        name: name.to_owned(),
        nearest: nearest(name, candidates).map(str::to_owned),
    }
}
