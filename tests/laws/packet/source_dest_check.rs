//! The source/destination check (Amazon EC2 User Guide, "Source/destination checking").

use canal_sim::reach::{HopKind, Map, Node};
use proptest::prelude::*;

use super::{answered, predicted, still_answered};
use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::flow::known;

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn an_instance_with_the_check_passes_nothing_on_for_others(walk in stroll(), known in known()) {
        let mut cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        for instance in cloud.aws.instances.values_mut() {
            instance.source_dest_check = true;
        }
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            for hop in prediction.forward.iter().chain(&prediction.back) {
                let forwards = matches!(hop.kind, HopKind::Forwards { node: Node::Instance(_) });
                prop_assert!(!forwards, "{flow:?}: {prediction:#?}");
            }
        }
    }

    /// It only ever stops what is neither from nor to the instance's own address.
    #[test]
    fn the_check_stops_other_peoples_packets_and_no_others(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            let hops = prediction.forward.iter().chain(&prediction.back);
            for hop in hops {
                if let HopKind::SourceDestCheck { instance, address, .. } = hop.kind {
                    let instance = &cloud.aws.instances[instance];
                    prop_assert!(instance.source_dest_check);
                    let stopped = prediction.fault() == Some(hop);
                    prop_assert_eq!(stopped, address != instance.private_ip, "{:?}", flow);
                }
            }
        }
    }

    #[test]
    fn switching_the_check_off_blocks_nothing(walk in stroll(), known in known()) {
        let mut cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let before = answered(&cloud, &guests);
        for instance in cloud.aws.instances.values_mut() {
            instance.source_dest_check = false;
        }
        still_answered(&before, &cloud, &guests, "no checks");
    }
}
