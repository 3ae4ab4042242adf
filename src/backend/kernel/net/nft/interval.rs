//! Prefixes as intervals that neither overlap nor touch, as an nf_tables set wants them.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

/// The addresses of all prefixes together: first and last of each interval, in ascending order.
pub(super) fn merged(prefixes: &BTreeSet<Ipv4Net>) -> Vec<(u32, u32)> {
    let mut all: Vec<(u32, u32)> = prefixes
        .iter()
        .map(|net| (net.network().to_bits(), net.broadcast().to_bits()))
        .collect();
    all.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::new();
    for (first, last) in all {
        match merged.last_mut() {
            Some((_, end)) if end.checked_add(1).is_none_or(|next| first <= next) => {
                *end = (*end).max(last);
            }
            _ => merged.push((first, last)),
        }
    }
    merged
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_overlaps_or_touches_becomes_one() {
        let prefixes = [
            "10.0.0.0/8",
            "10.1.0.0/16",
            "11.0.0.0/8",
            "255.255.255.255/32",
        ];
        let prefixes = prefixes.iter().map(|p| p.parse().unwrap()).collect();
        assert_eq!(
            merged(&prefixes),
            [(0x0a00_0000, 0x0bff_ffff), (u32::MAX, u32::MAX)]
        );
        let all = BTreeSet::from(["0.0.0.0/0".parse().unwrap(), "9.0.0.0/8".parse().unwrap()]);
        assert_eq!(merged(&all), [(0, u32::MAX)]);
    }

    proptest! {
        #[test]
        fn merging_keeps_every_address_and_adds_none(
            nets in proptest::collection::btree_set((0_u32..16, 28_u8..=32), 0..6),
            address in 0_u32..32,
        ) {
            let nets: BTreeSet<Ipv4Net> = nets
                .into_iter()
                .map(|(bits, length)| Ipv4Net::new_assert(Ipv4Addr::from_bits(bits), length))
                .collect();
            let whole = merged(&nets);
            let ip = Ipv4Addr::from_bits(address);
            let before = nets.iter().any(|net| net.contains(&ip));
            let after = whole.iter().any(|(a, b)| (*a..=*b).contains(&address));
            prop_assert_eq!(before, after);
            prop_assert!(whole.windows(2).all(|w| w[0].1 + 1 < w[1].0));
        }
    }
}
