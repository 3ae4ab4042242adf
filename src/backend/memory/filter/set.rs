//! Sets that packets are looked up in.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use rustc_hash::FxHashSet;

use super::Name;

/// Interfaces, one bit each.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<u64>);

impl Names {
    pub fn contains(&self, name: Name) -> bool {
        let word = self.0.get(name as usize / 64);
        word.is_some_and(|word| word >> (name % 64) & 1 == 1)
    }
}

impl FromIterator<Name> for Names {
    fn from_iter<I: IntoIterator<Item = Name>>(names: I) -> Self {
        let mut set = Self::default();
        for name in names {
            let at = name as usize / 64;
            if set.0.len() <= at {
                set.0.resize(at + 1, 0);
            }
            set.0[at] |= 1 << (name % 64);
        }
        set
    }
}

/// A prefix as the bits that count and their values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix {
    mask: u32,
    value: u32,
}

impl Prefix {
    pub fn contains(self, ip: Ipv4Addr) -> bool {
        u32::from(ip) & self.mask == self.value
    }
}

impl From<Ipv4Net> for Prefix {
    fn from(net: Ipv4Net) -> Self {
        Self {
            mask: net.netmask().into(),
            value: net.network().into(),
        }
    }
}

/// Prefixes: those of one length together.
#[derive(Debug)]
pub(super) struct Prefixes(Vec<(u32, FxHashSet<u32>)>);

impl Prefixes {
    pub fn contains(&self, ip: Ipv4Addr) -> bool {
        let ip = u32::from(ip);
        self.0
            .iter()
            .any(|(mask, values)| values.contains(&(ip & mask)))
    }
}

impl<'a> FromIterator<&'a Ipv4Net> for Prefixes {
    fn from_iter<I: IntoIterator<Item = &'a Ipv4Net>>(nets: I) -> Self {
        let mut lengths: Vec<(u32, FxHashSet<u32>)> = Vec::new();
        for net in nets {
            let Prefix { mask, value } = (*net).into();
            match lengths.iter_mut().find(|(m, _)| *m == mask) {
                Some((_, values)) => {
                    values.insert(value);
                }
                None => lengths.push((mask, [value].into_iter().collect())),
            }
        }
        Self(lengths)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_holds_what_its_prefixes_do(
            nets in proptest::collection::vec((any::<u32>(), 0..=32_u8), 0..6),
            near in any::<(proptest::sample::Index, u8)>(),
            far in any::<u32>(),
        ) {
            let nets: Vec<Ipv4Net> = nets
                .into_iter()
                .map(|(ip, length)| Ipv4Net::new(ip.into(), length).unwrap())
                .collect();
            let set: Prefixes = nets.iter().collect();
            let close = nets.get(near.0.index(nets.len().max(1)));
            let close = close.map_or(far, |net| u32::from(net.addr()) ^ (1 << (near.1 % 32)));
            for ip in [far, close] {
                let ip = Ipv4Addr::from(ip);
                prop_assert_eq!(set.contains(ip), nets.iter().any(|net| net.contains(&ip)));
            }
        }

        #[test]
        fn a_set_of_names_holds_just_those(names in proptest::collection::btree_set(0..200_u32, 0..9)) {
            let set: Names = names.iter().copied().collect();
            for name in 0..200 {
                prop_assert_eq!(set.contains(name), names.contains(&name));
            }
        }
    }
}
