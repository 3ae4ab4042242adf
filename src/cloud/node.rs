//! The machines that packets come from and go to.

use std::fmt;

use super::aws::InstanceId;
use super::soracom::SimId;

/// A node, by the name that a scenario uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeName {
    /// The device that a SIM sits in.
    Sim(SimId),
    /// An instance.
    Instance(InstanceId),
    /// The user's computer, on the internet.
    Pc,
    /// A server on the internet.
    Internet,
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sim(sim) => fmt::Display::fmt(sim, f),
            Self::Instance(instance) => fmt::Display::fmt(instance, f),
            Self::Pc => f.write_str("pc"),
            Self::Internet => f.write_str("internet"),
        }
    }
}
