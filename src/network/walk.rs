//! The way that a packet to an address takes, as the routes say: policy rules, longest prefix,
//! destination translation. What a filter says to the packet is not asked.

use std::net::Ipv4Addr;

use super::{HookPoint, IfName, Match, Network, Node, NodeId, Route, Statement, Table, Test};

/// A way longer than this goes in circles.
const LONGEST: usize = 64;

impl Network {
    /// The nodes from `from` on, as far as the routes lead: to the node that has the address, to the
    /// one that has no way on, or to the end of a tunnel whose far end is not known.
    pub fn walk(&self, from: &NodeId, to: Ipv4Addr) -> Vec<NodeId> {
        let mut way = vec![from.clone()];
        let (mut at, mut to, mut iif) = (from.clone(), to, None);
        while way.len() < LONGEST {
            let Some(node) = self.nodes.get(&at) else {
                break;
            };
            to = node.translated(to, iif.as_ref()).unwrap_or(to);
            if node.has(to) {
                break;
            }
            let Some(route) = node.choose(to, iif.as_ref()) else {
                break;
            };
            if let Some(tunnel) = node.tunnels.get(&route.dev) {
                // With one remote the frame can only go there.
                let mut remotes = tunnel.flood.iter();
                let (Some(remote), None) = (remotes.next(), remotes.next()) else {
                    break;
                };
                way.extend(self.walk(&at, *remote).into_iter().skip(1));
                break;
            }
            let Some((next, dev)) = self.across(&at, &route.dev) else {
                break;
            };
            way.push(next.clone());
            (at, iif) = (next, Some(dev));
        }
        way
    }

    /// The node and the interface at the other end of an interface.
    fn across(&self, node: &NodeId, dev: &IfName) -> Option<(NodeId, IfName)> {
        self.links.values().find_map(|link| {
            let [a, b] = &link.ends;
            let other = if (&a.node, &a.name) == (node, dev) {
                b
            } else if (&b.node, &b.name) == (node, dev) {
                a
            } else {
                return None;
            };
            Some((other.node.clone(), other.name.clone()))
        })
    }
}

impl Node {
    /// Whether an address is one of the node's own.
    pub fn has(&self, ip: Ipv4Addr) -> bool {
        self.addresses.iter().any(|a| a.net.addr() == ip)
    }

    /// The route that a packet takes, by the policy rules and then the main table. An interface's
    /// prefix is a route of the main table.
    fn choose(&self, to: Ipv4Addr, iif: Option<&IfName>) -> Option<Route> {
        let by_rule = self
            .rules
            .iter()
            .filter(|rule| rule.iif.is_none() || rule.iif.as_ref() == iif)
            .find_map(|rule| self.look_up(rule.table, to));
        by_rule.or_else(|| self.look_up(Table::MAIN, to))
    }

    fn look_up(&self, table: Table, to: Ipv4Addr) -> Option<Route> {
        let told = self
            .routes
            .iter()
            .filter(|((t, prefix), _)| *t == table && prefix.contains(&to))
            .map(|((_, prefix), route)| (prefix.prefix_len(), route.clone()));
        let connected = self
            .addresses
            .iter()
            .filter(|a| table == Table::MAIN && a.net.contains(&to) && a.dev != IfName::lo())
            .map(|a| {
                let route = Route {
                    dev: a.dev.clone(),
                    via: None,
                    source: None,
                };
                (a.net.prefix_len(), route)
            });
        let longest = told.chain(connected).max_by_key(|(length, _)| *length);
        longest.map(|(_, route)| route)
    }

    /// The address that takes the place of this one, where a rule translates it.
    fn translated(&self, to: Ipv4Addr, iif: Option<&IfName>) -> Option<Ipv4Addr> {
        let chains = self.filter.chains.values().filter(|chain| {
            chain
                .hook
                .is_some_and(|hook| hook.point == HookPoint::NatPrerouting)
        });
        let applies = |one: &Match| match &one.test {
            Test::Iif(name) => (iif == Some(name)) != one.negated,
            Test::Destination(prefix) => prefix.contains(&to) != one.negated,
            // Nothing else is asked before translation.
            _ => false,
        };
        chains
            .flat_map(|chain| &chain.rules)
            .filter(|rule| rule.matches.iter().all(applies))
            .flat_map(|rule| &rule.statements)
            .find_map(|statement| match statement {
                Statement::Dnat(ip) => Some(*ip),
                _ => None,
            })
    }
}
