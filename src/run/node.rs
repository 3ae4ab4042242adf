//! The node of the network that a scenario's name stands for.

use crate::lower::{instance_node, internet_node, pc_node, sim_node};
use crate::network::NodeId;
use crate::scenario::NodeName;

/// The node's name.
pub(super) fn id(name: &NodeName) -> NodeId {
    match name {
        NodeName::Sim(sim) => sim_node(sim),
        NodeName::Instance(instance) => instance_node(instance),
        NodeName::Pc => pc_node(),
        NodeName::Internet => internet_node(),
    }
}
