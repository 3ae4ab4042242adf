//! A Virtual Private Gateway and SORACOM's shared platform.
//!
//! Towards a peering and the internet a VPG translates the source of what devices send to an address of
//! the node that serves the session, so nothing but answers comes back that way (SORACOM, "VPG: Virtual
//! Private Gateway"). Towards a Transit Gateway it translates nothing. It decrements the TTL of what enters
//! or leaves the device subnet.

use std::net::Ipv4Addr;

use super::hop::{GateCheck, HopKind, NatPlace, VpgRoute};
use super::internet::is_private;
use super::map::{PeeringEnd, Place, VpgView, VpgWay};
use super::packet::{Carries, Packet};
use super::walk::{End, Fate, Walk};
use crate::cloud::aws::RuleAction;
use crate::cloud::soracom::platform;
use crate::cloud::{LinkName, Reason, internet};

/// The largest packet towards the internet and the platform, in bytes.
const OUTER_MTU: u32 = 1500;

/// Where a node sends a packet, with the numbers of what it leads to.
enum Way<'a> {
    Device(usize, usize),
    Peer(Ipv4Addr),
    Nobody,
    Platform,
    Private(VpgWay<'a>),
    Internet,
}

/// The most specific way to an address.
fn way<'a>(view: &VpgView<'a>, to: Ipv4Addr) -> Way<'a> {
    if let Some((sim, node)) = view.devices.get(&to) {
        return Way::Device(*sim, *node);
    }
    let vpg = view.vpg;
    let is_device = vpg.device_subnet.contains(&to);
    if is_device && vpg.gate.open {
        let mut peers = vpg.gate.peers.iter();
        if let Some((outer, _)) = peers.find(|(_, inner)| **inner == to) {
            return Way::Peer(*outer);
        }
    }
    let private = view.ways.iter().find(|(prefix, _)| prefix.contains(&to));
    match private {
        Some((prefix, way))
            if !is_device || prefix.prefix_len() >= vpg.device_subnet.prefix_len() =>
        {
            Way::Private(*way)
        }
        _ if is_device => Way::Nobody,
        _ if platform::RANGE.contains(&to) => Way::Platform,
        _ => Way::Internet,
    }
}

impl<'a> Walk<'_, 'a> {
    /// A device sends, over its session.
    pub fn serve_device(&mut self, sim: usize, packet: Packet) -> Fate {
        let view = &self.map.sims[sim];
        self.cross(|| LinkName::Sim(view.id.clone()))?;
        self.stop(HopKind::Session {
            sim: view.id,
            online: true,
        });
        match view.anchor {
            None => self.serve_shared_device(packet),
            Some((vpg, node)) => self.through_vpg(vpg, node, packet),
        }
    }

    /// The node that serves a session judges what the device sends.
    fn through_vpg(&mut self, vpg: usize, node: usize, mut packet: Packet) -> Fate {
        let view = &self.map.vpgs[vpg];
        let id = view.id;
        self.stop(HopKind::VpgNode {
            vpg: id,
            index: node,
        });
        match way(view, packet.destination) {
            Way::Device(sim, served) => {
                self.gate_lets_devices_talk(view)?;
                self.deliver_to_device(vpg, (node, served), sim, packet)
            }
            Way::Peer(outer) => {
                self.route(view, VpgRoute::GatePeer(outer));
                self.send_to_peer(vpg, node, outer, packet)
            }
            Way::Nobody => {
                self.route(view, VpgRoute::NobodyInDeviceSubnet);
                Err(nobody(view))
            }
            Way::Platform => {
                self.route(view, VpgRoute::Platform);
                self.decrement()?;
                self.platform(packet)
            }
            Way::Private(VpgWay::Peering(at)) => {
                let peering = &self.map.peerings[at];
                let destination = view.vpg.peerings.get(peering.id).map(|p| p.destination);
                let destination = destination.unwrap_or_default();
                let route = VpgRoute::Peering(peering.id, destination, peering.active);
                self.route(view, route);
                if !peering.active {
                    return Err(Reason::BadStateRoute);
                }
                self.routing_filter(view, packet.destination)?;
                self.decrement()?;
                let outer = view.vpg.outer_ips()[node];
                self.translate(NatPlace::Vpg(id, node), &mut packet, outer);
                self.over_peering(at, PeeringEnd::Vpg(vpg), packet)
            }
            Way::Private(VpgWay::Customer(route, at)) => {
                let attachment = &self.map.attachments[at];
                let found = view.vpg.customer_routes.get(route);
                let destination = found.map(|r| r.destination).unwrap_or_default();
                let (attachment, active) = (attachment.id, attachment.active);
                let chosen = VpgRoute::Customer(route, destination, attachment, active);
                self.route(view, chosen);
                if !active {
                    return Err(Reason::BadStateRoute);
                }
                self.routing_filter(view, packet.destination)?;
                self.decrement()?;
                self.out_of_vpg_into_attachment(at, packet)
            }
            Way::Internet if is_private(packet.destination) => {
                self.route(view, VpgRoute::Uncovered);
                Err(Reason::NoRouteToDestination)
            }
            Way::Internet => {
                let Some(global) = view.vpg.global_ips else {
                    self.route(view, VpgRoute::InternetGatewayOff);
                    return Err(Reason::VpgInternetGatewayOff);
                };
                self.route(view, VpgRoute::InternetGateway);
                self.routing_filter(view, packet.destination)?;
                self.decrement()?;
                self.fits(&packet, OUTER_MTU)?;
                self.translate(NatPlace::Vpg(id, node), &mut packet, global[node]);
                self.cross(|| LinkName::Internet(id.clone()))?;
                self.internet(packet, true)
            }
        }
    }

    fn route(&mut self, view: &VpgView<'a>, route: VpgRoute<'a>) {
        let vpg = view.id;
        self.stop(HopKind::VpgRoute { vpg, route });
    }

    /// Gate decides on what goes from device to device (SORACOM Gate, "privacy separator").
    fn gate_lets_devices_talk(&mut self, view: &VpgView<'a>) -> Result<(), Reason> {
        let (vpg, gate) = (view.id, &view.vpg.gate);
        let check = GateCheck::Open;
        self.stop(HopKind::Gate { vpg, check });
        if !gate.open {
            return Err(Reason::GateNotOpen);
        }
        if gate.privacy_separator {
            let check = GateCheck::PrivacySeparator;
            return self.die(HopKind::Gate { vpg, check }, Reason::GatePrivacySeparator);
        }
        Ok(())
    }

    /// The outbound routing filter: the most specific prefix wins, and what matches none passes
    /// (users.soracom.io, VPG, "アウトバウンドルーティングフィルター").
    fn routing_filter(&mut self, view: &VpgView<'a>, to: Ipv4Addr) -> Result<(), Reason> {
        if view.vpg.routing_filter.is_empty() {
            return Ok(());
        }
        let entry = view.vpg.filter_verdict(to);
        let vpg = view.id;
        self.stop(HopKind::RoutingFilter { vpg, entry });
        match entry {
            Some((_, RuleAction::Deny)) => Err(Reason::VpgRoutingFilterDeny),
            Some((_, RuleAction::Allow)) | None => Ok(()),
        }
    }

    /// Translates the source of a packet that begins a flow.
    fn translate(&mut self, place: NatPlace<'a>, packet: &mut Packet, to: Ipv4Addr) {
        if self.answer {
            return;
        }
        let from = packet.source;
        self.memory.translate(place, from, to);
        self.stop(HopKind::Nat {
            place,
            source: true,
            from,
            to,
        });
        packet.source = to;
    }

    /// The destination of an answer, as it was before the translation.
    fn restore(&mut self, place: NatPlace<'a>, packet: &mut Packet) -> bool {
        let from = packet.destination;
        let original = self.memory.original(place, from).filter(|_| self.answer);
        let Some(to) = original else {
            return false;
        };
        self.stop(HopKind::Nat {
            place,
            source: false,
            from,
            to,
        });
        packet.destination = to;
        true
    }

    /// To a device that a session has; `nodes` are the one where the packet is and the one that serves.
    pub fn deliver_to_device(
        &mut self,
        vpg: usize,
        nodes: (usize, usize),
        sim: usize,
        packet: Packet,
    ) -> Fate {
        let view = &self.map.vpgs[vpg];
        let id = self.map.sims[sim].id;
        self.route(view, VpgRoute::Device(id));
        if nodes.0 != nodes.1 {
            self.stop(HopKind::VpgNode {
                vpg: view.id,
                index: nodes.1,
            });
        }
        self.over_session(sim, packet)
    }

    fn over_session(&mut self, sim: usize, packet: Packet) -> Fate {
        let view = &self.map.sims[sim];
        let Some(session) = view.session else {
            return Err(Reason::SimSessionOffline);
        };
        self.fits(&packet, session.mtu)?;
        self.cross(|| LinkName::Sim(view.id.clone()))?;
        self.stop(HopKind::Session {
            sim: view.id,
            online: true,
        });
        self.arrive(Place::Sim(sim), packet)
    }

    /// A packet reaches a node from a peering or from the internet.
    pub fn enter_vpg(&mut self, vpg: usize, node: usize, mut packet: Packet) -> Fate {
        let view = &self.map.vpgs[vpg];
        let id = view.id;
        self.stop(HopKind::VpgNode {
            vpg: id,
            index: node,
        });
        if let Some(decided) = self.as_vxlan(vpg, node, &packet) {
            return decided.map(|()| (End::Vpg(vpg, node), packet));
        }
        if !self.restore(NatPlace::Vpg(id, node), &mut packet) {
            self.route(view, VpgRoute::Itself);
            return Err(Reason::VpgInboundNotTranslated);
        }
        self.decrement()?;
        match view.devices.get(&packet.destination) {
            Some((sim, served)) => self.deliver_to_device(vpg, (node, *served), *sim, packet),
            None => Err(nobody(view)),
        }
    }

    /// A packet reaches a node from a Transit Gateway attachment: any device may be called that way.
    pub fn enter_vpg_by_attachment(&mut self, vpg: usize, node: usize, packet: Packet) -> Fate {
        let view = &self.map.vpgs[vpg];
        self.stop(HopKind::VpgNode {
            vpg: view.id,
            index: node,
        });
        self.decrement()?;
        match view.devices.get(&packet.destination) {
            Some((sim, served)) => self.deliver_to_device(vpg, (node, *served), *sim, packet),
            None => {
                self.route(view, VpgRoute::NobodyInDeviceSubnet);
                Err(Reason::VpgNoSuchDevice)
            }
        }
    }

    /// SORACOM's endpoints answer on every VPG and without one (SORACOM, "Network settings").
    fn platform(&mut self, packet: Packet) -> Fate {
        let address = packet.destination;
        if is_endpoint(address) {
            self.stop(HopKind::Answers { address, vpc: None });
            return Ok((End::Platform(address), packet));
        }
        self.die(HopKind::SharedPlatform, Reason::NoRouteToDestination)
    }

    /// A SIM without a VPG sends: it reaches the platform's endpoints and the internet, and no private
    /// network.
    fn serve_shared_device(&mut self, mut packet: Packet) -> Fate {
        self.stop(HopKind::SharedPlatform);
        if is_endpoint(packet.destination) {
            return self.platform(packet);
        }
        if is_private(packet.destination) {
            return Err(Reason::NoRouteToDestination);
        }
        self.decrement()?;
        let to = internet::SHARED_PLATFORM;
        self.translate(NatPlace::SharedPlatform, &mut packet, to);
        self.internet(packet, true)
    }

    /// A packet reaches the shared platform from the internet.
    pub fn enter_shared_platform(&mut self, mut packet: Packet) -> Fate {
        self.stop(HopKind::SharedPlatform);
        if !self.restore(NatPlace::SharedPlatform, &mut packet) {
            return Err(Reason::VpgInboundNotTranslated);
        }
        self.decrement()?;
        match self.map.shared.get(&packet.destination) {
            Some(sim) => self.over_session(*sim, packet),
            None => Err(Reason::NoRouteToDestination),
        }
    }

    /// What an endpoint of the platform answers goes back the way that it came.
    pub fn answer_from_platform(&mut self, sim: Option<usize>, packet: Packet) -> Fate {
        let Some(sim) = sim else {
            return Err(Reason::NoRouteToDestination);
        };
        if let Some((vpg, node)) = self.map.sims[sim].anchor {
            self.stop(HopKind::VpgNode {
                vpg: self.map.vpgs[vpg].id,
                index: node,
            });
            self.decrement()?;
        }
        self.over_session(sim, packet)
    }
}

/// The reason where nobody in the device subnet has an address.
pub(super) fn nobody(view: &VpgView<'_>) -> Reason {
    if view.vpg.gate.open {
        Reason::GateNoSuchAddress
    } else {
        Reason::GateNotOpen
    }
}

fn is_endpoint(address: Ipv4Addr) -> bool {
    [platform::PONG, platform::NTP].contains(&address) || platform::DNS.contains(&address)
}

/// What the endpoint at an address listens on.
pub(super) fn endpoint_listens(address: Ipv4Addr, carries: Carries) -> bool {
    match carries {
        Carries::Tcp(port) => address == platform::PONG && port == 80,
        Carries::Udp(53) => platform::DNS.contains(&address),
        Carries::Udp(port) => address == platform::NTP && port == 123,
        Carries::Icmp(_) => true,
    }
}
