//! An Ethernet frame on a link. Its header is a value; only captures and tunnels write it as bytes.

use smoltcp::wire::{EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr};

use crate::backend::shaper::Parcel;
use crate::network::{Family, Mac};

/// The length of an Ethernet header in bytes.
pub(super) const HEADER: usize = 14;

/// The address of all.
pub(super) const BROADCAST: Mac = Mac([0xff; 6]);

/// An Ethernet frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub destination: Mac,
    pub source: Mac,
    pub family: Family,
    /// From the network header on.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// Reads a frame; none for one that carries neither IPv4 nor ARP, or is too short. Any bytes may come.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let frame = EthernetFrame::new_checked(bytes).ok()?;
        let repr = EthernetRepr::parse(&frame).ok()?;
        let family = match repr.ethertype {
            EthernetProtocol::Ipv4 => Family::Ip,
            EthernetProtocol::Arp => Family::Arp,
            _ => return None,
        };
        Some(Self {
            destination: Mac(repr.dst_addr.0),
            source: Mac(repr.src_addr.0),
            family,
            bytes: frame.payload().to_vec(),
        })
    }

    /// How many bytes it has with its header.
    pub fn len(&self) -> usize {
        HEADER + self.bytes.len()
    }

    /// Writes it, header first, into a buffer of its length.
    pub fn write(&self, buffer: &mut [u8]) {
        let repr = EthernetRepr {
            src_addr: EthernetAddress(self.source.0),
            dst_addr: EthernetAddress(self.destination.0),
            ethertype: match self.family {
                Family::Ip => EthernetProtocol::Ipv4,
                Family::Arp => EthernetProtocol::Arp,
            },
        };
        let mut frame = EthernetFrame::new_unchecked(buffer);
        repr.emit(&mut frame);
        frame.payload_mut()[..self.bytes.len()].copy_from_slice(&self.bytes);
    }
}

impl Parcel for Frame {
    fn wire_len(&self) -> usize {
        self.len()
    }

    fn corrupt(&mut self, bit: u64) {
        let byte = usize::try_from(bit / 8).ok();
        let byte = byte.and_then(|at| self.bytes.get_mut(at.checked_sub(HEADER)?));
        if let Some(byte) = byte {
            *byte ^= 0x80 >> (bit % 8);
        }
    }
}
