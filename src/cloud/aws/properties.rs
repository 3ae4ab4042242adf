//! Laws that hold for every sequence of operations, valid or not.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_action::{any_action, destination, entry_action, protocol};
use super::*;

/// A state that random operations can do something with.
fn start() -> Aws {
    let mut lab = lab::Lab::default();
    for (name, cidr, subnet, range) in [
        ("a", "10.0.0.0/16", "s", "10.0.0.0/24"),
        ("b", "10.1.0.0/16", "t", "10.1.0.0/28"),
    ] {
        lab.ok("CreateVpc", &format!("as = \"{name}\", cidr = \"{cidr}\""));
        let subnet = format!("as = \"{subnet}\", vpc = \"{name}\", cidr = \"{range}\"");
        lab.ok("CreateSubnet", &subnet);
    }
    lab.ok("CreateInternetGateway", r#"as = "g""#);
    lab.ok(
        "AttachInternetGateway",
        r#"internet_gateway = "g", vpc = "a""#,
    );
    // Attachments come and go by SORACOM's operations; this one stays.
    let attachment = AttachmentId::new("x");
    lab.aws.attach(&attachment, &VpcId::new("a")).unwrap();
    lab.aws
}

fn distinct<T: Ord>(values: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    values.into_iter().all(|value| seen.insert(value))
}

/// What is true of every state.
fn check(aws: &Aws) -> Result<(), TestCaseError> {
    for (id, vpc) in &aws.vpcs {
        prop_assert!(aws.route_tables.contains_key(&id.main_route_table()));
        prop_assert!(
            aws.security_groups
                .contains_key(&id.default_security_group())
        );
        prop_assert!(aws.network_acls.contains_key(&id.default_network_acl()));
        for (n, range) in vpc.cidrs.iter().enumerate() {
            prop_assert!(
                vpc.cidrs[n + 1..]
                    .iter()
                    .all(|other| !vpc::overlap(range, other))
            );
        }
        let tables = aws.route_tables.values().filter(|table| table.vpc == *id);
        for prefix in tables.flat_map(|table| table.routes.keys()) {
            prop_assert!(
                !vpc.cidrs.iter().any(|range| range.contains(prefix)),
                "{prefix} is local"
            );
        }
        let gateways = aws.internet_gateways.values();
        prop_assert!(
            gateways
                .filter(|gateway| gateway.vpc.as_ref() == Some(id))
                .count()
                <= 1
        );
    }
    for (id, subnet) in &aws.subnets {
        let vpc = &aws.vpcs[&subnet.vpc];
        prop_assert!(vpc.cidrs.iter().any(|range| range.contains(&subnet.cidr)));
        prop_assert_eq!(
            &aws.route_tables[&subnet.effective_route_table()].vpc,
            &subnet.vpc
        );
        prop_assert_eq!(&aws.network_acls[&subnet.network_acl].vpc, &subnet.vpc);
        let siblings = aws
            .subnets
            .iter()
            .filter(|(name, other)| *name != id && other.vpc == subnet.vpc);
        for (_, other) in siblings {
            prop_assert!(!vpc::overlap(&subnet.cidr, &other.cidr));
        }
    }
    for instance in aws.instances.values() {
        let subnet = &aws.subnets[&instance.subnet];
        prop_assert!(subnet.cidr.contains(&instance.private_ip));
        prop_assert!(!subnet.is_reserved(instance.private_ip));
        prop_assert!(!instance.security_groups.is_empty());
        for group in &instance.security_groups {
            prop_assert_eq!(&aws.security_groups[group].vpc, &subnet.vpc);
        }
        prop_assert!(
            instance.state == InstanceState::Running || instance.assigned_public_ip.is_none()
        );
    }
    prop_assert!(distinct(
        aws.instances
            .values()
            .map(|instance| (&instance.subnet, instance.private_ip))
    ));
    prop_assert!(distinct(
        aws.instances
            .values()
            .filter_map(|instance| instance.assigned_public_ip)
    ));
    prop_assert!(distinct(
        aws.addresses.values().map(|address| address.public_ip)
    ));
    prop_assert!(distinct(
        aws.addresses
            .values()
            .filter_map(|address| address.instance.as_ref())
    ));
    for instance in aws
        .addresses
        .values()
        .filter_map(|address| address.instance.as_ref())
    {
        prop_assert_eq!(aws.instances[instance].assigned_public_ip, None);
    }
    for attachment in aws.attachments.values() {
        prop_assert!(aws.vpcs.contains_key(&attachment.vpc));
    }
    for table in aws.route_tables.values() {
        for target in table.routes.values() {
            if let RouteTarget::TransitGateway(name) = target {
                prop_assert_eq!(&aws.attachments[name].vpc, &table.vpc);
            }
        }
    }
    let live = || aws.peerings.values().filter(|peering| peering.is_live());
    let pairs = live().map(|peering| {
        let (a, b) = (&peering.requester.vpc, &peering.accepter.vpc);
        (a.min(b), a.max(b))
    });
    prop_assert!(distinct(pairs));
    for peering in live() {
        let (a, b) = (&peering.requester, &peering.accepter);
        prop_assert_eq!(&a.cidrs, &aws.vpcs[&a.vpc].cidrs);
        prop_assert_eq!(&b.cidrs, &aws.vpcs[&b.vpc].cidrs);
        prop_assert!(
            !a.cidrs
                .iter()
                .any(|x| b.cidrs.iter().any(|y| vpc::overlap(x, y)))
        );
    }
    // Rules name groups of their own VPC that exist, or groups of another VPC, stale or not.
    for (name, group) in &aws.security_groups {
        for rule in group.ingress.iter().chain(&group.egress) {
            if let RulePeer::Group(peer) = &rule.peer
                && !aws.security_groups.contains_key(peer)
            {
                prop_assert_eq!(
                    aws.group_addresses(&group.vpc, peer),
                    BTreeSet::new(),
                    "{}",
                    name
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_refusal_changes_nothing_and_every_state_is_sound(
        actions in vec((any_action(), 0_u64..3), 1..80),
    ) {
        let mut aws = start();
        let mut now = Duration::ZERO;
        for (action, days) in actions {
            now += Duration::from_secs(days * 24 * 60 * 60);
            aws.advance(now);
            prop_assert!(aws.next_change().is_none_or(|next| next > now));
            let before = aws.clone();
            match aws.apply(&action, now) {
                Ok(_) => check(&aws).map_err(|error| TestCaseError::fail(format!("{action:?}: {error}")))?,
                Err(error) => {
                    prop_assert_eq!(&aws, &before, "{:?}", action);
                    prop_assert!(!error.message.is_empty());
                }
            }
        }
    }

    /// Against a table that lists every route, local ones included, from the longest prefix to the
    /// shortest.
    #[test]
    fn the_longest_prefix_wins(
        routes in vec((any::<u32>(), 0_u8..=32), 0..40),
        others in vec((0_u32..16, 4_u8..=32), 0..20),
        destinations in vec(any::<u32>(), 1..40),
        near in vec(0_u32..0x20_0000, 1..40),
    ) {
        let mut aws = start();
        let id = RouteTableId::new("a-main");
        let target = RouteTarget::Instance(InstanceId::new("nobody"));
        // Destinations near the VPC's range 10.0.0.0/16 and far from it.
        let near_routes = others.iter().map(|(third, len)| (0x0a00_0000 + (third << 16), *len));
        for (address, len) in routes.iter().copied().chain(near_routes) {
            let prefix = Ipv4Net::new(Ipv4Addr::from(address), len).unwrap().trunc();
            if !aws.vpcs[&VpcId::new("a")].cidrs.iter().any(|range| range.contains(&prefix)) {
                aws.route_tables.get_mut(&id).unwrap().routes.insert(prefix, target.clone());
            }
        }
        let mut naive: BTreeMap<(u8, bool, Ipv4Net), ()> = BTreeMap::new();
        for range in &aws.vpcs[&VpcId::new("a")].cidrs {
            naive.insert((range.prefix_len(), true, *range), ());
        }
        for prefix in aws.route_tables[&id].routes.keys() {
            naive.insert((prefix.prefix_len(), false, *prefix), ());
        }
        let all = destinations.into_iter().chain(near.into_iter().map(|offset| 0x0a00_0000 + offset));
        for destination in all.map(Ipv4Addr::from) {
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
                    target: target.clone(),
                    state: RouteState::Blackhole,
                },
            };
            prop_assert_eq!(aws.choose_route(&SubnetId::new("s"), destination), expected);
        }
    }

    /// An ACL decides as its entries do, read from the top.
    #[test]
    fn the_first_acl_entry_that_matches_decides(
        entries in vec((1_u16..=32766, destination(), protocol(), entry_action()), 0..12),
        address in any::<u32>(),
        wanted in select(vec![IpProtocol::Tcp, IpProtocol::Udp, IpProtocol::Icmp]),
    ) {
        let mut acl = NetworkAcl { vpc: VpcId::new("a"), ingress: BTreeMap::new(), egress: BTreeMap::new() };
        for (number, cidr, protocol, action) in entries {
            let entry = NetworkAclEntry { action, protocol, ports: PortRange::ALL, icmp_type: None, cidr };
            acl.ingress.insert(number, entry);
        }
        let address = Ipv4Addr::from(address);
        let mut expected = AclMatch::FinalDeny;
        for (number, entry) in acl.ingress.iter().rev() {
            let about = entry.protocol == IpProtocol::All || entry.protocol == wanted;
            if about && entry.cidr.contains(&address) {
                expected = AclMatch::Entry(*number, entry.action);
            }
        }
        prop_assert_eq!(acl.first_match(false, address, wanted, 80, 8), expected);
    }
}

/// The laws above would hold emptily if the random operations never did anything.
#[test]
fn every_operation_is_carried_out_and_refused_at_times() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeSet<(&str, bool)> = BTreeSet::new();
    let sequence = vec(any_action(), 80);
    for _ in 0..200 {
        let actions = sequence.new_tree(&mut runner).unwrap();
        let mut aws = start();
        for action in actions.current() {
            let outcome = aws.apply(&action, Duration::ZERO);
            seen.insert((action.name(), outcome.is_ok()));
        }
    }
    let missing: Vec<_> = (Action::NAMES.iter())
        .flat_map(|name| [(*name, true), (*name, false)])
        .filter(|case| !seen.contains(case))
        .collect();
    assert_eq!(missing, []);
}
