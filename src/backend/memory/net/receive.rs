//! A frame comes in (ip_input.c, route.c).

use super::super::core::Core;
use super::super::frame::{BROADCAST, Frame};
use super::super::packet::{Fragment, Malformed, Packet};
use super::fib::Dev;
use super::node::{LOOPBACK, Node};
use crate::network::Family;

impl Node {
    /// Takes a frame that an interface has received.
    pub fn receive(&mut self, core: &mut Core, dev: Dev, frame: Frame) {
        let Some(interface) = self.interface(dev).filter(|interface| interface.up) else {
            return;
        };
        // For another host.
        if frame.destination != interface.mac && frame.destination != BROADCAST {
            return;
        }
        match frame.family {
            Family::Arp => self.receive_arp(core, dev, &frame),
            Family::Ip => match Packet::read(frame.bytes) {
                Ok(packet) => self.enter(core, dev, packet),
                Err(Malformed::Header) => core.count_malformed(),
                Err(Malformed::Checksum) => core.count_malformed(),
            },
        }
    }

    /// A packet enters by an interface.
    pub fn enter(&mut self, core: &mut Core, dev: Dev, packet: Packet) {
        // Whoever tracks connections looks at whole packets only.
        let whole = packet.meta.fragment == Fragment::Whole || !self.filter.tracks();
        let packet = if whole {
            Some(packet)
        } else {
            self.fragments.collect(packet, core.now)
        };
        let Some(mut packet) = packet else { return };
        if self.prerouting(core, &mut packet, dev) {
            self.route_in(core, dev, packet);
        }
    }

    fn route_in(&mut self, core: &mut Core, dev: Dev, packet: Packet) {
        let (from, to) = (packet.meta.source, packet.meta.destination);
        let foreign = dev == LOOPBACK || !self.is_local(from);
        if self.is_local(to) {
            // `accept_local` and `route_localnet` are off.
            return match (foreign, to.is_loopback() && dev != LOOPBACK) {
                (false, _) => self.dropped(core, "IP_LOCAL_SOURCE", dev, &packet),
                (true, true) => self.dropped(core, "IP_LOCALNET", dev, &packet),
                (true, false) => self.deliver(core, dev, packet),
            };
        }
        // What was routed to `lo` to be dropped there has met no rule that says why.
        if dev == LOOPBACK || to.is_broadcast() || to.is_multicast() || to.is_unspecified() {
            return self.dropped(core, "IP_INNOROUTES", dev, &packet);
        }
        if !self.forwarding {
            return self.dropped(core, "IP_INADDRERRORS", dev, &packet);
        }
        let iif = self.name_of(dev);
        match self.tables.route(to, iif) {
            Some(_) if !foreign => self.dropped(core, "IP_LOCAL_SOURCE", dev, &packet),
            Some(route) => self.forward(core, dev, packet, route),
            None => {
                self.complain(core, &packet, (3, 0), [0; 4]);
                self.dropped(core, "IP_INNOROUTES", dev, &packet);
            }
        }
    }

    /// The kernel drops a packet, for this reason.
    pub fn dropped(&self, core: &mut Core, reason: &'static str, dev: Dev, packet: &Packet) {
        let kind = self
            .interface(dev)
            .map_or("", |interface| interface.kind_name());
        core.dropped(&self.id, reason, kind, None, Family::Ip, &packet.bytes);
    }
}
