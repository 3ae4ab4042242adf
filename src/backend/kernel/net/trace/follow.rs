//! From the messages about packets to the packets that are dropped.
//!
//! Only the first message about a packet in a chain shows it, and of that only 20 bytes behind its
//! network header, which isn't enough for what travels in a tunnel. So what was shown is kept for a
//! while, and so are the copies of tunnelled packets that come besides.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::message::{self, Dropper};
use super::rulebook::Rulebook;
use super::{ARP, IP, TracedDrop, lock};
use crate::backend::kernel::net::nflog;
use crate::backend::kernel::net::nft::{TABLE, TRACE_TABLE};
use crate::backend::kernel::net::wire::{self, Message};
use crate::backend::vxlan;
use crate::network::{Family, NodeId};

/// How many packets are kept of each kind: more than ever are in one chain at a time, which are as many
/// as there are processors.
const KEPT: usize = 256;

/// One node's trace.
pub(super) struct Follower {
    node: NodeId,
    rules: Arc<Mutex<Rulebook>>,
    packets: Packets,
}

/// The packets that were shown lately.
#[derive(Default)]
struct Packets {
    shown: VecDeque<(u32, Family, Vec<u8>)>,
    copies: VecDeque<Vec<u8>>,
}

impl Follower {
    /// Nothing seen yet.
    pub fn new(node: NodeId, rules: Arc<Mutex<Rulebook>>) -> Self {
        Self {
            node,
            rules,
            packets: Packets::default(),
        }
    }

    /// Takes a message, which was read at this moment; the drop that it reports, if it does.
    pub fn take(&mut self, message: &Message<'_>, at: Instant) -> Option<TracedDrop> {
        let (dropper, family, packet) = self.packets.dropped(message)?;
        let mut rules = lock(&self.rules);
        let is_copy = arp_in(family, &packet).is_some_and(|arp| {
            // What asks for this node, or is its answer, stands alone.
            arp.about().is_none_or(|ip| !rules.has(ip))
        });
        Some(TracedDrop {
            node: self.node.clone(),
            rule: rules.words(&dropper),
            is_copy,
            family,
            packet,
            at,
        })
    }
}

impl Packets {
    /// The packet that somebody else's rule drops with this message, if it is one that says so.
    fn dropped(&mut self, message: &Message<'_>) -> Option<(Dropper, Family, Vec<u8>)> {
        if let Some((Family::Ip, _, packet)) = nflog::parse(message) {
            keep(&mut self.copies, packet);
            return None;
        }
        let trace = message::parse(message)?;
        let Some(dropper) = trace.drop.filter(is_foreign) else {
            if let Some((family, packet)) = trace.packet {
                keep(&mut self.shown, (trace.id, family, packet));
            }
            return None;
        };
        let shown = || {
            let mut latest_first = self.shown.iter().rev();
            let (_, family, packet) = latest_first.find(|(id, ..)| *id == trace.id)?;
            Some((*family, packet.clone()))
        };
        let (family, short) = trace.packet.or_else(shown)?;
        let packet = match family {
            Family::Ip => {
                let mut latest_first = self.copies.iter().rev();
                let whole = latest_first.find(|copy| is_same(copy, &short));
                whole.cloned().unwrap_or(short)
            }
            Family::Arp => short,
        };
        Some((dropper, family, packet))
    }
}

fn keep<T>(list: &mut VecDeque<T>, one: T) {
    if list.len() == KEPT {
        list.pop_front();
    }
    list.push_back(one);
}

/// Whether it is none of ours: those say themselves what they drop.
fn is_foreign(dropper: &Dropper) -> bool {
    !(matches!(dropper.family, IP | ARP) && [TABLE, TRACE_TABLE].contains(&&*dropper.table))
}

/// The length of an IPv4 header.
fn header_length(packet: &[u8]) -> usize {
    packet.first().map_or(0, |b| usize::from(b & 0x0f) * 4)
}

/// Whether two views of UDP packets show the same one: identification, addresses, ports, length. The
/// TTL may have changed on the way, and with it the checksum.
fn is_same(copy: &[u8], short: &[u8]) -> bool {
    let parts = |packet: &[u8]| -> Option<([u8; 2], [u8; 8], [u8; 6])> {
        Some((
            wire::take(packet, 4)?,
            wire::take(packet, 12)?,
            wire::take(packet, header_length(packet))?,
        ))
    };
    parts(copy).is_some_and(|of_copy| parts(short) == Some(of_copy))
}

/// An ARP packet, from its header on.
struct Arp<'a>(&'a [u8]);

/// The ARP packet that this is, or that it carries in VXLAN.
fn arp_in(family: Family, packet: &[u8]) -> Option<Arp<'_>> {
    const UDP: u8 = 17;
    const UDP_HEADER: usize = 8;
    /// Where an Ethernet header says what follows it, and what it says of ARP.
    const ETHERTYPE: usize = 12;
    const ARP: [u8; 2] = [8, 6];
    if family == Family::Arp {
        return Some(Arp(packet));
    }
    let udp = header_length(packet);
    let ethertype = udp + UDP_HEADER + vxlan::HEADER_LEN + ETHERTYPE;
    let is_arp = packet.get(9) == Some(&UDP)
        && wire::take(packet, udp + 2) == Some(vxlan::PORT.to_be_bytes())
        && wire::take(packet, ethertype) == Some(ARP);
    packet.get(ethertype + 2..).filter(|_| is_arp).map(Arp)
}

impl Arp<'_> {
    /// The address that a question is for, or that an answer speaks for (RFC 826).
    fn about(&self) -> Option<Ipv4Addr> {
        let at = match wire::take(self.0, 6).map(u16::from_be_bytes)? {
            1 => 24,
            2 => 14,
            _ => return None,
        };
        wire::take::<4>(self.0, at).map(Ipv4Addr::from)
    }
}

/// Any bytes, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzzing(bytes: &[u8]) {
    let mut packets = Packets::default();
    for message in wire::messages(bytes) {
        if let Some((dropper, family, packet)) = packets.dropped(&message) {
            assert!(is_foreign(&dropper));
            let _ = arp_in(family, &packet).and_then(|arp| arp.about());
        }
    }
    assert!(packets.shown.len() <= KEPT && packets.copies.len() <= KEPT);
}

#[cfg(test)]
mod tests;
