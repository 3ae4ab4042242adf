//! Packets made by hand, as the filters along the way would log them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpProtocol, Ipv4Packet,
};

use super::*;
use crate::backend::vxlan;

const DEVICE: Ipv4Addr = Ipv4Addr::new(10, 128, 0, 5);
const VPG: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 4);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);
const INNER: Ipv4Addr = Ipv4Addr::new(10, 254, 0, 254);
const TOKEN: Token = Token([1, 2, 3, 4, 5, 6, 7, 8]);

fn ip(protocol: IpProtocol, from: Ipv4Addr, to: Ipv4Addr, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 20 + body.len()];
    let length = u16::try_from(bytes.len()).unwrap();
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[..]);
    packet.set_version(4);
    packet.set_header_len(20);
    packet.set_total_len(length);
    packet.set_hop_limit(64);
    packet.set_next_header(protocol);
    packet.set_src_addr(from);
    packet.set_dst_addr(to);
    packet.fill_checksum();
    packet.payload_mut().copy_from_slice(body);
    bytes
}

fn tcp(from: Ipv4Addr, source: u16, to: Ipv4Addr, destination: u16, flags: u8) -> Vec<u8> {
    let mut body = [0; 20];
    body[..2].copy_from_slice(&source.to_be_bytes());
    body[2..4].copy_from_slice(&destination.to_be_bytes());
    body[12] = 5 << 4;
    body[13] = flags;
    ip(IpProtocol::Tcp, from, to, &body)
}

fn udp(from: Ipv4Addr, source: u16, to: Ipv4Addr, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let mut body = Vec::new();
    for field in [source, destination, length, 0] {
        body.extend(field.to_be_bytes());
    }
    body.extend(payload);
    ip(IpProtocol::Udp, from, to, &body)
}

fn icmp(from: Ipv4Addr, to: Ipv4Addr, kind: u8, code: u8, rest: [u16; 2], data: &[u8]) -> Vec<u8> {
    let mut body = vec![kind, code, 0, 0];
    for field in rest {
        body.extend(field.to_be_bytes());
    }
    body.extend(data);
    ip(IpProtocol::Icmp, from, to, &body)
}

fn arp(operation: ArpOperation, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress([0xda, 0x7e, 0x77, 0xef, 0xdf, 0x25]),
        source_protocol_addr: sender,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: target,
    };
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes[..]));
    bytes
}

fn tunnelled(ethertype: EthernetProtocol, inner: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; vxlan::HEADER_LEN + 14 + inner.len()];
    let mut packet = vxlan::Packet::new_unchecked(&mut bytes[..]);
    vxlan::Repr { vni: 10 }.emit(&mut packet);
    let mut frame = EthernetFrame::new_unchecked(packet.payload_mut());
    let repr = EthernetRepr {
        src_addr: EthernetAddress([2; 6]),
        dst_addr: EthernetAddress::BROADCAST,
        ethertype,
    };
    repr.emit(&mut frame);
    frame.payload_mut().copy_from_slice(inner);
    udp(VPG, 50_123, SERVER, vxlan::PORT, &bytes)
}

fn footprint(flow: Flow) -> Footprint {
    Footprint {
        flow,
        token: TOKEN,
        from: DEVICE,
        to: SERVER,
    }
}

fn to_the_web() -> Footprint {
    footprint(Flow::Tcp {
        source: 40_001,
        destination: 80,
    })
}

fn ping() -> Footprint {
    let mut ping = footprint(Flow::Icmp { id: 7, sequence: 1 });
    (ping.from, ping.to) = (INNER, DEVICE);
    ping
}

fn seen(footprint: &Footprint, packet: &[u8]) -> Option<String> {
    footprint
        .concerns(Family::Ip, packet)
        .map(|summary| summary.to_string())
}

#[test]
fn tcp_there_and_back_before_and_after_translation() {
    let probe = to_the_web();
    assert_eq!(
        seen(&probe, &tcp(DEVICE, 40_001, SERVER, 80, 0x02)).unwrap(),
        "10.128.0.5.40001 > 10.0.0.254.80: tcp S"
    );
    assert_eq!(
        seen(&probe, &tcp(VPG, 40_001, SERVER, 80, 0x02)).unwrap(),
        "100.64.0.4.40001 > 10.0.0.254.80: tcp S"
    );
    assert_eq!(
        seen(&probe, &tcp(SERVER, 80, VPG, 40_001, 0x12)).unwrap(),
        "10.0.0.254.80 > 100.64.0.4.40001: tcp S."
    );
}

#[test]
fn another_probe_s_packets_are_left_alone() {
    let probe = to_the_web();
    assert_eq!(seen(&probe, &tcp(DEVICE, 40_002, SERVER, 80, 2)), None);
    assert_eq!(seen(&probe, &tcp(DEVICE, 40_001, SERVER, 81, 2)), None);
    assert_eq!(seen(&probe, &udp(DEVICE, 40_001, SERVER, 80, b"")), None);
    let foreign = icmp(INNER, DEVICE, 8, 0, [7, 1], b"some other token");
    assert_eq!(seen(&ping(), &foreign), None);
}

#[test]
fn udp_is_known_by_its_ports_or_by_its_token() {
    let probe = footprint(Flow::Udp {
        source: 40_003,
        destination: 7,
    });
    assert_eq!(
        seen(&probe, &udp(DEVICE, 40_003, SERVER, 7, &TOKEN.0)).unwrap(),
        "10.128.0.5.40003 > 10.0.0.254.7: udp 8"
    );
    assert!(seen(&probe, &udp(VPG, 1024, SERVER, 7, &TOKEN.0)).is_some());
    assert!(seen(&probe, &udp(SERVER, 7, VPG, 1024, &TOKEN.0)).is_some());
    assert_eq!(seen(&probe, &udp(VPG, 1024, SERVER, 9, &TOKEN.0)), None);
}

#[test]
fn a_udp_probe_of_the_vxlan_port_is_still_udp() {
    let probe = footprint(Flow::Udp {
        source: 40_004,
        destination: 4789,
    });
    assert!(seen(&probe, &udp(DEVICE, 40_004, SERVER, 4789, &TOKEN.0)).is_some());
}

#[test]
fn an_echo_in_the_tunnel() {
    let inner = icmp(INNER, DEVICE, 8, 0, [7, 1], &TOKEN.0);
    assert_eq!(
        seen(&ping(), &tunnelled(EthernetProtocol::Ipv4, &inner)).unwrap(),
        "10.254.0.254 > 10.128.0.5: icmp echo request id 7 seq 1, in vxlan 10 100.64.0.4 > 10.0.0.254"
    );
}

#[test]
fn arp_in_the_tunnel_and_outside() {
    let ask = arp(ArpOperation::Request, INNER, DEVICE);
    assert_eq!(
        seen(&ping(), &tunnelled(EthernetProtocol::Arp, &ask)).unwrap(),
        "arp who-has 10.128.0.5 tell 10.254.0.254, in vxlan 10 100.64.0.4 > 10.0.0.254"
    );
    let answer = arp(ArpOperation::Reply, DEVICE, INNER);
    let summary = ping().concerns(Family::Arp, &answer).unwrap();
    assert_eq!(
        summary.to_string(),
        "arp 10.128.0.5 is-at da-7e-77-ef-df-25"
    );
    let third = arp(ArpOperation::Request, INNER, SERVER);
    assert_eq!(ping().concerns(Family::Arp, &third), None);
}

#[test]
fn an_error_that_quotes_eight_bytes() {
    let quoted = &tcp(VPG, 40_001, SERVER, 80, 2)[..28];
    let error = icmp(SERVER, VPG, 3, 1, [0, 0], quoted);
    assert_eq!(
        seen(&to_the_web(), &error).unwrap(),
        "10.0.0.254 > 100.64.0.4: icmp host unreachable, about 100.64.0.4.40001 > 10.0.0.254.80: tcp"
    );
    let quoted = &icmp(INNER, DEVICE, 8, 0, [7, 1], &TOKEN.0)[..28];
    let error = icmp(DEVICE, INNER, 11, 0, [0, 0], quoted);
    assert!(seen(&ping(), &error).is_some());
}

fn samples() -> Vec<Vec<u8>> {
    let echo = icmp(INNER, DEVICE, 8, 0, [7, 1], &TOKEN.0);
    vec![
        tcp(VPG, 40_001, SERVER, 80, 2),
        icmp(DEVICE, INNER, 3, 3, [0, 0], &echo),
        tunnelled(EthernetProtocol::Ipv4, &echo),
        tunnelled(
            EthernetProtocol::Arp,
            &arp(ArpOperation::Request, INNER, DEVICE),
        ),
    ]
}

proptest! {
    #[test]
    fn any_bytes_may_come(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for family in [Family::Ip, Family::Arp] {
            let _ = ping().concerns(family, &bytes);
        }
    }

    #[test]
    fn any_damage_may_come(which in 0..4usize, at in any::<usize>(), byte: u8, length in 0..150usize) {
        let mut bytes = samples().swap_remove(which);
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(length);
        let _ = ping().concerns(Family::Ip, &bytes);
        let _ = to_the_web().concerns(Family::Ip, &bytes);
    }
}

#[test]
fn what_goes_back_is_told_from_what_goes_there() {
    let answer = |probe: &Footprint, family, packet: &[u8]| {
        let summary = probe.concerns(family, packet);
        summary.map(|summary| summary.answer)
    };
    let web = to_the_web();
    let there = tcp(VPG, 40_001, SERVER, 80, 0x02);
    let back = tcp(SERVER, 80, VPG, 40_001, 0x12);
    assert_eq!(answer(&web, Family::Ip, &there), Some(false));
    assert_eq!(answer(&web, Family::Ip, &back), Some(true));
    // An error about a packet goes the other way than the packet.
    let error = icmp(SERVER, VPG, 3, 4, [0, 0], &there);
    assert_eq!(answer(&web, Family::Ip, &error), Some(true));
}
