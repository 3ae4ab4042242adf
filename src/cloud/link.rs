//! The links that a scenario can give a shape, cut and degrade.

use std::fmt;

use super::aws::{InstanceId, PeeringId};
use super::soracom::{SimId, VpgId};

/// A link, by what it belongs to. "Up" is away from that: from the device, from the instance, from a peering's
/// requester to its accepter, from the VPG to the internet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkName {
    /// The cellular link of a SIM, while its session lasts.
    Sim(SimId),
    /// The network interface of an instance.
    Instance(InstanceId),
    /// A peering connection of either kind.
    Peering(PeeringId),
    /// The way of a VPG's devices to the internet; each of its two nodes has one.
    Internet(VpgId),
}

impl LinkName {
    /// The name that the scenario gave to what the link belongs to.
    pub fn owner(&self) -> &str {
        match self {
            Self::Sim(sim) => sim.as_str(),
            Self::Instance(instance) => instance.as_str(),
            Self::Peering(peering) => peering.as_str(),
            Self::Internet(vpg) => vpg.as_str(),
        }
    }
}

impl fmt::Display for LinkName {
    /// As people speak of it: `link of SIM sensor`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sim(sim) => write!(f, "link of SIM {sim}"),
            Self::Instance(instance) => write!(f, "link of instance {instance}"),
            Self::Peering(peering) => write!(f, "link of peering {peering}"),
            Self::Internet(vpg) => write!(f, "internet link of VPG {vpg}"),
        }
    }
}
