//! Packets that are too large: taken apart (RFC 791, section 3.2) and put together again (RFC 815).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use smoltcp::wire::Ipv4Packet;

use super::super::conntrack::Ct;
use super::super::packet::{Fragment, Meta, Packet};
use super::super::time::Time;

/// How long the parts of a packet wait for the rest (`ipfrag_time`).
const PATIENCE: Duration = Duration::from_secs(30);

/// How many packets may wait for parts of theirs; the oldest goes first.
const MOST: usize = 1_024;

/// What tells the parts of a packet from those of others.
type Key = (Ipv4Addr, Ipv4Addr, u8, u16);

/// Parts of packets.
#[derive(Debug, Default)]
pub(in super::super) struct Fragments {
    waiting: BTreeMap<Key, Parts>,
}

/// Parts of one packet.
#[derive(Debug)]
struct Parts {
    since: Time,
    /// By offset, in bytes.
    parts: BTreeMap<usize, Vec<u8>>,
    /// The header, of the first part.
    header: Option<Vec<u8>>,
    /// How long the whole payload is, once the last part has come.
    length: Option<usize>,
    largest: u16,
}

impl Fragments {
    /// Takes a part; gives the whole packet if it was the last that was missing.
    pub fn collect(&mut self, packet: Packet, now: Time) -> Option<Packet> {
        self.waiting
            .retain(|_, parts| now.since(parts.since) < PATIENCE);
        let header = Ipv4Packet::new_unchecked(&packet.bytes);
        let key = (
            packet.meta.source,
            packet.meta.destination,
            packet.meta.protocol,
            header.ident(),
        );
        let offset = usize::from(header.frag_offset());
        let last = !header.more_frags();
        if !self.waiting.contains_key(&key) && self.waiting.len() >= MOST {
            let oldest = self.waiting.iter().min_by_key(|(_, parts)| parts.since);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.waiting.remove(&oldest);
            }
        }
        let parts = self.waiting.entry(key).or_insert_with(|| Parts {
            since: now,
            parts: BTreeMap::new(),
            header: None,
            length: None,
            largest: 0,
        });
        let payload = packet.payload();
        if last {
            parts.length = Some(offset + payload.len());
        }
        if offset == 0 {
            let start = usize::from(packet.meta.start);
            parts.header = Some(packet.bytes[..start].to_vec());
        }
        parts.largest = parts
            .largest
            .max(u16::try_from(packet.len()).unwrap_or(u16::MAX));
        parts.parts.insert(offset, payload.to_vec());
        let whole = parts.whole()?;
        let largest = parts.largest;
        self.waiting.remove(&key);
        let meta = Meta::of(&whole);
        Some(Packet {
            bytes: whole,
            meta,
            ct: Ct::None,
            largest_fragment: largest,
        })
    }
}

impl Parts {
    /// The whole packet, if nothing is missing.
    fn whole(&self) -> Option<Vec<u8>> {
        let (length, header) = (self.length?, self.header.as_ref()?);
        let mut bytes = header.clone();
        for (offset, part) in &self.parts {
            // Overlapping parts are an attack, not a packet (RFC 5722 says so of IPv6, Linux of both).
            if *offset != bytes.len() - header.len() {
                return None;
            }
            bytes.extend(part);
        }
        if bytes.len() - header.len() != length {
            return None;
        }
        let total = u16::try_from(bytes.len()).ok()?;
        let mut packet = Ipv4Packet::new_unchecked(&mut bytes[..]);
        packet.set_total_len(total);
        packet.set_more_frags(false);
        packet.set_frag_offset(0);
        packet.fill_checksum();
        Some(bytes)
    }
}

/// Takes a packet apart, so that no part is larger than `mtu` bytes, nor than the largest part in which it
/// came. A packet that is a part already stays one. There are none of a packet that can't be divided: no
/// part has room, or some would begin beyond the longest packet that there is (RFC 791, section 3.1).
pub(in super::super) fn divide(packet: &Packet, mtu: u32, identification: u16) -> Vec<Packet> {
    let start = usize::from(packet.meta.start);
    let most = match packet.largest_fragment {
        0 => mtu as usize,
        largest => (mtu as usize).min(usize::from(largest)),
    };
    // Offsets count eight bytes.
    let room = most.saturating_sub(start) / 8 * 8;
    if room == 0 {
        return Vec::new();
    }
    let header = Ipv4Packet::new_unchecked(&packet.bytes);
    let (base, more) = (header.frag_offset(), header.more_frags());
    if usize::from(base) + packet.len() - start > usize::from(u16::MAX) {
        return Vec::new();
    }
    let own = header.ident();
    let identification = if own == 0 { identification } else { own };
    let payload = &packet.bytes[start..];
    let count = payload.len().div_ceil(room);
    let parts = payload.chunks(room).enumerate().map(|(at, part)| {
        let mut bytes = packet.bytes[..start].to_vec();
        bytes.extend(part);
        let mut piece = Ipv4Packet::new_unchecked(&mut bytes[..]);
        // At most as long as the packet itself.
        piece.set_total_len((start + part.len()) as u16);
        piece.set_ident(identification);
        piece.set_dont_frag(false);
        piece.set_more_frags(more || at + 1 < count);
        piece.set_frag_offset(base + (at * room) as u16);
        piece.fill_checksum();
        let meta = Meta::of(&bytes);
        Packet {
            bytes,
            meta,
            ct: Ct::None,
            largest_fragment: 0,
        }
    });
    // Where one part is all that there is, it is the packet itself.
    let mut parts: Vec<Packet> = parts.collect();
    if let [only] = parts.as_mut_slice()
        && only.meta.fragment == Fragment::Whole
    {
        only.bytes.clone_from(&packet.bytes);
        only.meta = packet.meta;
    }
    parts
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::craft;
    use super::*;

    #[test]
    fn a_part_that_would_end_beyond_the_longest_packet_is_not_divided() {
        let ends = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        for (offset, parts) in [(65_528_u16, 0), (65_520 - 200, 2)] {
            let mut bytes = craft::udp(ends, (1, 2), &[0; 192]);
            let mut header = Ipv4Packet::new_unchecked(&mut bytes[..]);
            header.set_frag_offset(offset);
            header.fill_checksum();
            let packet = Packet::read(bytes).unwrap();
            assert_eq!(divide(&packet, 150, 7).len(), parts, "at {offset}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_apart_comes_together_in_any_order(
            payload in proptest::collection::vec(any::<u8>(), 0..3_000),
            mtu in 68..1_500_u32,
            order in any::<u64>(),
        ) {
            let ends = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
            let packet = Packet::read(craft::udp(ends, (1, 2), &payload)).unwrap();
            let mut parts = divide(&packet, mtu, 7);
            prop_assert!(parts.iter().all(|part| part.len() <= mtu as usize));
            if parts.len() == 1 {
                prop_assert_eq!(&parts[0].bytes, &packet.bytes);
                return Ok(());
            }
            let count = parts.len() as u64;
            parts.rotate_left((order % count) as usize);
            if order % 2 == 0 {
                parts.reverse();
            }
            let mut fragments = Fragments::default();
            let mut whole = None;
            for part in parts {
                prop_assert!(whole.is_none());
                whole = fragments.collect(Packet::read(part.bytes).unwrap(), Time::default());
            }
            let whole = whole.unwrap();
            prop_assert_eq!(whole.payload(), packet.payload());
            prop_assert!(fragments.waiting.is_empty());
        }
    }
}
