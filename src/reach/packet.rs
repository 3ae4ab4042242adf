//! A packet on its way, and what its flow has left behind.

use std::net::Ipv4Addr;

use super::hop::NatPlace;
use crate::cloud::aws::IpProtocol;

/// The port that the asking side takes: any out of Linux's range, 32768 to 60999 (ip-sysctl,
/// `ip_local_port_range`).
const EPHEMERAL: u16 = 45_000;

/// Header lengths in bytes: IPv4 without options, and ICMP echo.
const IP_HEADER: u32 = 20;
const ECHO_HEADER: u32 = 8;

/// What VXLAN over IPv4 adds in bytes: Ethernet 14, IP 20, UDP 8, VXLAN 8 (RFC 7348).
const VXLAN_OVERHEAD: u32 = 50;

/// A packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub carries: Carries,
    /// Its length in bytes, IP header included.
    pub length: u32,
    pub dont_fragment: bool,
}

/// What it carries, as far as rules look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// TCP to this port.
    Tcp(u16),
    /// UDP to this port.
    Udp(u16),
    /// ICMP of this type.
    Icmp(u8),
}

/// ICMP types (RFC 792).
pub(super) const ECHO_REPLY: u8 = 0;
pub(super) const UNREACHABLE: u8 = 3;
pub(super) const ECHO: u8 = 8;

impl Packet {
    /// The first packet of what `ask` asks. A connection and a datagram fit any link.
    pub fn asking(source: Ipv4Addr, destination: Ipv4Addr, ask: super::Ask) -> Self {
        let (carries, length, dont_fragment) = match ask {
            super::Ask::Tcp(port) => (Carries::Tcp(port), 60, true),
            super::Ask::Udp(port) => (Carries::Udp(port), 60, false),
            super::Ask::Ping {
                size,
                dont_fragment,
            } => (
                Carries::Icmp(ECHO),
                u32::from(size) + IP_HEADER + ECHO_HEADER,
                dont_fragment,
            ),
        };
        Self {
            source,
            destination,
            carries,
            length,
            dont_fragment,
        }
    }

    /// What comes back to the packet's source from where it arrived. Nobody forbids to fragment it.
    pub fn answered(&self, source: Ipv4Addr, refused: bool) -> Self {
        let carries = match self.carries {
            Carries::Tcp(_) => Carries::Tcp(EPHEMERAL),
            Carries::Udp(_) if refused => Carries::Icmp(UNREACHABLE),
            Carries::Udp(_) => Carries::Udp(EPHEMERAL),
            Carries::Icmp(_) => Carries::Icmp(ECHO_REPLY),
        };
        Self {
            source,
            destination: self.source,
            carries,
            length: self.length,
            dont_fragment: false,
        }
    }

    /// The outer packet around it. Linux leaves it to be fragmented (ip-link(8), `df unset`).
    pub fn within_vxlan(&self, from: Ipv4Addr, to: Ipv4Addr, port: u16) -> Self {
        Self {
            source: from,
            destination: to,
            carries: Carries::Udp(port),
            length: self.length + VXLAN_OVERHEAD,
            dont_fragment: false,
        }
    }

    /// Whether a link of this MTU can't carry it.
    pub fn exceeds(&self, mtu: u32) -> bool {
        self.dont_fragment && self.length > mtu
    }

    /// Protocol, destination port and ICMP type, as rules name them.
    pub fn for_rules(&self) -> (IpProtocol, u16, u8) {
        match self.carries {
            Carries::Tcp(port) => (IpProtocol::Tcp, port, 0),
            Carries::Udp(port) => (IpProtocol::Udp, port, 0),
            Carries::Icmp(kind) => (IpProtocol::Icmp, 0, kind),
        }
    }
}

/// What a flow has left at those who remember flows: the answer finds it there.
#[derive(Debug, Default)]
pub(super) struct Memory<'a> {
    /// Security groups that let the flow through: the interface's number, and whether outwards.
    passed: Vec<(usize, bool)>,
    /// Source translations: where, the address before and after.
    translated: Vec<(NatPlace<'a>, Ipv4Addr, Ipv4Addr)>,
}

impl<'a> Memory<'a> {
    pub fn pass(&mut self, interface: usize, egress: bool) {
        self.passed.push((interface, egress));
    }

    pub fn has_passed(&self, interface: usize, egress: bool) -> bool {
        self.passed.contains(&(interface, egress))
    }

    pub fn translate(&mut self, place: NatPlace<'a>, from: Ipv4Addr, to: Ipv4Addr) {
        self.translated.push((place, from, to));
    }

    /// The address that was translated to `to` there.
    pub fn original(&self, place: NatPlace<'a>, to: Ipv4Addr) -> Option<Ipv4Addr> {
        let mut entries = self.translated.iter();
        let entry = entries.find(|(at, _, after)| *at == place && *after == to);
        entry.map(|(_, before, _)| *before)
    }
}
