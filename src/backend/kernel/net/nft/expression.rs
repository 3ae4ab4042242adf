//! Rules as lists of nf_tables expressions: each loads something into the one register that is used,
//! compares it, or acts (wiki.nftables.org, "Ruleset debug/VM code analysis").

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use ipnet::Ipv4Net;
use netlink_bindings::nftables::{CtKeys, MetaKeys, PayloadBase};

use super::interval::merged;
use crate::network::{CtDirection, CtState, IfName, Label, Match, Rule, Statement, Test};

/// One step of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// Load something about the packet.
    Meta(u32),
    /// Load something about its connection.
    Ct(u32),
    /// Load bytes of the packet.
    Payload(Field),
    /// `register & mask ^ xor`.
    Bits { mask: Vec<u8>, xor: Vec<u8> },
    /// Go on if the register has this value, or hasn't.
    Compare { negated: bool, value: Vec<u8> },
    /// Go on if the register lies between these values, both included, or doesn't.
    Range {
        negated: bool,
        first: Vec<u8>,
        last: Vec<u8>,
    },
    /// Go on if the register's value is in the set, or isn't.
    Lookup { negated: bool, set: Set },
    /// Put the set's data for the register's value into the register; go on if there is any.
    Translate(Set),
    /// Load a constant.
    Constant(Vec<u8>),
    /// Write the register into the packet, and correct the IP header's checksum.
    Store { field: Field, checksum_at: u32 },
    /// Write the register into the connection's mark.
    SetCtMark,
    /// Report the packet.
    Log(String),
    /// Report the packet to who reads the traces.
    Copy,
    /// Let the packet be traced from here on, if the register is 1.
    Trace,
    /// Rewrite the source address with the register, or the destination address.
    Nat { source: bool },
    /// Leave the packet out of connection tracking.
    Notrack,
    /// End the rule here.
    Verdict(Verdict),
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Drop,
    Accept,
    Return,
    Jump(String),
}

/// Bytes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub base: u32,
    pub offset: u32,
    pub length: u32,
}

/// An unnamed set, or a map where its elements have data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// How `nft` shows the keys.
    pub shown_as: u32,
    pub key_length: u32,
    /// The data's length; 0 for a set.
    pub data_length: u32,
    /// Whether the elements are the borders of intervals.
    pub intervals: bool,
    pub elements: Vec<Element>,
}

/// An element of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub key: Vec<u8>,
    pub data: Option<Vec<u8>>,
    /// The first key behind an interval.
    pub ends: bool,
}

/// nft's numbers for types of data (`enum datatypes` of nftables): integer, IPv4 address, name of an
/// interface.
const INTEGER: u32 = 4;
const IPV4_ADDRESS: u32 = 7;
pub(super) const INTERFACE: u32 = 41;

/// `IFNAMSIZ`.
const NAME_LENGTH: usize = 16;

const NETWORK: u32 = PayloadBase::NetworkHeader as u32;
const TRANSPORT: u32 = PayloadBase::TransportHeader as u32;

/// Fields of the IPv4 header (RFC 791).
const LENGTH: Field = field(NETWORK, 2, 2);
const FRAGMENT: Field = field(NETWORK, 6, 2);
const TTL: Field = field(NETWORK, 8, 1);
const CHECKSUM_AT: u32 = 10;
const SOURCE: Field = field(NETWORK, 12, 4);
const DESTINATION: Field = field(NETWORK, 16, 4);

/// Fields of ARP for Ethernet and IPv4 (RFC 826).
const ARP_OPERATION: Field = field(NETWORK, 6, 2);
const ARP_SENDER: Field = field(NETWORK, 14, 4);
const ARP_TARGET: Field = field(NETWORK, 24, 4);

/// Fields of UDP, TCP and ICMP, and of VXLAN behind UDP (RFC 7348).
const SOURCE_PORT: Field = field(TRANSPORT, 0, 2);
const DESTINATION_PORT: Field = field(TRANSPORT, 2, 2);
const ICMP_TYPE: Field = field(TRANSPORT, 0, 1);
const ICMP_CODE: Field = field(TRANSPORT, 1, 1);
const VXLAN_FLAGS: Field = field(TRANSPORT, 8, 4);
const VNI: Field = field(TRANSPORT, 8 + 4, 3);

const fn field(base: u32, offset: u32, length: u32) -> Field {
    Field {
        base,
        offset,
        length,
    }
}

/// A rule's expressions; none where it can't match anything.
pub(super) fn expressions(rule: &Rule) -> Option<Vec<Expression>> {
    let mut list = Vec::new();
    for test in &rule.matches {
        list.extend(test_of(test)?);
    }
    for statement in &rule.statements {
        list.extend(steps_of(statement));
    }
    Some(list)
}

/// The expressions of a test; none where it never holds.
fn test_of(Match { negated, test }: &Match) -> Option<Vec<Expression>> {
    let negated = *negated;
    let meta = |key: MetaKeys| Expression::Meta(key as u32);
    let is = |load: Expression, value: Vec<u8>| vec![load, Expression::Compare { negated, value }];
    Some(match test {
        Test::Iif(dev) => is(meta(MetaKeys::Iifname), name(dev)),
        Test::Oif(dev) => is(meta(MetaKeys::Oifname), name(dev)),
        Test::IifIn(devs) => return one_of(devs, meta(MetaKeys::Iifname), negated),
        Test::OifIn(devs) => return one_of(devs, meta(MetaKeys::Oifname), negated),
        Test::Source(net) => return within(SOURCE, *net, negated),
        Test::Destination(net) => return within(DESTINATION, *net, negated),
        Test::SourceIn(nets) => return within_any(SOURCE, nets, negated),
        Test::DestinationIn(nets) => return within_any(DESTINATION, nets, negated),
        Test::ArpSenderIn(nets) => return within_any(ARP_SENDER, nets, negated),
        Test::ArpTargetIn(nets) => return within_any(ARP_TARGET, nets, negated),
        Test::Protocol(protocol) => is(meta(MetaKeys::L4Proto), vec![protocol.number()]),
        Test::SourcePort(ports) => return between(SOURCE_PORT, ports, negated),
        Test::DestinationPort(ports) => return between(DESTINATION_PORT, ports, negated),
        Test::Length(bytes) => return between(LENGTH, bytes, negated),
        Test::IcmpType(number) => is(Expression::Payload(ICMP_TYPE), vec![*number]),
        Test::IcmpCode(number) => is(Expression::Payload(ICMP_CODE), vec![*number]),
        Test::VxlanHeader => is(Expression::Payload(VXLAN_FLAGS), vec![8, 0, 0, 0]),
        Test::VxlanVni(vni) => {
            let [_, a, b, c] = vni.to_be_bytes();
            is(Expression::Payload(VNI), vec![a, b, c])
        }
        Test::ArpOperation(number) => {
            let value = number.to_be_bytes().to_vec();
            is(Expression::Payload(ARP_OPERATION), value)
        }
        Test::CtDirection(direction) => {
            let value = match direction {
                CtDirection::Original => 0,
                CtDirection::Reply => 1,
            };
            is(Expression::Ct(CtKeys::Direction as u32), vec![value])
        }
        Test::CtState(states) => {
            let bits = states.iter().fold(0, |bits, state| bits | bit(*state));
            // Some of the bits, so "not none".
            any_bit(
                Expression::Ct(CtKeys::State as u32),
                bits.to_ne_bytes(),
                negated,
            )
        }
        Test::CtMark { mask, value } => vec![
            Expression::Ct(CtKeys::Mark as u32),
            Expression::Bits {
                mask: mask.to_ne_bytes().to_vec(),
                xor: vec![0; 4],
            },
            Expression::Compare {
                negated,
                value: value.to_ne_bytes().to_vec(),
            },
        ],
        Test::DontFragment => any_bit(Expression::Payload(FRAGMENT), [0x40, 0], negated),
    })
}

/// The expressions of a statement.
fn steps_of(statement: &Statement) -> Vec<Expression> {
    match statement {
        Statement::Log(label) => vec![log(label)],
        Statement::Drop => vec![Expression::Verdict(Verdict::Drop)],
        Statement::Accept => vec![Expression::Verdict(Verdict::Accept)],
        Statement::Return => vec![Expression::Verdict(Verdict::Return)],
        Statement::Jump(chain) => vec![Expression::Verdict(Verdict::Jump(chain.clone()))],
        Statement::CtMarkOr(bits) => vec![
            Expression::Ct(CtKeys::Mark as u32),
            // x | bits = (x & !bits) ^ bits
            Expression::Bits {
                mask: (!bits).to_ne_bytes().to_vec(),
                xor: bits.to_ne_bytes().to_vec(),
            },
            Expression::SetCtMark,
        ],
        Statement::Snat(ip) => nat(*ip, true),
        Statement::Dnat(ip) => nat(*ip, false),
        Statement::KeepTtl => keep_ttl(),
        Statement::Notrack => vec![Expression::Notrack],
    }
}

fn log(label: &Label) -> Expression {
    Expression::Log(label.to_prefix())
}

fn nat(ip: Ipv4Addr, source: bool) -> Vec<Expression> {
    vec![
        Expression::Constant(ip.octets().to_vec()),
        Expression::Nat { source },
    ]
}

/// nf_tables can't add, so the sum is looked up. A packet with TTL 255 ends the rule here.
fn keep_ttl() -> Vec<Expression> {
    let icmp_tcp_udp = Set {
        shown_as: INTEGER,
        key_length: 1,
        data_length: 0,
        intervals: false,
        elements: [1, 6, 17].map(|protocol| point(vec![protocol])).into(),
    };
    let one_more = Set {
        shown_as: INTEGER,
        key_length: 1,
        data_length: 1,
        intervals: false,
        elements: (1..=254_u8)
            .map(|ttl| Element {
                key: vec![ttl],
                data: Some(vec![ttl + 1]),
                ends: false,
            })
            .collect(),
    };
    vec![
        Expression::Meta(MetaKeys::L4Proto as u32),
        Expression::Lookup {
            negated: false,
            set: icmp_tcp_udp,
        },
        Expression::Payload(TTL),
        Expression::Translate(one_more),
        Expression::Store {
            field: TTL,
            checksum_at: CHECKSUM_AT,
        },
    ]
}

/// Any of some bits is set, or none is.
fn any_bit<const N: usize>(load: Expression, bits: [u8; N], negated: bool) -> Vec<Expression> {
    vec![
        load,
        Expression::Bits {
            mask: bits.to_vec(),
            xor: vec![0; N],
        },
        Expression::Compare {
            negated: !negated,
            value: vec![0; N],
        },
    ]
}

/// The address lies in a prefix.
fn within(place: Field, net: Ipv4Net, negated: bool) -> Option<Vec<Expression>> {
    if net.prefix_len() == 0 {
        return always(!negated);
    }
    let mut list = vec![Expression::Payload(place)];
    if net.prefix_len() < 32 {
        list.push(Expression::Bits {
            mask: net.netmask().octets().to_vec(),
            xor: vec![0; 4],
        });
    }
    let value = net.network().octets().to_vec();
    list.push(Expression::Compare { negated, value });
    Some(list)
}

/// The address lies in one of some prefixes.
fn within_any(place: Field, nets: &BTreeSet<Ipv4Net>, negated: bool) -> Option<Vec<Expression>> {
    let intervals = merged(nets);
    match intervals.as_slice() {
        [] => return always(negated),
        [(0, u32::MAX)] => return always(!negated),
        _ => {}
    }
    let mut elements = Vec::new();
    for (first, last) in intervals {
        elements.push(point(first.to_be_bytes().to_vec()));
        // An interval up to the last address has no end.
        elements.extend(last.checked_add(1).map(|behind| Element {
            key: behind.to_be_bytes().to_vec(),
            data: None,
            ends: true,
        }));
    }
    let set = Set {
        shown_as: IPV4_ADDRESS,
        key_length: 4,
        data_length: 0,
        intervals: true,
        elements,
    };
    Some(vec![
        Expression::Payload(place),
        Expression::Lookup { negated, set },
    ])
}

/// The interface is one of these.
fn one_of(devs: &BTreeSet<IfName>, load: Expression, negated: bool) -> Option<Vec<Expression>> {
    if devs.is_empty() {
        return always(negated);
    }
    let set = Set {
        shown_as: INTERFACE,
        key_length: 16,
        data_length: 0,
        intervals: false,
        elements: devs.iter().map(|dev| point(name(dev))).collect(),
    };
    Some(vec![load, Expression::Lookup { negated, set }])
}

/// A number of 16 bits lies in a range.
fn between(place: Field, range: &RangeInclusive<u16>, negated: bool) -> Option<Vec<Expression>> {
    if range.is_empty() {
        return always(negated);
    }
    let (first, last) = (range.start().to_be_bytes(), range.end().to_be_bytes());
    let test = if first == last {
        Expression::Compare {
            negated,
            value: first.to_vec(),
        }
    } else {
        Expression::Range {
            negated,
            first: first.to_vec(),
            last: last.to_vec(),
        }
    };
    Some(vec![Expression::Payload(place), test])
}

/// A test that holds for every packet, or for none.
fn always(holds: bool) -> Option<Vec<Expression>> {
    holds.then(Vec::new)
}

fn point(key: Vec<u8>) -> Element {
    Element {
        key,
        data: None,
        ends: false,
    }
}

/// An interface's name as the kernel compares it: with zeros to its full length.
fn name(dev: &IfName) -> Vec<u8> {
    let mut bytes = dev.as_str().as_bytes().to_vec();
    bytes.resize(NAME_LENGTH, 0);
    bytes
}

/// `NF_CT_STATE_BIT` of each state (linux/netfilter/nf_conntrack_common.h).
pub(super) fn bit(state: CtState) -> u32 {
    match state {
        CtState::Invalid => 1,
        CtState::Established => 2,
        CtState::Related => 4,
        CtState::New => 8,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn one(test: impl Into<Match>) -> Option<Vec<Expression>> {
        expressions(&Rule::new([test.into()], []))
    }

    #[test]
    fn an_empty_set_makes_the_rule_vanish_and_its_opposite_the_test() {
        assert_eq!(one(Test::SourceIn(BTreeSet::new())), None);
        assert_eq!(one(!Test::SourceIn(BTreeSet::new())), Some(vec![]));
        assert_eq!(one(Test::IifIn(BTreeSet::new())), None);
        assert_eq!(one(!Test::OifIn(BTreeSet::new())), Some(vec![]));
    }

    #[test]
    fn the_prefix_of_everything_needs_no_test() {
        let all: Ipv4Net = "0.0.0.0/0".parse().unwrap();
        assert_eq!(one(Test::Source(all)), Some(vec![]));
        assert_eq!(one(!Test::Source(all)), None);
        assert_eq!(one(Test::SourceIn(BTreeSet::from([all]))), Some(vec![]));
        assert_eq!(one(!Test::ArpTargetIn(BTreeSet::from([all]))), None);
    }

    #[test]
    fn the_last_interval_stays_open() {
        let net: Ipv4Net = "255.0.0.0/8".parse().unwrap();
        let list = one(Test::SourceIn(BTreeSet::from([net]))).unwrap();
        let Expression::Lookup { set, .. } = &list[1] else {
            unreachable!("a set is looked up")
        };
        assert_eq!(set.elements, [point(vec![255, 0, 0, 0])]);
    }

    #[test]
    fn keeping_the_ttl_adds_one_up_to_254() {
        let list = keep_ttl();
        let Some(Expression::Translate(map)) = list.get(3) else {
            unreachable!("the TTL is translated")
        };
        assert_eq!(map.elements.len(), 254);
        assert!(
            map.elements
                .iter()
                .all(|e| e.data.as_ref().unwrap()[0] == e.key[0] + 1)
        );
    }
}
