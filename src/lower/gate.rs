//! Gate: VXLAN between a VPG's two nodes and the customer's peers (SORACOM, "Gate"; RFC 7348).
//!
//! Each node ends tunnels at its own outer address and answers ARP for the devices that it serves, with
//! the one Ethernet address that all VPGs use. The tunnel translates nothing. Device-subnet addresses
//! are never reachable over the underlay: the peering refuses them, so a wrong netmask on the instance
//! fails here as it does there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::builder::{Builder, NodeExt, allow, deny, label};
use super::interface;
use super::special::host;
use super::vpg_parts::{Side, VpgParts};
use crate::cloud::aws::{AttachmentStatus, PeeringStatus};
use crate::cloud::{Cloud, Reason};
use crate::network::{
    Chain, ChainId, Hook, HookPoint, IfName, Mac, Match, Protocol, Rule, Statement, Table, Test,
    Vxlan,
};

/// The Ethernet address with which a VPG answers for its devices (seen in SORACOM's Gate guide).
const VPG_MAC: Mac = Mac([0xda, 0x7e, 0x77, 0xef, 0xdf, 0x25]);
/// The outer UDP destination port (RFC 7348; fixed on Gate).
const PORT: u16 = 4789;
/// The port that Linux takes where `ip link add` is not told another (ip-link(8)).
const LINUX_PORT: u16 = 8472;
/// What VXLAN over IPv4 adds: Ethernet 14, IP 20, UDP 8, VXLAN 8 bytes.
const OVERHEAD: u32 = 50;

/// The chain for what a peer sends to devices.
pub(super) const FROM_PEER: &str = "from-peer";
/// The chain for what a device sends to another, or to a peer.
pub(super) const BETWEEN_DEVICES: &str = "between-devices";

/// The tunnel end of a node, where Gate is open, and the rules on using it.
pub(super) fn lower(b: &mut Builder, parts: &VpgParts, side: &Side) {
    let (vpg, gate) = (parts.vpg, &parts.vpg.gate);
    let node = b.node(&side.node);
    node.chain(BETWEEN_DEVICES, between_devices(parts));
    node.chain(FROM_PEER, from_peer(parts));
    if !gate.open {
        return;
    }
    let dev = interface::vxlan();
    let peers: Vec<_> = reachable_peers(b.cloud, parts);
    let node = b.node(&side.node);
    let tunnel = Vxlan {
        vni: gate.vni,
        local: vpg.outer_ips()[side.index],
        port: PORT,
        mac: VPG_MAC,
        mtu: super::vpc_parts::MTU - OVERHEAD,
        flood: peers.iter().map(|(outer, _)| *outer).collect(),
    };
    node.tunnels.insert(dev.clone(), tunnel);
    node.address(&dev, host(vpg.inner_ips()[side.index]));
    for (_, inner) in peers {
        node.route_on_link(Table::MAIN, host(inner), &dev);
    }
    // What answers a peer to which there is no way back.
    let nowhere = BTreeSet::from([IfName::lo(), interface::vpg_internet()]);
    node.hook("output", HookPoint::Output, 0).push(deny(
        [
            Test::OifIn(nowhere).into(),
            Test::Protocol(Protocol::Udp).into(),
            Test::DestinationPort(PORT..=PORT).into(),
        ],
        Reason::NoRouteToDestination,
        parts.uncovered(),
    ));
    for (_, anchor, session) in &parts.sessions {
        if *anchor == side.index {
            node.proxies.insert((dev.clone(), session.ip));
        }
    }
    let chain = Chain {
        hook: Some(Hook {
            point: HookPoint::Input,
            priority: 0,
        }),
        rules: arp(parts, side),
    };
    node.filter.chains.insert(ChainId::arp("input"), chain);
    let chain = Chain {
        hook: Some(Hook {
            point: HookPoint::Output,
            priority: 0,
        }),
        rules: vec![asked(parts)],
    };
    node.filter.chains.insert(ChainId::arp("output"), chain);
}

/// The peers, outer and inner address, whose outer address the VPG has a way to: the most specific of its
/// private connections that covers it, if that carries traffic.
fn reachable_peers(cloud: &Cloud, parts: &VpgParts) -> Vec<(Ipv4Addr, Ipv4Addr)> {
    let aws = &cloud.aws;
    let peerings = parts.vpg.peerings.iter().map(|(id, canal)| {
        let status = aws.peerings.get(id).map(|peering| peering.status);
        (canal.destination, status == Some(PeeringStatus::Active))
    });
    let routes = parts.vpg.customer_routes.values().map(|route| {
        let status = aws.attachments.get(&route.target).map(|a| a.status);
        (route.destination, status == Some(AttachmentStatus::Active))
    });
    let ways: Vec<(Ipv4Net, bool)> = peerings.chain(routes).collect();
    let has_way = |outer: &Ipv4Addr| {
        let covering = ways.iter().filter(|(prefix, _)| prefix.contains(outer));
        covering
            .max_by_key(|(prefix, _)| prefix.prefix_len())
            .is_some_and(|(_, active)| *active)
    };
    let peers = parts.vpg.gate.peers.iter();
    peers
        .filter(|(outer, _)| has_way(outer))
        .map(|(outer, inner)| (*outer, *inner))
        .collect()
}

/// The rules for peers to which there is no way. `blackholes`: the VPG's ways that are not active, the longest prefix
/// first, and what each is called.
pub(super) fn unreachable_peers(
    cloud: &Cloud,
    parts: &VpgParts,
    blackholes: &[(Ipv4Net, String)],
) -> Vec<Rule> {
    let reachable = reachable_peers(cloud, parts);
    let mut lost: BTreeMap<Option<&str>, BTreeSet<Ipv4Net>> = BTreeMap::new();
    for (outer, inner) in &parts.vpg.gate.peers {
        if !parts.vpg.gate.open || reachable.contains(&(*outer, *inner)) {
            continue;
        }
        let into = blackholes.iter().find(|(prefix, _)| prefix.contains(outer));
        let name = into.map(|(_, name)| name.as_str());
        lost.entry(name).or_default().insert(host(*inner));
    }
    let rules = lost.into_iter().map(|(into, inner)| {
        let test = [Test::DestinationIn(inner).into()];
        match into {
            Some(name) => deny(test, Reason::BadStateRoute, name.to_owned()),
            None => deny(test, Reason::NoRouteToDestination, parts.uncovered()),
        }
    });
    rules.collect()
}

/// Who may ask a node for whom.
fn arp(parts: &VpgParts, side: &Side) -> Vec<Rule> {
    let (vpg, name) = (parts.vpg, format!("Gate of VPG {}", parts.id));
    let request = |more: Match| {
        [
            Test::Iif(interface::vxlan()).into(),
            Test::ArpOperation(1).into(),
            more,
        ]
    };
    let accept = |matches| Rule::new(matches, [Statement::Accept]);
    let at = |index: usize| -> BTreeSet<Ipv4Net> {
        let sessions = parts.sessions.iter();
        sessions
            .filter(|(_, anchor, _)| *anchor == index)
            .map(|(.., session)| host(session.ip))
            .chain([host(vpg.inner_ips()[index])])
            .collect()
    };
    let other = 1 - side.index;
    let missed = label(
        Reason::GateFloodMissesNode,
        format!(
            "{name}: the address is served by the node {}",
            vpg.outer_ips()[other]
        ),
        false,
    );
    // Gate leads to devices, not from peer to peer.
    let elsewhere = label(Reason::GateNoSuchAddress, &name, false);
    vec![
        deny(
            request(!Test::ArpSenderIn(inner_peers(parts))),
            Reason::GateInnerAddressMismatch,
            format!("{name}, peers' inner addresses"),
        ),
        accept(request(Test::ArpTargetIn(at(side.index)).into())),
        // The other node answers, if the flood reaches it.
        Rule::new(
            request(Test::ArpTargetIn(at(other)).into()),
            [Statement::Log(missed), Statement::Drop],
        ),
        // Peers ask for one another: the one that is asked answers by itself, if it is flooded to.
        Rule::new(
            request(Test::ArpTargetIn(inner_peers(parts)).into()),
            [Statement::Log(elsewhere), Statement::Drop],
        ),
        deny(
            request(Test::ArpTargetIn([vpg.device_subnet].into()).into()),
            Reason::GateNoSuchAddress,
            &name,
        ),
    ]
}

/// The node asks a peer for its Ethernet address. That is nothing unless nobody answers.
fn asked(parts: &VpgParts) -> Rule {
    let silent = label(
        Reason::GatePeerSilent,
        format!("Gate of VPG {}, peers' inner addresses", parts.id),
        false,
    );
    Rule::new(
        [
            Test::Oif(interface::vxlan()).into(),
            Test::ArpOperation(1).into(),
            Test::ArpTargetIn(inner_peers(parts)).into(),
        ],
        [Statement::Log(silent)],
    )
}

/// The registered inner addresses.
fn inner_peers(parts: &VpgParts) -> BTreeSet<Ipv4Net> {
    parts.vpg.gate.peers.values().map(|ip| host(*ip)).collect()
}

/// What a peer may send through the tunnel.
fn from_peer(parts: &VpgParts) -> Vec<Rule> {
    let name = format!("Gate of VPG {}", parts.id);
    let subnet = parts.vpg.device_subnet;
    vec![
        deny(
            [!Test::SourceIn(inner_peers(parts))],
            Reason::GateInnerAddressMismatch,
            format!("{name}, peers' inner addresses"),
        ),
        // Gate leads to devices, not through the VPG.
        no_such_address(parts, [!Test::Destination(subnet)]),
        no_such_address(parts, [Test::Oif(IfName::lo()).into()]),
        Rule::new([], [Statement::Accept]),
    ]
}

/// What a device may send into the device subnet.
fn between_devices(parts: &VpgParts) -> Vec<Rule> {
    let (gate, name) = (&parts.vpg.gate, format!("VPG {}", parts.id));
    if !gate.open {
        return vec![deny([], Reason::GateNotOpen, name)];
    }
    let mut rules = vec![allow([Test::Oif(interface::vxlan()).into()])];
    if gate.privacy_separator {
        let resource = format!("Gate of {name}");
        rules.push(deny([], Reason::GatePrivacySeparator, resource));
    }
    rules
}

/// The rule for an address of the device subnet that nobody has.
pub(super) fn no_such_address<const N: usize>(parts: &VpgParts, matches: [Match; N]) -> Rule {
    let (reason, name) = if parts.vpg.gate.open {
        (Reason::GateNoSuchAddress, "Gate of VPG")
    } else {
        (Reason::GateNotOpen, "VPG")
    };
    deny(matches, reason, format!("{name} {}", parts.id))
}

/// VXLAN to an address of the VPG that is none of the node's own. A peer that floods sends copies to
/// other addresses too, so this proves nothing.
pub(super) fn wrong_outer_address(parts: &VpgParts, side: &Side) -> Option<Rule> {
    let underlay = parts.vpg.peerings.keys().map(interface::peering).collect();
    let outer = parts.vpg.outer_ips();
    let wrong = label(
        Reason::GateWrongOuterAddress,
        format!(
            "Gate of VPG {}, outer addresses {} and {}",
            parts.id, outer[0], outer[1]
        ),
        false,
    );
    let rule = Rule::new(
        [
            Test::IifIn(underlay).into(),
            !Test::Destination(host(outer[side.index])),
            Test::Protocol(Protocol::Udp).into(),
            Test::DestinationPort(PORT..=PORT).into(),
            Test::VxlanHeader.into(),
        ],
        [Statement::Log(wrong), Statement::Drop],
    );
    (!parts.vpg.peerings.is_empty()).then_some(rule)
}

/// What may arrive at a node's own addresses.
pub(super) fn input_rules(parts: &VpgParts, side: &Side) -> Vec<Rule> {
    let gate = &parts.vpg.gate;
    let resource = format!("Gate of VPG {}", parts.id);
    let underlay: BTreeSet<IfName> = parts.vpg.peerings.keys().map(interface::peering).collect();
    let udp = |port: u16, more: Option<Match>| {
        [
            Test::IifIn(underlay.clone()).into(),
            Test::Destination(host(parts.vpg.outer_ips()[side.index])).into(),
            Test::Protocol(Protocol::Udp).into(),
            Test::DestinationPort(port..=port).into(),
        ]
        .into_iter()
        .chain(more)
    };
    let vxlan = |more: Option<Match>| udp(PORT, more);
    if !gate.open {
        return vec![deny(vxlan(None), Reason::GateNotOpen, resource)];
    }
    let peers: BTreeSet<Ipv4Net> = gate.peers.keys().map(|ip| host(*ip)).collect();
    // A peer whose kernel ends no VXLAN says so.
    let unreachable = [
        Test::IifIn(underlay.clone()).into(),
        Test::SourceIn(peers.clone()).into(),
        Test::Protocol(Protocol::Icmp).into(),
        Test::IcmpType(3).into(),
        Test::IcmpCode(3).into(),
    ];
    let to_other_port = [
        Test::IifIn(underlay.clone()).into(),
        Test::SourceIn(peers.clone()).into(),
        Test::Destination(host(parts.vpg.outer_ips()[side.index])).into(),
        Test::Protocol(Protocol::Udp).into(),
        !Test::DestinationPort(PORT..=PORT),
        Test::VxlanHeader.into(),
    ];
    // Of a question to several peers, one peer's silence proves nothing.
    let silent = label(
        Reason::GatePeerSilent,
        format!("{resource}: the peer ends no VXLAN at udp/{PORT}"),
        peers.len() <= 1,
    );
    vec![
        deny(
            vxlan(Some(!Test::SourceIn(peers))),
            Reason::GatePeerNotRegistered,
            &resource,
        ),
        deny(
            vxlan(Some(!Test::VxlanVni(gate.vni))),
            Reason::GateVniMismatch,
            format!("{resource}, VNI {}", gate.vni),
        ),
        Rule::new(vxlan(None), [Statement::Accept]),
        // Or it would seem that Gate were not used at all.
        deny(
            udp(LINUX_PORT, None),
            Reason::GatePortMismatch,
            format!("{resource}, udp/{PORT}"),
        ),
        deny(
            to_other_port,
            Reason::GatePortMismatch,
            format!("{resource}, udp/{PORT}"),
        ),
        Rule::new(unreachable, [Statement::Log(silent), Statement::Drop]),
    ]
}
