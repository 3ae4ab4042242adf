//! The node's own packets, and whatever goes out (ip_output.c).

use std::net::Ipv4Addr;

use super::super::core::{Core, Event};
use super::super::frame::Frame;
use super::super::packet::Packet;
use super::fib::{Dev, Route};
use super::interface::Kind;
use super::node::{LOOPBACK, Node};
use crate::backend::probe::NotSent;
use crate::network::{Family, Mac};

impl Node {
    /// The way to an address from the node itself: the interface, and the next hop.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn way(&mut self, to: Ipv4Addr) -> Result<(Dev, Ipv4Addr, Route), NotSent> {
        if self.is_local(to) {
            let route = Route {
                dev: Some(LOOPBACK),
                via: None,
                source: Some(to),
            };
            return Ok((LOOPBACK, to, route));
        }
        let route = self.tables.route(to, None).ok_or(NotSent::NoRoute)?;
        let dev = route.dev.ok_or(NotSent::NoRoute)?;
        Ok((dev, route.via.unwrap_or(to), route))
    }

    /// The source of the node's own packets to an address.
    pub fn source_towards(&mut self, to: Ipv4Addr) -> Option<Ipv4Addr> {
        let (dev, next, route) = self.way(to).ok()?;
        route.source.or_else(|| self.source_on(dev, next))
    }

    /// The largest packet to an address that is known to get through, in bytes.
    pub fn mtu_towards(&mut self, to: Ipv4Addr) -> Option<u32> {
        let (dev, ..) = self.way(to).ok()?;
        let mtu = self.interface(dev)?.mtu;
        Some(self.path_mtu.get(&to).map_or(mtu, |path| mtu.min(*path)))
    }

    /// The same for packets that leave by no other interface than this. What has no route there is taken to be
    /// on its link (`ip_route_output_key_hash_rcu`).
    pub fn way_by(&mut self, to: Ipv4Addr, by: Option<Dev>) -> Result<(Dev, Ipv4Addr), NotSent> {
        let way = self.way(to);
        match (way, by) {
            (Ok((LOOPBACK, next, _)), _) if self.is_local(to) => Ok((LOOPBACK, next)),
            (Ok((dev, next, _)), by) if by.is_none_or(|by| by == dev) => Ok((dev, next)),
            (_, Some(by)) => Ok((by, to)),
            (way, None) => way.map(|(dev, next, _)| (dev, next)),
        }
    }

    /// Sends a packet of the node's own. Its source is set.
    ///
    /// # Errors
    ///
    /// What a program would hear at once.
    pub fn send(&mut self, core: &mut Core, bytes: Vec<u8>) -> Result<(), NotSent> {
        self.send_by(core, bytes, None)
    }

    /// The same, by no other interface than this.
    ///
    /// # Errors
    ///
    /// What a program would hear at once.
    pub fn send_by(
        &mut self,
        core: &mut Core,
        bytes: Vec<u8>,
        by: Option<Dev>,
    ) -> Result<(), NotSent> {
        let Ok(mut packet) = Packet::read(bytes) else {
            return Ok(());
        };
        let (oif, _) = self.way_by(packet.meta.destination, by)?;
        if !self.output(core, &mut packet, oif) {
            return Err(NotSent::Forbidden);
        }
        // An answer may have been translated back to somebody else.
        let (oif, next) = self.way_by(packet.meta.destination, by)?;
        let mtu = self.mtu_towards(packet.meta.destination);
        if packet.meta.dont_fragment && mtu.is_some_and(|mtu| packet.len() > mtu as usize) {
            return Err(NotSent::TooBig);
        }
        self.leave(core, None, oif, next, packet);
        Ok(())
    }

    /// A packet leaves by an interface towards a next hop.
    pub fn leave(
        &mut self,
        core: &mut Core,
        iif: Option<Dev>,
        oif: Dev,
        next: Ipv4Addr,
        mut packet: Packet,
    ) {
        if !self.postrouting(core, &mut packet, iif, oif) {
            return;
        }
        if oif == LOOPBACK {
            let packet = Box::new(packet);
            let node = self.number;
            return core.soon(Event::Loop { node, packet });
        }
        let Some(mtu) = self.interface(oif).map(|interface| interface.mtu) else {
            return;
        };
        let path = self.path_mtu.get(&packet.meta.destination);
        let mtu = path.map_or(mtu, |path| mtu.min(*path));
        if packet.len() <= mtu as usize && packet.largest_fragment == 0 {
            return self.hand_to_neighbour(core, oif, next, packet);
        }
        let identification = self.identify();
        for fragment in super::fragment::divide(&packet, mtu, identification) {
            self.hand_to_neighbour(core, oif, next, fragment);
        }
    }

    /// Sends a frame out of an interface.
    pub fn transmit(&mut self, core: &mut Core, dev: Dev, to: Mac, family: Family, bytes: Vec<u8>) {
        let Some(interface) = self.interface(dev) else {
            return;
        };
        let frame = Frame {
            destination: to,
            source: interface.mac,
            family,
            bytes,
        };
        match &interface.kind {
            Kind::Loopback => {}
            Kind::Link { link, end } => core.transmit(*link, *end, frame, &self.id),
            Kind::Vxlan(_) => self.encapsulate(core, dev, frame),
        }
    }
}
