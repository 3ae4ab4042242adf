//! The nodes on a packet's way, as the links join them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;

use crate::network::{Network, NodeId};

/// The shortest way from one node to another; empty where there is none.
pub(super) fn between(network: &Network, from: &NodeId, to: &NodeId) -> Vec<NodeId> {
    let mut neighbours: BTreeMap<&NodeId, BTreeSet<&NodeId>> = BTreeMap::new();
    for link in network.links.values() {
        let [a, b] = &link.ends;
        neighbours.entry(&a.node).or_default().insert(&b.node);
        neighbours.entry(&b.node).or_default().insert(&a.node);
    }
    let mut came_from: BTreeMap<&NodeId, &NodeId> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        if node == to {
            break;
        }
        for next in neighbours.get(node).into_iter().flatten() {
            if *next != from && !came_from.contains_key(next) {
                came_from.insert(next, node);
                queue.push_back(next);
            }
        }
    }
    let mut path = vec![to.clone()];
    let mut at = to;
    while at != from {
        let Some(before) = came_from.get(at) else {
            return Vec::new();
        };
        path.push((*before).clone());
        at = before;
    }
    path.reverse();
    path
}

/// The node that has this address, if it is exactly one.
pub(super) fn holder(network: &Network, ip: Ipv4Addr) -> Option<&NodeId> {
    let mut holders = network.nodes.iter().filter(|(_, node)| {
        node.addresses
            .iter()
            .any(|address| address.net.addr() == ip)
    });
    let first = holders.next()?;
    holders.next().is_none().then_some(first.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{End, IfName, Link, LinkId};

    fn line(names: &[&str]) -> Network {
        let mut network = Network::default();
        for pair in names.windows(2) {
            let end = |name: &str| End::new(NodeId::new(name), IfName::fit("eth0", ""));
            let link = Link {
                ends: [end(pair[0]), end(pair[1])],
                mtu: 1500,
            };
            network.links.insert(LinkId::new(pair.join("-")), link);
        }
        network
    }

    #[test]
    fn the_way_is_the_shortest_and_starts_at_the_sender() {
        let network = line(&["d", "c", "b", "a"]);
        let path = between(&network, &NodeId::new("a"), &NodeId::new("c"));
        let names: Vec<_> = path.iter().map(NodeId::as_str).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn no_way_is_an_empty_path_and_a_node_reaches_itself() {
        let network = line(&["a", "b"]);
        assert!(between(&network, &NodeId::new("a"), &NodeId::new("z")).is_empty());
        let here = NodeId::new("a");
        assert_eq!(between(&network, &here, &here), vec![here]);
    }
}
