//! Probes: one question to the network, and everything that was seen of the answer.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Serialize;

use crate::network::{Label, NodeId};

/// One question to the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The node that asks.
    pub from: NodeId,
    /// The address that is asked.
    pub to: Ipv4Addr,
    /// How it is asked.
    pub kind: ProbeKind,
    /// How long to wait for an answer or for evidence that there will be none.
    pub timeout: Duration,
}

/// How the network is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// One ICMP echo request.
    Ping {
        /// Bytes of ICMP payload, at least 16 (the token needs room); `ping -s`.
        size: u16,
        /// Set the don't-fragment bit; `ping -M do`.
        dont_fragment: bool,
    },
    /// A TCP connection. The probe sends nothing on it.
    Tcp {
        /// The destination port.
        port: u16,
    },
    /// A UDP datagram with a token, and one that brings the token back.
    Udp {
        /// The destination port.
        port: u16,
    },
    /// `GET path` over HTTP/1.1.
    Http {
        /// The destination port.
        port: u16,
        /// The path, with a leading slash.
        path: String,
        /// The `Host` header.
        host: String,
    },
    /// A DNS query for A records, over UDP.
    Dns {
        /// The destination port; 53 as a rule.
        port: u16,
        /// The name.
        name: String,
    },
    /// An SNTP query (RFC 4330).
    Ntp {
        /// The destination port; 123 as a rule.
        port: u16,
    },
}

impl fmt::Display for ProbeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping { .. } => f.write_str("ping"),
            Self::Tcp { port } => write!(f, "tcp/{port}"),
            Self::Udp { port } => write!(f, "udp/{port}"),
            Self::Http { port, path, .. } => write!(f, "http/{port} {path}"),
            Self::Dns { name, .. } => write!(f, "dns {name}"),
            Self::Ntp { .. } => f.write_str("ntp"),
        }
    }
}

/// All that was seen of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// How it ended.
    pub outcome: Outcome,
    /// Labels seen on its packets, in order of time, but the one that decides comes last: a final one,
    /// if there is any, else a rule's hint, else the kernel's.
    pub evidence: Vec<Evidence>,
    /// From the first packet to the outcome.
    pub elapsed: Duration,
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The far end answered.
    Answered(Answer),
    /// The far end's host answered that nothing listens there (TCP reset, ICMP port unreachable).
    Refused,
    /// A rule of the network discarded one of its packets; the last of the evidence says which.
    Dropped,
    /// The asking node's own kernel would not send.
    NotSent(NotSent),
    /// Neither an answer nor final evidence in time.
    Silent,
}

/// Why a node's own kernel would not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// No route (`ENETUNREACH`).
    NoRoute,
    /// The next hop does not answer ARP (`EHOSTUNREACH`).
    NoNeighbour,
    /// Larger than the path's MTU with the don't-fragment bit set (`EMSGSIZE`).
    TooBig,
    /// The node's own filter forbids it (`EPERM`).
    Forbidden,
}

/// The far end's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// From the packet that asked to the packet that answered.
    pub rtt: Duration,
    /// The TTL of the answer as it arrived, where the probe can see it (ping).
    pub ttl: Option<u8>,
    /// The source address that the far end saw, where one of our services answered.
    pub seen_from: Option<Ipv4Addr>,
    /// HTTP: the status.
    pub status: Option<u16>,
    /// HTTP: the body.
    pub body: Option<String>,
    /// DNS: the addresses, in ascending order; empty for NXDOMAIN or no such record.
    pub addresses: Option<Vec<Ipv4Addr>>,
}

/// A label that one of the probe's packets was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The node whose filter gave it.
    pub node: NodeId,
    /// The label.
    #[serde(flatten)]
    pub label: Label,
    /// The packet in one line, as tcpdump would put it: `100.64.0.4.40001 > 10.0.0.254.80: tcp S`.
    pub packet: String,
    /// Whether the packet was on its way back to the asking node.
    pub answer: bool,
    /// Since the probe began.
    #[serde(serialize_with = "as_millis", rename = "after_ms")]
    pub after: Duration,
}

/// A duration as milliseconds with fractions.
fn as_millis<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_nanos() as f64 / 1e6)
}
