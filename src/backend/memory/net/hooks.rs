//! The packet filter's hooks: rules by their priorities, and between them connection tracking and address
//! translation (linux/netfilter_ipv4.h, `enum nf_ip_hook_priorities`).

use super::super::conntrack::Ct;
use super::super::core::Core;
use super::super::filter::{Hands, Place, Verdict};
use super::super::nat::{self, Side};
use super::super::packet::{HEADER, Malformed, Meta, Packet};
use super::fib::Dev;
use super::node::Node;
use crate::backend::evidence::Source;
use crate::network::{Family, HookPoint};

/// `NF_IP_PRI_CONNTRACK`.
const CONNTRACK: i32 = -200;
/// `NF_IP_PRI_NAT_DST`.
const NAT_DESTINATION: i32 = -100;
/// `NF_IP_PRI_NAT_SRC`.
const NAT_SOURCE: i32 = 100;

impl Node {
    /// Before routing. Whether the packet goes on.
    pub fn prerouting(&mut self, core: &mut Core, packet: &mut Packet, iif: Dev) -> bool {
        let place = self.place(Some(iif), None);
        let point = HookPoint::Prerouting;
        self.rules(core, point, i32::MIN..CONNTRACK, packet, place) && {
            self.track(core, packet);
            self.rules(core, point, CONNTRACK..NAT_DESTINATION, packet, place)
                && self.nat(
                    core,
                    packet,
                    Side::Destination,
                    HookPoint::NatPrerouting,
                    place,
                )
                && self.rules(core, point, NAT_DESTINATION..i32::MAX, packet, place)
        }
    }

    /// For the node itself.
    pub fn input(&mut self, core: &mut Core, packet: &mut Packet, iif: Dev) -> bool {
        let place = self.place(Some(iif), None);
        self.rules(core, HookPoint::Input, i32::MIN..i32::MAX, packet, place)
            && self.confirm(core, packet)
    }

    /// Passing through.
    pub fn passing(&mut self, core: &mut Core, packet: &mut Packet, iif: Dev, oif: Dev) -> bool {
        let place = self.place(Some(iif), Some(oif));
        self.rules(core, HookPoint::Forward, i32::MIN..i32::MAX, packet, place)
    }

    /// From the node itself.
    pub fn output(&mut self, core: &mut Core, packet: &mut Packet, oif: Dev) -> bool {
        let place = self.place(None, Some(oif));
        let point = HookPoint::Output;
        self.rules(core, point, i32::MIN..CONNTRACK, packet, place) && {
            self.track(core, packet);
            // No rule translates here, but answers to what was translated are.
            if self.filter.translates() {
                nat::translate(&self.tracked, packet, Side::Destination);
            }
            self.rules(core, point, CONNTRACK..i32::MAX, packet, place)
        }
    }

    /// After routing.
    pub fn postrouting(
        &mut self,
        core: &mut Core,
        packet: &mut Packet,
        iif: Option<Dev>,
        oif: Dev,
    ) -> bool {
        let place = self.place(iif, Some(oif));
        let point = HookPoint::Postrouting;
        self.rules(core, point, i32::MIN..NAT_SOURCE, packet, place)
            && self.nat(core, packet, Side::Source, HookPoint::NatPostrouting, place)
            && self.rules(core, point, NAT_SOURCE..i32::MAX, packet, place)
            && self.confirm(core, packet)
    }

    fn place(&self, iif: Option<Dev>, oif: Option<Dev>) -> Place {
        Place {
            iif: iif.and_then(|dev| self.name_of(dev)),
            oif: oif.and_then(|dev| self.name_of(dev)),
        }
    }

    fn rules(
        &mut self,
        core: &mut Core,
        point: HookPoint,
        priorities: std::ops::Range<i32>,
        packet: &mut Packet,
        place: Place,
    ) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        self.filter.ready();
        let id = &self.id;
        let mut hands = Hands {
            tracked: &mut self.tracked,
            log: &mut |label, bytes| core.label(id, label, Source::Rule, Family::Ip, bytes),
        };
        let verdict = self
            .filter
            .run(point, priorities, packet, place, &mut hands);
        verdict == Verdict::Accept
    }

    /// Finds the packet's connection.
    fn track(&mut self, core: &Core, packet: &mut Packet) {
        // What comes back over `lo` has been looked at.
        if !self.filter.tracks() || !matches!(packet.ct, Ct::None) {
            return;
        }
        packet.ct = if packet.meta.is_icmp_error() {
            match quoted(packet) {
                Ok(quoted) => self.tracked.track_error(&packet.meta, &quoted, core.now),
                Err(_) => Ct::Invalid,
            }
        } else {
            self.tracked.track(&packet.meta, core.now)
        };
    }

    fn nat(
        &mut self,
        core: &mut Core,
        packet: &mut Packet,
        side: Side,
        point: HookPoint,
        place: Place,
    ) -> bool {
        if !self.filter.translates() {
            return true;
        }
        if matches!(packet.ct, Ct::Fresh(_)) {
            self.filter.ready();
            let id = &self.id;
            let mut hands = Hands {
                tracked: &mut self.tracked,
                log: &mut |label, bytes| core.label(id, label, Source::Rule, Family::Ip, bytes),
            };
            let Ok(to) = self.filter.translation(point, packet, place, &mut hands) else {
                return false;
            };
            if !nat::decide(&mut self.tracked, packet, side, to, core.now) {
                return false;
            }
        }
        nat::translate(&self.tracked, packet, side);
        true
    }

    /// The packet has passed all filters: its connection counts.
    fn confirm(&mut self, core: &Core, packet: &mut Packet) -> bool {
        self.tracked.confirm(&mut packet.ct, core.now)
    }
}

/// What the packet that an ICMP error quotes says.
fn quoted(packet: &Packet) -> Result<Meta, Malformed> {
    let bytes = packet.payload().get(8..).unwrap_or_default();
    let whole = bytes.len() >= HEADER + 8 && bytes[0] == 0x45;
    if whole {
        Ok(Meta::of(bytes))
    } else {
        Err(Malformed::Header)
    }
}
