//! Network ACLs: ordered, stateless, at the boundary of a subnet only (Amazon VPC User Guide, "Control
//! subnet traffic with network access control lists").

use std::collections::BTreeMap;

use super::builder::{Builder, NodeExt, allow, deny, jump};
use super::security_group::transport;
use super::vpc_parts::VpcParts;
use crate::cloud::Reason;
use crate::cloud::aws::{NetworkAclEntry, RuleAction};
use crate::network::{HookPoint, Rule, Test};

/// What leaves a subnet.
pub(super) fn sender(b: &mut Builder, parts: &VpcParts) {
    boundary(b, parts, Direction::Egress);
}

/// What enters a subnet.
pub(super) fn receiver(b: &mut Builder, parts: &VpcParts) {
    boundary(b, parts, Direction::Ingress);
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Ingress,
    Egress,
}

fn boundary(b: &mut Builder, parts: &VpcParts, direction: Direction) {
    for (subnet_id, subnet) in &parts.subnets {
        let enis = parts.enis_of(subnet_id);
        let Some(acl) = b.cloud.aws.network_acls.get(&subnet.network_acl) else {
            continue;
        };
        if enis.is_empty() {
            continue;
        }
        let name = &subnet.network_acl;
        let (chain, rules, crossing) = match direction {
            Direction::Egress => (
                format!("acl-out.{subnet_id}"),
                entries(
                    &acl.egress,
                    &format!("network ACL {name}, egress"),
                    direction,
                ),
                [Test::IifIn(enis.clone()).into(), !Test::OifIn(enis)],
            ),
            Direction::Ingress => (
                format!("acl-in.{subnet_id}"),
                entries(
                    &acl.ingress,
                    &format!("network ACL {name}, ingress"),
                    direction,
                ),
                [!Test::IifIn(enis.clone()), Test::OifIn(enis).into()],
            ),
        };
        let router = b.node(&parts.node);
        router.chain(&chain, rules);
        router
            .hook("forward", HookPoint::Forward, 0)
            .push(jump(crossing, &chain));
    }
}

/// The entries in their order, and the final deny that every ACL ends with.
fn entries(
    entries: &BTreeMap<u16, NetworkAclEntry>,
    resource: &str,
    direction: Direction,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (number, entry) in entries {
        let mut matches = transport(entry.protocol, entry.ports, entry.icmp_type);
        matches.push(match direction {
            Direction::Ingress => Test::Source(entry.cidr).into(),
            Direction::Egress => Test::Destination(entry.cidr).into(),
        });
        rules.push(match entry.action {
            RuleAction::Allow => allow(matches),
            RuleAction::Deny => deny(
                matches,
                Reason::SubnetAclRestriction,
                format!("{resource}, entry {number}"),
            ),
        });
    }
    rules.push(deny(
        [],
        Reason::SubnetAclRestriction,
        format!("{resource}, entry *"),
    ));
    rules
}
