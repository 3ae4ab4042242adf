//! A packet for the node itself (ip_input.c, icmp.c, udp.c).

use smoltcp::wire::{Icmpv4Packet, UdpPacket};

use super::super::core::Core;
use super::super::packet::{Fragment, ICMP, Packet, TCP, UDP};
use super::fib::Dev;
use super::node::Node;

impl Node {
    /// Takes a packet that is for one of the node's own addresses.
    pub fn deliver(&mut self, core: &mut Core, iif: Dev, packet: Packet) {
        let packet = if packet.meta.fragment == Fragment::Whole {
            Some(packet)
        } else {
            self.fragments.collect(packet, core.now)
        };
        let Some(mut packet) = packet else { return };
        if !self.input(core, &mut packet, iif) {
            return;
        }
        match packet.meta.protocol {
            ICMP => self.deliver_icmp(core, iif, &packet),
            UDP => self.deliver_udp(core, iif, &packet),
            TCP => self.segment(core, iif, packet),
            _ => {
                self.complain(core, &packet, (3, 2), [0; 4]);
                self.dropped(core, "IP_NOPROTO", iif, &packet);
            }
        }
    }

    fn deliver_icmp(&mut self, core: &mut Core, iif: Dev, packet: &Packet) {
        let sound = Icmpv4Packet::new_checked(packet.payload());
        if !sound.is_ok_and(|icmp| icmp.verify_checksum()) {
            return self.dropped(core, "ICMP_CSUM", iif, packet);
        }
        match packet.meta.kind.0 {
            8 => self.echo(core, packet),
            0 if self.echo_reply(core, packet) => {}
            0 => self.dropped(core, "NO_SOCKET", iif, packet),
            _ if packet.meta.is_icmp_error() => self.icmp_error(core, packet),
            _ => {}
        }
    }

    fn deliver_udp(&mut self, core: &mut Core, iif: Dev, packet: &Packet) {
        let (from, to) = (packet.meta.source.into(), packet.meta.destination.into());
        let sound = UdpPacket::new_checked(packet.payload());
        if !sound.is_ok_and(|udp| udp.verify_checksum(&from, &to)) {
            return self.dropped(core, "UDP_CSUM", iif, packet);
        }
        let taken = self.decapsulate(core, iif, packet)
            || self.datagram_for_probe(core, packet)
            || self.serve_datagram(core, packet);
        if !taken {
            self.complain(core, packet, (3, 3), [0; 4]);
            self.dropped(core, "NO_SOCKET", iif, packet);
        }
    }
}
