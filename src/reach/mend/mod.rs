//! What would mend a fault: the smallest change after which the packet no longer dies where it died.
//!
//! [`mend`] looks at the last stop of the way and at what the packet looked like there. It may die again
//! further on; then the next prediction has the next mend. What the clouds would refuse is not proposed.

mod address;
mod firewall;
mod gate;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod lab;
mod name;
mod packet;
mod peering;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod properties;
mod route;
mod session;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod vpg;

use std::time::Duration;

use super::{Flow, GateCheck, Hop, HopKind, Prediction, Verdict, VpgRoute};
use crate::cloud::{Action, Cloud, NodeName, Reason};
use packet::{Packet, last_machine, last_route};

/// A change that mends a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// What the clouds are asked to do, in this order. They accept it as they are now.
    pub actions: Vec<Action>,
    /// What is done and why, in whole sentences.
    pub words: String,
    /// What is typed on a machine, in this order and after the actions; lines for a shell.
    pub commands: Vec<String>,
    /// The machine, where there are commands.
    pub on: Option<NodeName>,
}

impl Mend {
    /// What can only be said.
    fn say(words: impl Into<String>) -> Self {
        Self {
            actions: Vec::new(),
            words: words.into(),
            commands: Vec::new(),
            on: None,
        }
    }

    /// What the clouds are asked to do.
    fn act<A: Into<Action>>(
        actions: impl IntoIterator<Item = A>,
        words: impl Into<String>,
    ) -> Self {
        Self {
            actions: actions.into_iter().map(Into::into).collect(),
            ..Self::say(words)
        }
    }

    /// The same, with what is typed on a machine.
    fn typing(self, on: Option<NodeName>, commands: impl IntoIterator<Item = String>) -> Self {
        let commands: Vec<String> = commands.into_iter().collect();
        let on = on.filter(|_| !commands.is_empty());
        Self {
            commands,
            on,
            ..self
        }
    }
}

/// The smallest change that keeps the packet from dying where it dies by the prediction, for that reason.
/// Where no change of the clouds and no command can, the mend has words only. None where nothing dies.
pub fn mend(cloud: &Cloud, flow: &Flow, prediction: &Prediction<'_>) -> Option<Mend> {
    let Verdict::Blocked { reason, answer } = prediction.verdict else {
        return None;
    };
    let hops = if answer {
        &prediction.back
    } else {
        &prediction.forward
    };
    let fault = Fault {
        cloud,
        flow,
        hops,
        last: hops.last()?,
        packet: Packet::at_end(hops, flow, answer, prediction.refused),
        answer,
    };
    let found = fault.mend(reason);
    Some(match found {
        Some(mend) if mend.actions.is_empty() || after(cloud, &mend.actions).is_some() => mend,
        _ => Mend::say(reason.mend()),
    })
}

/// The clouds after these actions, if they accept one after another.
fn after(cloud: &Cloud, actions: &[Action]) -> Option<Cloud> {
    let mut tried = cloud.clone();
    for action in actions {
        // The time does not matter: what is due was carried out before anything was predicted.
        tried.apply(action, Duration::ZERO).ok()?;
    }
    Some(tried)
}

/// Where the packet dies, and what it looks like there.
struct Fault<'a> {
    cloud: &'a Cloud,
    flow: &'a Flow,
    /// The way to the fault.
    hops: &'a [Hop<'a>],
    last: &'a Hop<'a>,
    packet: Packet,
    /// Whether the answer dies.
    answer: bool,
}

impl Fault<'_> {
    /// The mend, if the fault is one that has any.
    fn mend(&self, reason: Reason) -> Option<Mend> {
        match reason {
            Reason::NoRouteToDestination
            | Reason::IgwDestinationAddressNotInRfc1918Egress
            | Reason::IgwDestinationAddressNotInRfc6598Egress
            | Reason::PcxRequiresAddressInVpcCidr => self.no_way(),
            Reason::BadStateRoute => self.blackhole(),
            Reason::EniSgRulesMismatch | Reason::SgHasNoRules => self.security_groups(),
            Reason::SubnetAclRestriction => self.network_acl(),
            Reason::EniSourceDestCheckRestriction => self.source_dest_check(),
            Reason::IgwPublicIpAssociationForEgress => self.no_public_ip(),
            Reason::IgwPrivateIpAssociationForIngress => self.nobody_at_public_ip(),
            Reason::NoPossibleDestination => self.nobody_in_vpc(),
            Reason::MtuExceeded => self.too_large(),
            Reason::LinkCut => self.cut(),
            Reason::HostDoesNotForward => self.does_not_forward(),
            Reason::SimSessionOffline => self.offline(),
            Reason::VpgInternetGatewayOff => self.stale_session(),
            Reason::VpgRoutingFilterDeny => self.routing_filter(),
            Reason::VpgNoSuchDevice | Reason::GateNoSuchAddress => self.nobody_in_device_subnet(),
            Reason::VpgInboundNotTranslated => self.called_a_vpg(),
            Reason::GateNotOpen => self.open_gate(),
            Reason::GatePrivacySeparator => self.privacy_separator(),
            Reason::GatePeerNotRegistered => self.register_peer(),
            Reason::GateInnerAddressMismatch => self.inner_address(),
            Reason::GateVniMismatch => self.vni(),
            Reason::GatePortMismatch | Reason::GateWrongOuterAddress | Reason::GatePeerSilent => {
                self.tunnel_anew()
            }
            Reason::GateFloodMissesNode | Reason::GateNoFloodEntry => self.flood(),
            // Somebody else's machine, or rules that only its owner knows.
            Reason::IgwSourceAddressNotInRfc1918Ingress
            | Reason::IgwSourceAddressNotInRfc6598Ingress
            | Reason::HostFilter
            // Chance.
            | Reason::LinkLoss
            | Reason::LinkQueueFull
            | Reason::LinkTooLong
            | Reason::AddressConflict
            | Reason::RoutingLoop => None,
        }
    }

    /// Nothing leads to the destination, or the wrong thing does.
    fn no_way(&self) -> Option<Mend> {
        match self.last.kind {
            HopKind::VpgRoute { vpg, .. } => {
                self.stale_session().or_else(|| self.connect_network(vpg))
            }
            HopKind::SharedPlatform => self.stale_session().or_else(|| self.use_vpg()),
            // Somebody sends with an address that is not its own: no other way mends that.
            HopKind::Peering {
                foreign: Some((true, _)),
                ..
            } => None,
            HopKind::RouteTable { .. }
            | HopKind::InternetGateway { .. }
            | HopKind::Peering { .. }
            | HopKind::Attachment { .. } => match last_route(self.hops) {
                Some((table, choice)) => self.route_to_destination(table, choice),
                // The VPG chose it.
                None => self.vpg_on_way().and_then(|vpg| self.connect_network(vpg)),
            },
            HopKind::Sends { .. } | HopKind::Forwards { .. } | HopKind::Encapsulates { .. } => {
                self.machine_without_route()
            }
            _ => None,
        }
    }

    /// What was chosen can't carry packets.
    fn blackhole(&self) -> Option<Mend> {
        match self.last.kind {
            HopKind::VpgRoute {
                route: VpgRoute::Peering(peering, ..),
                ..
            }
            | HopKind::Peering { peering, .. } => self.accept_peering(peering),
            HopKind::VpgRoute {
                route: VpgRoute::Customer(_, _, attachment, _),
                ..
            }
            | HopKind::Attachment { attachment } => self.accept_attachment(attachment),
            _ => self.blackhole_route(),
        }
    }

    /// The packet is larger than a link.
    fn too_large(&self) -> Option<Mend> {
        let HopKind::Mtu { mtu } = self.last.kind else {
            return None;
        };
        // The IP and the ICMP header.
        let payload = mtu.saturating_sub(28);
        Some(Mend::say(format!(
            "The link carries {mtu} bytes. Lower the sender's MTU to that, or let the packet be \
             fragmented; for ping, ask with {payload} bytes of payload at most."
        )))
    }

    /// A link is cut.
    fn cut(&self) -> Option<Mend> {
        let HopKind::Cut { link } = self.last.kind else {
            return None;
        };
        Some(Mend::say(format!(
            "The {link} is cut. Restore it, with a step `link = \"{}\"` that says `restore = true`.",
            link.owner()
        )))
    }

    /// The packet is for another machine.
    fn does_not_forward(&self) -> Option<Mend> {
        let machine = last_machine(self.hops)?;
        let words = format!(
            "{machine} got a packet for {}. Switch forwarding on there, if it is meant as a router; \
             otherwise mend the route that led to it.",
            self.packet.destination
        );
        let command = "sysctl -w net.ipv4.ip_forward=1".to_owned();
        Some(Mend::say(words).typing(Some(machine), [command]))
    }

    /// The machine's own routes lead nowhere.
    fn machine_without_route(&self) -> Option<Mend> {
        let machine = last_machine(self.hops)?;
        let asked = self.packet.destination;
        let NodeName::Instance(id) = &machine else {
            return Some(Mend::say(format!(
                "{machine} has no route to {asked} in its own routing table; add one there."
            )));
        };
        let aws = &self.cloud.aws;
        let instance = aws.instances.get(id)?;
        let vpc = aws.vpc_of(instance)?;
        if let Some(mend) = self.gate_expected(vpc, id, asked) {
            return Some(mend);
        }
        let router = aws.subnets.get(&instance.subnet)?.router();
        let words = format!(
            "{machine} has no route to {asked} in its own routing table. Give it its default route back."
        );
        let command = format!("ip route replace default via {router} dev eth0");
        Some(Mend::say(words).typing(Some(machine), [command]))
    }

    /// What Gate looked at.
    fn gate_check(&self) -> Option<GateCheck> {
        match self.last.kind {
            HopKind::Gate { check, .. } => Some(check),
            _ => None,
        }
    }
}
