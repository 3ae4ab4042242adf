//! Routes of the customer's VPCs.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::peering::live;
use super::{Fault, Mend, name};
use crate::cloud::Action;
use crate::cloud::aws::{
    self, AttachInternetGateway, AttachmentId, CreateInternetGateway, CreateRoute, InstanceState,
    InternetGatewayId, PeeringStatus, ReplaceRoute, RouteState, RouteTableId, RouteTarget,
    StartInstances, VpcId,
};
use crate::reach::internet::is_private;
use crate::reach::{Choice, HopKind};

/// Everything.
const ANY: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);
/// The target that means the VPC's internet gateway.
const IGW: &str = "igw";

impl Fault<'_> {
    /// A route to what has the destination, in the table that was asked; what it leads to is made ready
    /// first.
    pub(super) fn route_to_destination(
        &self,
        table: &RouteTableId,
        choice: Choice<'_>,
    ) -> Option<Mend> {
        let vpc = &self.cloud.aws.route_tables.get(table)?.vpc;
        let destination = self.packet.destination;
        if let Some((network, range)) = self.network_of(vpc, destination, true) {
            return self.route_to_network(table, choice, vpc, &network, range);
        }
        if let Some((attachment, range)) = self.attachment_to(vpc, destination) {
            let ready = self.attachment_ready(&attachment);
            return lead(table, choice, range, attachment.as_str(), ready, |route| {
                format!(
                    "{route}: the attachment {attachment} leads to the devices, whose subnet that is."
                )
            });
        }
        let sender = self.cloud.aws.instance_at(vpc, self.packet.source);
        if let Some(mend) = sender.and_then(|id| self.gate_expected(vpc, id, destination)) {
            return Some(mend);
        }
        if let Some((network, range)) = self.network_of(vpc, destination, false) {
            return self.route_to_network(table, choice, vpc, &network, range);
        }
        if self.last.tunnelled {
            return self.tunnel_anew();
        }
        if is_private(destination) {
            return Some(Mend::say(format!(
                "Nothing has the address {destination}: neither a VPC, nor a VPG's range or devices. \
                 Ask another address, or connect the network that has it."
            )));
        }
        let ready = self.gateway_ready(vpc);
        lead(table, choice, ANY, IGW, ready, |route| {
            format!("{route}: {destination} is on the internet.")
        })
    }

    fn route_to_network(
        &self,
        table: &RouteTableId,
        choice: Choice<'_>,
        vpc: &VpcId,
        network: &VpcId,
        range: Ipv4Net,
    ) -> Option<Mend> {
        let (peering, ready) = self.peering_between(vpc, network);
        let whose = match network.as_str().strip_prefix("vpg:") {
            Some(vpg) => format!("the VPG {vpg}'s range"),
            None => format!("the VPC {network}'s range"),
        };
        lead(table, choice, range, peering.as_str(), ready, |route| {
            format!("{route}: that is {whose}, which the peering {peering} leads to.")
        })
    }

    /// The VPC, another one than `vpc`, that has an address, and its range; SORACOM's behind a VPG has the
    /// VPG's. One that a peering leads to counts more.
    fn network_of(&self, vpc: &VpcId, address: Ipv4Addr, peered: bool) -> Option<(VpcId, Ipv4Net)> {
        let (aws, soracom) = (&self.cloud.aws, &self.cloud.soracom);
        let vpgs = soracom.vpgs.iter().filter_map(|(id, vpg)| {
            let within = vpg.vpg_subnet.contains(&address);
            within.then(|| (id.vpc(), vpg.vpg_subnet))
        });
        let vpcs = aws.vpcs.iter().filter_map(|(id, state)| {
            let range = state.range_of(address)?;
            (id != vpc).then(|| (id.clone(), range))
        });
        let rank = |network: &VpcId| match live(aws, vpc, network) {
            Some((_, PeeringStatus::Active)) => 0,
            Some(_) => 1,
            None => 2,
        };
        vpgs.chain(vpcs)
            .filter(|(network, _)| !peered || rank(network) < 2)
            .min_by_key(|(network, _)| rank(network))
    }

    /// The attachment of a VPC to a VPG in whose device subnet the address lies.
    fn attachment_to(&self, vpc: &VpcId, address: Ipv4Addr) -> Option<(AttachmentId, Ipv4Net)> {
        let (aws, soracom) = (&self.cloud.aws, &self.cloud.soracom);
        let mut attachments = aws.attachments.iter().filter(|(_, a)| a.vpc == *vpc);
        attachments.find_map(|(id, _)| {
            let vpg = soracom.vpgs.get(soracom.vpg_of_attachment(id)?)?;
            let within = vpg.device_subnet.contains(&address);
            within.then(|| (id.clone(), vpg.device_subnet))
        })
    }

    /// What it takes for a VPC to have an internet gateway.
    fn gateway_ready(&self, vpc: &VpcId) -> Vec<Action> {
        if self.cloud.aws.internet_gateway_of(vpc).is_some() {
            return Vec::new();
        }
        let name = name::internet_gateway(self.cloud);
        let create = CreateInternetGateway { name: name.clone() };
        vec![
            aws::Action::CreateInternetGateway(create).into(),
            attach(&name, vpc),
        ]
    }

    /// The route that matched is a blackhole: its target is mended, or another takes its place.
    pub(super) fn blackhole_route(&self) -> Option<Mend> {
        let HopKind::RouteTable {
            table,
            choice: choice @ Choice::Route(prefix, target, RouteState::Blackhole),
        } = self.last.kind
        else {
            return None;
        };
        let aws = &self.cloud.aws;
        let vpc = &aws.route_tables.get(table)?.vpc;
        match target {
            RouteTarget::Peering(peering) => self.accept_peering(peering).or_else(|| {
                let former = aws.peerings.get(peering)?;
                let other = &former.other_side(vpc)?.vpc;
                let (new, ready) = self.peering_between(vpc, other);
                lead(table, choice, prefix, new.as_str(), ready, |route| {
                    format!(
                        "{route}: the peering {peering} is {}, and that is final.",
                        former.status
                    )
                })
            }),
            RouteTarget::InternetGateway(gateway) => {
                let there = aws.internet_gateways.get(gateway);
                let detached = there.is_some_and(|gateway| gateway.vpc.is_none());
                if detached && aws.internet_gateway_of(vpc).is_none() {
                    let words = format!(
                        "Attach the internet gateway {gateway} to the VPC {vpc}: the route {prefix} \
                         leads to it."
                    );
                    return Some(Mend::act([attach(gateway, vpc)], words));
                }
                let ready = self.gateway_ready(vpc);
                lead(table, choice, prefix, IGW, ready, |route| {
                    format!("{route}: {gateway} is not attached to the VPC {vpc}.")
                })
            }
            RouteTarget::TransitGateway(attachment) => {
                self.accept_attachment(attachment).or_else(|| {
                    let (new, _) = self.attachment_to(vpc, self.packet.destination)?;
                    let ready = self.attachment_ready(&new);
                    lead(table, choice, prefix, new.as_str(), ready, |route| {
                        format!("{route}: the attachment {attachment} is gone.")
                    })
                })
            }
            RouteTarget::Instance(instance) => {
                let state = aws.instances.get(instance)?;
                let words = format!("Start {instance}: the route {prefix} leads to it.");
                let start = StartInstances {
                    instance: instance.clone(),
                };
                let stopped = state.state == InstanceState::Stopped;
                stopped.then(|| Mend::act([aws::Action::StartInstances(start)], words))
            }
        }
    }
}

/// Leads a range to a target in a route table, after what makes the target ready: by a new route where
/// that wins over the one that was chosen, else by giving that one another target. `words` gets what is
/// done, without its full stop.
fn lead(
    table: &RouteTableId,
    choice: Choice<'_>,
    range: Ipv4Net,
    target: &str,
    ready: Vec<Action>,
    words: impl FnOnce(String) -> String,
) -> Option<Mend> {
    let route_table = table.clone();
    let to = target.to_owned();
    let (route, done) = match choice {
        Choice::Local(_) => return None,
        Choice::Route(destination, ..) if destination.prefix_len() >= range.prefix_len() => {
            let op = ReplaceRoute {
                route_table,
                destination,
                target: to,
            };
            (
                aws::Action::ReplaceRoute(op),
                format!("Lead {destination} in the route table {table} to {target} instead"),
            )
        }
        Choice::Route(..) | Choice::Nothing => {
            let op = CreateRoute {
                route_table,
                destination: range,
                target: to,
            };
            (
                aws::Action::CreateRoute(op),
                format!("Add {range} → {target} to the route table {table}"),
            )
        }
    };
    let actions = ready.into_iter().chain([route.into()]);
    Some(Mend::act(actions, words(done)))
}

fn attach(gateway: &InternetGatewayId, vpc: &VpcId) -> Action {
    let op = AttachInternetGateway {
        internet_gateway: gateway.clone(),
        vpc: vpc.clone(),
    };
    aws::Action::AttachInternetGateway(op).into()
}
