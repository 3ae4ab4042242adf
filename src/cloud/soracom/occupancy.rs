//! What sessions take up on a VPG, or on the shared platform: addresses, and places on the nodes. It follows
//! from the sessions, and is kept beside them so that a fleet attaches in a time that grows as it does.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::Session;

/// What the sessions of one place take up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Occupancy {
    /// The addresses, as ranges: first → last. No two touch.
    ranges: BTreeMap<u32, u32>,
    /// How many sessions each node serves.
    nodes: [usize; 2],
}

impl Occupancy {
    /// A session begins.
    pub fn add(&mut self, session: &Session) {
        let ip = u32::from(session.ip);
        let before = self.ranges.range(..=ip).next_back();
        let before = before.map(|(first, last)| (*first, *last));
        let first = match before {
            Some((_, last)) if last >= ip => return,
            Some((first, last)) if last + 1 == ip => first,
            _ => ip,
        };
        let after = ip.checked_add(1).and_then(|next| self.ranges.remove(&next));
        self.ranges.insert(first, after.unwrap_or(ip));
        if let Some(count) = self.on_node(session) {
            *count += 1;
        }
    }

    /// A session has ended.
    pub fn remove(&mut self, session: &Session) {
        let ip = u32::from(session.ip);
        let range = self.ranges.range(..=ip).next_back();
        let range = range.map(|(first, last)| (*first, *last));
        let Some((first, last)) = range.filter(|(_, last)| *last >= ip) else {
            return;
        };
        self.ranges.remove(&first);
        if first < ip {
            self.ranges.insert(first, ip - 1);
        }
        if ip < last {
            self.ranges.insert(ip + 1, last);
        }
        if let Some(count) = self.on_node(session) {
            *count -= 1;
        }
    }

    fn on_node(&mut self, session: &Session) -> Option<&mut usize> {
        let (_, node) = session.anchor.as_ref()?;
        self.nodes.get_mut(*node)
    }

    /// The node with fewer sessions, that of `own` aside; the first one where they have the same number.
    pub fn quieter_node(&self, own: Option<usize>) -> usize {
        let [mut first, mut second] = self.nodes;
        match own {
            Some(0) => first -= 1,
            Some(_) => second -= 1,
            None => {}
        }
        usize::from(second < first)
    }

    /// The lowest address of `net`, without its first and last, that neither a session has, that of `own`
    /// aside, nor anything else.
    pub fn lowest_free(
        &self,
        net: Ipv4Net,
        own: Option<Ipv4Addr>,
        is_held: impl Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let last = u32::from(net.broadcast()).checked_sub(1)?;
        let mut next = u32::from(net.network()).checked_add(1)?;
        let own = own.filter(|ip| (next..=last).contains(&u32::from(*ip)) && !is_held(*ip));
        let free = loop {
            if next > last {
                break None;
            }
            let range = self.ranges.range(..=next).next_back();
            match range.filter(|(_, end)| **end >= next) {
                Some((_, end)) => next = end.checked_add(1)?,
                None if is_held(next.into()) => next += 1,
                None => break Some(Ipv4Addr::from(next)),
            }
        };
        own.into_iter().chain(free).min()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::VpgId;
    use super::*;
    use crate::cloud::Time;

    fn session(ip: u32, node: usize) -> Session {
        Session {
            anchor: Some((VpgId::new("vpg"), node)),
            ip: ip.into(),
            dns: Vec::new(),
            mtu: 1500,
            since: Time::ZERO,
            last_used: Time::ZERO,
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_looking_at_each_address_finds(
            steps in proptest::collection::vec((any::<bool>(), 0..40_u32, 0..2_usize), 0..60),
            held in proptest::collection::btree_set(0..40_u32, 0..6),
        ) {
            let net: Ipv4Net = "10.0.0.0/27".parse().unwrap();
            let base = u32::from(net.network());
            let mut occupancy = Occupancy::default();
            let mut all: BTreeMap<u32, usize> = BTreeMap::new();
            let held: BTreeSet<Ipv4Addr> = held.into_iter().map(|n| (base + n).into()).collect();
            for (adds, n, node) in steps {
                let ip = base + n;
                match all.get(&ip).copied() {
                    None if adds => {
                        all.insert(ip, node);
                        occupancy.add(&session(ip, node));
                    }
                    Some(node) if !adds => {
                        all.remove(&ip);
                        occupancy.remove(&session(ip, node));
                    }
                    _ => {}
                }
                let own = all.keys().next_back().copied();
                for own in [None, own] {
                    let free = |ip: &Ipv4Addr| {
                        let taken = all.contains_key(&u32::from(*ip)) && own != Some(u32::from(*ip));
                        !taken && !held.contains(ip)
                    };
                    let wanted = net.hosts().find(free);
                    let is_held = |ip| held.contains(&ip);
                    let own_ip = own.map(Ipv4Addr::from);
                    prop_assert_eq!(occupancy.lowest_free(net, own_ip, is_held), wanted);
                    let on = |node| all.iter().filter(|(ip, n)| **n == node && own != Some(**ip)).count();
                    let own_node = own.and_then(|ip| all.get(&ip).copied());
                    prop_assert_eq!(occupancy.quieter_node(own_node), usize::from(on(1) < on(0)));
                }
            }
        }
    }
}
