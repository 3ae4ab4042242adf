//! Address translation (net/netfilter/nf_nat_core.c): what was decided for a connection's first packet is
//! done to all of them, and undone to the answers.

use std::net::Ipv4Addr;

use super::conntrack::{Conntrack, Ct, Entry, Tuple};
use super::packet::{HEADER, Meta, Packet};
use super::time::Time;

/// Which address of a packet is rewritten: the destination where it comes in, the source where it goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Destination,
    Source,
}

/// Decides what becomes of a connection's first packet on this side: this address, or none of its own. Whether
/// there was a free port for it.
pub(super) fn decide(
    tracked: &mut Conntrack,
    packet: &mut Packet,
    side: Side,
    to: Option<Ipv4Addr>,
    now: Time,
) -> bool {
    let Ct::Fresh(entry) = &mut packet.ct else {
        return true;
    };
    let at = usize::from(side == Side::Source);
    if std::mem::replace(&mut entry.translated[at], true) {
        return true;
    }
    let mut wanted = entry.reply;
    match (side, to) {
        (Side::Destination, Some(ip)) => wanted.source = ip,
        (Side::Source, Some(ip)) => wanted.destination = ip,
        (Side::Destination, None) => return true,
        // Even what keeps its address needs answers of its own.
        (Side::Source, None) => {}
    }
    match tracked.free(wanted, now) {
        Some(free) => {
            entry.reply = free;
            true
        }
        None => false,
    }
}

/// Rewrites a packet on one side as its connection says.
pub(super) fn translate(tracked: &Conntrack, packet: &mut Packet, side: Side) {
    let (entry, reply, related) = match &packet.ct {
        Ct::None | Ct::Untracked | Ct::Invalid => return,
        Ct::Fresh(entry) => (**entry, false, false),
        Ct::Known(known) => match tracked.entry(*known) {
            Some(entry) => (*entry, known.reply, known.related),
            None => return,
        },
    };
    if !applies(&entry, side, reply) {
        return;
    }
    let other = if reply { entry.original } else { entry.reply };
    let target = other.inverted();
    if related {
        return translate_error(packet, side, target);
    }
    match side {
        Side::Destination => {
            packet.set_destination(target.destination);
            packet.set_destination_port(target.ports.1);
        }
        Side::Source => {
            packet.set_source(target.source);
            packet.set_source_port(target.ports.0);
        }
    }
}

/// Whether this connection's packets in this direction are rewritten on this side.
fn applies(entry: &Entry, side: Side, reply: bool) -> bool {
    let plain = entry.original.inverted();
    let destination = entry.reply.source != plain.source || entry.reply.ports.0 != plain.ports.0;
    let source =
        entry.reply.destination != plain.destination || entry.reply.ports.1 != plain.ports.1;
    match (side, reply) {
        (Side::Destination, false) | (Side::Source, true) => destination,
        (Side::Source, false) | (Side::Destination, true) => source,
    }
}

/// An ICMP error: its own address, and the opposite one of the packet that it quotes
/// (`nf_nat_icmp_reply_translation`).
fn translate_error(packet: &mut Packet, side: Side, target: Tuple) {
    let start = usize::from(packet.meta.start) + 8;
    // A quotation is seldom whole, and nobody checks its checksums; those of its header are kept right.
    let Some(quoted) = packet
        .bytes
        .get(start..)
        .filter(|quoted| quoted.len() >= HEADER + 8)
    else {
        return;
    };
    let meta = Meta::of(quoted);
    let mut inner = Packet {
        bytes: quoted.to_vec(),
        meta,
        ct: Ct::None,
        largest_fragment: 0,
    };
    match side {
        Side::Destination => {
            inner.set_source(target.destination);
            inner.set_source_port(target.ports.1);
            packet.set_destination(target.destination);
        }
        Side::Source => {
            inner.set_destination(target.source);
            inner.set_destination_port(target.ports.0);
            packet.set_source(target.source);
        }
    }
    packet.bytes[start..].copy_from_slice(&inner.bytes);
    let icmp = &mut packet.bytes[start - 8..];
    smoltcp::wire::Icmpv4Packet::new_unchecked(icmp).fill_checksum();
}
