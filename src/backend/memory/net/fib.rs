//! Routing tables, and the policy that chooses among them (fib_rules, fib_trie).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use rustc_hash::FxHashMap;

use super::super::filter::Name;
use crate::network::{PolicyRule, Table};

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Route {
    /// The outgoing interface; none for a route that leads nowhere (`blackhole` and its like).
    pub dev: Option<Dev>,
    /// The next hop; none where the destination is on the link.
    pub via: Option<Ipv4Addr>,
    /// The source address that the node's own packets take.
    pub source: Option<Ipv4Addr>,
}

/// The number of an interface within a node.
pub(in super::super) type Dev = usize;

/// A routing table: the routes of one prefix length together, the longest first.
#[derive(Debug, Default)]
pub(in super::super) struct Fib {
    lengths: Vec<(u8, FxHashMap<u32, Route>)>,
}

impl Fib {
    /// Adds a route, or puts it in the place of the one for the same prefix.
    pub fn set(&mut self, prefix: Ipv4Net, route: Route) {
        let length = prefix.prefix_len();
        let at = self.lengths.partition_point(|(other, _)| *other > length);
        if self
            .lengths
            .get(at)
            .is_none_or(|(other, _)| *other != length)
        {
            self.lengths.insert(at, (length, FxHashMap::default()));
        }
        self.lengths[at].1.insert(prefix.network().into(), route);
    }

    /// The route for just this prefix.
    pub fn get(&self, prefix: Ipv4Net) -> Option<&Route> {
        let mut lengths = self.lengths.iter();
        let (_, routes) = lengths.find(|(length, _)| *length == prefix.prefix_len())?;
        routes.get(&u32::from(prefix.network()))
    }

    /// Removes the route for a prefix.
    pub fn remove(&mut self, prefix: Ipv4Net) {
        let mut lengths = self.lengths.iter_mut();
        if let Some((_, routes)) = lengths.find(|(length, _)| *length == prefix.prefix_len()) {
            routes.remove(&u32::from(prefix.network()));
        }
    }

    /// Removes the routes for which `keep` says so.
    pub fn retain(&mut self, keep: impl Fn(&Route) -> bool) {
        for (_, routes) in &mut self.lengths {
            routes.retain(|_, route| keep(route));
        }
    }

    /// The route with the longest prefix that holds an address.
    pub fn look_up(&self, ip: Ipv4Addr) -> Option<&Route> {
        let ip = u32::from(ip);
        self.lengths.iter().find_map(|(length, routes)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
            routes.get(&(ip & mask))
        })
    }

    /// All routes, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Ipv4Net, &Route)> {
        self.lengths.iter().flat_map(|(length, routes)| {
            routes.iter().filter_map(|(network, route)| {
                Some((Ipv4Net::new((*network).into(), *length).ok()?, route))
            })
        })
    }
}

/// A node's tables and the rules on them.
#[derive(Debug, Default)]
pub(in super::super) struct Tables {
    tables: Vec<(Table, Fib)>,
    rules: Vec<(PolicyRule, Option<Name>)>,
    /// For each interface the tables that its packets look up, in order; made when first asked for.
    plans: FxHashMap<Option<Name>, Vec<usize>>,
}

impl Tables {
    /// A table, made if need be.
    pub fn table(&mut self, table: Table) -> &mut Fib {
        let at = self.tables.iter().position(|(own, _)| *own == table);
        let at = at.unwrap_or_else(|| {
            self.tables.push((table, Fib::default()));
            self.plans.clear();
            self.tables.len() - 1
        });
        &mut self.tables[at].1
    }

    /// A table, if it is there.
    pub fn get(&self, table: Table) -> Option<&Fib> {
        let mut tables = self.tables.iter();
        tables.find(|(own, _)| *own == table).map(|(_, fib)| fib)
    }

    /// All of them.
    pub fn all(&mut self) -> impl Iterator<Item = &mut Fib> {
        self.tables.iter_mut().map(|(_, fib)| fib)
    }

    /// Adds a rule of the policy.
    pub fn add_rule(&mut self, rule: PolicyRule, iif: Option<Name>) {
        self.rules.push((rule, iif));
        self.rules.sort();
        self.plans.clear();
    }

    /// Removes one.
    pub fn remove_rule(&mut self, rule: &PolicyRule) {
        self.rules.retain(|(own, _)| own != rule);
        self.plans.clear();
    }

    /// The route of a packet that came in by this interface, or that is the node's own; none where no table
    /// has one.
    pub fn route(&mut self, to: Ipv4Addr, iif: Option<Name>) -> Option<Route> {
        let plan = match self.plans.get(&iif) {
            Some(plan) => plan,
            None => {
                let plan = self.plan(iif);
                self.plans.entry(iif).or_insert(plan)
            }
        };
        plan.iter()
            .find_map(|at| self.tables[*at].1.look_up(to).copied())
    }

    fn plan(&self, iif: Option<Name>) -> Vec<usize> {
        let applies = self
            .rules
            .iter()
            .filter(|(rule, name)| rule.iif.is_none() || (name.is_some() && *name == iif));
        let tables = applies.map(|(rule, _)| rule.table).chain([Table::MAIN]);
        tables
            .filter_map(|table| self.tables.iter().position(|(own, _)| *own == table))
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_longest_prefix_wins(
            routes in proptest::collection::vec((any::<u32>(), 0..=32_u8), 1..12),
            (near, bit) in any::<(proptest::sample::Index, u8)>(),
        ) {
            let mut fib = Fib::default();
            let mut all = Vec::new();
            for (dev, (ip, length)) in routes.iter().enumerate() {
                let net = Ipv4Net::new((*ip).into(), *length).unwrap().trunc();
                fib.set(net, Route { dev: Some(dev), via: None, source: None });
                all.retain(|(other, _)| *other != net);
                all.push((net, dev));
            }
            let (ip, _) = routes[near.index(routes.len())];
            let ip = Ipv4Addr::from(ip ^ (1 << (bit % 32)));
            let wanted = all
                .iter()
                .filter(|(net, _)| net.contains(&ip))
                .max_by_key(|(net, _)| net.prefix_len())
                .map(|(_, dev)| *dev);
            prop_assert_eq!(fib.look_up(ip).and_then(|route| route.dev), wanted);
        }
    }

    #[test]
    fn rules_are_asked_in_order_and_the_main_table_last() {
        let mut tables = Tables::default();
        let to: Ipv4Net = "10.0.0.0/8".parse().unwrap();
        let route = |dev| Route {
            dev: Some(dev),
            via: None,
            source: None,
        };
        tables.table(Table::MAIN).set(to, route(1));
        tables.table(Table(7)).set(to, route(2));
        let rule = PolicyRule {
            priority: 100,
            iif: Some(crate::network::IfName::fit("a", "")),
            table: Table(7),
        };
        let asked = |tables: &mut Tables, iif| tables.route(to.addr(), iif).unwrap().dev;
        assert_eq!(asked(&mut tables, Some(5)), Some(1));
        tables.add_rule(rule.clone(), Some(5));
        assert_eq!(asked(&mut tables, Some(5)), Some(2));
        assert_eq!(asked(&mut tables, Some(6)), Some(1));
        assert_eq!(asked(&mut tables, None), Some(1));
        tables.remove_rule(&rule);
        assert_eq!(asked(&mut tables, Some(5)), Some(1));
    }
}
