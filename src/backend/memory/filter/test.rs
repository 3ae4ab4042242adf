//! What can be asked of a packet.

use std::net::Ipv4Addr;

use super::super::conntrack::{Ct, Entry};
use super::super::packet::{Fragment, Meta, UDP, word};
use super::set::{Names, Prefix, Prefixes};
use super::{Filter, Name};
use crate::network::{CtDirection, CtState, Match, Test};

/// A test of a packet, or its opposite.
#[derive(Debug)]
pub(super) struct Ask {
    negated: bool,
    what: What,
}

#[derive(Debug)]
enum What {
    Iif(Name),
    Oif(Name),
    IifIn(Names),
    OifIn(Names),
    Source(Prefix),
    Destination(Prefix),
    SourceIn(Prefixes),
    DestinationIn(Prefixes),
    Protocol(u8),
    SourcePort(u16, u16),
    DestinationPort(u16, u16),
    IcmpType(u8),
    IcmpCode(u8),
    CtState(u8),
    CtReply(bool),
    CtMark(u32, u32),
    Length(u16, u16),
    DontFragment,
    VxlanVni(u32),
    VxlanHeader,
    ArpOperation(u16),
    ArpSenderIn(Prefixes),
    ArpTargetIn(Prefixes),
}

/// An IPv4 packet, as rules see it.
pub(super) struct Subject<'a> {
    pub meta: &'a Meta,
    pub bytes: &'a [u8],
    pub iif: Option<Name>,
    pub oif: Option<Name>,
    pub ct: &'a Ct,
    pub entry: Option<&'a Entry>,
}

/// An ARP packet, as rules see it.
pub(in super::super) struct ArpSubject {
    pub operation: u16,
    pub sender: Ipv4Addr,
    pub target: Ipv4Addr,
    pub iif: Option<Name>,
    pub oif: Option<Name>,
}

impl Ask {
    pub fn new(asked: &Match, names: &mut Filter) -> Self {
        let mut all = |set: &std::collections::BTreeSet<_>| -> Names {
            set.iter().map(|name| names.name(name)).collect()
        };
        let what = match &asked.test {
            Test::IifIn(set) => What::IifIn(all(set)),
            Test::OifIn(set) => What::OifIn(all(set)),
            Test::Iif(name) => What::Iif(names.name(name)),
            Test::Oif(name) => What::Oif(names.name(name)),
            Test::Source(net) => What::Source((*net).into()),
            Test::Destination(net) => What::Destination((*net).into()),
            Test::SourceIn(set) => What::SourceIn(set.iter().collect()),
            Test::DestinationIn(set) => What::DestinationIn(set.iter().collect()),
            Test::Protocol(protocol) => What::Protocol(protocol.number()),
            Test::SourcePort(range) => What::SourcePort(*range.start(), *range.end()),
            Test::DestinationPort(range) => What::DestinationPort(*range.start(), *range.end()),
            Test::IcmpType(kind) => What::IcmpType(*kind),
            Test::IcmpCode(code) => What::IcmpCode(*code),
            Test::CtState(states) => {
                What::CtState(states.iter().map(|state| bit(*state)).fold(0, |a, b| a | b))
            }
            Test::CtDirection(direction) => What::CtReply(*direction == CtDirection::Reply),
            Test::CtMark { mask, value } => What::CtMark(*mask, *value),
            Test::Length(range) => What::Length(*range.start(), *range.end()),
            Test::DontFragment => What::DontFragment,
            Test::VxlanVni(vni) => What::VxlanVni(*vni),
            Test::VxlanHeader => What::VxlanHeader,
            Test::ArpOperation(operation) => What::ArpOperation(*operation),
            Test::ArpSenderIn(set) => What::ArpSenderIn(set.iter().collect()),
            Test::ArpTargetIn(set) => What::ArpTargetIn(set.iter().collect()),
        };
        Self {
            negated: asked.negated,
            what,
        }
    }

    /// The one source address that is asked for, if that is all.
    pub fn single_source(asked: &Match) -> Option<Ipv4Addr> {
        match &asked.test {
            Test::Source(net) if net.prefix_len() == 32 && !asked.negated => Some(net.addr()),
            _ => None,
        }
    }

    /// Whether the packet has what is asked for. What it does not have at all, such as a later fragment's
    /// ports, is neither one way nor the other: the rule does not match.
    pub fn holds(&self, of: &Subject<'_>) -> bool {
        of.answer(&self.what)
            .is_some_and(|answer| answer != self.negated)
    }

    /// The same for an ARP packet.
    pub fn holds_for_arp(&self, of: &ArpSubject) -> bool {
        let answer = match &self.what {
            What::Iif(name) => Some(of.iif == Some(*name)),
            What::Oif(name) => Some(of.oif == Some(*name)),
            What::IifIn(set) => Some(of.iif.is_some_and(|name| set.contains(name))),
            What::OifIn(set) => Some(of.oif.is_some_and(|name| set.contains(name))),
            What::ArpOperation(operation) => Some(of.operation == *operation),
            What::ArpSenderIn(set) => Some(set.contains(of.sender)),
            What::ArpTargetIn(set) => Some(set.contains(of.target)),
            _ => None,
        };
        answer.is_some_and(|answer| answer != self.negated)
    }
}

impl Subject<'_> {
    fn answer(&self, what: &What) -> Option<bool> {
        let meta = self.meta;
        let ports = || (meta.fragment != Fragment::Later).then_some(meta.ports);
        let kind = || (meta.fragment != Fragment::Later).then_some(meta.kind);
        Some(match what {
            What::Iif(name) => self.iif == Some(*name),
            What::Oif(name) => self.oif == Some(*name),
            What::IifIn(set) => self.iif.is_some_and(|name| set.contains(name)),
            What::OifIn(set) => self.oif.is_some_and(|name| set.contains(name)),
            What::Source(prefix) => prefix.contains(meta.source),
            What::Destination(prefix) => prefix.contains(meta.destination),
            What::SourceIn(set) => set.contains(meta.source),
            What::DestinationIn(set) => set.contains(meta.destination),
            What::Protocol(protocol) => meta.protocol == *protocol,
            What::SourcePort(from, to) => (*from..=*to).contains(&ports()?.0),
            What::DestinationPort(from, to) => (*from..=*to).contains(&ports()?.1),
            What::IcmpType(wanted) => kind()?.0 == *wanted,
            What::IcmpCode(wanted) => kind()?.1 == *wanted,
            What::CtState(states) => states & self.state() != 0,
            What::CtReply(reply) => match self.ct {
                Ct::None | Ct::Untracked | Ct::Invalid => return None,
                Ct::Fresh(_) => !*reply,
                Ct::Known(known) => known.reply == *reply,
            },
            What::CtMark(mask, value) => self.entry?.mark & mask == *value,
            What::Length(from, to) => {
                let length = u16::try_from(self.bytes.len()).unwrap_or(u16::MAX);
                (*from..=*to).contains(&length)
            }
            What::DontFragment => meta.dont_fragment,
            What::VxlanVni(vni) => {
                let header = self.datagram(8)?;
                u32::from_be_bytes([0, header[4], header[5], header[6]]) == *vni
            }
            What::VxlanHeader => {
                let header = self.datagram(8)?;
                word(header, 0) == 0x0800 && word(header, 2) == 0 && header[7] == 0
            }
            What::ArpOperation(_) | What::ArpSenderIn(_) | What::ArpTargetIn(_) => return None,
        })
    }

    /// The first bytes that UDP carries.
    fn datagram(&self, length: usize) -> Option<&[u8]> {
        if self.meta.protocol != UDP || self.meta.fragment == Fragment::Later {
            return None;
        }
        let start = usize::from(self.meta.start) + 8;
        self.bytes.get(start..start + length)
    }

    fn state(&self) -> u8 {
        match self.ct {
            Ct::None | Ct::Untracked => 0,
            Ct::Invalid => bit(CtState::Invalid),
            Ct::Fresh(_) => bit(CtState::New),
            Ct::Known(known) if known.related => bit(CtState::Related),
            Ct::Known(known) => {
                let answered = self.entry.is_some_and(|entry| entry.answered);
                bit(if known.reply || answered {
                    CtState::Established
                } else {
                    CtState::New
                })
            }
        }
    }
}

fn bit(state: CtState) -> u8 {
    match state {
        CtState::New => 1,
        CtState::Established => 2,
        CtState::Related => 4,
        CtState::Invalid => 8,
    }
}
