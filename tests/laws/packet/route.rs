//! Which route a packet takes.

use std::net::Ipv4Addr;

use canal_sim::cloud::aws::{InstanceId, RouteState, RouteTableId, RouteTarget};
use canal_sim::cloud::{Cloud, Reason};
use canal_sim::reach::{Choice, HopKind, Map, Prediction, Verdict, VpgRoute};
use ipnet::Ipv4Net;
use proptest::prelude::*;

use super::journey::journey;
use super::predicted;
use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::flow::known;

/// The longest of the prefixes that hold an address.
fn longest(prefixes: impl Iterator<Item = Ipv4Net>, address: Ipv4Addr) -> Option<Ipv4Net> {
    let holds = |prefix: &Ipv4Net| prefix.network() <= address && address <= prefix.broadcast();
    prefixes.filter(holds).max_by_key(Ipv4Net::prefix_len)
}

/// The longest prefix that a table has for an address, and whether that is a range of the VPC.
fn of_table(cloud: &Cloud, table: &RouteTableId, address: Ipv4Addr) -> (Option<Ipv4Net>, bool) {
    let table = &cloud.aws.route_tables[table];
    let ranges = &cloud.aws.vpcs[&table.vpc].cidrs;
    let all = ranges.iter().chain(table.routes.keys());
    let found = longest(all.copied(), address);
    (found, found.is_some_and(|prefix| ranges.contains(&prefix)))
}

/// The route of a table that the way there takes first.
fn first_route<'a>(prediction: &Prediction<'a>) -> Option<(&'a RouteTableId, Ipv4Net)> {
    prediction.forward.iter().find_map(|hop| match hop.kind {
        HopKind::RouteTable {
            table,
            choice: Choice::Route(prefix, ..),
        } => Some((table, prefix)),
        _ => None,
    })
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn the_longest_prefix_wins(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            for way in [&prediction.forward, &prediction.back] {
                for stop in journey(way) {
                    let to = stop.destination;
                    match stop.hop.kind {
                        HopKind::RouteTable { table, choice } => {
                            let chosen = match choice {
                                Choice::Local(range) => (Some(range), true),
                                Choice::Route(prefix, ..) => (Some(prefix), false),
                                Choice::Nothing => (None, false),
                            };
                            prop_assert_eq!(chosen, of_table(&cloud, table, to), "{:?}, {}", flow, to);
                        }
                        HopKind::VpgRoute { vpg, route } => {
                            let vpg = &cloud.soracom.vpgs[vpg];
                            let peerings = vpg.peerings.values().map(|one| one.destination);
                            let customer = vpg.customer_routes.values().map(|one| one.destination);
                            let found = longest(peerings.chain(customer), to);
                            match route {
                                VpgRoute::Peering(_, prefix, _) | VpgRoute::Customer(_, prefix, ..) => {
                                    prop_assert_eq!(Some(prefix), found, "{:?}, {}", flow, to);
                                }
                                VpgRoute::InternetGateway
                                | VpgRoute::InternetGatewayOff
                                | VpgRoute::Uncovered
                                | VpgRoute::Platform => {
                                    prop_assert_eq!(found, None, "{:?}, {}", flow, to);
                                }
                                VpgRoute::Device(_)
                                | VpgRoute::GatePeer(_)
                                | VpgRoute::NobodyInDeviceSubnet
                                | VpgRoute::Itself => {}
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
    }

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

    /// What took a route dies there when its target is gone, though there be a route to everywhere.
    #[test]
    fn a_packet_takes_no_other_route_when_the_target_of_its_own_goes(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        let taken = predicted(&map, &cloud);
        for (id, table) in &cloud.aws.route_tables {
            for prefix in table.routes.keys() {
                let mut broken = cloud.clone();
                let routes = &mut broken.aws.route_tables.get_mut(id).unwrap().routes;
                routes.insert(*prefix, RouteTarget::Instance(InstanceId::new("gone")));
                let map = Map::new(&broken, &guests);
                let users = taken.iter().filter(|(_, before)| first_route(before) == Some((id, *prefix)));
                for (flow, _) in users {
                    let now = map.predict(flow).unwrap();
                    let wanted = Verdict::Blocked { reason: Reason::BadStateRoute, answer: false };
                    prop_assert_eq!(now.verdict, wanted, "{:?}", flow);
                    prop_assert_eq!(first_route(&now), Some((id, *prefix)), "{:?}", flow);
                }
            }
        }
    }
}
