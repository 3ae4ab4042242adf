//! The smallest list of changes between two networks.
//!
//! What must go goes first: a namespace or a link that is replaced takes along whatever depended on
//! it, so the difference of the rest is taken against what is left. What stays the same is not
//! mentioned, and traffic over it goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, LinkId, Network, Node, NodeId};

/// The changes that make `new` out of `old`, in an order in which a backend can carry them out.
pub fn diff(old: &Network, new: &Network) -> Vec<Change> {
    let mut changes = Changes {
        list: Vec::new(),
        state: old.clone(),
    };
    changes.removals(new);
    changes.nodes_and_links(new);
    for (id, node) in &new.nodes {
        changes.interfaces(id, node);
    }
    for (id, node) in &new.nodes {
        changes.routing(id, node);
    }
    for (id, node) in &new.nodes {
        changes.filter_and_services(id, node);
    }
    changes.list
}

/// The list so far, and the network that it leads to.
struct Changes {
    list: Vec<Change>,
    state: Network,
}

impl Changes {
    fn push(&mut self, change: Change) {
        self.state.apply(&change);
        self.list.push(change);
    }

    fn extend(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.push(change);
        }
    }

    /// Whatever has no place in `new`, from the top of the stack downwards.
    fn removals(&mut self, new: &Network) {
        let stays = |id: &NodeId, node: &Node| {
            new.nodes
                .get(id)
                .is_some_and(|n| n.boot == node.boot && n.forwarding == node.forwarding)
        };
        let mut goes = Vec::new();
        for (id, node) in &self.state.nodes {
            if let Some(wanted) = new.nodes.get(id).filter(|_| stays(id, node)) {
                for listen in gone(&node.services, &wanted.services) {
                    goes.push(Change::DelService(id.clone(), listen));
                }
            }
        }
        let links: Vec<LinkId> = self
            .state
            .links
            .iter()
            .filter(|(id, link)| {
                let lost_an_end = link.ends.iter().any(|end| {
                    !self
                        .state
                        .nodes
                        .get(&end.node)
                        .is_some_and(|n| stays(&end.node, n))
                });
                lost_an_end
                    || !new
                        .links
                        .get(id)
                        .is_some_and(|want| want.same_but_shapes(link))
            })
            .map(|(id, _)| id.clone())
            .collect();
        goes.extend(links.into_iter().map(Change::DelLink));
        for (id, node) in &self.state.nodes {
            if !stays(id, node) {
                goes.push(Change::DelNode(id.clone()));
            }
        }
        self.extend(goes);
        for (id, wanted) in &new.nodes {
            let Some(node) = self.state.nodes.get(id) else {
                continue;
            };
            let tunnels = node.tunnels.iter().filter(|(dev, have)| {
                wanted.tunnels.get(*dev).is_none_or(|want| {
                    // Only the flood list changes on a living interface.
                    let mut same = want.clone();
                    same.flood.clone_from(&have.flood);
                    same != **have
                })
            });
            let goes: Vec<Change> = tunnels
                .map(|(dev, _)| Change::DelTunnel(id.clone(), dev.clone()))
                .collect();
            self.extend(goes);
        }
    }

    fn nodes_and_links(&mut self, new: &Network) {
        for (id, node) in &new.nodes {
            if !self.state.nodes.contains_key(id) {
                self.push(Change::AddNode(id.clone(), node.boot, node.forwarding));
            }
        }
        for (id, link) in &new.links {
            let have = self.state.links.get(id);
            match (have, &link.shapes) {
                (None, _) => self.push(Change::AddLink(id.clone(), link.clone())),
                (Some(have), Some(shapes)) if have.shapes != link.shapes => {
                    self.push(Change::SetShapes(id.clone(), shapes.clone()));
                }
                (Some(_), _) => {}
            }
        }
    }

    fn interfaces(&mut self, id: &NodeId, new: &Node) {
        let have = self.node(id);
        let mut list = Vec::new();
        for (dev, want) in &new.tunnels {
            let Some(tunnel) = have.tunnels.get(dev) else {
                list.push(Change::AddTunnel(id.clone(), dev.clone(), want.clone()));
                continue;
            };
            for remote in tunnel.flood.difference(&want.flood) {
                list.push(Change::DelFlood(id.clone(), dev.clone(), *remote));
            }
            for remote in want.flood.difference(&tunnel.flood) {
                list.push(Change::AddFlood(id.clone(), dev.clone(), *remote));
            }
        }
        for dev in have.proxy_arp.difference(&new.proxy_arp) {
            list.push(Change::ProxyArp(id.clone(), dev.clone(), false));
        }
        for dev in new.proxy_arp.difference(&have.proxy_arp) {
            list.push(Change::ProxyArp(id.clone(), dev.clone(), true));
        }
        for (dev, ip) in have.proxies.difference(&new.proxies) {
            list.push(Change::DelProxy(id.clone(), dev.clone(), *ip));
        }
        for (dev, ip) in new.proxies.difference(&have.proxies) {
            list.push(Change::AddProxy(id.clone(), dev.clone(), *ip));
        }
        self.extend(list);
    }

    fn routing(&mut self, id: &NodeId, new: &Node) {
        let have = self.node(id);
        let mut list = Vec::new();
        let (lost, gained) = both(&have.rules, &new.rules);
        list.extend(lost.map(|rule| Change::DelRule(id.clone(), rule.clone())));
        for (table, prefix) in gone(&have.routes, &new.routes) {
            list.push(Change::DelRoute(id.clone(), table, prefix));
        }
        for (dev, ip) in gone(&have.neighbours, &new.neighbours) {
            list.push(Change::DelNeighbour(id.clone(), dev, ip));
        }
        let (lost, given) = both(&have.addresses, &new.addresses);
        list.extend(lost.map(|a| Change::DelAddress(id.clone(), a.clone())));
        list.extend(given.map(|a| Change::AddAddress(id.clone(), a.clone())));
        for ((table, prefix), route) in fresh(&have.routes, &new.routes) {
            list.push(Change::SetRoute(id.clone(), *table, *prefix, route.clone()));
        }
        list.extend(gained.map(|rule| Change::AddRule(id.clone(), rule.clone())));
        for ((dev, ip), mac) in fresh(&have.neighbours, &new.neighbours) {
            list.push(Change::SetNeighbour(id.clone(), dev.clone(), *ip, *mac));
        }
        self.extend(list);
    }

    fn filter_and_services(&mut self, id: &NodeId, new: &Node) {
        let have = self.node(id);
        let mut list = Vec::new();
        for (chain_id, chain) in fresh(&have.filter.chains, &new.filter.chains) {
            list.push(Change::SetChain(
                id.clone(),
                chain_id.clone(),
                chain.clone(),
            ));
        }
        for chain_id in gone(&have.filter.chains, &new.filter.chains) {
            list.push(Change::DelChain(id.clone(), chain_id));
        }
        if have.files != new.files {
            list.push(Change::SetFiles(id.clone(), new.files.clone()));
        }
        for (listen, service) in fresh(&have.services, &new.services) {
            list.push(Change::SetService(
                id.clone(),
                listen.clone(),
                service.clone(),
            ));
        }
        self.extend(list);
    }

    /// The node as it stands; every node of the new network is there by the time that this is asked.
    fn node(&self, id: &NodeId) -> Node {
        self.state.nodes.get(id).cloned().unwrap_or_default()
    }
}

/// Keys that are not wanted any more.
fn gone<K: Ord + Clone, V>(have: &BTreeMap<K, V>, want: &BTreeMap<K, V>) -> Vec<K> {
    have.keys()
        .filter(|key| !want.contains_key(key))
        .cloned()
        .collect()
}

/// Entries that are new or different.
fn fresh<'a, K: Ord, V: PartialEq>(
    have: &'a BTreeMap<K, V>,
    want: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    want.iter()
        .filter(move |(key, value)| have.get(key) != Some(value))
}

/// What only `have` holds, and what only `want` does.
fn both<'a, T: Ord>(
    have: &'a BTreeSet<T>,
    want: &'a BTreeSet<T>,
) -> (impl Iterator<Item = &'a T>, impl Iterator<Item = &'a T>) {
    (have.difference(want), want.difference(have))
}
