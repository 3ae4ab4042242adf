//! Route tables: one routing table each, chosen by the interface that a packet came in by.
//!
//! The local route stands before all others, for a route more specific than it is refused. It is a
//! table of one entry per running instance, which is also all that a packet from outside may look up:
//! nothing passes through a VPC to a third network (Amazon VPC Peering Guide, "Limitations"). What
//! matches no route, or a blackhole, goes to the sink; the rules there tell which of the two it was.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::builder::{Builder, NodeExt, deny, jump, table};
use super::interface;
use super::special::ANY;
use super::vpc_parts::{LOCAL, VpcParts};
use crate::cloud::Reason;
use crate::cloud::aws::{RouteState, RouteTable, RouteTableId, RouteTarget};
use crate::network::{HookPoint, IfName, Rule, Table, Test};

/// Where a packet from outside ends that is for no running instance.
const OUTSIDE: Table = Table(257);

/// The interfaces whose packets each of the VPC's route tables routes.
pub(super) fn senders<'a>(
    b: &Builder<'a>,
    parts: &VpcParts,
) -> BTreeMap<&'a RouteTableId, BTreeSet<IfName>> {
    let tables = b.cloud.aws.route_tables.iter();
    tables
        .filter(|(_, table)| table.vpc == *parts.id)
        .map(|(id, _)| {
            let subnets = parts.subnets.iter();
            let enis = subnets
                .filter(|(_, subnet)| subnet.effective_route_table() == *id)
                .flat_map(|(subnet, _)| parts.enis_of(subnet))
                .collect();
            (id, enis)
        })
        .collect()
}

/// Routing policy, routing tables, and the rules at the sink.
pub(super) fn lower(b: &mut Builder, parts: &VpcParts) {
    let aws = &b.cloud.aws;
    let lo = IfName::lo();
    b.node(&parts.node).policy(100, None, LOCAL);
    b.node(&parts.node).policy(300, None, OUTSIDE);
    b.node(&parts.node).sink(OUTSIDE, ANY);
    let mut taken = BTreeSet::new();
    let mut at_sink = Vec::new();
    for (id, from) in senders(b, parts) {
        let number = table(id.as_str(), &mut taken);
        let route_table = &aws.route_tables[id];
        let rules = routes(b, parts, (id, route_table), number);
        let router = b.node(&parts.node);
        for eni in &from {
            router.policy(200, Some(eni), number);
        }
        let chain = format!("no-route.{id}");
        router.chain(&chain, rules);
        at_sink.push(jump([Test::IifIn(from).into()], &chain));
    }
    let router = b.node(&parts.node);
    at_sink.push(deny(
        [Test::Iif(interface::internet_gateway()).into()],
        Reason::IgwPrivateIpAssociationForIngress,
        format!("internet gateway of VPC {}", parts.id),
    ));
    at_sink.push(deny(
        [],
        Reason::NoPossibleDestination,
        format!("VPC {}", parts.id),
    ));
    router.chain("sink", at_sink);
    router
        .hook("forward", HookPoint::Forward, 0)
        .push(jump([Test::Oif(lo).into()], "sink"));
}

/// Fills a routing table; gives the rules that tell why something of it ended in the sink.
fn routes(
    b: &mut Builder,
    parts: &VpcParts,
    (id, route_table): (&RouteTableId, &RouteTable),
    number: Table,
) -> Vec<Rule> {
    let aws = &b.cloud.aws;
    let mut rules: Vec<Rule> = parts
        .cidrs
        .iter()
        .map(|cidr| {
            let reason = Reason::NoPossibleDestination;
            deny(
                [Test::Destination(*cidr).into()],
                reason,
                format!("VPC {}, {cidr}", parts.id),
            )
        })
        .collect();
    let router = b.node(&parts.node);
    for cidr in parts.cidrs {
        router.sink(number, *cidr);
    }
    let mut by_length: Vec<_> = route_table.routes.iter().collect();
    by_length.sort_by_key(|(prefix, _)| Reverse(prefix.prefix_len()));
    for (prefix, target) in by_length {
        if aws.route_state(parts.id, target) == RouteState::Blackhole {
            router.sink(number, *prefix);
            let resource = format!("route table {id}, {prefix} → {target}");
            let matches = [Test::Destination(*prefix).into()];
            rules.push(deny(matches, Reason::BadStateRoute, resource));
            continue;
        }
        match target {
            RouteTarget::InternetGateway(_) => {
                router.route(number, *prefix, &interface::internet_gateway());
            }
            RouteTarget::Peering(peering) => {
                router.route(number, *prefix, &interface::peering(peering));
            }
            RouteTarget::TransitGateway(attachment) => {
                router.route(number, *prefix, &interface::attachment(attachment));
            }
            RouteTarget::Instance(instance) => {
                if let Some(target) = aws.instances.get(instance) {
                    let eni = interface::eni(instance);
                    router.route_via(number, *prefix, &eni, target.private_ip);
                }
            }
        }
    }
    router.sink(number, ANY);
    rules.push(deny(
        [],
        Reason::NoRouteToDestination,
        format!("route table {id}"),
    ));
    rules
}
