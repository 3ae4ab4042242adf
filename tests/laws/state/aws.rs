//! What is true of AWS at any time.

use std::collections::BTreeSet;

use canal_sim::cloud::aws::{Aws, InstanceState, RulePeer};

use super::{distinct, overlap};

/// Fails where AWS's side makes no sense.
pub fn check(aws: &Aws) {
    for (id, vpc) in &aws.vpcs {
        assert!(aws.route_tables.contains_key(&id.main_route_table()));
        assert!(
            aws.security_groups
                .contains_key(&id.default_security_group())
        );
        assert!(aws.network_acls.contains_key(&id.default_network_acl()));
        for (n, range) in vpc.cidrs.iter().enumerate() {
            assert!(
                vpc.cidrs[n + 1..]
                    .iter()
                    .all(|other| !overlap(range, other))
            );
        }
        let tables = aws.route_tables.values().filter(|table| table.vpc == *id);
        for prefix in tables.flat_map(|table| table.routes.keys()) {
            assert!(
                !vpc.cidrs.iter().any(|range| range.contains(prefix)),
                "{prefix} is local"
            );
        }
        let gateways = aws.internet_gateways.values();
        assert!(
            gateways
                .filter(|gateway| gateway.vpc.as_ref() == Some(id))
                .count()
                <= 1
        );
    }
    for (id, subnet) in &aws.subnets {
        let vpc = &aws.vpcs[&subnet.vpc];
        assert!(vpc.cidrs.iter().any(|range| range.contains(&subnet.cidr)));
        assert_eq!(
            &aws.route_tables[&subnet.effective_route_table()].vpc,
            &subnet.vpc
        );
        assert_eq!(&aws.network_acls[&subnet.network_acl].vpc, &subnet.vpc);
        let siblings = aws
            .subnets
            .iter()
            .filter(|(name, other)| *name != id && other.vpc == subnet.vpc);
        for (_, other) in siblings {
            assert!(!overlap(&subnet.cidr, &other.cidr));
        }
    }
    for instance in aws.instances.values() {
        let subnet = &aws.subnets[&instance.subnet];
        assert!(subnet.cidr.contains(&instance.private_ip));
        assert!(!subnet.is_reserved(instance.private_ip));
        assert!(!instance.security_groups.is_empty());
        for group in &instance.security_groups {
            assert_eq!(&aws.security_groups[group].vpc, &subnet.vpc);
        }
        assert!(instance.state == InstanceState::Running || instance.assigned_public_ip.is_none());
    }
    assert!(distinct(
        aws.instances
            .values()
            .map(|instance| (&instance.subnet, instance.private_ip))
    ));
    assert!(distinct(
        aws.instances
            .values()
            .filter_map(|instance| instance.assigned_public_ip)
    ));
    assert!(distinct(
        aws.addresses.values().map(|address| address.public_ip)
    ));
    assert!(distinct(
        aws.addresses
            .values()
            .filter_map(|address| address.instance.as_ref())
    ));
    for instance in aws
        .addresses
        .values()
        .filter_map(|address| address.instance.as_ref())
    {
        assert_eq!(aws.instances[instance].assigned_public_ip, None);
    }
    for attachment in aws.attachments.values() {
        assert!(aws.vpcs.contains_key(&attachment.vpc));
    }
    let live = || aws.peerings.values().filter(|peering| peering.is_live());
    let pairs = live().map(|peering| {
        let (a, b) = (&peering.requester.vpc, &peering.accepter.vpc);
        (a.min(b), a.max(b))
    });
    assert!(distinct(pairs));
    for peering in live() {
        let (a, b) = (&peering.requester, &peering.accepter);
        for side in [a, b]
            .into_iter()
            .filter(|side| !side.vpc.as_str().starts_with("vpg:"))
        {
            assert_eq!(side.cidrs, aws.vpcs[&side.vpc].cidrs);
        }
        assert!(
            !a.cidrs
                .iter()
                .any(|x| b.cidrs.iter().any(|y| overlap(x, y)))
        );
    }
    // Rules name groups of their own VPC that exist, or groups of another VPC, stale or not.
    for (name, group) in &aws.security_groups {
        for rule in group.ingress.iter().chain(&group.egress) {
            if let RulePeer::Group(peer) = &rule.peer
                && !aws.security_groups.contains_key(peer)
            {
                assert_eq!(
                    aws.group_addresses(&group.vpc, peer),
                    BTreeSet::new(),
                    "{}",
                    name
                );
            }
        }
    }
}
