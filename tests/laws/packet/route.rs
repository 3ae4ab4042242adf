//! Routes that lead nowhere.

use canal_sim::cloud::Reason;
use canal_sim::cloud::aws::RouteState;
use canal_sim::reach::{Choice, HopKind, Map, Verdict, VpgRoute};
use proptest::prelude::*;

use super::predicted;
use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::flow::known;

proptest! {
    #![proptest_config(cases(64))]

    /// A VPC's blackhole, and a VPG's way into a peering or an attachment that is not active.
    #[test]
    fn a_packet_goes_no_further_than_to_a_blackhole(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            for hop in prediction.forward.iter().chain(&prediction.back) {
                let blackhole = match hop.kind {
                    HopKind::RouteTable { choice: Choice::Route(_, _, state), .. } => state == RouteState::Blackhole,
                    HopKind::VpgRoute { route: VpgRoute::Peering(_, _, active), .. } => !active,
                    HopKind::VpgRoute { route: VpgRoute::Customer(.., active), .. } => !active,
                    _ => false,
                };
                if blackhole {
                    prop_assert_eq!(prediction.fault(), Some(hop), "{:?}", flow);
                    let died = matches!(prediction.verdict, Verdict::Blocked { reason: Reason::BadStateRoute, .. });
                    prop_assert!(died, "{flow:?}: {prediction:#?}");
                }
            }
        }
    }
}
