//! ICMP errors (icmp.c). None is held back: the nodes' limits on them are off.

use super::super::core::Core;
use super::super::craft;
use super::super::packet::{Fragment, Packet};
use super::node::Node;
use std::net::Ipv4Addr;

/// What stands in for the address of a node that has none (RFC 7600).
const DUMMY: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);

impl Node {
    /// Tells the sender of a packet what became of it: type and code, and the four bytes behind the checksum.
    pub fn complain(&mut self, core: &mut Core, about: &Packet, kind: (u8, u8), rest: [u8; 4]) {
        let meta = &about.meta;
        let silent = meta.is_icmp_error()
            || meta.fragment == Fragment::Later
            || meta.source.is_unspecified()
            || meta.source.is_multicast()
            || meta.destination.is_broadcast();
        if silent {
            return;
        }
        let to = meta.source;
        let source = if self.is_local(meta.destination) {
            Some(meta.destination)
        } else {
            self.source_towards(to)
        };
        let ends = (source.unwrap_or(DUMMY), to);
        let bytes = craft::icmp_error(ends, kind, rest, &about.bytes);
        // Where there is no way back, nobody hears of it.
        let _ = self.send(core, bytes);
    }

    /// A packet that may not be fragmented is larger than this.
    pub fn complain_size(&mut self, core: &mut Core, about: &Packet, mtu: u32) {
        let [a, b] = u16::try_from(mtu).unwrap_or(u16::MAX).to_be_bytes();
        self.complain(core, about, (3, 4), [0, 0, a, b]);
    }
}
