//! What the meaning of a drop depends on besides the packet: the network around it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::network::{Network, NodeId};

/// The network, as far as drops are concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::backend) struct Scene {
    /// Nodes with a filter of ours. What that drops it says by itself, with a label.
    ruled: BTreeSet<NodeId>,
    /// The addresses behind tunnels of ours: how many machines a question for each goes to.
    behind_tunnels: BTreeMap<Ipv4Addr, usize>,
}

impl Scene {
    /// The scene that a network makes.
    pub fn of(network: &Network) -> Self {
        let mut scene = Self::default();
        for (id, node) in &network.nodes {
            if !node.filter.chains.is_empty() {
                scene.ruled.insert(id.clone());
            }
            for ((_, prefix), route) in &node.routes {
                let tunnel = node.tunnels.get(&route.dev);
                if let Some(tunnel) = tunnel.filter(|_| prefix.prefix_len() == 32) {
                    let asked = scene.behind_tunnels.entry(prefix.addr()).or_default();
                    *asked = tunnel.flood.len().max(*asked);
                }
            }
        }
        scene
    }

    /// Whether the node's own user is the only one who filters there.
    pub fn is_users(&self, node: &NodeId) -> bool {
        !self.ruled.contains(node)
    }

    /// Whether a tunnel of ours leads to this address.
    pub fn is_behind_tunnel(&self, ip: Ipv4Addr) -> bool {
        self.behind_tunnels.contains_key(&ip)
    }

    /// How many machines a question for an address behind a tunnel of ours goes to; none for any other
    /// address.
    pub fn asked(&self, ip: Ipv4Addr) -> Option<usize> {
        self.behind_tunnels.get(&ip).copied()
    }
}
