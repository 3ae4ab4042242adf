//! A VPC: from interface to interface, in AWS's order. The sender's security groups, the sender's subnet's
//! network ACL, the subnet's route table, the way out or the receiver's subnet's network ACL, the
//! receiver's security groups (Amazon VPC User Guide, "Infrastructure security"; Reachability Analyzer,
//! "How Reachability Analyzer works").

use std::net::Ipv4Addr;

use super::hop::{Choice, HopKind};
use super::map::{Interface, Place, Route, RouteTo, VpcView, nth};
use super::packet::{Carries, Packet};
use super::walk::{End, Fate, Walk};
use crate::cloud::aws::{RouteState, RuleAction, SubnetId};
use crate::cloud::{LinkName, Reason};

/// Where instances ask for their metadata (Amazon EC2 User Guide, "Instance metadata").
const IMDS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Where the resolver answers besides the second address of the VPC (Amazon VPC User Guide, "Amazon
/// DNS server").
const RESOLVER: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);
/// The largest packet through an internet gateway, in bytes (Amazon EC2 User Guide, "Network MTU").
pub(super) const GATEWAY_MTU: u32 = 1500;

/// Where a subnet's route table sends a packet.
#[derive(Clone, Copy)]
enum Next {
    Interface(usize),
    Nobody,
    InternetGateway,
    Peering(usize),
    Attachment(usize),
    Blackhole,
    NoRoute,
}

/// The route that counts: the local one for the VPC's own addresses, else the most specific one,
/// blackhole or not (Amazon VPC User Guide, "Route priority").
fn choose<'a>(
    interface: &Interface<'a>,
    vpc: &VpcView<'a>,
    destination: Ipv4Addr,
) -> (Choice<'a>, Next) {
    let mut ranges = vpc.vpc.cidrs.iter();
    if let Some(range) = ranges.find(|range| range.contains(&destination)) {
        let found = vpc.interfaces.get(&destination);
        let next = found.map_or(Next::Nobody, |at| Next::Interface(*at));
        return (Choice::Local(*range), next);
    }
    let routes = interface.table.iter().flat_map(|(_, routes)| routes);
    let matching: Option<&Route> = { routes }.find(|route| route.prefix.contains(&destination));
    let Some(route) = matching else {
        return (Choice::Nothing, Next::NoRoute);
    };
    let (state, next) = match route.to {
        None => (RouteState::Blackhole, Next::Blackhole),
        Some(RouteTo::InternetGateway) => (RouteState::Active, Next::InternetGateway),
        Some(RouteTo::Peering(at)) => (RouteState::Active, Next::Peering(at)),
        Some(RouteTo::Attachment(at)) => (RouteState::Active, Next::Attachment(at)),
        Some(RouteTo::Interface(at)) => (RouteState::Active, Next::Interface(at)),
    };
    (Choice::Route(route.prefix, route.target, state), next)
}

impl<'a> Walk<'_, 'a> {
    /// A packet leaves an instance's interface.
    pub fn leave(&mut self, at: usize, packet: Packet) -> Fate {
        let map = self.map;
        let interface = &map.interfaces[at];
        let vpc = &map.vpcs[interface.vpc];
        self.cross(|| LinkName::Instance(interface.id.clone()))?;
        if is_router(vpc, packet.destination) {
            return self.ask_router(interface, packet);
        }
        let (choice, next) = choose(interface, vpc, packet.destination);
        self.may_be_told_first(&packet, next);
        if interface.instance.source_dest_check {
            self.check_address(interface, true, packet.source)?;
        }
        self.security_groups(at, &packet, true)?;
        let within = match next {
            Next::Interface(to) => map.interfaces[to].subnet == interface.subnet,
            _ => false,
        };
        if !within {
            self.network_acl(interface, &packet, true)?;
        }
        if let Some((table, _)) = &interface.table {
            self.stop(HopKind::RouteTable { table, choice });
        }
        match next {
            Next::Interface(to) => self.enter(to, packet, Some(interface.subnet)),
            Next::Nobody => Err(Reason::NoPossibleDestination),
            Next::InternetGateway => self.out_of_vpc(interface.vpc, packet),
            Next::Peering(peering) => self.take_peering(peering, interface.vpc, packet),
            Next::Attachment(attachment) => self.out_of_vpc_into_attachment(attachment, packet),
            Next::Blackhole => Err(Reason::BadStateRoute),
            Next::NoRoute => Err(Reason::NoRouteToDestination),
        }
    }

    /// What is too large for the way out may be told so before a rule of the way refuses it.
    fn may_be_told_first(&mut self, packet: &Packet, next: Next) {
        let mtu = match next {
            Next::InternetGateway => GATEWAY_MTU,
            Next::Peering(at) => self.map.peering_mtu(at),
            Next::Attachment(_) => super::link::ATTACHMENT_MTU,
            _ => return,
        };
        if packet.exceeds(mtu) {
            self.also.push(Reason::MtuExceeded);
        }
    }

    /// A packet comes into a VPC from a peering or an attachment. It may reach the VPC's own addresses
    /// only (Amazon VPC Peering Guide, "Limitations").
    pub fn enter_from_outside(&mut self, vpc: usize, packet: Packet) -> Fate {
        let view = &self.map.vpcs[vpc];
        let (id, destination) = (view.id, packet.destination);
        self.stop(HopKind::Vpc {
            vpc: id,
            destination,
        });
        match view.interfaces.get(&destination) {
            Some(to) => self.enter(*to, packet, None),
            None => Err(Reason::NoPossibleDestination),
        }
    }

    /// A packet reaches an instance's interface, from a subnet of the VPC or from outside.
    pub fn enter(&mut self, at: usize, packet: Packet, from: Option<&SubnetId>) -> Fate {
        let interface = &self.map.interfaces[at];
        if from != Some(interface.subnet) {
            self.network_acl(interface, &packet, false)?;
        }
        if interface.instance.source_dest_check {
            self.check_address(interface, false, packet.destination)?;
        }
        self.security_groups(at, &packet, false)?;
        self.cross(|| LinkName::Instance(interface.id.clone()))?;
        self.arrive(Place::Interface(at), packet)
    }

    /// The source/destination check (Amazon EC2 User Guide, "Source/destination checking").
    fn check_address(
        &mut self,
        interface: &Interface<'a>,
        source: bool,
        address: Ipv4Addr,
    ) -> Result<(), Reason> {
        self.stop(HopKind::SourceDestCheck {
            instance: interface.id,
            source,
            address,
        });
        if address == interface.instance.private_ip {
            Ok(())
        } else {
            Err(Reason::EniSourceDestCheckRestriction)
        }
    }

    /// A subnet's network ACL: the matching entry with the lowest number, else a denial; it knows
    /// nothing of flows (Amazon VPC User Guide, "Control subnet traffic with network access control
    /// lists").
    fn network_acl(
        &mut self,
        interface: &Interface<'a>,
        packet: &Packet,
        egress: bool,
    ) -> Result<(), Reason> {
        let Some((id, acl)) = interface.acl else {
            return Ok(());
        };
        let address = if egress {
            packet.destination
        } else {
            packet.source
        };
        let (protocol, port, icmp_type) = packet.for_rules();
        let matched = acl.first_match(egress, address, protocol, port, icmp_type);
        self.stop(HopKind::NetworkAcl {
            acl: id,
            subnet: interface.subnet,
            egress,
            matched,
        });
        match matched.action() {
            RuleAction::Allow => Ok(()),
            RuleAction::Deny => Err(Reason::SubnetAclRestriction),
        }
    }

    /// The router's own addresses: neither security groups nor ACLs see them (Amazon VPC User Guide,
    /// "Control traffic with security groups", what is not filtered). It answers ping from its own
    /// subnet only.
    fn ask_router(&mut self, interface: &Interface<'a>, packet: Packet) -> Fate {
        let to = packet.destination;
        let view = &self.map.vpcs[interface.vpc];
        let answers = if to == IMDS {
            packet.carries == Carries::Tcp(80)
        } else if view.routers.contains(&to) {
            let icmp = matches!(packet.carries, Carries::Icmp(_));
            icmp && to == nth(interface.range, 1)
        } else {
            matches!(packet.carries, Carries::Tcp(53) | Carries::Udp(53))
        };
        if answers {
            let (address, vpc) = (to, Some(view.id));
            self.stop(HopKind::Answers { address, vpc });
            return Ok((End::Router(interface.vpc, to), packet));
        }
        let kind = HopKind::Vpc {
            vpc: view.id,
            destination: to,
        };
        self.die(kind, Reason::NoPossibleDestination)
    }
}

/// Whether an address is the VPC's router, resolver or metadata service.
fn is_router(vpc: &VpcView<'_>, address: Ipv4Addr) -> bool {
    let resolver = vpc.vpc.cidrs.first().map(|range| nth(*range, 2));
    address == IMDS
        || address == RESOLVER
        || resolver == Some(address)
        || vpc.routers.contains(&address)
}

/// What the router's service at an address listens on.
pub(super) fn router_listens(address: Ipv4Addr, carries: Carries) -> bool {
    match carries {
        Carries::Tcp(port) => address == IMDS && port == 80,
        Carries::Udp(port) => address != IMDS && port == 53,
        Carries::Icmp(_) => true,
    }
}
