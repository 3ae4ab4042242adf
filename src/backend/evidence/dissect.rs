//! Reads as much of a packet as is there, and says it in one line as tcpdump would.
//!
//! Logged packets may be cut short, and ICMP errors quote only the first bytes of the packet at fault,
//! so where smoltcp's checked views refuse a piece, its first fields are read by themselves.

use std::fmt;
use std::net::Ipv4Addr;

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet,
    TcpPacket,
};

use crate::backend::vxlan;
use crate::network::Mac;

/// Packets within packets are followed this deep: a quoted packet inside a tunnel has depth 3.
const DEEPEST: u8 = 4;

/// An IPv4 packet.
#[derive(Debug)]
pub(in crate::backend) struct Ip<'a> {
    pub(in crate::backend) source: Ipv4Addr,
    pub(in crate::backend) destination: Ipv4Addr,
    pub(in crate::backend) body: Body<'a>,
}

/// What an IPv4 packet carries.
#[derive(Debug)]
pub(in crate::backend) enum Body<'a> {
    Tcp {
        ports: Ports,
        /// Absent where the packet is cut before them.
        flags: Option<String>,
    },
    Udp {
        ports: Ports,
        payload: &'a [u8],
        tunnel: Option<Tunnel<'a>>,
    },
    Echo {
        reply: bool,
        id: u16,
        sequence: u16,
        payload: &'a [u8],
    },
    IcmpError {
        kind: u8,
        code: u8,
        quoted: Option<Box<Ip<'a>>>,
    },
    /// A fragment that isn't the first, another protocol, or cut too short.
    Other(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend) struct Ports {
    pub(in crate::backend) source: u16,
    pub(in crate::backend) destination: u16,
}

/// What a VXLAN packet carries.
#[derive(Debug)]
pub(in crate::backend) struct Tunnel<'a> {
    pub(in crate::backend) vni: u32,
    pub(in crate::backend) frame: Frame<'a>,
}

#[derive(Debug)]
pub(in crate::backend) enum Frame<'a> {
    Ip(Box<Ip<'a>>),
    Arp(Arp),
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Debug)]
pub(in crate::backend) struct Arp {
    pub(in crate::backend) reply: bool,
    pub(in crate::backend) sender: Ipv4Addr,
    pub(in crate::backend) target: Ipv4Addr,
    hardware: smoltcp::wire::EthernetAddress,
}

impl Ip<'_> {
    /// Whether it is what a machine answers to a datagram for a port on which nothing listens: port
    /// unreachable (RFC 1122, 3.2.2.1). What is said about a tunnel's packet answers nobody.
    pub(in crate::backend) fn is_refusal(&self) -> bool {
        let Body::IcmpError { kind, code, quoted } = &self.body else {
            return false;
        };
        let body = quoted.as_ref().map(|quoted| &quoted.body);
        (*kind, *code) == (3, 3) && matches!(body, Some(Body::Udp { tunnel: None, .. }))
    }
}

impl<'a> Ip<'a> {
    pub(in crate::backend) fn read(bytes: &'a [u8]) -> Option<Self> {
        Self::read_at(bytes, 0)
    }

    fn read_at(bytes: &'a [u8], depth: u8) -> Option<Self> {
        if depth == DEEPEST || bytes.len() < 20 {
            return None;
        }
        // The fixed header is there; the header's length and the packet's are checked below.
        let header = Ipv4Packet::new_unchecked(bytes);
        let start = usize::from(header.header_len());
        if header.version() != 4 || start < 20 {
            return None;
        }
        let end = usize::from(header.total_len()).min(bytes.len());
        let rest = bytes.get(start..end).unwrap_or_default();
        let protocol = header.next_header();
        let body = if header.frag_offset() == 0 {
            Body::read(protocol, rest, depth)
        } else {
            None
        };
        Some(Self {
            source: header.src_addr(),
            destination: header.dst_addr(),
            body: body.unwrap_or(Body::Other(protocol.into())),
        })
    }
}

impl<'a> Body<'a> {
    fn read(protocol: IpProtocol, bytes: &'a [u8], depth: u8) -> Option<Self> {
        match protocol {
            IpProtocol::Tcp => Some(Self::Tcp {
                ports: Ports::read(bytes)?,
                flags: TcpPacket::new_checked(bytes).ok().map(|tcp| flags(&tcp)),
            }),
            IpProtocol::Udp => {
                let ports = Ports::read(bytes)?;
                let payload = bytes.get(8..).unwrap_or_default();
                // Whatever the port: one mistake is to tunnel to another than the far end's.
                let tunnel = Tunnel::read(payload, depth);
                Some(Self::Udp {
                    ports,
                    payload,
                    tunnel,
                })
            }
            IpProtocol::Icmp => Self::read_icmp(bytes, depth),
            _ => None,
        }
    }

    fn read_icmp(bytes: &'a [u8], depth: u8) -> Option<Self> {
        let head: &[u8; 8] = bytes.first_chunk()?;
        let rest = &bytes[8..];
        let [kind, code, _, _, a, b, c, d] = *head;
        match kind {
            0 | 8 => Some(Self::Echo {
                reply: kind == 0,
                id: u16::from_be_bytes([a, b]),
                sequence: u16::from_be_bytes([c, d]),
                payload: rest,
            }),
            // Destination unreachable, source quench, redirect, time exceeded, parameter problem
            // (RFC 792): all quote the packet at fault.
            3 | 4 | 5 | 11 | 12 => Some(Self::IcmpError {
                kind,
                code,
                quoted: Ip::read_at(rest, depth + 1).map(Box::new),
            }),
            _ => None,
        }
    }
}

impl Ports {
    /// TCP and UDP both begin with their ports.
    fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, d] = *bytes.first_chunk()?;
        Some(Self {
            source: u16::from_be_bytes([a, b]),
            destination: u16::from_be_bytes([c, d]),
        })
    }
}

impl<'a> Tunnel<'a> {
    fn read(bytes: &'a [u8], depth: u8) -> Option<Self> {
        let packet = vxlan::Packet::new_checked(bytes).ok()?;
        let vni = vxlan::Repr::parse(&packet).ok()?.vni;
        let ethernet = EthernetFrame::new_checked(packet.payload()).ok()?;
        let frame = match ethernet.ethertype() {
            EthernetProtocol::Ipv4 => {
                Frame::Ip(Box::new(Ip::read_at(ethernet.payload(), depth + 1)?))
            }
            EthernetProtocol::Arp => Frame::Arp(Arp::read(ethernet.payload())?),
            _ => return None,
        };
        Some(Self { vni, frame })
    }
}

impl Arp {
    /// The sender's Ethernet address.
    pub(in crate::backend) fn mac(&self) -> Mac {
        Mac(self.hardware.0)
    }

    /// What it does, as the packet says it.
    pub(in crate::backend) fn operation(&self) -> ArpOperation {
        if self.reply {
            ArpOperation::Reply
        } else {
            ArpOperation::Request
        }
    }

    pub(in crate::backend) fn read(bytes: &[u8]) -> Option<Self> {
        let packet = ArpPacket::new_checked(bytes).ok()?;
        let ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr,
            source_protocol_addr,
            target_protocol_addr,
            ..
        } = ArpRepr::parse(&packet).ok()?
        else {
            return None;
        };
        Some(Self {
            reply: operation == ArpOperation::Reply,
            sender: source_protocol_addr,
            target: target_protocol_addr,
            hardware: source_hardware_addr,
        })
    }
}

/// tcpdump's letters: `S`, `S.`, `.`, `P.`, `F.`, `R`.
fn flags(tcp: &TcpPacket<&[u8]>) -> String {
    let letters = [
        (tcp.syn(), 'S'),
        (tcp.fin(), 'F'),
        (tcp.rst(), 'R'),
        (tcp.psh(), 'P'),
        (tcp.urg(), 'U'),
        (tcp.ack(), '.'),
    ];
    letters
        .into_iter()
        .filter_map(|(set, letter)| set.then_some(letter))
        .collect()
}

impl fmt::Display for Ip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.source, self.destination);
        match &self.body {
            Body::Tcp { ports, flags } => {
                let (a, b) = (ports.source, ports.destination);
                write!(f, "{from}.{a} > {to}.{b}: tcp")?;
                flags.as_ref().map_or(Ok(()), |flags| write!(f, " {flags}"))
            }
            Body::Udp {
                tunnel: Some(Tunnel { vni, frame }),
                ..
            } => write!(f, "{frame}, in vxlan {vni} {from} > {to}"),
            Body::Udp { ports, payload, .. } => {
                let (a, b, length) = (ports.source, ports.destination, payload.len());
                write!(f, "{from}.{a} > {to}.{b}: udp {length}")
            }
            Body::Echo {
                reply,
                id,
                sequence,
                ..
            } => {
                let kind = if *reply { "reply" } else { "request" };
                write!(f, "{from} > {to}: icmp echo {kind} id {id} seq {sequence}")
            }
            Body::IcmpError { kind, code, quoted } => {
                write!(f, "{from} > {to}: icmp {}", error_name(*kind, *code))?;
                quoted
                    .as_ref()
                    .map_or(Ok(()), |quoted| write!(f, ", about {quoted}"))
            }
            Body::Other(protocol) => write!(f, "{from} > {to}: ip protocol {protocol}"),
        }
    }
}

/// tcpdump's words for ICMP errors.
fn error_name(kind: u8, code: u8) -> String {
    let name = match (kind, code) {
        (3, 0) => "net unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "need to frag",
        (3, 9 | 10 | 13) => "admin prohibited",
        (4, _) => "source quench",
        (5, _) => "redirect",
        (11, _) => "time exceeded",
        (12, _) => "parameter problem",
        _ => return format!("type {kind} code {code}"),
    };
    name.into()
}

impl fmt::Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Arp(arp) => arp.fmt(f),
        }
    }
}

impl fmt::Display for Arp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sender, target) = (self.sender, self.target);
        if self.reply {
            write!(f, "arp {sender} is-at {}", self.hardware)
        } else {
            write!(f, "arp who-has {target} tell {sender}")
        }
    }
}
