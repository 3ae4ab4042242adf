//! ARP (RFC 826; arp.c, neighbour.c): asking, answering, answering for others.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use smoltcp::wire::ArpOperation;

use super::super::core::{Core, Event};
use super::super::craft;
use super::super::filter::{ArpSubject, Verdict};
use super::super::frame::{BROADCAST, Frame};
use super::super::packet::Packet;
use super::fib::Dev;
use super::neighbour::{DELAY, Key, Neighbour, PATIENCE, REACHABLE, TRIES, WAITING};
use super::node::Node;
use crate::backend::evidence::Source;
use crate::backend::evidence::dissect::Arp;
use crate::network::{Family, HookPoint, Mac};

impl Node {
    /// Sends a packet to a neighbour, whose address is asked for if need be.
    pub fn hand_to_neighbour(&mut self, core: &mut Core, dev: Dev, next: Ipv4Addr, packet: Packet) {
        let key = (dev, next);
        match self.neighbours.get_mut(&key) {
            Some(Neighbour::Permanent(mac)) => {
                let mac = *mac;
                self.transmit(core, dev, mac, Family::Ip, packet.bytes);
            }
            Some(Neighbour::Known {
                mac,
                confirmed,
                asked,
            }) => {
                let mac = *mac;
                if core.now.since(*confirmed) > REACHABLE && *asked == 0 {
                    *asked = 1;
                    let (node, asked) = (self.number, 1);
                    core.at(core.now + DELAY, Event::Neighbour { node, key, asked });
                }
                self.transmit(core, dev, mac, Family::Ip, packet.bytes);
            }
            Some(Neighbour::Incomplete { waiting, .. }) => {
                // The oldest goes; its end tells nothing that the others' won't.
                if waiting.len() == WAITING {
                    waiting.pop_front();
                }
                waiting.push_back(packet);
            }
            None => {
                let source = packet.meta.source;
                let waiting = VecDeque::from([packet]);
                self.neighbours
                    .insert(key, Neighbour::Incomplete { asked: 1, waiting });
                self.ask_neighbour(core, key, Some(source), BROADCAST);
                self.await_neighbour(core, key, 1);
            }
        }
    }

    fn await_neighbour(&self, core: &mut Core, key: Key, asked: u8) {
        let node = self.number;
        core.at(core.now + PATIENCE, Event::Neighbour { node, key, asked });
    }

    /// A neighbour has not answered in time, as far as was planned.
    pub fn neighbour_due(&mut self, core: &mut Core, key: Key, due: u8) {
        match self.neighbours.get_mut(&key) {
            Some(Neighbour::Incomplete { asked, waiting }) if *asked == due => {
                if *asked < TRIES {
                    *asked += 1;
                    let asked = *asked;
                    let source = waiting.front().map(|packet| packet.meta.source);
                    self.ask_neighbour(core, key, source, BROADCAST);
                    return self.await_neighbour(core, key, asked);
                }
                let waiting = std::mem::take(waiting);
                self.neighbours.remove(&key);
                for packet in waiting {
                    self.unreachable(core, key.0, &packet);
                }
            }
            Some(Neighbour::Known { mac, asked, .. }) if *asked == due => {
                if *asked > TRIES {
                    self.neighbours.remove(&key);
                    return;
                }
                *asked += 1;
                let (mac, asked) = (*mac, *asked);
                self.ask_neighbour(core, key, None, mac);
                self.await_neighbour(core, key, asked);
            }
            _ => {}
        }
    }

    /// A packet whose next hop nobody has (`arp_error_report`).
    fn unreachable(&mut self, core: &mut Core, dev: Dev, packet: &Packet) {
        self.complain(core, packet, (3, 1), [0; 4]);
        self.dropped(core, "NEIGH_FAILED", dev, packet);
    }

    /// Asks who has an address. The packet's own source is what is asked from, where it is the node's
    /// (`arp_announce` is 0).
    fn ask_neighbour(
        &mut self,
        core: &mut Core,
        (dev, target): Key,
        source: Option<Ipv4Addr>,
        to: Mac,
    ) {
        let own = source.filter(|ip| self.is_local(*ip));
        let Some(sender) = own.or_else(|| self.source_on(dev, target)) else {
            return;
        };
        let operation = ArpOperation::Request;
        self.send_arp(core, dev, operation, sender, (Mac([0; 6]), target), to);
    }

    fn send_arp(
        &mut self,
        core: &mut Core,
        dev: Dev,
        operation: ArpOperation,
        sender: Ipv4Addr,
        (mac, target): (Mac, Ipv4Addr),
        to: Mac,
    ) {
        let Some(interface) = self.interface(dev) else {
            return;
        };
        let oif = interface.number;
        let bytes = craft::arp(operation, (interface.mac, sender), (mac, target));
        let subject = ArpSubject {
            operation: operation.into(),
            sender,
            target,
            iif: None,
            oif: Some(oif),
        };
        if self.arp_rules(core, HookPoint::Output, &subject, &bytes) {
            self.transmit(core, dev, to, Family::Arp, bytes);
        }
    }

    fn arp_rules(
        &mut self,
        core: &mut Core,
        point: HookPoint,
        subject: &ArpSubject,
        bytes: &[u8],
    ) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        self.filter.ready();
        let id = &self.id;
        let log = &mut |label: &_| core.label(id, label, Source::Rule, Family::Arp, bytes);
        self.filter.run_arp(point, subject, log) == Verdict::Accept
    }

    /// Takes an ARP packet that an interface has received (`arp_process`).
    pub fn receive_arp(&mut self, core: &mut Core, dev: Dev, frame: &Frame) {
        let Some(arp) = Arp::read(&frame.bytes) else {
            return core.count_malformed();
        };
        let subject = ArpSubject {
            operation: arp.operation().into(),
            sender: arp.sender,
            target: arp.target,
            iif: self.name_of(dev),
            oif: None,
        };
        if !self.arp_rules(core, HookPoint::Input, &subject, &frame.bytes) {
            return;
        }
        if !arp.reply {
            // Nobody else may use an address of the node's own as its source.
            let martian = self.is_local(arp.sender) || arp.target.is_loopback();
            if !martian && self.is_local(arp.target) {
                self.learn(core, dev, &arp, true);
                return self.answer_arp(core, dev, &arp);
            }
            if !martian && self.forwarding && self.answers_for(dev, arp.target) {
                self.learn(core, dev, &arp, true);
                return self.answer_arp(core, dev, &arp);
            }
        }
        self.learn(core, dev, &arp, false);
    }

    fn answer_arp(&mut self, core: &mut Core, dev: Dev, arp: &Arp) {
        let (operation, to) = (ArpOperation::Reply, arp.mac());
        self.send_arp(core, dev, operation, arp.target, (to, arp.sender), to);
    }

    /// Whether an interface answers for an address that is elsewhere (`arp_fwd_proxy`, `pneigh_lookup`).
    fn answers_for(&mut self, dev: Dev, target: Ipv4Addr) -> bool {
        let iif = self.name_of(dev);
        let route = self.tables.route(target, iif);
        let elsewhere = route.is_some_and(|route| route.dev.is_some_and(|out| out != dev));
        let all = self
            .interface(dev)
            .is_some_and(|interface| interface.proxy_arp);
        elsewhere && (all || self.proxies.contains(&(dev, target)))
    }

    /// Notes whose address the sender has: of one that is known or asked for in any case, of a new one only
    /// where it asked for something that was answered (`arp_accept` is off).
    fn learn(&mut self, core: &mut Core, dev: Dev, arp: &Arp, fresh: bool) {
        let key = (dev, arp.sender);
        let known = Neighbour::Known {
            mac: arp.mac(),
            confirmed: core.now,
            asked: 0,
        };
        match self.neighbours.get_mut(&key) {
            Some(Neighbour::Permanent(_)) => {}
            Some(Neighbour::Incomplete { waiting, .. }) => {
                let waiting = std::mem::take(waiting);
                self.neighbours.insert(key, known);
                for packet in waiting {
                    self.transmit(core, dev, arp.mac(), Family::Ip, packet.bytes);
                }
            }
            Some(neighbour) => *neighbour = known,
            None if fresh => {
                self.neighbours.insert(key, known);
            }
            None => {}
        }
    }
}
