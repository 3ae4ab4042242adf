//! Machines: what they send, what they take for theirs, what they pass on.

use std::net::Ipv4Addr;

use super::flow::Ask;
use super::hop::HopKind;
use super::map::{Map, Place};
use super::packet::{Carries, Packet};
use super::walk::{End, Fate, Walk};
use crate::cloud::{Reason, internet};
use crate::guest::{Guest, Interface, Transport, Vxlan, Way};

/// The largest packet that an instance sends, in bytes (Amazon EC2 User Guide, "Network MTU").
const INSTANCE_MTU: u32 = 9001;
/// The largest packet on the internet, in bytes.
const INTERNET_MTU: u32 = 1500;

/// Where a machine's own routes send a packet.
#[derive(Clone, Copy)]
pub(super) enum Out<'a> {
    /// It is the machine's own address.
    Own,
    /// Into the cloud.
    Uplink { source: Ipv4Addr, mtu: u32 },
    /// Into a tunnel, to this neighbour.
    Tunnel {
        source: Ipv4Addr,
        mtu: u32,
        vxlan: &'a Vxlan,
        next: Ipv4Addr,
    },
    /// There is no route, or one that discards.
    Nowhere,
}

impl<'a> Map<'a> {
    /// The address that the cloud gave a machine, and its MTU; none while a device is offline.
    fn given(&self, place: Place) -> Option<(Ipv4Addr, u32)> {
        Some(match place {
            Place::Sim(at) => {
                let session = self.sims[at].session?;
                (session.ip, session.mtu)
            }
            Place::Interface(at) => (self.interfaces[at].instance.private_ip, INSTANCE_MTU),
            Place::Pc => (internet::PC, INTERNET_MTU),
            Place::Internet => (internet::SERVER, INTERNET_MTU),
        })
    }

    /// Whether a machine has an address. What is on an interface that is down counts: the kernel keeps
    /// it.
    pub(super) fn owns(&self, place: Place, address: Ipv4Addr) -> bool {
        if address.is_loopback() {
            return true;
        }
        match self.guest(place) {
            None => self.given(place).is_some_and(|(own, _)| own == address),
            Some(guest) => {
                let mut interfaces = guest.interfaces.values();
                let server = place == Place::Internet && address == internet::SERVER;
                server
                    || interfaces.any(|dev| dev.addresses.iter().any(|net| net.addr() == address))
            }
        }
    }

    /// The MTU of a machine's own interface in bytes, where its owner has made it smaller than the
    /// cloud's.
    fn uplink_mtu(&self, place: Place) -> Option<u32> {
        let (_, given) = self.given(place)?;
        let mut interfaces = self.guest(place)?.interfaces.values();
        let uplink = interfaces.find(|interface| interface.vxlan.is_none())?;
        Some(uplink.mtu).filter(|mtu| *mtu < given)
    }

    /// Where a machine's own routes send what is for `to`.
    pub(super) fn out(&self, place: Place, to: Ipv4Addr) -> Out<'a> {
        if self.owns(place, to) {
            return Out::Own;
        }
        let Some((own, mtu)) = self.given(place) else {
            return Out::Nowhere;
        };
        let uplink = Out::Uplink { source: own, mtu };
        // The internet's server is its router as well: it has a route for each of its customers.
        let known = self.guest(place).filter(|_| place != Place::Internet);
        known.map_or(uplink, |guest| by_own_routes(guest, own, to))
    }

    /// Whether a machine has something that listens for a packet. Nobody knows of machines of which
    /// nothing is known: there something does.
    pub(super) fn listens(&self, place: Place, packet: &Packet) -> bool {
        let (transport, port) = match packet.carries {
            Carries::Tcp(port) => (Transport::Tcp, port),
            Carries::Udp(port) => (Transport::Udp, port),
            Carries::Icmp(_) => return true,
        };
        self.guest(place).is_none_or(|guest| {
            guest.listens.iter().any(|listen| {
                listen.transport == transport
                    && listen.port == port
                    && (listen.address.is_unspecified() || listen.address == packet.destination)
            })
        })
    }
}

fn by_own_routes<'a>(guest: &'a Guest, own: Ipv4Addr, to: Ipv4Addr) -> Out<'a> {
    let matching = guest
        .routes
        .iter()
        .filter(|(prefix, _)| prefix.contains(&to));
    let Some((_, route)) = matching.max_by_key(|(prefix, _)| prefix.prefix_len()) else {
        return Out::Nowhere;
    };
    let Way::Out { dev, via } = &route.way else {
        return Out::Nowhere;
    };
    let Some(interface) = guest.interfaces.get(dev).filter(|interface| interface.up) else {
        return Out::Nowhere;
    };
    let next = via.unwrap_or(to);
    let source = route
        .source
        .or_else(|| source_for(interface, next))
        .unwrap_or(own);
    let mtu = interface.mtu;
    match &interface.vxlan {
        None => Out::Uplink { source, mtu },
        Some(vxlan) => Out::Tunnel {
            source,
            mtu,
            vxlan,
            next,
        },
    }
}

/// The address of an interface that packets to a neighbour get: one of the same network, else the first.
fn source_for(interface: &Interface, next: Ipv4Addr) -> Option<Ipv4Addr> {
    let mut addresses = interface.addresses.iter();
    let near = addresses.clone().find(|net| net.contains(&next));
    near.or_else(|| addresses.next()).map(|net| net.addr())
}

impl<'a> Walk<'_, 'a> {
    /// Sends what `ask` asks of `to`; gives the packet's fate.
    pub fn ask(&mut self, from: Place, to: Ipv4Addr, ask: Ask) -> Fate {
        let out = self.map.out(from, to);
        let source = match out {
            Out::Own => to,
            Out::Uplink { source, .. } | Out::Tunnel { source, .. } => source,
            Out::Nowhere => Ipv4Addr::UNSPECIFIED,
        };
        self.send(from, Packet::asking(source, to, ask), out)
    }

    /// Sends an answer.
    pub fn reply(&mut self, from: Place, packet: Packet) -> Fate {
        let out = self.map.out(from, packet.destination);
        self.send(from, packet, out)
    }

    fn send(&mut self, from: Place, packet: Packet, out: Out<'a>) -> Fate {
        let node = self.map.machine(from);
        if let Place::Sim(at) = from
            && self.map.sims[at].session.is_none()
        {
            let (sim, online) = (self.map.sims[at].id, false);
            return self.die(HopKind::Session { sim, online }, Reason::SimSessionOffline);
        }
        self.doubt(from);
        self.stop(HopKind::Sends {
            node,
            source: packet.source,
            destination: packet.destination,
        });
        self.pass_on(from, packet, out)
    }

    /// A packet leaves a machine the way that its own routes lead.
    pub fn pass_on(&mut self, from: Place, packet: Packet, out: Out<'a>) -> Fate {
        match out {
            Out::Own => Ok((End::Machine(from), packet)),
            Out::Nowhere => Err(Reason::NoRouteToDestination),
            Out::Uplink { mtu, .. } => {
                // The internet looks for the way first.
                if from != Place::Internet {
                    self.fits(&packet, mtu)?;
                }
                match from {
                    Place::Sim(at) => self.serve_device(at, packet),
                    Place::Interface(at) => self.leave(at, packet),
                    Place::Pc => self.internet(packet, true),
                    Place::Internet => self.internet(packet, false),
                }
            }
            Out::Tunnel {
                mtu, vxlan, next, ..
            } => {
                self.fits(&packet, mtu)?;
                self.encapsulate(from, packet, vxlan, next)
            }
        }
    }

    /// A packet reaches a machine.
    pub fn arrive(&mut self, at: Place, packet: Packet) -> Fate {
        self.doubt(at);
        let node = self.map.machine(at);
        self.stop(HopKind::Arrives {
            node,
            destination: packet.destination,
        });
        if let Some(mtu) = self.map.uplink_mtu(at)
            && packet.length > mtu
        {
            // Nobody fragments for a machine whose interface is narrower than the cloud's.
            return self.die(HopKind::Mtu { mtu }, Reason::MtuExceeded);
        }
        if self.map.owns(at, packet.destination) {
            return Ok((End::Machine(at), packet));
        }
        if !self.map.guest(at).is_some_and(|guest| guest.forwarding) {
            return Err(Reason::HostDoesNotForward);
        }
        self.stop(HopKind::Forwards { node });
        if self.map.owns(at, packet.source) {
            // Its own packet has come back to it.
            return Err(Reason::RoutingLoop);
        }
        self.decrement()?;
        let out = self.map.out(at, packet.destination);
        self.pass_on(at, packet, out)
    }

    /// Notes a machine whose configuration is not wholly understood.
    fn doubt(&mut self, at: Place) {
        let unclear = |guest: &Guest| !guest.doubts.is_empty();
        if self.map.guest(at).is_some_and(unclear) {
            self.doubtful.push(self.map.machine(at));
        }
    }
}
