//! An internet gateway: 1:1 address translation between private and public addresses, and the refusal
//! of addresses that the internet does not carry (Amazon VPC User Guide, "Enable internet access for a
//! VPC using an internet gateway"; Reachability Analyzer, "Explanation codes").
//!
//! It is a node of its own, because inside the VPC there are only private addresses: an answer that goes by
//! way of another instance must keep its own until it is here. Whose route led out is known on the VPC's
//! router only, so what may not go out is refused there.

use std::collections::BTreeSet;

use super::builder::{Builder, NodeExt, allow, deny, jump};
use super::interface;
use super::name::{internet_gateway_node, internet_node};
use super::route_table;
use super::special::{ANY, RFC6598, host, rfc1918};
use super::vpc_parts::VpcParts;
use crate::cloud::Reason;
use crate::network::{HookPoint, IfName, Rule, Statement, Table, Test};

/// The largest packet through an internet gateway, in bytes (Amazon EC2 User Guide, "Network MTU").
const MTU: u32 = 1500;

/// The way to the internet, where a gateway is attached.
pub(super) fn lower(b: &mut Builder, parts: &VpcParts) {
    let aws = &b.cloud.aws;
    let gateway = aws
        .internet_gateways
        .iter()
        .find(|(_, gateway)| gateway.vpc.as_ref() == Some(parts.id));
    let Some((id, _)) = gateway else { return };
    let igw = interface::internet_gateway();
    let here = internet_gateway_node(id);
    let (to_vpc, to_internet) = (IfName::fit("vpc", ""), IfName::fit("internet", ""));
    let there = IfName::fit("vpc", parts.id.as_str());
    b.join((&parts.node, &igw), (&here, &to_vpc), MTU);
    b.join((&here, &to_internet), (&internet_node(), &there), MTU);

    let public: Vec<_> = parts
        .instances
        .iter()
        .filter_map(|(id, i)| Some((i.private_ip, aws.public_ip(id)?)))
        .collect();
    for (_, public_ip) in &public {
        let internet = b.node(&internet_node());
        internet.route(Table::MAIN, host(*public_ip), &there);
    }
    let associated: BTreeSet<_> = public.iter().map(|(private, _)| host(*private)).collect();
    let resource = format!("internet gateway {id}");
    // Whose route it was helps more than which gateway refused.
    let by_table = route_table::senders(b, parts);
    let router = b.node(&parts.node);
    let mut out = Vec::new();
    for (table, from) in by_table {
        let resource = format!("{resource}, by route table {table}");
        let from = || Test::IifIn(from.clone()).into();
        out.extend([
            deny(
                [from(), Test::DestinationIn(rfc1918()).into()],
                Reason::IgwDestinationAddressNotInRfc1918Egress,
                &resource,
            ),
            deny(
                [from(), Test::Destination(RFC6598).into()],
                Reason::IgwDestinationAddressNotInRfc6598Egress,
                &resource,
            ),
        ]);
    }
    out.extend([
        allow([Test::SourceIn(associated.clone()).into()]),
        deny([], Reason::IgwPublicIpAssociationForEgress, &resource),
    ]);
    router.chain("igw-out", out);
    let forward = router.hook("forward", HookPoint::Forward, 0);
    forward.push(jump([Test::Oif(igw).into()], "igw-out"));

    let node = b.node(&here);
    node.forwarding = true;
    node.keep_ttl(Vec::new());
    for cidr in parts.cidrs {
        node.route(Table::MAIN, *cidr, &to_vpc);
    }
    node.route(Table::MAIN, ANY, &to_internet);
    node.chain(
        "in",
        vec![
            deny(
                [Test::SourceIn(rfc1918()).into()],
                Reason::IgwSourceAddressNotInRfc1918Ingress,
                &resource,
            ),
            deny(
                [Test::Source(RFC6598).into()],
                Reason::IgwSourceAddressNotInRfc6598Ingress,
                &resource,
            ),
            // Translated already; what is left without an association ends a connection that was
            // made while there was one.
            allow([Test::DestinationIn(associated).into()]),
            deny([], Reason::IgwPrivateIpAssociationForIngress, &resource),
        ],
    );
    node.hook("forward", HookPoint::Forward, 0)
        .push(jump([Test::Iif(to_internet.clone()).into()], "in"));
    for (private, public_ip) in public {
        b.node(&here)
            .hook("nat-in", HookPoint::NatPrerouting, -100)
            .push(Rule::new(
                [
                    Test::Iif(to_internet.clone()).into(),
                    Test::Destination(host(public_ip)).into(),
                ],
                [Statement::Dnat(private)],
            ));
        b.node(&here)
            .hook("nat-out", HookPoint::NatPostrouting, 100)
            .push(Rule::new(
                [
                    Test::Oif(to_internet.clone()).into(),
                    Test::Source(host(private)).into(),
                ],
                [Statement::Snat(public_ip)],
            ));
    }
}
