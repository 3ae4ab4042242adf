//! A packet's way through a hook.

use std::net::Ipv4Addr;

use super::super::conntrack::{Conntrack, Ct};
use super::super::packet::{ICMP, Packet, TCP, UDP};
use super::compile::{Act, Ready, Step, Tables};
use super::test::{ArpSubject, Subject};
use super::{Filter, Name};
use crate::network::{Family, HookPoint, Label};

/// Where a packet is: the interfaces that it came in by and goes out by.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Place {
    pub iif: Option<Name>,
    pub oif: Option<Name>,
}

/// What a hook says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    Accept,
    Drop,
}

/// What rules work with besides the packet.
pub(in super::super) struct Hands<'a> {
    pub tracked: &'a mut Conntrack,
    /// Hears of each label that a packet is given.
    pub log: &'a mut dyn FnMut(&Label, &[u8]),
}

/// How a rule, or a chain, ends.
enum End {
    /// On to the next.
    Next,
    /// Back to the calling chain.
    Return,
    Accept,
    Drop,
    Translate(Ipv4Addr),
}

impl Filter {
    /// Takes a packet through the chains of a hook whose priorities lie in the range.
    pub fn run(
        &self,
        point: HookPoint,
        priorities: std::ops::Range<i32>,
        packet: &mut Packet,
        place: Place,
        hands: &mut Hands<'_>,
    ) -> Verdict {
        let Some(tables) = self.family(Family::Ip) else {
            return Verdict::Accept;
        };
        for (priority, chain) in tables.hook(point) {
            if priorities.contains(priority)
                && let End::Drop = tables.chain(*chain, packet, place, hands)
            {
                return Verdict::Drop;
            }
        }
        Verdict::Accept
    }

    /// The address that the chains of a hook translate a packet to.
    pub fn translation(
        &self,
        point: HookPoint,
        packet: &mut Packet,
        place: Place,
        hands: &mut Hands<'_>,
    ) -> Result<Option<Ipv4Addr>, Verdict> {
        let Some(tables) = self.family(Family::Ip) else {
            return Ok(None);
        };
        for (_, chain) in tables.hook(point) {
            match tables.chain(*chain, packet, place, hands) {
                End::Translate(ip) => return Ok(Some(ip)),
                End::Drop => return Err(Verdict::Drop),
                End::Next | End::Return | End::Accept => {}
            }
        }
        Ok(None)
    }

    /// Takes an ARP packet through a hook. The log hears of its labels.
    pub fn run_arp(
        &self,
        point: HookPoint,
        arp: &ArpSubject,
        log: &mut dyn FnMut(&Label),
    ) -> Verdict {
        let Some(tables) = self.family(Family::Arp) else {
            return Verdict::Accept;
        };
        for (_, chain) in tables.hook(point) {
            if let End::Drop = tables.arp_chain(*chain, arp, log) {
                return Verdict::Drop;
            }
        }
        Verdict::Accept
    }
}

impl Tables {
    fn chain(&self, at: usize, packet: &mut Packet, place: Place, hands: &mut Hands<'_>) -> End {
        for step in &self.chains[at] {
            let end = match step {
                Step::One(rule) => self.rule(rule, packet, place, hands),
                Step::BySource(asks, by_source) => {
                    let Some(rules) = by_source.get(&packet.meta.source) else {
                        continue;
                    };
                    if !holds(asks, packet, place, hands.tracked) {
                        continue;
                    }
                    let mut end = End::Next;
                    for rule in rules {
                        end = self.rule(rule, packet, place, hands);
                        if !matches!(end, End::Next) {
                            break;
                        }
                    }
                    end
                }
            };
            match end {
                End::Next => {}
                end => return end,
            }
        }
        End::Next
    }

    fn rule(&self, rule: &Ready, packet: &mut Packet, place: Place, hands: &mut Hands<'_>) -> End {
        if !holds(&rule.asks, packet, place, hands.tracked) {
            return End::Next;
        }
        for act in &rule.acts {
            match act {
                Act::Log(label) => (hands.log)(label, &packet.bytes),
                Act::Drop => return End::Drop,
                Act::Accept => return End::Accept,
                Act::Return => return End::Return,
                Act::Jump(chain) => match self.chain(*chain, packet, place, hands) {
                    End::Next | End::Return => {}
                    end => return end,
                },
                Act::CtMarkOr(bits) => match hands.tracked.of_mut(&mut packet.ct) {
                    Some(entry) => entry.mark |= bits,
                    // Where there is no connection, the rule ends here (`NFT_BREAK`).
                    None => return End::Next,
                },
                Act::Snat(ip) | Act::Dnat(ip) => return End::Translate(*ip),
                Act::KeepTtl => {
                    if matches!(packet.meta.protocol, ICMP | TCP | UDP) {
                        packet.set_ttl(packet.meta.ttl.saturating_add(1));
                    }
                }
                Act::Notrack => packet.ct = Ct::Untracked,
            }
        }
        End::Next
    }

    fn arp_chain(&self, at: usize, arp: &ArpSubject, log: &mut dyn FnMut(&Label)) -> End {
        for step in &self.chains[at] {
            // Rules on ARP ask for no IPv4 source, so they stand by themselves.
            let Step::One(rule) = step else { continue };
            if !rule.asks.iter().all(|ask| ask.holds_for_arp(arp)) {
                continue;
            }
            for act in &rule.acts {
                match act {
                    Act::Log(label) => log(label),
                    Act::Drop => return End::Drop,
                    Act::Accept => return End::Accept,
                    Act::Return => return End::Return,
                    Act::Jump(chain) => match self.arp_chain(*chain, arp, log) {
                        End::Next | End::Return => {}
                        end => return end,
                    },
                    Act::CtMarkOr(_)
                    | Act::Snat(_)
                    | Act::Dnat(_)
                    | Act::KeepTtl
                    | Act::Notrack => break,
                }
            }
        }
        End::Next
    }
}

fn holds(asks: &[super::test::Ask], packet: &Packet, place: Place, tracked: &Conntrack) -> bool {
    let subject = Subject {
        meta: &packet.meta,
        bytes: &packet.bytes,
        iif: place.iif,
        oif: place.oif,
        ct: &packet.ct,
        entry: tracked.of(&packet.ct),
    };
    asks.iter().all(|ask| ask.holds(&subject))
}
