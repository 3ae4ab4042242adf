//! An IPv4 packet on its way through a node, and what is read of its headers time and again.

use std::net::Ipv4Addr;

use smoltcp::wire::Ipv4Packet;

use super::conntrack::Ct;

/// Protocol numbers (IANA, "Protocol Numbers").
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// The length of an IPv4 header without options, in bytes. No packet here has options.
pub(super) const HEADER: usize = 20;

/// An IPv4 packet in a node.
#[derive(Debug)]
pub(super) struct Packet {
    /// From the IPv4 header on, exactly as long as the header says.
    pub bytes: Vec<u8>,
    /// What its headers say.
    pub meta: Meta,
    /// The connection that it belongs to, as far as that is known.
    pub ct: Ct,
    /// The largest fragment that it came in, in bytes; 0 for one that came whole.
    pub largest_fragment: u16,
}

/// What a packet's headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    /// Where the transport header begins.
    pub start: u8,
    pub dont_fragment: bool,
    /// Whether it is a fragment: the first, or a later one, which has no ports.
    pub fragment: Fragment,
    /// TCP, UDP: the ports. An ICMP echo: its identifier twice. Otherwise 0.
    pub ports: (u16, u16),
    /// ICMP: type and code. TCP: the flags and 0.
    pub kind: (u8, u8),
}

/// Whether a packet is a part of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fragment {
    Whole,
    First,
    Later,
}

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Too short, of another version, or with lengths that don't fit.
    Header,
    /// The header's checksum is wrong.
    Checksum,
}

impl Packet {
    /// Reads a packet, and drops what stands behind its end. Any bytes may come.
    pub fn read(mut bytes: Vec<u8>) -> Result<Self, Malformed> {
        let packet = Ipv4Packet::new_checked(&bytes).map_err(|_| Malformed::Header)?;
        if packet.version() != 4 || usize::from(packet.header_len()) < HEADER {
            return Err(Malformed::Header);
        }
        if !packet.verify_checksum() {
            return Err(Malformed::Checksum);
        }
        let length = usize::from(packet.total_len());
        bytes.truncate(length);
        let meta = Meta::of(&bytes);
        Ok(Self {
            bytes,
            meta,
            ct: Ct::None,
            largest_fragment: 0,
        })
    }

    /// The packet's length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What stands behind the IPv4 header.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[usize::from(self.meta.start)..]
    }

    /// Another source address, and the checksums that belong to it.
    pub fn set_source(&mut self, ip: Ipv4Addr) {
        let old = self.meta.source;
        self.meta.source = ip;
        self.rewrite(12, old, ip);
    }

    /// Another destination address, and the checksums that belong to it.
    pub fn set_destination(&mut self, ip: Ipv4Addr) {
        let old = self.meta.destination;
        self.meta.destination = ip;
        self.rewrite(16, old, ip);
    }

    fn rewrite(&mut self, at: usize, old: Ipv4Addr, new: Ipv4Addr) {
        if old == new {
            return;
        }
        let (old, new) = (old.octets(), new.octets());
        self.bytes[at..at + 4].copy_from_slice(&new);
        for (old, new) in [(&old[..2], &new[..2]), (&old[2..], &new[2..])] {
            let (old, new) = (word(old, 0), word(new, 0));
            adjust(&mut self.bytes, 10, old, new);
            // The pseudo header is a part of what TCP and UDP sum up.
            if let Some(place) = self.checksum() {
                self.adjust_transport(place, old, new);
            }
        }
    }

    /// Where the transport's checksum stands, if it has one.
    fn checksum(&self) -> Option<usize> {
        let offset = match (self.meta.protocol, self.meta.fragment) {
            (_, Fragment::Later) => return None,
            (TCP, _) => 16,
            (UDP, _) => 6,
            _ => return None,
        };
        let at = usize::from(self.meta.start) + offset;
        let there = self.bytes.len() >= at + 2;
        // UDP without a checksum stays without.
        (there && (self.meta.protocol == TCP || word(&self.bytes, at) != 0)).then_some(at)
    }

    /// Another source port, or identifier of an ICMP echo.
    pub fn set_source_port(&mut self, port: u16) {
        let at = if self.meta.protocol == ICMP { 4 } else { 0 };
        self.set_port(at, port);
        self.meta.ports.0 = port;
        if self.meta.protocol == ICMP {
            self.meta.ports.1 = port;
        }
    }

    /// Another destination port, or identifier of an ICMP echo.
    pub fn set_destination_port(&mut self, port: u16) {
        if self.meta.protocol == ICMP {
            return self.set_source_port(port);
        }
        self.set_port(2, port);
        self.meta.ports.1 = port;
    }

    fn set_port(&mut self, offset: usize, port: u16) {
        let at = usize::from(self.meta.start) + offset;
        if self.meta.fragment == Fragment::Later || self.bytes.len() < at + 2 {
            return;
        }
        let old = word(&self.bytes, at);
        if old == port {
            return;
        }
        self.bytes[at..at + 2].copy_from_slice(&port.to_be_bytes());
        let place = match self.meta.protocol {
            ICMP => Some(usize::from(self.meta.start) + 2),
            _ => self.checksum(),
        };
        if let Some(place) = place {
            self.adjust_transport(place, old, port);
        }
    }

    fn adjust_transport(&mut self, place: usize, old: u16, new: u16) {
        if self.meta.protocol == UDP {
            adjust_udp(&mut self.bytes, place, old, new);
        } else {
            adjust(&mut self.bytes, place, old, new);
        }
    }

    /// Another TTL.
    pub fn set_ttl(&mut self, ttl: u8) {
        let old = word(&self.bytes, 8);
        self.bytes[8] = ttl;
        self.meta.ttl = ttl;
        let new = word(&self.bytes, 8);
        adjust(&mut self.bytes, 10, old, new);
    }
}

impl Meta {
    /// What the headers of a packet say that has been checked.
    pub fn of(bytes: &[u8]) -> Self {
        let packet = Ipv4Packet::new_unchecked(bytes);
        let start = usize::from(packet.header_len());
        let protocol: u8 = packet.next_header().into();
        let fragment = match (packet.frag_offset(), packet.more_frags()) {
            (0, false) => Fragment::Whole,
            (0, true) => Fragment::First,
            _ => Fragment::Later,
        };
        let rest = bytes.get(start..).unwrap_or_default();
        let (mut ports, mut kind) = ((0, 0), (0, 0));
        if fragment != Fragment::Later && rest.len() >= 8 {
            match protocol {
                TCP => {
                    ports = (word(rest, 0), word(rest, 2));
                    kind = (rest.get(13).copied().unwrap_or_default(), 0);
                }
                UDP => ports = (word(rest, 0), word(rest, 2)),
                ICMP => {
                    kind = (rest[0], rest[1]);
                    if matches!(rest[0], 0 | 8) {
                        ports = (word(rest, 4), word(rest, 4));
                    }
                }
                _ => {}
            }
        }
        Self {
            source: packet.src_addr(),
            destination: packet.dst_addr(),
            protocol,
            ttl: packet.hop_limit(),
            // At most 60.
            start: start as u8,
            dont_fragment: packet.dont_frag(),
            fragment,
            ports,
            kind,
        }
    }

    /// Whether it is an ICMP error about another packet (RFC 792).
    pub fn is_icmp_error(&self) -> bool {
        self.protocol == ICMP && matches!(self.kind.0, 3 | 4 | 5 | 11 | 12)
    }
}

/// A number of 16 bits in the network's order.
pub(super) fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Brings a checksum to what it is with another word in the place of an old one (RFC 1624, equation 3).
fn adjust(bytes: &mut [u8], at: usize, old: u16, new: u16) {
    let sum = u32::from(!word(bytes, at)) + u32::from(!old) + u32::from(new);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    // Folded twice, it fits into 16 bits.
    bytes[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// The same for UDP, where 0 says that there is no checksum (RFC 768).
fn adjust_udp(bytes: &mut [u8], at: usize, old: u16, new: u16) {
    adjust(bytes, at, old, new);
    if word(bytes, at) == 0 {
        bytes[at..at + 2].fill(0xff);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use smoltcp::wire::UdpPacket;

    use super::super::craft;
    use super::*;

    proptest! {
        #[test]
        fn what_is_rewritten_keeps_its_checksums(
            [a, b, c, d] in any::<[[u8; 4]; 4]>(),
            ports in any::<[u16; 4]>(),
            ttl in 1..=255_u8,
            payload in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let ends = (a.into(), b.into());
            let bytes = craft::udp(ends, (ports[0], ports[1]), &payload);
            let mut packet = Packet::read(bytes).unwrap();
            packet.set_source(c.into());
            packet.set_destination(d.into());
            packet.set_source_port(ports[2]);
            packet.set_destination_port(ports[3]);
            packet.set_ttl(ttl);
            let meta = packet.meta;
            let read = Packet::read(packet.bytes.clone()).unwrap();
            prop_assert_eq!(read.meta, meta);
            prop_assert_eq!((meta.source, meta.destination), (c.into(), d.into()));
            prop_assert_eq!((meta.ports, meta.ttl), ((ports[2], ports[3]), ttl));
            let udp = UdpPacket::new_checked(packet.payload()).unwrap();
            // 0 stands for no checksum at all, so a sum of 0 is written as its complement.
            let sound = udp.checksum() == 0
                || udp.verify_checksum(&meta.source.into(), &meta.destination.into());
            prop_assert!(sound);
        }

        #[test]
        fn any_bytes_may_come(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Packet::read(bytes);
        }
    }
}
