//! Packets that a node makes itself.

use std::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, Icmpv4Packet, IpProtocol, Ipv4Packet,
    TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket, UdpRepr,
};

use super::packet::HEADER;
use crate::network::Mac;

/// The TTL of what a node sends itself (`net.ipv4.ip_default_ttl`).
pub(super) const TTL: u8 = 64;

/// Source and destination.
pub(super) type Ends = (Ipv4Addr, Ipv4Addr);

/// A packet with a body that is written by the caller.
fn packet(ends: Ends, protocol: IpProtocol, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; HEADER + length];
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[..]);
    packet.set_version(4);
    packet.set_header_len(HEADER as u8);
    // Bodies are bounded by what IPv4 can carry.
    packet.set_total_len(u16::try_from(HEADER + length).unwrap_or(u16::MAX));
    packet.set_hop_limit(TTL);
    packet.set_next_header(protocol);
    packet.set_src_addr(ends.0);
    packet.set_dst_addr(ends.1);
    packet.fill_checksum();
    bytes
}

/// Whether a packet may not be fragmented.
pub(super) fn set_dont_fragment(bytes: &mut [u8], on: bool) {
    let mut packet = Ipv4Packet::new_unchecked(bytes);
    packet.set_dont_frag(on);
    packet.fill_checksum();
}

/// ICMP, already written but for the checksum of what it is in.
pub(super) fn icmp(ends: Ends, body: &[u8]) -> Vec<u8> {
    let mut bytes = packet(ends, IpProtocol::Icmp, body.len());
    bytes[HEADER..].copy_from_slice(body);
    bytes
}

/// A datagram.
pub(super) fn udp(ends: Ends, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    udp_with(ends, ports, payload.len(), |body| {
        body.copy_from_slice(payload)
    })
}

/// A datagram whose payload is written in place.
pub(super) fn udp_with(
    ends: Ends,
    ports: (u16, u16),
    length: usize,
    write: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let repr = UdpRepr {
        src_port: ports.0,
        dst_port: ports.1,
    };
    let mut bytes = packet(ends, IpProtocol::Udp, repr.header_len() + length);
    let mut udp = UdpPacket::new_unchecked(&mut bytes[HEADER..]);
    let (from, to) = (ends.0.into(), ends.1.into());
    repr.emit(
        &mut udp,
        &from,
        &to,
        length,
        write,
        &ChecksumCapabilities::default(),
    );
    bytes
}

/// What a machine answers to a segment for nobody (RFC 9293, section 3.5.2); none to a reset, or to what is
/// no TCP.
pub(super) fn reset(ends: Ends, segment: &[u8]) -> Option<Vec<u8>> {
    let segment = TcpPacket::new_checked(segment).ok()?;
    if segment.rst() {
        return None;
    }
    let (seq_number, ack_number) = if segment.ack() {
        (segment.ack_number(), None)
    } else {
        let end = segment.seq_number() + segment.segment_len();
        (TcpSeqNumber::default(), Some(end))
    };
    let repr = TcpRepr {
        src_port: segment.dst_port(),
        dst_port: segment.src_port(),
        control: TcpControl::Rst,
        seq_number,
        ack_number,
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None, None, None],
        timestamp: None,
        payload: &[],
    };
    let mut bytes = packet(ends, IpProtocol::Tcp, repr.buffer_len());
    let mut tcp = TcpPacket::new_unchecked(&mut bytes[HEADER..]);
    let (from, to) = (ends.0.into(), ends.1.into());
    repr.emit(&mut tcp, &from, &to, &ChecksumCapabilities::default());
    Some(bytes)
}

/// An ICMP error: type, code, the four bytes behind the checksum, and the packet that it is about, of which
/// as much is quoted as fits into 576 bytes (RFC 1812, section 4.3.2.3).
pub(super) fn icmp_error(ends: Ends, kind: (u8, u8), rest: [u8; 4], about: &[u8]) -> Vec<u8> {
    const LONGEST: usize = 576 - HEADER - 8;
    let quoted = &about[..about.len().min(LONGEST)];
    let mut body = vec![kind.0, kind.1, 0, 0];
    body.extend(rest);
    body.extend(quoted);
    Icmpv4Packet::new_unchecked(&mut body[..]).fill_checksum();
    icmp(ends, &body)
}

/// An ARP packet.
pub(super) fn arp(
    operation: ArpOperation,
    (sender_mac, sender): (Mac, Ipv4Addr),
    (target_mac, target): (Mac, Ipv4Addr),
) -> Vec<u8> {
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(sender_mac.0),
        source_protocol_addr: sender,
        target_hardware_addr: EthernetAddress(target_mac.0),
        target_protocol_addr: target,
    };
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes[..]));
    bytes
}
