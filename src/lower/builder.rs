//! The network under construction.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::World;
use super::special::OTHER_END;
use crate::cloud::{Cloud, LinkName, Reason};
use crate::network::{
    Address, Chain, ChainId, End, Hook, HookPoint, IfName, Label, Link, LinkId, Match, Network,
    Node, NodeId, PolicyRule, Route, Rule, Shapes, Statement, Table,
};

/// Collects nodes and links, from clouds that it only reads.
pub(super) struct Builder<'a> {
    pub cloud: &'a Cloud,
    pub world: &'a World,
    network: Network,
}

impl<'a> Builder<'a> {
    pub fn new(cloud: &'a Cloud, world: &'a World) -> Self {
        Self {
            cloud,
            world,
            network: Network::default(),
        }
    }

    pub fn finish(self) -> Network {
        self.network
    }

    /// The node of this name, made if need be.
    pub fn node(&mut self, id: &NodeId) -> &mut Node {
        self.network.nodes.entry(id.clone()).or_default()
    }

    /// Joins two interfaces by a plain link. Routes at either end may lead to [`OTHER_END`].
    pub fn join(&mut self, a: (&NodeId, &IfName), b: (&NodeId, &IfName), mtu: u32) {
        let id = LinkId::new(format!("{}:{} {}:{}", a.0, a.1, b.0, b.1));
        self.link(id, (a, b), mtu, None);
    }

    /// The same by a link that the scenario may have given shapes; up is from `a` to `b`. It is then called by
    /// what evidence says of it; `part` tells it from the others of the same name.
    pub fn join_as(
        &mut self,
        (link, part): (&LinkName, &str),
        a: (&NodeId, &IfName),
        b: (&NodeId, &IfName),
        mtu: u32,
    ) {
        let Some(plan) = self.world.links.get(link) else {
            return self.join(a, b, mtu);
        };
        let shapes = plan.shapes(self.cloud, link);
        self.link(
            LinkId::new(format!("{link}{part}")),
            (a, b),
            mtu,
            Some(shapes),
        );
    }

    fn link(
        &mut self,
        id: LinkId,
        (a, b): ((&NodeId, &IfName), (&NodeId, &IfName)),
        mtu: u32,
        shapes: Option<Shapes>,
    ) {
        let ends = [
            End::new(a.0.clone(), a.1.clone()),
            End::new(b.0.clone(), b.1.clone()),
        ];
        for (here, there) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
            let key = (here.name.clone(), OTHER_END);
            self.node(&here.node).neighbours.insert(key, there.mac);
        }
        self.network.links.insert(id, Link { ends, mtu, shapes });
    }
}

/// What lowering puts into a node, in its own words.
pub(super) trait NodeExt {
    /// An address of the node itself, on an interface.
    fn address(&mut self, dev: &IfName, net: Ipv4Net);
    /// A route to the other end of a link.
    fn route(&mut self, table: Table, to: Ipv4Net, dev: &IfName);
    /// A route to a neighbour on a link.
    fn route_via(&mut self, table: Table, to: Ipv4Net, dev: &IfName, via: Ipv4Addr);
    /// A route to a destination that is itself on the link.
    fn route_on_link(&mut self, table: Table, to: Ipv4Net, dev: &IfName);
    /// A route into the sink, unless the prefix already leads somewhere.
    fn sink(&mut self, table: Table, to: Ipv4Net);
    /// A rule of the routing policy.
    fn policy(&mut self, priority: u32, iif: Option<&IfName>, table: Table);
    /// A base chain, made if need be.
    fn hook(&mut self, name: &str, point: HookPoint, priority: i32) -> &mut Vec<Rule>;
    /// A chain that others jump to.
    fn chain(&mut self, name: &str, rules: Vec<Rule>);
    /// Forwards without decrementing the TTL of packets that match.
    fn keep_ttl(&mut self, matches: Vec<Match>);
}

impl NodeExt for Node {
    fn address(&mut self, dev: &IfName, net: Ipv4Net) {
        self.addresses.insert(Address {
            dev: dev.clone(),
            net,
        });
    }

    fn route(&mut self, table: Table, to: Ipv4Net, dev: &IfName) {
        self.route_via(table, to, dev, OTHER_END);
    }

    fn route_via(&mut self, table: Table, to: Ipv4Net, dev: &IfName, via: Ipv4Addr) {
        let route = Route {
            dev: dev.clone(),
            via: Some(via),
            source: None,
        };
        self.routes.insert((table, to), route);
    }

    fn route_on_link(&mut self, table: Table, to: Ipv4Net, dev: &IfName) {
        let route = Route {
            dev: dev.clone(),
            via: None,
            source: None,
        };
        self.routes.insert((table, to), route);
    }

    fn sink(&mut self, table: Table, to: Ipv4Net) {
        self.routes.entry((table, to)).or_insert_with(|| Route {
            dev: IfName::lo(),
            via: None,
            source: None,
        });
    }

    fn policy(&mut self, priority: u32, iif: Option<&IfName>, table: Table) {
        self.rules.insert(PolicyRule {
            priority,
            iif: iif.cloned(),
            table,
        });
    }

    fn hook(&mut self, name: &str, point: HookPoint, priority: i32) -> &mut Vec<Rule> {
        let chain = self.filter.chains.entry(ChainId::ip(name));
        &mut chain
            .or_insert_with(|| Chain {
                hook: Some(Hook { point, priority }),
                rules: Vec::new(),
            })
            .rules
    }

    fn chain(&mut self, name: &str, rules: Vec<Rule>) {
        let chain = Chain { hook: None, rules };
        self.filter.chains.insert(ChainId::ip(name), chain);
    }

    fn keep_ttl(&mut self, matches: Vec<Match>) {
        self.hook("ttl", HookPoint::Prerouting, -150)
            .push(Rule::new(matches, [Statement::KeepTtl]));
    }
}

/// A rule that jumps.
pub(super) fn jump(matches: impl IntoIterator<Item = Match>, chain: &str) -> Rule {
    Rule::new(matches, [Statement::Jump(chain.to_owned())])
}

/// A rule that lets packets go on behind the chain that asked.
pub(super) fn allow(matches: impl IntoIterator<Item = Match>) -> Rule {
    Rule::new(matches, [Statement::Return])
}

/// A rule that drops, and says why.
pub(super) fn deny(
    matches: impl IntoIterator<Item = Match>,
    reason: Reason,
    resource: impl Into<String>,
) -> Rule {
    Rule::new(
        matches,
        [
            Statement::Log(label(reason, resource, true)),
            Statement::Drop,
        ],
    )
}

/// What evidence says.
pub(super) fn label(reason: Reason, resource: impl Into<String>, is_final: bool) -> Label {
    Label {
        is_final,
        reason: reason.code().to_owned(),
        resource: resource.into(),
    }
}

/// A routing table of a node, above the kernel's own (253 to 255) and ours with fixed numbers.
pub(super) fn table(name: &str, taken: &mut BTreeSet<u32>) -> Table {
    Table(1_000 + place(name, 1 << 30, taken))
}

/// A place of `size`, chosen by name, so that those of the others do not move when one comes or goes.
/// Places that are taken are passed over; there must be a free one.
pub(super) fn place(name: &str, size: u32, taken: &mut BTreeSet<u32>) -> u32 {
    // FNV-1a, 32 bits.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let mut place = hash % size;
    while !taken.insert(place) {
        place = (place + 1) % size;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_follows_from_the_name_and_is_nobody_elses() {
        let mut taken = BTreeSet::new();
        let first = place("a", 3, &mut taken);
        assert_eq!(place("a", 3, &mut BTreeSet::new()), first);
        let others = [place("a", 3, &mut taken), place("a", 3, &mut taken)];
        assert_eq!(others, [(first + 1) % 3, (first + 2) % 3]);
    }
}
