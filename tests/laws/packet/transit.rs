//! No transit (Amazon VPC Peering Guide, "VPC peering limitations").

use canal_sim::cloud::aws::PeeringSide;
use canal_sim::reach::{Hop, HopKind, Map};
use proptest::prelude::*;

use super::journey::journey;
use super::predicted;
use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::flow::known;

/// Whether somebody sends the packet anew here, so that what comes is another journey.
fn begins_anew(hop: &Hop<'_>) -> bool {
    matches!(
        hop.kind,
        HopKind::Sends { .. }
            | HopKind::Forwards { .. }
            | HopKind::Encapsulates { .. }
            | HopKind::Decapsulates { .. }
    )
}

/// A way out of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Edge {
    Peering,
    Attachment,
    Gateway,
}

fn edge(hop: &Hop<'_>) -> Option<Edge> {
    match hop.kind {
        HopKind::Peering { .. } => Some(Edge::Peering),
        HopKind::Attachment { .. } => Some(Edge::Attachment),
        HopKind::InternetGateway { .. } | HopKind::Internet { .. } => Some(Edge::Gateway),
        _ => None,
    }
}

proptest! {
    #![proptest_config(cases(64))]

    /// Over one peering, and neither over a second one nor through the other side's gateways, unless a
    /// machine sends the packet on; and so it is with attachments.
    #[test]
    fn a_peering_is_the_only_edge_that_a_packet_crosses_from_machine_to_machine(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            for way in [&prediction.forward, &prediction.back] {
                let mut journey = Vec::new();
                for hop in way {
                    if begins_anew(hop) {
                        journey.clear();
                    }
                    journey.extend(edge(hop));
                    let alone = journey.iter().all(|edge| *edge == Edge::Gateway) || journey.len() == 1;
                    prop_assert!(alone, "{flow:?}: {journey:?} in {way:#?}");
                }
            }
        }
    }

    /// One address of each side: the source of the side that it leaves, the destination of the side that it
    /// enters.
    #[test]
    fn a_peering_carries_addresses_of_its_two_sides_only(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            for way in [&prediction.forward, &prediction.back] {
                for pair in journey(way).windows(2) {
                    let HopKind::Peering { peering, foreign } = pair[0].hop.kind else {
                        continue;
                    };
                    prop_assert_eq!(foreign, None, "{:?}: {:#?}", flow, way);
                    let peering = &cloud.aws.peerings[peering];
                    let entered = match pair[1].hop.kind {
                        HopKind::Vpc { vpc, .. } => vpc.clone(),
                        HopKind::VpgNode { vpg, .. } => vpg.vpc(),
                        _ => panic!("{flow:?}: {way:#?}"),
                    };
                    let near = peering.other_side(&entered).unwrap();
                    let far = peering.side_of(&entered).unwrap();
                    let of = |side: &PeeringSide, address| side.cidrs.iter().any(|range| range.contains(address));
                    prop_assert!(of(near, &pair[0].source), "{flow:?}: {way:#?}");
                    prop_assert!(of(far, &pair[0].destination), "{flow:?}: {way:#?}");
                }
            }
        }
    }
}
