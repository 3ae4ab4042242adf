//! An active peering connection: a node between its two sides that carries packets between their own
//! addresses and nothing else (Amazon VPC Peering Guide, "Limitations": no transit, no edge routing).
//! It leaves the TTL as it is.
//!
//! One side may be SORACOM's VPC behind a VPG, which has two nodes: the halves of its range.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use super::builder::{Builder, NodeExt, deny, jump};
use super::interface;
use super::name::{peering_node, side, vpc_node, vpg_node};
use super::special::ANY;
use super::vpc_parts::MTU;
use crate::cloud::aws::{PeeringId, PeeringSide, PeeringStatus};
use crate::cloud::soracom::VpgStatus;
use crate::cloud::{LinkName, Reason};
use crate::network::{HookPoint, IfName, Table, Test};

/// The largest packet over a peering between regions, in bytes (Amazon EC2 User Guide, "Network MTU").
const INTER_REGION_MTU: u32 = 8500;

/// One peering, where it is active.
pub(super) fn lower(b: &mut Builder, id: &PeeringId) {
    let Some(peering) = b.cloud.aws.peerings.get(id) else {
        return;
    };
    if peering.status != PeeringStatus::Active {
        return;
    }
    let (requester, accepter) = (&peering.requester, &peering.accepter);
    let mtu = if requester.region == accepter.region {
        MTU
    } else {
        INTER_REGION_MTU
    };
    let here = peering_node(id);
    let of_requester = attach(b, id, requester, mtu, false);
    // One link of the two is enough to delay a packet once.
    let of_accepter = attach(b, id, accepter, mtu, true);
    let node = b.node(&here);
    node.forwarding = true;
    node.keep_ttl(Vec::new());
    node.sink(Table::MAIN, ANY);
    let mut rules = Vec::new();
    for (from, from_side, to_side) in [
        (of_requester, requester, accepter),
        (of_accepter, accepter, requester),
    ] {
        let to: BTreeSet<Ipv4Net> = to_side.cidrs.iter().copied().collect();
        let own: BTreeSet<Ipv4Net> = from_side.cidrs.iter().copied().collect();
        for (reason, foreign) in [
            ("destination", !Test::DestinationIn(to)),
            ("source", !Test::SourceIn(own)),
        ] {
            rules.push(deny(
                [Test::IifIn(from.clone()).into(), foreign],
                Reason::PcxRequiresAddressInVpcCidr,
                format!(
                    "peering {id}, {reason} outside {}",
                    if reason == "source" {
                        &from_side.vpc
                    } else {
                        &to_side.vpc
                    }
                ),
            ));
        }
    }
    // A side that does not run any more.
    rules.push(deny(
        [Test::Oif(IfName::lo()).into()],
        Reason::NoPossibleDestination,
        format!("peering {id}"),
    ));
    node.chain("addresses", rules);
    node.hook("forward", HookPoint::Forward, 0)
        .push(jump([], "addresses"));
}

/// Joins a side to the peering, by the link that can be shaped or by a plain one; gives the peering's interfaces
/// towards it.
fn attach(
    b: &mut Builder,
    id: &PeeringId,
    to: &PeeringSide,
    mtu: u32,
    shaped: bool,
) -> BTreeSet<IfName> {
    let here = peering_node(id);
    let there = interface::peering(id);
    if b.cloud.aws.vpcs.contains_key(&to.vpc) {
        let name = IfName::fit("vpc", to.vpc.as_str());
        let (near, vpc) = ((&here, &name), vpc_node(&to.vpc));
        if shaped {
            let link = LinkName::Peering(id.clone());
            b.join_as((&link, ""), near, (&vpc, &there), mtu);
        } else {
            b.join(near, (&vpc, &there), mtu);
        }
        for cidr in &to.cidrs {
            b.node(&here).route(Table::MAIN, *cidr, &name);
        }
        return [name].into();
    }
    let cloud = b.cloud;
    let vpg = cloud
        .soracom
        .vpgs
        .iter()
        .find(|(vpg, state)| vpg.vpc() == to.vpc && state.status == VpgStatus::Running);
    let Some((vpg_id, vpg)) = vpg else {
        return BTreeSet::new();
    };
    let halves = vpg.vpg_subnet.subnets(vpg.vpg_subnet.prefix_len() + 1);
    let halves: Vec<Ipv4Net> = halves.into_iter().flatten().collect();
    let mut names = BTreeSet::new();
    for (index, half) in halves.into_iter().enumerate() {
        let name = IfName::fit(&format!("vpg-{}", side(index)), "");
        b.join((&here, &name), (&vpg_node(vpg_id, index), &there), mtu);
        b.node(&here).route(Table::MAIN, half, &name);
        names.insert(name);
    }
    names
}
