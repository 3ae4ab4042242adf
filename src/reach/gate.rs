//! Gate: VXLAN between a VPG's two nodes and the customer's peers (developers.soracom.io, Gate, "Tunneling
//! and Overlay"; RFC 7348).
//!
//! A packet's way through the tunnel is that of its outer packet through the VPC and the peering, with
//! security groups, ACLs and routes of its own. Before the first packet each side asks for the other's
//! Ethernet address: a question that is flooded to every end that is known, and an answer that comes back
//! through the tunnel, as a new flow.

use std::net::Ipv4Addr;

use super::hop::{GateCheck, Hop, HopKind, VpgRoute};
use super::machine::Out;
use super::map::{PeeringEnd, Place, VpgWay};
use super::packet::{Carries, Packet};
use super::vpg::nobody;
use super::walk::{End, Fate, Tunnel, Walk};
use crate::cloud::Reason;
use crate::guest::Vxlan;

/// The outer UDP destination port (RFC 7348; fixed on Gate).
const PORT: u16 = 4789;
/// The port that Linux takes where `ip link add` is not told another (ip-link(8)).
const LINUX_PORT: u16 = 8472;
/// The largest packet in the tunnel, in bytes: 9001 less what VXLAN adds.
const TUNNEL_MTU: u32 = 9001 - 50;
/// The length of a question for an Ethernet address, in bytes (RFC 826).
const QUESTION: u32 = 28;

impl<'a> Walk<'_, 'a> {
    /// Whether a node takes what reaches it for VXLAN, and if so, whether it may come in.
    pub fn as_vxlan(
        &mut self,
        vpg: usize,
        node: usize,
        packet: &Packet,
    ) -> Option<Result<(), Reason>> {
        let view = &self.map.vpgs[vpg];
        let (id, gate) = (view.id, &view.vpg.gate);
        let Carries::Udp(port) = packet.carries else {
            return None;
        };
        let source = packet.source;
        let registered = gate.peers.contains_key(&source);
        let is_ours = packet.destination == view.vpg.outer_ips()[node];
        let told = match (port, self.tunnel) {
            (PORT, Some(_)) if !is_ours && view.vpg.vpg_subnet.contains(&packet.destination) => {
                let route = VpgRoute::Itself;
                let kind = HopKind::VpgRoute { vpg: id, route };
                return Some(self.die(kind, Reason::GateWrongOuterAddress));
            }
            _ if !is_ours => return None,
            (PORT, _) if !gate.open => (GateCheck::Open, Reason::GateNotOpen),
            _ if !gate.open => return None,
            (PORT, _) if !registered => {
                (GateCheck::Registered(source), Reason::GatePeerNotRegistered)
            }
            (PORT, Some(tunnel)) if tunnel.vni == gate.vni => return Some(Ok(())),
            (PORT, tunnel) => {
                let vni = tunnel.map_or(0, |tunnel| tunnel.vni);
                (GateCheck::Vni(vni), Reason::GateVniMismatch)
            }
            (LINUX_PORT, _) => (GateCheck::Port(port), Reason::GatePortMismatch),
            (_, Some(_)) if registered => (GateCheck::Port(port), Reason::GatePortMismatch),
            _ => return None,
        };
        let (check, reason) = told;
        Some(self.die(HopKind::Gate { vpg: id, check }, reason))
    }

    /// A machine sends into its VXLAN interface.
    pub fn encapsulate(
        &mut self,
        from: Place,
        packet: Packet,
        vxlan: &Vxlan,
        next: Ipv4Addr,
    ) -> Fate {
        let to = self.resolve(from, vxlan, packet.source, next)?;
        let (end, _) = self.outer_from(from, vxlan, to, packet.length)?;
        match end {
            End::Vpg(vpg, node) => self.out_of_tunnel(vpg, node, packet),
            // Another machine's VXLAN interface, flooded to directly.
            End::Machine(place) => {
                self.stop(HopKind::Decapsulates { at: to });
                self.arrive(place, packet)
            }
            End::Platform(_) | End::Router(..) => Err(Reason::GateWrongOuterAddress),
        }
    }

    /// The outer address at which a neighbour's packets must be sent.
    fn resolve(
        &mut self,
        from: Place,
        vxlan: &Vxlan,
        asker: Ipv4Addr,
        next: Ipv4Addr,
    ) -> Result<Ipv4Addr, Reason> {
        if let Some(known) = vxlan.learned.get(&next) {
            return Ok(*known);
        }
        if vxlan.flood.is_empty() {
            let kind = HopKind::Encapsulates {
                vni: vxlan.vni,
                from: vxlan.local.unwrap_or(Ipv4Addr::UNSPECIFIED),
                to: Ipv4Addr::UNSPECIFIED,
                port: vxlan.port,
            };
            return self.die(kind, Reason::GateNoFloodEntry);
        }
        let mut failures = Failures::default();
        let mut answered = None;
        for target in &vxlan.flood {
            let before = self.hops.len();
            match self.is_answered(from, vxlan, asker, next, *target) {
                Ok(()) => {
                    self.hops.truncate(before);
                    answered = answered.or(Some(*target));
                }
                Err(reason) => failures.note(reason, self.hops.split_off(before)),
            }
        }
        if let Some(answered) = answered {
            self.also.extend(failures.reasons());
            return Ok(answered);
        }
        let (reason, hops) = failures.worst(&mut self.also);
        self.hops.extend(hops);
        Err(reason)
    }

    /// Whether one copy of a flooded question is answered.
    fn is_answered(
        &mut self,
        from: Place,
        vxlan: &Vxlan,
        asker: Ipv4Addr,
        next: Ipv4Addr,
        target: Ipv4Addr,
    ) -> Result<(), Reason> {
        let (end, question) = self.outer_from(from, vxlan, target, QUESTION)?;
        let tunnel = vxlan.as_tunnel();
        match end {
            End::Vpg(vpg, node) => {
                self.asked(vpg, node, asker, next)?;
                let (end, answer) =
                    self.outer_from_vpg(vpg, node, question.source, tunnel, QUESTION)?;
                self.ends_tunnel(end, answer.destination, tunnel)
            }
            End::Machine(place) => {
                self.ends_tunnel(end, target, tunnel)?;
                if !self.map.owns(place, next) {
                    return Err(Reason::GatePeerSilent);
                }
                let back = Out::Uplink {
                    source: target,
                    mtu: u32::MAX,
                };
                let outer = question_back(&question, vxlan.port);
                let (end, _) = self.outer(tunnel, |walk| walk.pass_on(place, outer, back))?;
                self.ends_tunnel(end, question.source, tunnel)
            }
            End::Platform(_) | End::Router(..) => Err(Reason::GateWrongOuterAddress),
        }
    }

    /// A node is asked through the tunnel who has an address.
    fn asked(
        &mut self,
        vpg: usize,
        node: usize,
        asker: Ipv4Addr,
        next: Ipv4Addr,
    ) -> Result<(), Reason> {
        let view = &self.map.vpgs[vpg];
        let (id, gate) = (view.id, &view.vpg.gate);
        let (check, reason) = if !gate.peers.values().any(|inner| *inner == asker) {
            let check = GateCheck::InnerSource(asker);
            (check, Reason::GateInnerAddressMismatch)
        } else {
            let own = view.vpg.inner_ips().iter().position(|ip| *ip == next);
            let served = view.devices.get(&next).map(|(_, node)| *node).or(own);
            match served {
                Some(serving) if serving == node => return Ok(()),
                Some(serving) => (GateCheck::Flood(serving), Reason::GateFloodMissesNode),
                None => (GateCheck::InnerDestination(next), Reason::GateNoSuchAddress),
            }
        };
        self.die(HopKind::Gate { vpg: id, check }, reason)
    }

    /// An outer packet leaves a machine.
    fn outer_from(&mut self, from: Place, vxlan: &Vxlan, to: Ipv4Addr, length: u32) -> Fate {
        let out = self.map.out(from, to);
        let chosen = match out {
            Out::Uplink { source, .. } => source,
            Out::Own | Out::Tunnel { .. } | Out::Nowhere => Ipv4Addr::UNSPECIFIED,
        };
        let source = vxlan.local.unwrap_or(chosen);
        let port = vxlan.port;
        let inner = Packet {
            source,
            destination: to,
            carries: Carries::Udp(port),
            length,
            dont_fragment: false,
        };
        let outer = inner.within_vxlan(source, to, port);
        self.outer(vxlan.as_tunnel(), |walk| {
            walk.stop(HopKind::Encapsulates {
                vni: vxlan.vni,
                from: source,
                to,
                port,
            });
            if !walk.map.owns(from, source) {
                return Err(Reason::GateWrongOuterAddress);
            }
            match out {
                Out::Uplink { .. } => walk.pass_on(from, outer, out),
                Out::Own | Out::Tunnel { .. } | Out::Nowhere => Err(Reason::NoRouteToDestination),
            }
        })
    }

    /// An outer packet leaves a node of a VPG: it is not the packet of a device, so neither the routing
    /// filter nor a translation concerns it.
    fn outer_from_vpg(
        &mut self,
        vpg: usize,
        node: usize,
        to: Ipv4Addr,
        tunnel: Tunnel,
        length: u32,
    ) -> Fate {
        let view = &self.map.vpgs[vpg];
        let from = view.vpg.outer_ips()[node];
        let inner = Packet {
            source: from,
            destination: to,
            carries: Carries::Udp(PORT),
            length,
            dont_fragment: false,
        };
        let outer = inner.within_vxlan(from, to, PORT);
        let mut ways = view.ways.iter();
        let way = ways.find(|(prefix, _)| prefix.contains(&to));
        self.outer(tunnel, |walk| {
            walk.stop(HopKind::Encapsulates {
                vni: tunnel.vni,
                from,
                to,
                port: PORT,
            });
            let (route, reason) = match way {
                Some((_, VpgWay::Peering(at))) if walk.map.peerings[*at].active => {
                    return walk.over_peering(*at, PeeringEnd::Vpg(vpg), outer);
                }
                Some((_, VpgWay::Customer(_, at))) if walk.map.attachments[*at].active => {
                    return walk.out_of_vpg_into_attachment(*at, outer);
                }
                Some((prefix, VpgWay::Peering(at))) => {
                    let id = walk.map.peerings[*at].id;
                    (VpgRoute::Peering(id, *prefix, false), Reason::BadStateRoute)
                }
                Some((prefix, VpgWay::Customer(route, at))) => {
                    let id = walk.map.attachments[*at].id;
                    (
                        VpgRoute::Customer(route, *prefix, id, false),
                        Reason::BadStateRoute,
                    )
                }
                None => (VpgRoute::Uncovered, Reason::NoRouteToDestination),
            };
            let vpg = view.id;
            walk.die(HopKind::VpgRoute { vpg, route }, reason)
        })
    }

    /// Whether VXLAN that arrived at a machine's address finds an interface there that takes it.
    fn ends_tunnel(&mut self, end: End, at: Ipv4Addr, tunnel: Tunnel) -> Result<(), Reason> {
        let End::Machine(place) = end else {
            return Err(Reason::GatePeerSilent);
        };
        let guest = self.map.guest(place);
        let interfaces = guest
            .into_iter()
            .flat_map(|guest| guest.interfaces.values());
        let mut listening = interfaces
            .filter(|interface| interface.up)
            .filter_map(|interface| interface.vxlan.as_ref())
            .filter(|vxlan| vxlan.port == PORT)
            .peekable();
        if listening.peek().is_none() {
            return Err(Reason::GatePeerSilent);
        }
        if listening.any(|vxlan| vxlan.vni == tunnel.vni) {
            self.stop(HopKind::Decapsulates { at });
            return Ok(());
        }
        // Seen as silence where the machine itself can't be looked into.
        self.also.push(Reason::GatePeerSilent);
        Err(Reason::GateVniMismatch)
    }

    /// A packet comes out of the tunnel at a node. Gate leads to devices, not through the VPG.
    fn out_of_tunnel(&mut self, vpg: usize, node: usize, packet: Packet) -> Fate {
        let view = &self.map.vpgs[vpg];
        let (id, gate) = (view.id, &view.vpg.gate);
        let at = view.vpg.outer_ips()[node];
        self.stop(HopKind::Decapsulates { at });
        if !gate.peers.values().any(|inner| *inner == packet.source) {
            let check = GateCheck::InnerSource(packet.source);
            let kind = HopKind::Gate { vpg: id, check };
            return self.die(kind, Reason::GateInnerAddressMismatch);
        }
        let to = packet.destination;
        if let Some((sim, served)) = view.devices.get(&to) {
            return self.deliver_to_device(vpg, (node, *served), *sim, packet);
        }
        if to == view.vpg.inner_ips()[node] {
            self.stop(HopKind::Answers {
                address: to,
                vpc: None,
            });
            return Ok((End::Vpg(vpg, node), packet));
        }
        let check = GateCheck::InnerDestination(to);
        self.die(HopKind::Gate { vpg: id, check }, nobody(view))
    }

    /// A node sends to a peer's inner address.
    pub fn send_to_peer(
        &mut self,
        vpg: usize,
        node: usize,
        outer: Ipv4Addr,
        packet: Packet,
    ) -> Fate {
        self.fits(&packet, TUNNEL_MTU)?;
        let before = self.hops.len();
        let answered = self.peer_answers(vpg, node, outer, packet.destination);
        let hops = self.hops.split_off(before);
        self.copies_to_others(vpg, node, outer);
        if let Err(reason) = answered {
            self.hops.extend(hops);
            return Err(reason);
        }
        let tunnel = self.gate_tunnel(vpg);
        let (end, _) = self.outer_from_vpg(vpg, node, outer, tunnel, packet.length)?;
        match end {
            End::Machine(place) => {
                self.stop(HopKind::Decapsulates { at: outer });
                self.arrive(place, packet)
            }
            End::Vpg(..) | End::Platform(_) | End::Router(..) => Err(Reason::GatePeerSilent),
        }
    }

    /// The question goes to every peer that there is a way to, and each copy may die elsewhere.
    fn copies_to_others(&mut self, vpg: usize, node: usize, asked: Ipv4Addr) {
        let view = &self.map.vpgs[vpg];
        let tunnel = self.gate_tunnel(vpg);
        let before = self.hops.len();
        for other in view.vpg.gate.peers.keys().filter(|other| **other != asked) {
            let copy = self.outer_from_vpg(vpg, node, *other, tunnel, QUESTION);
            self.also.extend(copy.err());
            self.hops.truncate(before);
        }
    }

    fn gate_tunnel(&self, vpg: usize) -> Tunnel {
        Tunnel {
            vni: self.map.vpgs[vpg].vpg.gate.vni,
        }
    }

    /// Whether a peer answers for its inner address, and the answer comes back.
    fn peer_answers(
        &mut self,
        vpg: usize,
        node: usize,
        outer: Ipv4Addr,
        inner: Ipv4Addr,
    ) -> Result<(), Reason> {
        let view = &self.map.vpgs[vpg];
        let tunnel = self.gate_tunnel(vpg);
        let (end, _) = self.outer_from_vpg(vpg, node, outer, tunnel, QUESTION)?;
        self.ends_tunnel(end, outer, tunnel)?;
        let silent = HopKind::Gate {
            vpg: view.id,
            check: GateCheck::Peer(outer),
        };
        let End::Machine(place) = end else {
            return self.die(silent, Reason::GatePeerSilent);
        };
        if !self.map.owns(place, inner) {
            return self.die(silent, Reason::GatePeerSilent);
        }
        let guest = self.map.guest(place);
        let interfaces = guest
            .into_iter()
            .flat_map(|guest| guest.interfaces.values());
        let own = interfaces
            .filter_map(|interface| interface.vxlan.as_ref())
            .find(|vxlan| vxlan.port == PORT && vxlan.vni == tunnel.vni);
        match own {
            Some(vxlan) => {
                let to = view.vpg.outer_ips()[node];
                let answer = self.outer_from(place, vxlan, to, QUESTION).map(drop);
                if let Err(Reason::GateWrongOuterAddress | Reason::NoRouteToDestination) = answer {
                    // The peer's kernel keeps it to itself where it can't be listened to.
                    self.also.push(Reason::GatePeerSilent);
                }
                answer
            }
            None => self.die(silent, Reason::GatePeerSilent),
        }
    }
}

impl Vxlan {
    fn as_tunnel(&self) -> Tunnel {
        Tunnel { vni: self.vni }
    }
}

/// The outer packet of the answer to a question.
fn question_back(question: &Packet, port: u16) -> Packet {
    Packet {
        source: question.destination,
        destination: question.source,
        carries: Carries::Udp(port),
        ..*question
    }
}

/// Where the copies of a flooded question died.
#[derive(Default)]
struct Failures<'a>(Vec<(Reason, Vec<Hop<'a>>)>);

impl<'a> Failures<'a> {
    fn note(&mut self, reason: Reason, hops: Vec<Hop<'a>>) {
        self.0.push((reason, hops));
    }

    fn reasons(&self) -> impl Iterator<Item = Reason> {
        self.0.iter().map(|(reason, _)| *reason)
    }

    /// The one that tells most: that a flood misses the serving node is the last that comes to mind. The
    /// others are noted besides.
    fn worst(mut self, also: &mut Vec<Reason>) -> (Reason, Vec<Hop<'a>>) {
        let telling = |(reason, _): &(Reason, _)| *reason != Reason::GateFloodMissesNode;
        let at = self.0.iter().position(telling).unwrap_or(0);
        let found = self.0.remove(at);
        also.extend(self.0.into_iter().map(|(reason, _)| reason));
        found
    }
}
