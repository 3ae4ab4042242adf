//! Packet filters, in the terms of nf_tables but free of its encoding.
//!
//! A node has one table a family, named `canal`; a chain is the unit of change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use ipnet::Ipv4Net;

use super::IfName;

/// All chains of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The chains, by family and name.
    pub chains: BTreeMap<ChainId, Chain>,
}

/// The address family of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    Ip,
    /// ARP.
    Arp,
}

/// A chain's family and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId {
    /// The family of the table that holds it.
    pub family: Family,
    /// Its name, at most 100 bytes.
    pub name: String,
}

impl ChainId {
    /// A chain in the IPv4 table.
    pub fn ip(name: impl Into<String>) -> Self {
        Self {
            family: Family::Ip,
            name: name.into(),
        }
    }

    /// A chain in the ARP table.
    pub fn arp(name: impl Into<String>) -> Self {
        Self {
            family: Family::Arp,
            name: name.into(),
        }
    }
}

/// A list of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Where packets enter it; none for a chain that others jump to. The policy is always accept.
    pub hook: Option<Hook>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
}

/// What makes a chain a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The place in the packet's way.
    pub point: HookPoint,
    /// Lower comes first: −300 raw (before connection tracking), −150 mangle, −100 destination NAT,
    /// 0 filter, 100 source NAT.
    pub priority: i32,
}

/// The kernel's hooks. `NatPrerouting` and `NatPostrouting` make a chain of type `nat`, all others one
/// of type `filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookPoint {
    /// Before routing.
    Prerouting,
    /// For the node itself.
    Input,
    /// Passing through.
    Forward,
    /// From the node itself.
    Output,
    /// After routing.
    Postrouting,
    /// Before routing, where destinations are rewritten (once per connection).
    NatPrerouting,
    /// After routing, where sources are rewritten (once per connection).
    NatPostrouting,
}

/// Matches, all of which must hold, and what happens then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The conditions; none matches every packet.
    pub matches: Vec<Match>,
    /// What happens, in order.
    pub statements: Vec<Statement>,
}

impl Rule {
    /// A rule.
    pub fn new(
        matches: impl IntoIterator<Item = Match>,
        statements: impl IntoIterator<Item = Statement>,
    ) -> Self {
        Self {
            matches: matches.into_iter().collect(),
            statements: statements.into_iter().collect(),
        }
    }
}

/// A test of the packet, or its opposite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Whether the test must fail.
    pub negated: bool,
    /// The test.
    pub test: Test,
}

impl From<Test> for Match {
    fn from(test: Test) -> Self {
        Self {
            negated: false,
            test,
        }
    }
}

impl std::ops::Not for Test {
    type Output = Match;

    fn not(self) -> Match {
        Match {
            negated: true,
            test: self,
        }
    }
}

/// What can be asked of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Came in by this interface.
    Iif(IfName),
    /// Goes out by this interface.
    Oif(IfName),
    /// Came in by one of these; an empty set matches nothing.
    IifIn(BTreeSet<IfName>),
    /// Goes out by one of these; an empty set matches nothing.
    OifIn(BTreeSet<IfName>),
    /// The source address lies in this prefix.
    Source(Ipv4Net),
    /// The destination address lies in this prefix.
    Destination(Ipv4Net),
    /// The source address lies in one of these (they may overlap); an empty set matches nothing.
    SourceIn(BTreeSet<Ipv4Net>),
    /// The destination address lies in one of these (they may overlap); an empty set matches nothing.
    DestinationIn(BTreeSet<Ipv4Net>),
    /// The protocol above IP.
    Protocol(Protocol),
    /// The source port; only together with a protocol that has ports.
    SourcePort(RangeInclusive<u16>),
    /// The destination port; only together with a protocol that has ports.
    DestinationPort(RangeInclusive<u16>),
    /// The ICMP type; only together with the protocol ICMP.
    IcmpType(u8),
    /// The ICMP code; only together with the protocol ICMP.
    IcmpCode(u8),
    /// The connection is in one of these states.
    CtState(BTreeSet<CtState>),
    /// The packet's direction within its connection.
    CtDirection(CtDirection),
    /// The connection's mark, under the mask, has this value.
    CtMark {
        /// The bits that count.
        mask: u32,
        /// Their value.
        value: u32,
    },
    /// The IP packet's length in bytes.
    Length(RangeInclusive<u16>),
    /// The don't-fragment bit is set.
    DontFragment,
    /// The VXLAN header's VNI; only together with UDP.
    VxlanVni(u32),
    /// What UDP carries begins as a VXLAN header does: flags with a VNI, and nothing reserved set
    /// (RFC 7348); only together with UDP.
    VxlanHeader,
    /// The ARP operation: 1 request, 2 reply (ARP family only).
    ArpOperation(u16),
    /// The ARP packet's sender IP address lies in one of these (ARP family only).
    ArpSenderIn(BTreeSet<Ipv4Net>),
    /// The ARP packet's target IP address lies in one of these (ARP family only).
    ArpTargetIn(BTreeSet<Ipv4Net>),
}

/// A protocol above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// ICMP, 1.
    Icmp,
    /// TCP, 6.
    Tcp,
    /// UDP, 17.
    Udp,
    /// Any other, by its number.
    Other(u8),
}

impl Protocol {
    /// The number in the IP header.
    pub fn number(self) -> u8 {
        match self {
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Other(n) => n,
        }
    }
}

/// A connection's state, as connection tracking sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtState {
    /// The packet opens a connection.
    New,
    /// The packet belongs to a known connection.
    Established,
    /// The packet belongs to a known connection's side effect (an ICMP error).
    Related,
    /// The packet fits nothing.
    Invalid,
}

/// A packet's direction within its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtDirection {
    /// As the first packet.
    Original,
    /// Against it.
    Reply,
}

/// What happens to a packet that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Report the packet with this label; the next statement decides what becomes of it.
    Log(Label),
    /// Discard it.
    Drop,
    /// Let it pass this hook.
    Accept,
    /// Back to the calling chain.
    Return,
    /// Go through this chain of the same family, then come back.
    Jump(String),
    /// Set bits of the connection's mark.
    CtMarkOr(u32),
    /// Rewrite the source address (only at `NatPostrouting`); ports stay where they can.
    Snat(Ipv4Addr),
    /// Rewrite the destination address (only at `NatPrerouting`).
    Dnat(Ipv4Addr),
    /// Raise the TTL of ICMP, TCP and UDP by one, so that forwarding leaves it as it was.
    KeepTtl,
    /// Leave the packet out of connection tracking (only before it, at priority −300).
    Notrack,
}

/// What a log statement says of the packet: the evidence for a verdict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Label {
    /// Whether this packet's fate is sealed here. A label that is not final is a hint, which counts
    /// only where neither an answer nor a final label is seen in time.
    pub is_final: bool,
    /// The reason's code.
    pub reason: String,
    /// The resource at fault.
    pub resource: String,
}

/// The longest log prefix in bytes (Linux: `NF_LOG_PREFIXLEN` less the terminating zero).
const LONGEST_PREFIX: usize = 127;

impl Label {
    /// The label as the kernel's log prefix carries it: `=REASON resource`, or `~REASON resource` for a
    /// hint; cut to 127 bytes.
    pub fn to_prefix(&self) -> String {
        let mark = if self.is_final { '=' } else { '~' };
        let mut prefix = format!("{mark}{} {}", self.reason, self.resource);
        if prefix.len() > LONGEST_PREFIX {
            let end = (0..=LONGEST_PREFIX)
                .rev()
                .find(|at| prefix.is_char_boundary(*at));
            prefix.truncate(end.unwrap_or(0));
        }
        prefix
    }

    /// Reads a log prefix; none if it isn't one of ours.
    pub fn from_prefix(prefix: &str) -> Option<Self> {
        let is_final = match prefix.chars().next()? {
            '=' => true,
            '~' => false,
            _ => return None,
        };
        let (reason, resource) = prefix[1..].split_once(' ')?;
        Some(Self {
            is_final,
            reason: reason.into(),
            resource: resource.into(),
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_survives_the_log_prefix() {
        let label = Label {
            is_final: true,
            reason: "ENI_SG_RULES_MISMATCH".into(),
            resource: "security group web, ingress".into(),
        };
        assert_eq!(Label::from_prefix(&label.to_prefix()), Some(label));
        assert_eq!(Label::from_prefix("somebody else's"), None);
    }

    #[test]
    fn a_long_label_is_cut_between_characters() {
        let label = Label {
            is_final: false,
            reason: "R".into(),
            resource: "é".repeat(100),
        };
        assert!(label.to_prefix().len() <= LONGEST_PREFIX);
    }
}
