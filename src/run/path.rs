//! The nodes on a packet's way, for people to read.

use std::net::Ipv4Addr;

use crate::network::{Network, NodeId};

/// Where a packet died, and whether it was an answer.
pub(super) struct Death<'a> {
    pub node: &'a NodeId,
    pub answer: bool,
}

/// The nodes between the asking one and the far end, or the one where the packet died. An answer that
/// died has been at the far end, so the way leads there and back.
pub(super) fn path(
    network: &Network,
    from: &NodeId,
    to: Ipv4Addr,
    death: Option<Death<'_>>,
) -> Vec<NodeId> {
    let way = network.walk(from, to);
    let Some(death) = death else {
        return way;
    };
    if !death.answer {
        if let Some(at) = way.iter().position(|node| node == death.node) {
            return way[..=at].to_vec();
        }
        return aside(network, from, death.node);
    }
    let arrived = way
        .last()
        .and_then(|last| network.nodes.get(last))
        .is_some_and(|node| node.has(to));
    let back: Vec<NodeId> = way.iter().rev().cloned().collect();
    match back.iter().skip(1).position(|node| node == death.node) {
        Some(at) if arrived => way.into_iter().chain(back[1..=at + 1].to_vec()).collect(),
        _ => aside(network, from, death.node),
    }
}

/// The way to a node that the routes for the address itself don't lead over: that of a tunnel's outer
/// packets, which go to an address of that node.
fn aside(network: &Network, from: &NodeId, to: &NodeId) -> Vec<NodeId> {
    let addresses = network.nodes.get(to).map(|node| &node.addresses);
    let ways = addresses
        .into_iter()
        .flatten()
        .map(|address| network.walk(from, address.net.addr()));
    let arrives = |way: &Vec<NodeId>| way.last() == Some(to);
    ways.filter(arrives)
        .min_by_key(Vec::len)
        .unwrap_or_else(|| vec![from.clone(), to.clone()])
}
