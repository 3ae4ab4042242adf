//! Which route counts.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use canal_sim::cloud::aws::{
    Aws, InstanceId, RouteChoice, RouteState, RouteTableId, RouteTarget, SubnetId, VpcId,
};
use ipnet::Ipv4Net;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::any::cases;
use crate::any::cloud::{Start, walk};

/// Destinations near the VPC's range 10.0.0.0/16 and far from it.
fn destinations() -> impl Strategy<Value = Vec<Ipv4Addr>> {
    let near = (0_u32..0x20_0000).prop_map(|offset| 0x0a00_0000 + offset);
    vec(prop_oneof![any::<u32>(), near], 1..40)
        .prop_map(|all| all.into_iter().map(Ipv4Addr::from).collect())
}

fn prefixes() -> impl Strategy<Value = Vec<Ipv4Net>> {
    let near = (0_u32..16, 4_u8..=32).prop_map(|(third, len)| (0x0a00_0000 + (third << 16), len));
    let any = (any::<u32>(), 0_u8..=32);
    vec(prop_oneof![any, near], 0..40).prop_map(|all| {
        let nets = all
            .into_iter()
            .map(|(address, len)| Ipv4Net::new(Ipv4Addr::from(address), len));
        nets.map(|net| net.unwrap().trunc()).collect()
    })
}

/// The connected world's AWS, where the table `public` has a route to nobody for each prefix that is not
/// local.
fn with_routes(prefixes: &[Ipv4Net]) -> Aws {
    let mut aws = Start::Connected.world().cloud.aws;
    let ranges = &aws.vpcs[&VpcId::new("customer")].cidrs;
    let nobody = RouteTarget::Instance(InstanceId::new("nobody"));
    let outside = prefixes
        .iter()
        .filter(|prefix| !ranges.iter().any(|range| range.contains(*prefix)));
    let routes = outside.map(|prefix| (*prefix, nobody.clone())).collect();
    let table = aws
        .route_tables
        .get_mut(&RouteTableId::new("public"))
        .unwrap();
    table.routes = routes;
    aws
}

proptest! {
    #![proptest_config(cases(256))]

    /// Against a table that lists every route, local ones included, from the longest prefix to the
    /// shortest.
    #[test]
    fn the_longest_prefix_wins(prefixes in prefixes(), destinations in destinations()) {
        let aws = with_routes(&prefixes);
        let id = RouteTableId::new("public");
        let mut naive: BTreeMap<(u8, bool, Ipv4Net), ()> = BTreeMap::new();
        for range in &aws.vpcs[&VpcId::new("customer")].cidrs {
            naive.insert((range.prefix_len(), true, *range), ());
        }
        for prefix in aws.route_tables[&id].routes.keys() {
            naive.insert((prefix.prefix_len(), false, *prefix), ());
        }
        for destination in destinations {
            let best = naive.keys().rev().find(|(_, _, prefix)| {
                let mask = u32::from(prefix.netmask());
                u32::from(destination) & mask == u32::from(prefix.network())
            });
            let expected = match best {
                None => RouteChoice::None,
                Some((_, true, range)) => RouteChoice::Local(*range),
                Some((_, false, prefix)) => RouteChoice::Route {
                    table: id.clone(),
                    prefix: *prefix,
                    target: RouteTarget::Instance(InstanceId::new("nobody")),
                    state: RouteState::Blackhole,
                },
            };
            prop_assert_eq!(aws.choose_route(&SubnetId::new("public"), destination), expected);
        }
    }

    /// Whatever becomes of the targets, pending, active, stopped, detached, deleted or expired: as long as
    /// the prefixes are the same, the same route counts, with its target and none other's.
    #[test]
    fn a_blackhole_never_falls_back(walk in walk(0..60), destinations in destinations()) {
        let aws = walk.end().cloud.aws;
        // Where everything is available, and the table is the same.
        let mut healthy = aws.clone();
        for table in healthy.route_tables.values_mut() {
            for target in table.routes.values_mut() {
                *target = RouteTarget::Instance(InstanceId::new("nobody"));
            }
        }
        for (id, subnet) in &aws.subnets {
            let table = &aws.route_tables[&subnet.effective_route_table()];
            // Where each route begins is looked at besides, or some would be looked at hardly ever.
            let beginnings = table.routes.keys().map(Ipv4Net::network);
            for destination in destinations.iter().copied().chain(beginnings) {
                let chosen = aws.choose_route(id, destination);
                let unseen = healthy.choose_route(id, destination);
                match (&chosen, &unseen) {
                    (RouteChoice::Route { prefix, target, state, .. }, RouteChoice::Route { prefix: same, .. }) => {
                        prop_assert_eq!(prefix, same);
                        prop_assert_eq!(target, &table.routes[prefix]);
                        prop_assert_eq!(*state, aws.route_state(&subnet.vpc, target));
                    }
                    _ => prop_assert_eq!(&chosen, &unseen),
                }
            }
        }
    }

    /// What a route leads to decides, and nothing else does, whether it is a blackhole: read off the
    /// target's own state.
    #[test]
    fn a_route_is_active_while_its_target_can_carry_packets(walk in walk(0..60), wait in 0..800_000_u64) {
        let mut world = walk.end();
        world.pass(Duration::from_secs(wait));
        let cloud = &world.cloud;
        for table in cloud.aws.route_tables.values() {
            for target in table.routes.values() {
                let healthy = match target {
                    RouteTarget::InternetGateway(id) => format!("internet_gateway.{id}.vpc"),
                    RouteTarget::Peering(id) => format!("peering.{id}.status"),
                    RouteTarget::TransitGateway(id) => format!("attachment.{id}.status"),
                    RouteTarget::Instance(id) => format!("instance.{id}.state"),
                };
                let wanted = match target {
                    RouteTarget::InternetGateway(_) => table.vpc.as_str(),
                    RouteTarget::Peering(_) | RouteTarget::TransitGateway(_) => "active",
                    RouteTarget::Instance(_) => "running",
                };
                let active = cloud.value(&healthy).is_ok_and(|value| value == wanted);
                let state = cloud.aws.route_state(&table.vpc, target);
                prop_assert_eq!(state == RouteState::Active, active, "{}", healthy);
            }
        }
    }
}
