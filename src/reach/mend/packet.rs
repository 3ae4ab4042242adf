//! What a packet looks like where it dies.

use std::net::Ipv4Addr;

use crate::cloud::NodeName;
use crate::cloud::aws::{IpProtocol, RouteTableId};
use crate::reach::{Ask, Choice, Flow, Hop, HopKind, Node};

/// The UDP port of VXLAN (RFC 7348).
const VXLAN: u16 = 4789;

/// A packet's header, as far as rules look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub protocol: IpProtocol,
    /// The destination port; none where it is whichever the question came from.
    pub port: Option<u16>,
    /// Of ICMP.
    pub icmp_type: u8,
}

impl Packet {
    /// The packet at the last of these stops, after every translation before it: the outer one where the
    /// stop is in a tunnel. What a machine answers to UDP where nothing listens is ICMP: that is `refused`.
    pub fn at_end(hops: &[Hop<'_>], flow: &Flow, answer: bool, refused: bool) -> Self {
        let mut inner = (Ipv4Addr::UNSPECIFIED, flow.to);
        let mut outer = None;
        for hop in hops {
            let header = match &mut outer {
                Some((header, _)) if hop.tunnelled => header,
                _ => &mut inner,
            };
            match hop.kind {
                HopKind::Sends {
                    source,
                    destination,
                    ..
                } => *header = (source, destination),
                HopKind::Nat {
                    source: true, to, ..
                } => header.0 = to,
                HopKind::Nat {
                    source: false, to, ..
                } => header.1 = to,
                HopKind::Encapsulates { from, to, port, .. } => outer = Some(((from, to), port)),
                HopKind::Decapsulates { .. } => outer = None,
                _ => {}
            }
        }
        let in_tunnel = hops.last().is_some_and(|hop| hop.tunnelled);
        let ((source, destination), protocol, port) = match (outer, flow.ask) {
            (Some((header, port)), _) if in_tunnel => (header, IpProtocol::Udp, Some(port)),
            (_, Ask::Tcp(port)) => (inner, IpProtocol::Tcp, Some(port).filter(|_| !answer)),
            (_, Ask::Udp(_)) if answer && refused => (inner, IpProtocol::Icmp, None),
            (_, Ask::Udp(port)) => (inner, IpProtocol::Udp, Some(port).filter(|_| !answer)),
            (_, Ask::Ping { .. }) => (inner, IpProtocol::Icmp, None),
        };
        Self {
            source,
            destination,
            protocol,
            port,
            // Echo, echo reply, destination unreachable (RFC 792).
            icmp_type: match (answer, refused) {
                (false, _) => 8,
                (true, false) => 0,
                (true, true) => 3,
            },
        }
    }

    /// Whether it is VXLAN.
    pub fn is_vxlan(&self) -> bool {
        self.protocol == IpProtocol::Udp && self.port == Some(VXLAN)
    }
}

/// The inner source of the last packet that was put into a tunnel: the peer's or the device's own address.
pub(super) fn inner_source(hops: &[Hop<'_>]) -> Option<Ipv4Addr> {
    hops.iter().rev().find_map(|hop| match hop.kind {
        HopKind::Sends { source, .. } if !hop.tunnelled => Some(source),
        _ => None,
    })
}

/// The outer source of the last tunnel.
pub(super) fn outer_source(hops: &[Hop<'_>]) -> Option<Ipv4Addr> {
    hops.iter().rev().find_map(|hop| match hop.kind {
        HopKind::Encapsulates { from, .. } => Some(from),
        _ => None,
    })
}

/// The last route that a route table chose, with the table.
pub(super) fn last_route<'a>(hops: &[Hop<'a>]) -> Option<(&'a RouteTableId, Choice<'a>)> {
    hops.iter().rev().find_map(|hop| match hop.kind {
        HopKind::RouteTable { table, choice } => Some((table, choice)),
        _ => None,
    })
}

/// The last machine that had the packet.
pub(super) fn last_machine(hops: &[Hop<'_>]) -> Option<NodeName> {
    hops.iter().rev().find_map(|hop| match hop.kind {
        HopKind::Sends { node, .. }
        | HopKind::Arrives { node, .. }
        | HopKind::Forwards { node } => Some(name(node)),
        _ => None,
    })
}

fn name(node: Node<'_>) -> NodeName {
    match node {
        Node::Sim(sim) => NodeName::Sim(sim.clone()),
        Node::Instance(instance) => NodeName::Instance(instance.clone()),
        Node::Pc => NodeName::Pc,
        Node::Internet => NodeName::Internet,
    }
}
