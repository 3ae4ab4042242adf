//! The program on the tracepoint `kfree_skb`, which runs whenever the kernel drops a packet, and what
//! it reports.
//!
//! It looks at IPv4 and ARP only, finds out in which network namespace the packet died, and reports it
//! if that is one of ours. Every read goes by a helper that gives zero for what can't be read, so no
//! pointer needs to be trusted.

use std::os::fd::OwnedFd;

use super::assembler::{
    Helper, Program, R0, R1, R2, R3, R6, R7, R8, R9, Reg, STACK, Size, Target, When,
};
use super::layout::Layout;
use crate::network::Family;

/// How many bytes of a packet are reported, from its network header on.
pub(super) const CAPTURED: usize = 256;
/// Where they begin in a record.
const PACKET: usize = 32;
/// The size of a record.
pub(super) const RECORD: usize = PACKET + CAPTURED;

/// `ETH_P_IP` and `ETH_P_ARP`.
const IP: u16 = 0x0800;
const ARP: u16 = 0x0806;

/// The maps that the program uses.
pub(super) struct Maps<'a> {
    /// Our namespaces: the number of each, to anything.
    pub namespaces: &'a OwnedFd,
    /// Where records go.
    pub ring: &'a OwnedFd,
    /// One count of eight bytes: the records for which there was no room.
    pub lost: &'a OwnedFd,
}

/// Slots on the stack, below its end.
const SCRATCH: i16 = -8;
const KEY: i16 = -16;
const PROTOCOL: i16 = -24;
const DEVICE: i16 = -32;
const HEAD: i16 = -40;
const TAIL: i16 = -48;

/// Fields of a record.
mod field {
    pub const NAMESPACE: i16 = 0;
    pub const REASON: i16 = 4;
    pub const LOCATION: i16 = 8;
    pub const KIND: i16 = 16;
    pub const PROTOCOL: i16 = 24;
    pub const LENGTH: i16 = 26;
    pub const FRAMED: i16 = 28;
}

/// The instructions; none if the layout is out of their reach.
pub(super) fn assemble(at: &Layout, maps: &Maps<'_>) -> Option<Vec<u64>> {
    let mut p = Program::default();
    let (end, lost) = (p.target(), p.target());
    // The tracepoint's arguments: packet, place in the kernel's code, reason.
    p.copy(R6, R1);
    p.load(Size::U64, R7, R6, 0);
    wanted_protocol(&mut p, at, end)?;
    namespace(&mut p, at, end)?;
    p.set_map(R1, maps.namespaces);
    p.copy(R2, STACK);
    p.add(R2, KEY.into());
    p.call(Helper::MapLookup);
    p.jump_if(R0, When::Equal, 0, end);

    p.set_map(R1, maps.ring);
    p.set(R2, i32::try_from(RECORD).ok()?);
    p.set(R3, 0);
    p.call(Helper::RingReserve);
    p.jump_if(R0, When::Equal, 0, lost);
    p.copy(R9, R0);
    p.load(Size::U32, R1, STACK, KEY);
    p.store(Size::U32, R9, field::NAMESPACE, R1);
    p.load(Size::U64, R1, R6, 16);
    p.store(Size::U32, R9, field::REASON, R1);
    p.load(Size::U64, R1, R6, 8);
    p.store(Size::U64, R9, field::LOCATION, R1);
    p.load(Size::U16, R1, STACK, PROTOCOL);
    p.store(Size::U16, R9, field::PROTOCOL, R1);
    kind_of_device(&mut p, at)?;
    packet(&mut p, at)?;
    p.copy(R1, R9);
    p.set(R2, 0);
    p.call(Helper::RingSubmit);
    p.jump(end);

    p.here(lost);
    p.set(R1, 0);
    p.store(Size::U32, STACK, KEY, R1);
    p.set_map(R1, maps.lost);
    p.copy(R2, STACK);
    p.add(R2, KEY.into());
    p.call(Helper::MapLookup);
    p.jump_if(R0, When::Equal, 0, end);
    p.set(R1, 1);
    p.add_atomically(R0, 0, R1);

    p.here(end);
    p.exit();
    p.finish()
}

/// Ends unless the packet is IPv4 or ARP.
fn wanted_protocol(p: &mut Program, at: &Layout, end: Target) -> Option<()> {
    read(p, PROTOCOL, Size::U16, R7, at.skb_protocol)?;
    let wanted = p.target();
    p.jump_if(R0, When::Equal, IP.to_be().into(), wanted);
    p.jump_if(R0, When::NotEqual, ARP.to_be().into(), end);
    p.here(wanted);
    Some(())
}

/// The number of the namespace: that of the packet's device; of its socket, on its way out before a
/// device is set, and after the field was put to another use; of its route.
fn namespace(p: &mut Program, at: &Layout, end: Target) -> Option<()> {
    let (by_socket, by_route, found) = (p.target(), p.target(), p.target());
    read(p, DEVICE, Size::U64, R7, at.skb_dev)?;
    p.copy(R8, R0);
    p.jump_if(R8, When::Equal, 0, by_socket);
    read(p, SCRATCH, Size::U64, R8, at.dev_net)?;
    p.copy(R8, R0);
    p.jump_if(R8, When::NotEqual, 0, found);
    p.here(by_socket);
    read(p, SCRATCH, Size::U64, R7, at.skb_sk)?;
    p.copy(R8, R0);
    p.jump_if(R8, When::Equal, 0, by_route);
    read(p, SCRATCH, Size::U64, R8, at.sk_net)?;
    p.copy(R8, R0);
    p.jump_if(R8, When::NotEqual, 0, found);
    p.here(by_route);
    read(p, SCRATCH, Size::U64, R7, at.skb_dst)?;
    p.copy(R8, R0);
    // The lowest bit says who counts the references.
    p.and(R8, -2);
    p.jump_if(R8, When::Equal, 0, end);
    read(p, DEVICE, Size::U64, R8, at.dst_dev)?;
    p.copy(R8, R0);
    p.jump_if(R8, When::Equal, 0, end);
    read(p, SCRATCH, Size::U64, R8, at.dev_net)?;
    p.copy(R8, R0);
    p.jump_if(R8, When::Equal, 0, end);
    p.here(found);
    read(p, KEY, Size::U32, R8, at.net_number)
}

/// Writes what kind of device the packet is on: the first eight bytes of `vxlan`, `veth`; zeros if it
/// is none in particular.
fn kind_of_device(p: &mut Program, at: &Layout) -> Option<()> {
    let none = p.target();
    p.set(R1, 0);
    p.store(Size::U64, R9, field::KIND, R1);
    p.load(Size::U64, R8, STACK, DEVICE);
    p.jump_if(R8, When::Equal, 0, none);
    for field in [at.dev_link_ops, at.link_ops_kind] {
        read(p, SCRATCH, Size::U64, R8, field)?;
        p.copy(R8, R0);
        p.jump_if(R8, When::Equal, 0, none);
    }
    p.copy(R1, R9);
    p.add(R1, field::KIND.into());
    p.set(R2, 8);
    p.copy(R3, R8);
    p.call(Helper::ReadKernel);
    p.here(none);
    Some(())
}

/// Writes the packet's first bytes and how many they are: from the network header on, or from where
/// the data begin, with whatever frame there is, if that header isn't set.
fn packet(p: &mut Program, at: &Layout) -> Option<()> {
    let (begins, cut, bounded) = (p.target(), p.target(), p.target());
    read(p, HEAD, Size::U64, R7, at.skb_head)?;
    read(p, TAIL, Size::U32, R7, at.skb_tail)?;
    p.set(R1, 0);
    p.store(Size::U32, R9, field::FRAMED, R1);
    read(p, SCRATCH, Size::U16, R7, at.skb_network_header)?;
    p.copy(R8, R0);
    p.jump_if(R8, When::NotEqual, 0, begins);
    p.set(R1, 1);
    p.store(Size::U32, R9, field::FRAMED, R1);
    read(p, SCRATCH, Size::U64, R7, at.skb_data)?;
    p.copy(R8, R0);
    p.load(Size::U64, R1, STACK, HEAD);
    p.subtract(R8, R1);
    p.here(begins);
    p.load(Size::U32, R2, STACK, TAIL);
    p.subtract(R2, R8);
    let most = i32::try_from(CAPTURED).ok()?;
    p.jump_if(R2, When::Less, most, bounded);
    // Less than nothing is a very large number.
    p.jump_if(R2, When::Greater, i32::MAX, cut);
    p.set(R2, most);
    p.jump(bounded);
    p.here(cut);
    p.set(R2, 0);
    p.here(bounded);
    p.store(Size::U16, R9, field::LENGTH, R2);
    p.copy(R1, R9);
    p.add(R1, i32::try_from(PACKET).ok()?);
    p.load(Size::U64, R3, STACK, HEAD);
    p.add_reg(R3, R8);
    p.call(Helper::ReadKernel);
    Some(())
}

/// Reads a field into a slot of the stack and into register 0.
fn read(p: &mut Program, slot: i16, size: Size, base: Reg, offset: usize) -> Option<()> {
    let bytes = match size {
        Size::U16 => 2,
        Size::U32 => 4,
        Size::U64 => 8,
    };
    p.copy(R1, STACK);
    p.add(R1, slot.into());
    p.set(R2, bytes);
    p.copy(R3, base);
    p.add(R3, i32::try_from(offset).ok()?);
    p.call(Helper::ReadKernel);
    p.load(size, R0, STACK, slot);
    Some(())
}

/// What the program reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The namespace's number.
    pub namespace: u32,
    /// The reason's number.
    pub reason: u32,
    /// Where in the kernel's code.
    pub location: u64,
    /// The kind of the device that the packet was on, if it is one that can be made.
    pub kind: String,
    /// IPv4 or ARP.
    pub family: Family,
    /// The packet from its network header on, cut to [`CAPTURED`] bytes.
    pub packet: Vec<u8>,
}

impl Record {
    /// Reads a record. Takes any bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; PACKET] = bytes.first_chunk()?;
        let rest = &bytes[PACKET..];
        let [a, b] = [head[24], head[25]];
        let family = match u16::from_be_bytes([a, b]) {
            IP => Family::Ip,
            ARP => Family::Arp,
            _ => return None,
        };
        let length = usize::from(u16::from_ne_bytes([head[26], head[27]]));
        let framed = word(head, 28)? != 0;
        let packet = rest.get(..length)?;
        let packet = if framed {
            behind_frame(packet, [a, b])
        } else {
            packet
        };
        let kind = head[16..24].split(|byte| *byte == 0).next()?;
        Some(Self {
            namespace: word(head, 0)?,
            reason: word(head, 4)?,
            location: u64::from_ne_bytes(*head.get(8..)?.first_chunk()?),
            kind: String::from_utf8_lossy(kind).into_owned(),
            family,
            packet: packet.to_vec(),
        })
    }
}

fn word(bytes: &[u8; PACKET], at: usize) -> Option<u32> {
    let word: &[u8; 4] = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*word))
}

/// Cuts an Ethernet header off, if there is one.
fn behind_frame(packet: &[u8], protocol: [u8; 2]) -> &[u8] {
    match packet.get(12..14) {
        Some(kind) if kind == protocol => &packet[14..],
        _ => packet,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(protocol: u16, length: u16, framed: u32, packet: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(4_026_532_000_u32.to_ne_bytes());
        bytes.extend(3_u32.to_ne_bytes());
        bytes.extend(0xffff_ffff_81e4_4f40_u64.to_ne_bytes());
        bytes.extend(b"vxlan\0xx");
        bytes.extend(protocol.to_be_bytes());
        bytes.extend(length.to_ne_bytes());
        bytes.extend(framed.to_ne_bytes());
        bytes.extend(packet);
        bytes.resize(RECORD, 0xaa);
        bytes
    }

    #[test]
    fn a_record_is_read() {
        let read = Record::read(&record(IP, 3, 0, &[0x45, 0, 0])).unwrap();
        assert_eq!(read.namespace, 4_026_532_000);
        assert_eq!((read.reason, read.location), (3, 0xffff_ffff_81e4_4f40));
        assert_eq!((read.kind.as_str(), read.family), ("vxlan", Family::Ip));
        assert_eq!(read.packet, [0x45, 0, 0]);
        assert_eq!(Record::read(&record(0x86dd, 3, 0, &[])), None);
    }

    #[test]
    fn a_frame_is_cut_off_where_the_network_header_was_not_known() {
        let frame = [&[2; 12][..], &[8, 6], &[0, 1, 8, 0]].concat();
        let read = Record::read(&record(ARP, 18, 1, &frame)).unwrap();
        assert_eq!(read.packet, [0, 1, 8, 0]);
        let read = Record::read(&record(ARP, 4, 1, &[0, 1, 8, 0])).unwrap();
        assert_eq!(read.packet, [0, 1, 8, 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Some(record) = Record::read(&bytes) {
                prop_assert!(record.packet.len() <= bytes.len());
            }
        }
    }
}
