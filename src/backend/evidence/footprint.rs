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

/// One of a probe's packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketSummary {
    /// The packet in one line, as tcpdump would put it.
    text: String,
    /// Whether it was on its way back to the asking node.
    pub answer: bool,
    /// Whether it is a question for an Ethernet address. Through a tunnel that is flooded: there may be
    /// other copies, and one that arrives is enough.
    pub(in crate::backend) flooded: bool,
    /// Whether it is an ICMP error about another packet, and not the answer of a closed port. Its death
    /// is not the death of what it complains about.
    pub(in crate::backend) complaint: bool,
}

impl fmt::Display for PacketSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Footprint {
    /// Whether this packet, from its network header on, is one of the probe's: in either direction,
    /// before or after address translation, inside VXLAN, quoted by an ICMP error, or an ARP packet
    /// that the probe's own wait on. Any bytes may come.
    pub fn concerns(&self, family: Family, packet: &[u8]) -> Option<PacketSummary> {
        Some(match family {
            Family::Ip => {
                let ip = Ip::read(packet)?;
                PacketSummary {
                    answer: self.owns(&ip)?,
                    flooded: is_question(&ip),
                    complaint: matches!(ip.body, Body::IcmpError { .. }) && !ip.is_refusal(),
                    text: ip.to_string(),
                }
            }
            Family::Arp => {
                let arp = Arp::read(packet)?;
                PacketSummary {
                    answer: self.waits_on(&arp)?,
                    flooded: !arp.reply,
                    complaint: false,
                    text: arp.to_string(),
                }
            }
        })
    }

    /// Whether it is an answer, if it is the probe's at all.
    fn owns(&self, ip: &Ip<'_>) -> Option<bool> {
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
            // It goes the other way than the packet that it complains about.
            (Body::IcmpError { quoted, .. }, _) => Some(!self.owns(quoted.as_ref()?)?),
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
                let is_asked = [ports.source, ports.destination].contains(&destination)
                    && Token::at_start(payload) == Some(self.token);
                let by_token = is_asked.then_some(ports.source == destination);
                ports.joins(source, destination).or(by_token)
            }
            (
                Body::Echo {
                    reply,
                    id,
                    sequence,
                    payload,
                },
                Flow::Icmp {
                    id: own_id,
                    sequence: own_sequence,
                },
            ) => {
                let own = match Token::at_start(payload) {
                    Some(token) => token == self.token,
                    // Quoted without payload.
                    None => (*id, *sequence) == (own_id, own_sequence),
                };
                own.then_some(*reply)
            }
            (Body::Tcp { .. } | Body::Udp { .. } | Body::Echo { .. } | Body::Other(_), _) => None,
        }
    }

    /// Somebody looks for the far end, or, which is part of answering, speaks for it or looks for the
    /// asking node. What the asking node asks about third parties is left out: it may be left from an
    /// earlier probe.
    fn waits_on(&self, arp: &Arp) -> Option<bool> {
        let answers = arp.sender == self.to || arp.target == self.from;
        (answers || arp.target == self.to).then_some(answers)
    }
}

/// Whether a tunnel's packet is a question for an Ethernet address.
fn is_question(ip: &Ip<'_>) -> bool {
    match &ip.body {
        Body::Udp {
            tunnel: Some(tunnel),
            ..
        } => matches!(&tunnel.frame, Frame::Arp(arp) if !arp.reply),
        Body::Udp { .. }
        | Body::IcmpError { .. }
        | Body::Tcp { .. }
        | Body::Echo { .. }
        | Body::Other(_) => false,
    }
}

impl Ports {
    /// If they are these two: whether the other way round, as in an answer.
    fn joins(self, source: u16, destination: u16) -> Option<bool> {
        match (self.source, self.destination) {
            own if own == (source, destination) => Some(false),
            own if own == (destination, source) => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
