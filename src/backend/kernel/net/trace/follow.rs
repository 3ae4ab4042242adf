//! From the messages about packets to the packets that are dropped.
//!
//! Only the first message about a packet in a chain shows it, and of that only 20 bytes behind its
//! network header, which isn't enough for what travels in a tunnel. So what was shown is kept for a
//! while, and so are the copies of tunnelled packets that come besides.

use std::collections::VecDeque;
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
    shown: VecDeque<(u32, Family, Vec<u8>)>,
    copies: VecDeque<Vec<u8>>,
}

impl Follower {
    /// Nothing seen yet.
    pub fn new(node: NodeId, rules: Arc<Mutex<Rulebook>>) -> Self {
        Self {
            node,
            rules,
            shown: VecDeque::with_capacity(KEPT),
            copies: VecDeque::with_capacity(KEPT),
        }
    }

    /// Takes a message, which was read at this moment; the drop that it reports, if it does.
    pub fn take(&mut self, message: &Message<'_>, at: Instant) -> Option<TracedDrop> {
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
        Some(TracedDrop {
            node: self.node.clone(),
            rule: lock(&self.rules).words(&dropper),
            is_copy: family == Family::Arp || carries_arp(&packet),
            family,
            packet,
            at,
        })
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

/// Whether it is an ARP packet inside VXLAN.
fn carries_arp(packet: &[u8]) -> bool {
    const UDP: u8 = 17;
    const UDP_HEADER: usize = 8;
    /// Where an Ethernet header says what follows, and what it says of ARP.
    const ETHERTYPE: usize = 12;
    const ARP: [u8; 2] = [8, 6];
    let udp = header_length(packet);
    packet.get(9) == Some(&UDP)
        && wire::take(packet, udp + 2) == Some(vxlan::PORT.to_be_bytes())
        && wire::take(packet, udp + UDP_HEADER + vxlan::HEADER_LEN + ETHERTYPE) == Some(ARP)
}

#[cfg(test)]
mod tests;
