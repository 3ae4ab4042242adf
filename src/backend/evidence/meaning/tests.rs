//! Reasons by their names, on packets made by hand.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::network::{Chain, ChainId, IfName, Mac, Network, Node, Route, Table, Vxlan};

const DEVICE: [u8; 4] = [10, 128, 0, 5];
const VPG: [u8; 4] = [100, 64, 0, 4];
const SERVER: [u8; 4] = [10, 0, 0, 254];
const INNER: [u8; 4] = [10, 254, 0, 254];

/// An IPv4 packet: protocol, source, destination, body.
fn ip(protocol: u8, from: [u8; 4], to: [u8; 4], body: &[u8]) -> Vec<u8> {
    let [a, b] = u16::try_from(20 + body.len()).unwrap().to_be_bytes();
    let head = [0x45, 0, a, b, 0, 0, 0, 0, 64, protocol, 0, 0];
    [&head[..], &from, &to, body].concat()
}

fn ping(from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    ip(1, from, to, &[8, 0, 0, 0, 0, 7, 0, 1])
}

fn tcp(from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let mut body = [0; 20];
    (body[12], body[13]) = (5 << 4, 2);
    ip(6, from, to, &body)
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let [a, b] = port.to_be_bytes();
    let [c, d] = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    ip(
        17,
        VPG,
        SERVER,
        &[&[200, 1, a, b, c, d, 0, 0], payload].concat(),
    )
}

fn tunnelled(port: u16, ethertype: u16, inner: &[u8]) -> Vec<u8> {
    let [a, b] = ethertype.to_be_bytes();
    let header = [8, 0, 0, 0, 0, 0, 10, 0];
    let frame = [&[2; 12][..], &[a, b], inner].concat();
    udp(port, &[&header[..], &frame].concat())
}

fn arp(operation: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let head = [0, 1, 8, 0, 6, 4, 0, operation];
    [&head[..], &[2; 6], &sender, &[0; 6], &target].concat()
}

/// A VPG node with a filter and a tunnel to so many peers, and an instance without.
fn scene(peers: u8) -> Scene {
    let dev = IfName::fit("vxlan", "");
    let mut vpg = Node::default();
    vpg.filter
        .chains
        .insert(ChainId::ip("input"), Chain::default());
    let tunnel = Vxlan {
        vni: 10,
        local: VPG.into(),
        port: 4789,
        mac: Mac::derived("vpg"),
        mtu: 8951,
        flood: (0..peers)
            .map(|n| [10, 0, 0, n].into())
            .collect::<BTreeSet<_>>(),
    };
    vpg.tunnels.insert(dev.clone(), tunnel);
    let inner = ipnet::Ipv4Net::new_assert(INNER.into(), 32);
    let route = Route {
        dev,
        via: None,
        source: None,
    };
    vpg.routes.insert((Table::MAIN, inner), route);
    let mut network = Network::default();
    network.nodes.insert(NodeId::new("vpg/vpg/a"), vpg);
    network
        .nodes
        .insert(NodeId::new("instance/server"), Node::default());
    Scene::of(&network)
}

/// What a drop means, with one peer: `=REASON resource`, `~REASON resource` for a hint.
fn told(node: &str, reason: &str, kind: &str, packet: &[u8]) -> String {
    told_in(&scene(1), node, reason, kind, packet)
}

fn told_in(scene: &Scene, node: &str, reason: &str, kind: &str, packet: &[u8]) -> String {
    let is_arp = packet.starts_with(&[0, 1, 8, 0]);
    let drop = Drop {
        node: &NodeId::new(node),
        reason,
        kind,
        place: None,
        family: if is_arp { Family::Arp } else { Family::Ip },
        packet,
    };
    match meaning(&drop, scene) {
        Meaning::Known(label) => label.to_prefix(),
        Meaning::Unknown => "unknown".into(),
        Meaning::Noise => "noise".into(),
    }
}

const HERE: &str = "instance/server";

#[test]
fn the_far_end_of_a_tunnel() {
    let frame = tunnelled(4789, 0x800, &ping(DEVICE, INNER));
    assert_eq!(
        told(HERE, "VXLAN_VNI_NOT_FOUND", "veth", &frame),
        "=GATE_VNI_MISMATCH instance server: no VXLAN interface with VNI 10"
    );
    let question = tunnelled(4789, 0x806, &arp(1, VPG, INNER));
    assert_eq!(
        told(HERE, "NO_SOCKET", "veth", &question),
        "=GATE_PEER_SILENT instance server: nothing ends VXLAN at udp/4789"
    );
    // A closed port is the far end's to report.
    assert_eq!(told(HERE, "NO_SOCKET", "veth", &udp(9, b"lost")), "noise");
}

#[test]
fn of_a_question_to_several_peers_the_death_of_one_copy_proves_nothing() {
    let question = tunnelled(4789, 0x806, &arp(1, VPG, INNER));
    for reason in ["VXLAN_VNI_NOT_FOUND", "NO_SOCKET", "NETFILTER_DROP"] {
        assert!(told_in(&scene(1), HERE, reason, "veth", &question).starts_with('='));
        assert!(told_in(&scene(2), HERE, reason, "veth", &question).starts_with('~'));
    }
    // Nor of what the instance itself asks: it floods to as many entries as it has.
    let own = tunnelled(4789, 0x806, &arp(1, INNER, DEVICE));
    assert!(told(HERE, "NETFILTER_DROP", "", &own).starts_with('~'));
    // An answer is one packet.
    let answer = tunnelled(4789, 0x806, &arp(2, INNER, VPG));
    assert!(told_in(&scene(2), HERE, "NETFILTER_DROP", "", &answer).starts_with('='));
}

#[test]
fn the_near_end_of_a_tunnel() {
    let question = arp(1, INNER, DEVICE);
    assert_eq!(
        told(HERE, "NO_TX_TARGET", "vxlan", &question),
        "=GATE_NO_FLOOD_ENTRY instance server: its VXLAN interface has no FDB entry"
    );
    assert_eq!(told(HERE, "NO_TX_TARGET", "veth", &question), "unknown");
    let wrong = "GATE_WRONG_OUTER_ADDRESS";
    let flooded = told(HERE, "IP_OUTNOROUTES", "vxlan", &question);
    assert!(flooded.starts_with(&format!("~{wrong} ")), "{flooded}");
    let answer = told(HERE, "IP_OUTNOROUTES", "vxlan", &arp(2, INNER, VPG));
    assert!(answer.starts_with(&format!("={wrong} ")), "{answer}");
}

#[test]
fn what_arrives_at_the_wrong_machine() {
    assert_eq!(
        told(HERE, "IP_INADDRERRORS", "vxlan", &ping(DEVICE, INNER)),
        "=GATE_PEER_SILENT instance server does not have the inner address 10.254.0.254"
    );
    assert_eq!(
        told(
            HERE,
            "IP_INADDRERRORS",
            "veth",
            &tcp(SERVER, [192, 168, 0, 1])
        ),
        "=HOST_DOES_NOT_FORWARD instance server, net.ipv4.ip_forward=0: a packet for 192.168.0.1"
    );
    assert_eq!(
        told(
            HERE,
            "IP_INNOROUTES",
            "veth",
            &ping(SERVER, [192, 168, 0, 1])
        ),
        "=NO_ROUTE_TO_DESTINATION routes of instance server"
    );
    let filtered = told(HERE, "IP_RPFILTER", "veth", &ping(VPG, SERVER));
    assert!(filtered.starts_with("=HOST_FILTER "), "{filtered}");
}

#[test]
fn a_filter_is_blamed_only_where_it_is_the_users_own() {
    let packet = ping(DEVICE, SERVER);
    assert_eq!(
        told(HERE, "NETFILTER_DROP", "veth", &packet),
        "=HOST_FILTER the packet filter of instance server"
    );
    // The rule that dropped it has said why.
    assert_eq!(
        told("vpg/vpg/a", "NETFILTER_DROP", "veth", &packet),
        "noise"
    );
}

#[test]
fn tcp_survives_a_packet_that_is_too_large() {
    let told = |packet: &[u8]| told("vpg/vpg/a", "PKT_TOO_BIG", "veth", packet);
    assert!(told(&ping(DEVICE, SERVER)).starts_with("=MTU_EXCEEDED "));
    assert!(told(&tcp(DEVICE, SERVER)).starts_with("~MTU_EXCEEDED "));
}

#[test]
fn an_interface_that_takes_no_more_is_too_narrow_or_down() {
    let (node, scene) = (NodeId::new("vpc/customer"), scene(1));
    let mut packet = ping(DEVICE, SERVER);
    let drop = |packet: &[u8], place: Option<&str>| {
        let drop = Drop {
            node: &node,
            reason: "NOT_SPECIFIED",
            kind: "veth",
            place,
            family: Family::Ip,
            packet,
        };
        meaning(&drop, &scene)
    };
    let there = Some("__dev_forward_skb2+0x87");
    let reason = |meaning| match meaning {
        Meaning::Known(label) => label.reason,
        other => format!("{other:?}"),
    };
    assert_eq!(reason(drop(&packet, there)), "NO_POSSIBLE_DESTINATION");
    assert_eq!(drop(&packet, Some("veth_xmit+0x3")), Meaning::Noise);
    assert_eq!(drop(&packet, None), Meaning::Noise);
    packet[2..4].copy_from_slice(&1_478_u16.to_be_bytes());
    assert_eq!(reason(drop(&packet, there)), "MTU_EXCEEDED");
}

#[test]
fn what_happens_all_the_time_means_nothing() {
    let packet = tcp(DEVICE, SERVER);
    for reason in [
        "NOT_SPECIFIED",
        "TCP_RESET",
        "TCP_CLOSE",
        "TCP_OLD_DATA",
        "SOCKET_CLOSE",
        "SOCKET_RCVBUFF",
        "OTHERHOST",
        "QUEUE_PURGE",
        "PACKET_SOCK_ERROR",
        "NO_SOCKET",
    ] {
        assert_eq!(told(HERE, reason, "veth", &packet), "noise", "{reason}");
    }
    // The death of a complaint is not the death of what it complains about.
    let quoted = ping(DEVICE, SERVER);
    let complaint = ip(
        1,
        SERVER,
        DEVICE,
        &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted].concat(),
    );
    for reason in [
        "NETFILTER_DROP",
        "IP_RPFILTER",
        "QDISC_DROP",
        "NEIGH_FAILED",
    ] {
        assert_eq!(told(HERE, reason, "veth", &complaint), "noise", "{reason}");
    }
    // What the kernel says and nobody here can explain is passed on in its own words.
    assert_eq!(told(HERE, "QDISC_DROP", "veth", &packet), "unknown");
}
