//! Whether a packet that a filter labelled belongs to a probe.
//!
//! Pure: bytes in, an opinion out. Address translation rewrites addresses along the way, but keeps
//! ports and ICMP identifiers where it can, and those are unique to the probe; so they decide.

use std::fmt;
use std::net::Ipv4Addr;

use super::dissect::{Arp, Body, Frame, Ip, Ports};
use super::ticket::Token;
use crate::network::Family;

/// What a probe's packets look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Protocol and numbers.
    pub flow: Flow,
    /// The probe's token, where its packets carry one.
    pub token: Token,
    /// The address that the asking node took as its source.
    pub from: Ipv4Addr,
    /// The address that was asked.
    pub to: Ipv4Addr,
}

/// The protocol of a probe, and the numbers that tell it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// An ICMP echo.
    Icmp {
        /// The identifier.
        id: u16,
        /// The sequence number.
        sequence: u16,
    },
    /// A TCP connection.
    Tcp {
        /// The asking side's port.
        source: u16,
        /// The port that is asked.
        destination: u16,
    },
    /// UDP datagrams.
    Udp {
        /// The asking side's port.
        source: u16,
        /// The port that is asked.
        destination: u16,
    },
}

/// A packet in one line, as tcpdump would put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketSummary(String);

impl fmt::Display for PacketSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Footprint {
    /// Whether this packet, from its network header on, is one of the probe's: in either direction,
    /// before or after address translation, inside VXLAN, quoted by an ICMP error, or an ARP packet
    /// that the probe's own wait on. Any bytes may come.
    pub fn concerns(&self, family: Family, packet: &[u8]) -> Option<PacketSummary> {
        let summary = match family {
            Family::Ip => Ip::read(packet).filter(|ip| self.owns(ip))?.to_string(),
            Family::Arp => Arp::read(packet)
                .filter(|arp| self.waits_on(arp))?
                .to_string(),
        };
        Some(PacketSummary(summary))
    }

    fn owns(&self, ip: &Ip<'_>) -> bool {
        match (&ip.body, self.flow) {
            (
                Body::Udp {
                    tunnel: Some(tunnel),
                    ..
                },
                _,
            ) => match &tunnel.frame {
                Frame::Ip(inner) => self.owns(inner),
                Frame::Arp(arp) => self.waits_on(arp),
            },
            (Body::IcmpError { quoted, .. }, _) => {
                quoted.as_ref().is_some_and(|quoted| self.owns(quoted))
            }
            (
                Body::Tcp { ports, .. },
                Flow::Tcp {
                    source,
                    destination,
                },
            ) => ports.joins(source, destination),
            (
                Body::Udp { ports, payload, .. },
                Flow::Udp {
                    source,
                    destination,
                },
            ) => {
                // Where translation had to change the source port, the token still tells.
                let is_asked = [ports.source, ports.destination].contains(&destination);
                ports.joins(source, destination)
                    || (is_asked && Token::at_start(payload) == Some(self.token))
            }
            (
                Body::Echo {
                    id,
                    sequence,
                    payload,
                    ..
                },
                Flow::Icmp {
                    id: own_id,
                    sequence: own_sequence,
                },
            ) => match Token::at_start(payload) {
                Some(token) => token == self.token,
                // Quoted without payload.
                None => (*id, *sequence) == (own_id, own_sequence),
            },
            (Body::Tcp { .. } | Body::Udp { .. } | Body::Echo { .. } | Body::Other(_), _) => false,
        }
    }

    /// Somebody looks for the far end or speaks for it, or somebody looks for the asking node. What
    /// the asking node asks about third parties is left out: it may be left from an earlier probe.
    fn waits_on(&self, arp: &Arp) -> bool {
        arp.target == self.to || arp.sender == self.to || arp.target == self.from
    }
}

impl Ports {
    /// Whether they are these two, either way round.
    fn joins(self, source: u16, destination: u16) -> bool {
        (self.source, self.destination) == (source, destination)
            || (self.source, self.destination) == (destination, source)
    }
}

#[cfg(test)]
mod tests;
