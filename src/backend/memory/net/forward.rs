//! A packet that passes through (ip_forward.c).

use super::super::core::Core;
use super::super::packet::Packet;
use super::fib::{Dev, Route};
use super::node::Node;

impl Node {
    /// Sends a packet on by a route. The MTU comes before the rules.
    pub fn forward(&mut self, core: &mut Core, iif: Dev, mut packet: Packet, route: Route) {
        let Some(oif) = route.dev else {
            return self.dropped(core, "NOT_SPECIFIED", iif, &packet);
        };
        if packet.meta.ttl <= 1 {
            self.complain(core, &packet, (11, 0), [0; 4]);
            return self.dropped(core, "IP_INHDR", iif, &packet);
        }
        let Some(mtu) = self.interface(oif).map(|interface| interface.mtu) else {
            return self.dropped(core, "IP_INNOROUTES", iif, &packet);
        };
        if packet.meta.dont_fragment && packet.len() > mtu as usize {
            self.complain_size(core, &packet, mtu);
            return self.dropped(core, "PKT_TOO_BIG", iif, &packet);
        }
        packet.set_ttl(packet.meta.ttl - 1);
        if !self.passing(core, &mut packet, iif, oif) {
            return;
        }
        let next = route.via.unwrap_or(packet.meta.destination);
        self.leave(core, Some(iif), oif, next, packet);
    }
}
