//! What a VPG leads to: peerings, attachments, customer routes, and the routing filter.

use ipnet::Ipv4Net;

use super::peering::accept;
use super::{Fault, Mend, name};
use crate::cloud::Action;
use crate::cloud::aws::{AttachmentId, AttachmentStatus, RuleAction, VpcId};
use crate::cloud::soracom::{
    self, AcceptTransitGatewayVpcAttachment, CreateCanalPeering, CreateCustomerRoute,
    CreateTransitGatewayVpcAttachment, RoutingFilterEntry, SetRoutingFilter, Vpg, VpgId, VpgType,
};
use crate::reach::{HopKind, NatPlace};

impl Fault<'_> {
    /// The VPG that had the packet last.
    pub(super) fn vpg_on_way(&self) -> Option<&VpgId> {
        self.hops.iter().rev().find_map(|hop| match hop.kind {
            HopKind::VpgNode { vpg, .. }
            | HopKind::VpgRoute { vpg, .. }
            | HopKind::RoutingFilter { vpg, .. }
            | HopKind::Gate { vpg, .. }
            | HopKind::Nat {
                place: NatPlace::Vpg(vpg, _),
                ..
            } => Some(vpg),
            _ => None,
        })
    }

    /// Connects a VPG with the VPC that has the destination.
    pub(super) fn connect_network(&self, id: &VpgId) -> Option<Mend> {
        let vpg = self.cloud.soracom.vpgs.get(id)?;
        let asked = self.packet.destination;
        let mut vpcs = self.cloud.aws.vpcs.iter();
        let found = vpcs.find_map(|(vpc, state)| Some((vpc, state.range_of(asked)?)));
        let Some((vpc, range)) = found else {
            return Some(Mend::say(format!(
                "No VPC has the address {asked}. Ask another one, or connect the VPG {id} with the \
                 network that has it."
            )));
        };
        match vpg.vpg_type {
            VpgType::E => Some(Mend::say(format!(
                "The VPG {id} is of Type-E, which has no private connections, and the type is fixed: \
                 make a VPG of Type-F and connect that with the VPC {vpc}."
            ))),
            VpgType::F => self.canal(id, vpc, range),
            VpgType::F2 => Some(self.customer_route(id, vpg, vpc, range)),
        }
    }

    fn canal(&self, id: &VpgId, vpc: &VpcId, range: Ipv4Net) -> Option<Mend> {
        if let Some((peering, _)) = super::peering::live(&self.cloud.aws, &id.vpc(), vpc) {
            return Some(Mend::say(format!(
                "The peering {peering} with the VPC {vpc} carries a destination that leaves out {range}. \
                 Two VPCs have one peering at most: delete it, and ask for one with this destination."
            )));
        }
        let name = name::peering(self.cloud);
        let request = CreateCanalPeering {
            name: name.clone(),
            vpg: id.clone(),
            vpc: vpc.clone(),
            owner: None,
            destination: Some(range),
            region: None,
        };
        let request = soracom::Action::CreateCanalPeering(request).into();
        let words = format!(
            "Ask for a peering of the VPG {id} with the VPC {vpc}, which has {range}, and accept it."
        );
        Some(Mend::act([request, accept(&name)], words))
    }

    fn customer_route(&self, id: &VpgId, vpg: &Vpg, vpc: &VpcId, range: Ipv4Net) -> Mend {
        let attachments = &self.cloud.aws.attachments;
        let mut own = vpg.attachments.iter();
        let attached = own.find(|a| attachments.get(*a).is_some_and(|a| a.vpc == *vpc));
        let (target, mut actions) = match attached {
            Some(target) => (target.clone(), self.attachment_ready(target)),
            None => {
                let target = name::attachment(self.cloud);
                let create = CreateTransitGatewayVpcAttachment {
                    name: target.clone(),
                    vpg: id.clone(),
                    vpc: vpc.clone(),
                };
                let create = soracom::Action::CreateTransitGatewayVpcAttachment(create);
                let accept = accept_attachment(id, &target);
                (target, vec![create.into(), accept])
            }
        };
        let route = CreateCustomerRoute {
            name: name::customer_route(self.cloud),
            vpg: id.clone(),
            destination: range,
            target: target.clone(),
        };
        actions.push(soracom::Action::CreateCustomerRoute(route).into());
        let words = format!(
            "Add a customer route {range} → {target} to the VPG {id}: the VPC {vpc} has that range."
        );
        Mend::act(actions, words)
    }

    /// SORACOM's side accepts an attachment that waits for it.
    pub(super) fn accept_attachment(&self, attachment: &AttachmentId) -> Option<Mend> {
        let actions = self.attachment_ready(attachment);
        let words = format!(
            "Accept the attachment {attachment} on SORACOM's side: it carries nothing until then."
        );
        (!actions.is_empty()).then(|| Mend::act(actions, words))
    }

    /// What it takes for an attachment to be active.
    pub(super) fn attachment_ready(&self, attachment: &AttachmentId) -> Vec<Action> {
        let state = self.cloud.aws.attachments.get(attachment);
        let pending = state.is_some_and(|a| a.status == AttachmentStatus::AcceptancePending);
        let vpg = self.cloud.soracom.vpg_of_attachment(attachment);
        vpg.filter(|_| pending)
            .map(|vpg| accept_attachment(vpg, attachment))
            .into_iter()
            .collect()
    }

    /// The filter, with one more entry that allows exactly this destination.
    pub(super) fn routing_filter(&self) -> Option<Mend> {
        let HopKind::RoutingFilter { vpg, entry } = self.last.kind else {
            return None;
        };
        let (denied, _) = entry?;
        let destination = Ipv4Net::from(self.packet.destination);
        let mut filter = self.cloud.soracom.vpgs.get(vpg)?.routing_filter.clone();
        filter.insert(destination, RuleAction::Allow);
        let entries = filter
            .into_iter()
            .map(|(ip_range, action)| RoutingFilterEntry { action, ip_range })
            .collect();
        let words = if denied == destination {
            format!("Let the routing filter of the VPG {vpg} allow {destination}, which it denies.")
        } else {
            format!(
                "Add an entry that allows {destination} to the routing filter of the VPG {vpg}: it is \
                 more specific than {denied}, which denies it."
            )
        };
        let set = SetRoutingFilter {
            vpg: vpg.clone(),
            entries,
        };
        Some(Mend::act([soracom::Action::SetRoutingFilter(set)], words))
    }
}

fn accept_attachment(vpg: &VpgId, attachment: &AttachmentId) -> Action {
    let op = AcceptTransitGatewayVpcAttachment {
        vpg: vpg.clone(),
        attachment: attachment.clone(),
    };
    soracom::Action::AcceptTransitGatewayVpcAttachment(op).into()
}
