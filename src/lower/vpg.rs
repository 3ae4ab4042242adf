//! A Virtual Private Gateway: two nodes, each serving the sessions that are anchored on it.
//!
//! A session's packet is judged on the node that it enters; the other node only hands it to the device.
//! Towards the VPC and the internet a Type-F VPG translates the source to an address of the session's
//! node (SORACOM, "VPG: Virtual Private Gateway"; the API's `gatewayPrivateIpAddress`), so nothing but
//! answers comes back in that way. A Type-F2 VPG translates nothing towards the VPC: what comes out of
//! a Transit Gateway attachment goes to the device that has the address. Each forwarding decrements the
//! TTL, except inside the device subnet.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use super::builder::{Builder, NodeExt, allow, deny, jump};
use super::interface;
use super::name::{internet_node, vpg_node};
use super::special::{ANY, host, private};
use super::vpg_parts::{Side, VpgParts};
use super::{gate, platform};
use crate::cloud::aws::{AttachmentStatus, PeeringStatus, RouteTarget, RuleAction};
use crate::cloud::soracom::{VpgId, VpgStatus};
use crate::cloud::{LinkName, Reason};
use crate::network::{
    CtDirection, CtState, HookPoint, IfName, Match, Rule, Statement, Table, Test,
};

/// The largest packet between the nodes of a VPG, in bytes: what a peering carries.
const INNER_MTU: u32 = super::vpc_parts::MTU;
/// The largest packet towards the internet and the platform, in bytes.
const OUTER_MTU: u32 = 1500;

/// The chain for what comes out of a Transit Gateway attachment.
const FROM_ATTACHMENT: &str = "from-attachment";

/// The interface towards the other node.
fn backbone() -> IfName {
    IfName::fit("backbone", "")
}

/// Both nodes of a VPG.
pub(super) fn lower(b: &mut Builder, id: &VpgId) {
    let Some(vpg) = b.cloud.soracom.vpgs.get(id) else {
        return;
    };
    if vpg.status != VpgStatus::Running {
        return;
    }
    let sessions = b.cloud.soracom.sims.iter().filter_map(|(sim, state)| {
        let session = state.session.as_ref()?;
        let (vpg, index) = session.anchor.as_ref()?;
        (vpg == id).then_some((sim, *index, session))
    });
    let parts = VpgParts {
        id,
        vpg,
        sessions: sessions.collect(),
    };
    let line = backbone();
    b.join(
        (&vpg_node(id, 0), &line),
        (&vpg_node(id, 1), &line),
        INNER_MTU,
    );
    for index in [0, 1] {
        let node = vpg_node(id, index);
        half(b, &parts, &Side { index, node });
    }
}

fn half(b: &mut Builder, parts: &VpgParts, side: &Side) {
    let vpg = parts.vpg;
    let node = b.node(&side.node);
    node.forwarding = true;
    node.address(&IfName::lo(), host(vpg.outer_ips()[side.index]));
    for (sim, anchor, session) in &parts.sessions {
        if *anchor == side.index {
            node.route(Table::MAIN, host(session.ip), &interface::sim(sim));
        } else {
            node.route(Table::MAIN, host(session.ip), &backbone());
        }
    }
    node.sink(Table::MAIN, vpg.device_subnet);
    node.sink(Table::MAIN, ANY);
    // One layer-2 network, as far as the TTL is concerned.
    node.keep_ttl(vec![
        Test::Destination(vpg.device_subnet).into(),
        !Test::IifIn(parts.attached()),
    ]);
    ways_out(b, parts, side);
    gate::lower(b, parts, side);
    filter(b, parts, side);
}

/// Links, routes and source translation towards the platform, the internet, the peerings and the
/// attached VPCs.
fn ways_out(b: &mut Builder, parts: &VpgParts, side: &Side) {
    let vpg = parts.vpg;
    platform::attach_vpg(b, parts, side, OUTER_MTU);
    if let Some(global) = vpg.global_ips {
        let there = IfName::fit(
            &format!("vpg-{}", super::name::side(side.index)),
            parts.id.as_str(),
        );
        let link = LinkName::Internet(parts.id.clone());
        let part = format!(", node {}", super::name::side(side.index));
        b.join_as(
            (&link, &part),
            (&side.node, &interface::vpg_internet()),
            (&internet_node(), &there),
            OUTER_MTU,
        );
        let global = global[side.index];
        let far = b.node(&internet_node());
        far.route(Table::MAIN, host(global), &there);
        let node = b.node(&side.node);
        node.route(Table::MAIN, ANY, &interface::vpg_internet());
        translate(node, parts, &interface::vpg_internet(), global);
    }
    for (peering, canal) in &vpg.peerings {
        let Some(state) = b.cloud.aws.peerings.get(peering) else {
            continue;
        };
        let dev = interface::peering(peering);
        let active = state.status == PeeringStatus::Active;
        let node = b.node(&side.node);
        if !active {
            node.sink(Table::MAIN, canal.destination);
            continue;
        }
        node.route(Table::MAIN, canal.destination, &dev);
        translate(node, parts, &dev, vpg.outer_ips()[side.index]);
    }
    for route in vpg.customer_routes.values() {
        let attachment = b.cloud.aws.attachments.get(&route.target);
        let active = attachment.is_some_and(|a| a.status == AttachmentStatus::Active);
        let node = b.node(&side.node);
        if active {
            let dev = interface::attachment(&route.target);
            node.route(Table::MAIN, route.destination, &dev);
        } else {
            node.sink(Table::MAIN, route.destination);
        }
    }
}

/// Source translation of what devices send out of an interface.
fn translate(
    node: &mut crate::network::Node,
    parts: &VpgParts,
    out: &IfName,
    to: std::net::Ipv4Addr,
) {
    node.hook("nat-out", HookPoint::NatPostrouting, 100)
        .push(Rule::new(
            [
                Test::Oif(out.clone()).into(),
                Test::Source(parts.vpg.device_subnet).into(),
            ],
            [Statement::Snat(to)],
        ));
}

/// What may pass a node, and why not.
fn filter(b: &mut Builder, parts: &VpgParts, side: &Side) {
    let vpg = parts.vpg;
    let peerings: BTreeSet<IfName> = vpg.peerings.keys().map(interface::peering).collect();
    let attached = parts.attached();
    let outside: BTreeSet<IfName> = peerings
        .iter()
        .cloned()
        .chain([interface::vpg_internet()])
        .collect();
    let name = format!("VPG {}", parts.id);
    let sink = sink_rules(b, parts, &name);
    let node = b.node(&side.node);
    node.chain("sink", sink);
    node.chain("routing-filter", routing_filter(parts, &name));
    let answer: Match = Test::CtDirection(CtDirection::Reply).into();
    let forward = node.hook("forward", HookPoint::Forward, 0);
    // Judged on the node that it entered by.
    forward.push(Rule::new(
        [Test::Iif(backbone()).into()],
        [Statement::Accept],
    ));
    if !attached.is_empty() {
        let matches = [Test::IifIn(attached.clone()).into()];
        forward.push(jump(matches, FROM_ATTACHMENT));
    }
    let mut from_outside = outside.clone();
    from_outside.insert(interface::platform());
    // Answers, and ICMP errors about what devices sent.
    forward.push(Rule::new(
        [Test::IifIn(from_outside.clone()).into(), answer],
        [Statement::Accept],
    ));
    forward.push(Rule::new(
        [
            Test::IifIn(from_outside.clone()).into(),
            Test::CtState([CtState::Related].into()).into(),
        ],
        [Statement::Accept],
    ));
    forward.extend(gate::wrong_outer_address(parts, side));
    forward.push(deny(
        [Test::IifIn(from_outside).into()],
        Reason::VpgInboundNotTranslated,
        &name,
    ));
    forward.push(jump(
        [Test::Iif(interface::vxlan()).into()],
        gate::FROM_PEER,
    ));
    forward.push(jump([Test::Oif(IfName::lo()).into()], "sink"));
    forward.push(deny(
        [
            Test::Oif(interface::vpg_internet()).into(),
            Test::DestinationIn(private()).into(),
        ],
        Reason::NoRouteToDestination,
        parts.uncovered(),
    ));
    // A filter on routes: inferred from that, it asks of answers too where they go.
    let outwards = outside
        .into_iter()
        .chain(attached.iter().cloned())
        .collect();
    forward.push(jump([Test::OifIn(outwards).into()], "routing-filter"));
    let devices: BTreeSet<IfName> = parts
        .sessions
        .iter()
        .map(|(sim, ..)| interface::sim(sim))
        .collect();
    let mut inside = devices.clone();
    inside.extend([backbone(), interface::vxlan()]);
    forward.push(jump([Test::OifIn(inside).into()], gate::BETWEEN_DEVICES));

    if !attached.is_empty() {
        node.chain(FROM_ATTACHMENT, from_attachment(&name));
    }
    let mut input = gate::input_rules(parts, side);
    // The nodes' own inner addresses are no devices, whoever asks.
    input.push(no_such_device([Test::IifIn(attached).into()], &name));
    let from_devices = || Test::IifIn(devices.clone()).into();
    let inner = Test::Destination(vpg.device_subnet).into();
    input.push(gate::no_such_address(parts, [from_devices(), inner]));
    // Nor is there a way to the VPG's own range, whichever of the nodes serves the session.
    input.push(deny(
        [from_devices()],
        Reason::NoRouteToDestination,
        parts.uncovered(),
    ));
    input.push(deny(
        [Test::IifIn(
            peerings
                .into_iter()
                .chain([interface::vpg_internet()])
                .collect(),
        )
        .into()],
        Reason::VpgInboundNotTranslated,
        &name,
    ));
    node.chain("to-node", input);
    node.hook("input", HookPoint::Input, 0)
        .push(jump([], "to-node"));
}

/// Why something had no way out.
fn sink_rules(b: &Builder, parts: &VpgParts, name: &str) -> Vec<Rule> {
    let aws = &b.cloud.aws;
    let peerings = parts.vpg.peerings.iter().filter_map(|(id, canal)| {
        let status = aws.peerings.get(id).map(|p| p.status)?;
        let to = canal.destination;
        let what = format!(
            "{name}, {to} → {}: {status}",
            RouteTarget::Peering(id.clone())
        );
        (status != PeeringStatus::Active).then_some((to, what))
    });
    let attachments = parts.vpg.customer_routes.values().filter_map(|route| {
        let status = aws.attachments.get(&route.target).map(|a| a.status)?;
        let target = RouteTarget::TransitGateway(route.target.clone());
        let to = route.destination;
        let what = format!("{name}, {to} → {target}: {status}");
        (status != AttachmentStatus::Active).then_some((to, what))
    });
    let mut blackholes: Vec<(Ipv4Net, String)> = peerings.chain(attachments).collect();
    blackholes.sort_by_key(|(destination, _)| Reverse(destination.prefix_len()));
    let mut rules = gate::unreachable_peers(b.cloud, parts, &blackholes);
    for (destination, what) in blackholes {
        rules.push(deny(
            [Test::Destination(destination).into()],
            Reason::BadStateRoute,
            what,
        ));
    }
    let device_subnet = Test::Destination(parts.vpg.device_subnet);
    rules.push(gate::no_such_address(parts, [device_subnet.into()]));
    rules.push(deny(
        [Test::DestinationIn(private()).into()],
        Reason::NoRouteToDestination,
        parts.uncovered(),
    ));
    rules.push(deny([], Reason::VpgInternetGatewayOff, name));
    rules
}

/// What may come out of a Transit Gateway attachment: whatever is for a device. Nothing keeps a VPC from
/// being the one that begins, and Gate has no part in it.
fn from_attachment(name: &str) -> Vec<Rule> {
    vec![
        no_such_device([Test::Oif(IfName::lo()).into()], name),
        no_such_device([Test::Oif(interface::vxlan()).into()], name),
        Rule::new([], [Statement::Accept]),
    ]
}

fn no_such_device<const N: usize>(matches: [Match; N], name: &str) -> Rule {
    deny(matches, Reason::VpgNoSuchDevice, name)
}

/// The outbound routing filter: the most specific prefix wins, and what matches none passes.
fn routing_filter(parts: &VpgParts, name: &str) -> Vec<Rule> {
    let mut entries: Vec<(&Ipv4Net, &RuleAction)> = parts.vpg.routing_filter.iter().collect();
    entries.sort_by_key(|(prefix, _)| Reverse(prefix.prefix_len()));
    let rule = |(prefix, action): (&Ipv4Net, &RuleAction)| {
        let matches = [Test::Destination(*prefix).into()];
        match action {
            RuleAction::Allow => allow(matches),
            RuleAction::Deny => deny(
                matches,
                Reason::VpgRoutingFilterDeny,
                format!("{name}, routing filter: deny {prefix}"),
            ),
        }
    };
    entries.into_iter().map(rule).collect()
}
