//! Translation of addresses, there and back again.

use std::net::Ipv4Addr;

use canal_sim::cloud::aws::InstanceId;
use canal_sim::reach::{Hop, HopKind, Map, NatPlace};
use proptest::prelude::*;

use super::{passes, predicted};
use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::flow::known;

/// A translation: where, of the source or of the destination, from what into what.
type Translation<'a> = (NatPlace<'a>, bool, Ipv4Addr, Ipv4Addr);

/// The translations on a way, those of outer packets aside.
fn translations<'a>(way: &[Hop<'a>]) -> Vec<Translation<'a>> {
    let inner = way.iter().filter(|hop| !hop.tunnelled);
    inner
        .filter_map(|hop| match hop.kind {
            HopKind::Nat {
                place,
                source,
                from,
                to,
            } => Some((place, source, from, to)),
            _ => None,
        })
        .collect()
}

/// The addresses that a packet has when it is sent, and the one that it arrives at.
fn ends(way: &[Hop<'_>]) -> (Option<(Ipv4Addr, Ipv4Addr)>, Option<Ipv4Addr>) {
    let sent = way.iter().find_map(|hop| match hop.kind {
        HopKind::Sends {
            source,
            destination,
            ..
        } => Some((source, destination)),
        _ => None,
    });
    let arrived = way.iter().rev().find_map(|hop| match hop.kind {
        HopKind::Arrives { destination, .. } => Some(destination),
        _ => None,
    });
    (sent, arrived)
}

proptest! {
    #![proptest_config(cases(64))]

    /// The answer meets the same translations in the opposite order, each the other way round; so it comes
    /// from where the question went, to where that came from.
    #[test]
    fn what_is_translated_on_the_way_there_is_restored_on_the_way_back(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            if !passes(&prediction) {
                continue;
            }
            let there = translations(&prediction.forward);
            let back = translations(&prediction.back);
            let mirrored: Vec<_> = there
                .iter()
                .rev()
                .map(|(place, source, from, to)| (*place, !source, *to, *from))
                .collect();
            prop_assert_eq!(back, mirrored, "{:?}: {:#?}", flow, prediction);
            let (asked, _) = ends(&prediction.forward);
            let (_, arrived) = ends(&prediction.back);
            if let Some(arrived) = arrived {
                prop_assert_eq!(Some(arrived), asked.map(|(source, _)| source), "{:?}", flow);
            }
        }
    }

    /// What the far end sees is what the last translation of the source made of it.
    #[test]
    fn the_far_end_sees_the_translated_source(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            let Some(seen) = prediction.seen_from else {
                continue;
            };
            let there = translations(&prediction.forward);
            let last = there.iter().rev().find(|(_, source, ..)| *source);
            let sent = ends(&prediction.forward).0.map(|(source, _)| source);
            let wanted = last.map(|(_, _, _, to)| *to).or(sent);
            prop_assert_eq!(Some(seen), wanted, "{:?}", flow);
        }
    }

    /// Nobody but the instance has its public address, and the instance has no other.
    #[test]
    fn an_internet_gateway_translates_one_to_one(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        let public = |instance: &InstanceId| cloud.aws.public_ip(instance);
        for (flow, prediction) in predicted(&map, &cloud) {
            for way in [&prediction.forward, &prediction.back] {
                for (place, source, from, to) in translations(way) {
                    let NatPlace::InternetGateway(gateway) = place else {
                        continue;
                    };
                    let (private, outside) = if source { (from, to) } else { (to, from) };
                    let vpc = cloud.aws.internet_gateways[gateway].vpc.as_ref().unwrap();
                    let instance = cloud.aws.instance_at(vpc, private).unwrap();
                    prop_assert_eq!(public(instance), Some(outside), "{:?}", flow);
                    prop_assert_eq!(cloud.aws.instance_at_public_ip(outside), Some(instance));
                }
            }
        }
    }
}
