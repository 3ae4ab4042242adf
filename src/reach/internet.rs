//! Internet gateways and the internet behind them: 1:1 translation between private and public addresses,
//! and the refusal of addresses that the internet does not carry (Amazon VPC User Guide, "Enable internet
//! access for a VPC using an internet gateway"; Reachability Analyzer, "Explanation codes").

use std::net::Ipv4Addr;

use super::hop::{HopKind, NatPlace};
use super::map::Place;
use super::packet::Packet;
use super::vpc::GATEWAY_MTU;
use super::walk::{Fate, Walk};
use crate::cloud::{LinkName, Reason, internet};

/// RFC 6598: 100.64.0.0/10.
pub(super) fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
}

/// What never leaves a private network: RFC 1918 and RFC 6598.
pub(super) fn is_private(address: Ipv4Addr) -> bool {
    address.is_private() || is_shared(address)
}

impl Walk<'_, '_> {
    /// A packet leaves a VPC by its internet gateway.
    pub fn out_of_vpc(&mut self, vpc: usize, mut packet: Packet) -> Fate {
        let view = &self.map.vpcs[vpc];
        let Some(gateway) = view.gateway else {
            return Err(Reason::BadStateRoute);
        };
        let egress = true;
        self.stop(HopKind::InternetGateway { gateway, egress });
        if packet.destination.is_private() {
            return Err(Reason::IgwDestinationAddressNotInRfc1918Egress);
        }
        if is_shared(packet.destination) {
            return Err(Reason::IgwDestinationAddressNotInRfc6598Egress);
        }
        let sender = view.interfaces.get(&packet.source);
        let Some(public) = sender.and_then(|at| self.map.interfaces[*at].public) else {
            return Err(Reason::IgwPublicIpAssociationForEgress);
        };
        self.fits(&packet, GATEWAY_MTU)?;
        self.stop(HopKind::Nat {
            place: NatPlace::InternetGateway(gateway),
            source: true,
            from: packet.source,
            to: public,
        });
        packet.source = public;
        self.internet(packet, true)
    }

    /// A packet comes into a VPC by its internet gateway, to the interface that has the public address.
    fn enter_from_internet(&mut self, at: usize, mut packet: Packet) -> Fate {
        let interface = &self.map.interfaces[at];
        let Some(gateway) = self.map.vpcs[interface.vpc].gateway else {
            return Err(Reason::IgwPrivateIpAssociationForIngress);
        };
        let egress = false;
        self.stop(HopKind::InternetGateway { gateway, egress });
        if packet.source.is_private() {
            return Err(Reason::IgwSourceAddressNotInRfc1918Ingress);
        }
        if is_shared(packet.source) {
            return Err(Reason::IgwSourceAddressNotInRfc6598Ingress);
        }
        let private = interface.instance.private_ip;
        self.stop(HopKind::Nat {
            place: NatPlace::InternetGateway(gateway),
            source: false,
            from: packet.destination,
            to: private,
        });
        packet.destination = private;
        self.enter(at, packet, None)
    }

    /// A packet on the internet, which routes no private addresses. It is one router, so what does not
    /// end there loses one from its TTL, unless the router itself sent it.
    pub fn internet(&mut self, packet: Packet, forwarded: bool) -> Fate {
        let destination = packet.destination;
        self.stop(HopKind::Internet { destination });
        if destination == internet::SERVER {
            return self.arrive(Place::Internet, packet);
        }
        if forwarded {
            self.decrement()?;
        }
        if destination == internet::PC {
            self.fits(&packet, GATEWAY_MTU)?;
            return self.arrive(Place::Pc, packet);
        }
        if let Some(at) = self.map.public.get(&destination) {
            self.fits(&packet, GATEWAY_MTU)?;
            return self.enter_from_internet(*at, packet);
        }
        if let Some((vpg, node)) = self.map.global.get(&destination) {
            self.fits(&packet, GATEWAY_MTU)?;
            self.cross(|| LinkName::Internet(self.map.vpgs[*vpg].id.clone()))?;
            return self.enter_vpg(*vpg, *node, packet);
        }
        if destination == internet::SHARED_PLATFORM {
            self.fits(&packet, GATEWAY_MTU)?;
            return self.enter_shared_platform(packet);
        }
        if !is_private(destination) && internet::AWS_PUBLIC.contains(&destination) {
            return Err(Reason::IgwPrivateIpAssociationForIngress);
        }
        Err(Reason::NoRouteToDestination)
    }
}
