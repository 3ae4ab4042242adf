//! Public addresses, and addresses of a VPC that nothing which runs has.

use super::{Fault, Mend, name};
use crate::cloud::Action;
use crate::cloud::aws::{
    self, AddressId, AllocateAddress, AssociateAddress, InstanceId, InstanceState, StartInstances,
};
use crate::reach::HopKind;

impl Fault<'_> {
    /// The instance gets an Elastic IP address: one that nobody uses, or a new one.
    pub(super) fn no_public_ip(&self) -> Option<Mend> {
        let HopKind::InternetGateway { gateway, .. } = self.last.kind else {
            return None;
        };
        let aws = &self.cloud.aws;
        let vpc = aws.internet_gateways.get(gateway)?.vpc.as_ref()?;
        let source = self.packet.source;
        let Some(instance) = aws.instance_at(vpc, source) else {
            return Some(Mend::say(format!(
                "The packet has the source {source}, which is no instance's of the VPC {vpc}: the \
                 machine that forwards it must translate it to its own address."
            )));
        };
        let mut unused = aws.addresses.iter().filter(|(_, a)| a.instance.is_none());
        let (name, allocate) = match unused.next() {
            Some((name, _)) => (name.clone(), None),
            None => {
                let name = name::address(self.cloud);
                let op = AllocateAddress { name: name.clone() };
                (name, Some(aws::Action::AllocateAddress(op).into()))
            }
        };
        let words = format!(
            "Give {instance} the Elastic IP address {name}: without a public address the internet \
             gateway does not let it out."
        );
        let actions = allocate.into_iter().chain([associate(&name, instance)]);
        Some(Mend::act(actions, words))
    }

    /// Nothing that runs has this public address: its instance starts, or the only one that can use it
    /// gets it.
    pub(super) fn nobody_at_public_ip(&self) -> Option<Mend> {
        let aws = &self.cloud.aws;
        let asked = self.packet.destination;
        let elastic = aws.addresses.iter().find(|(_, a)| a.public_ip == asked);
        match elastic.map(|(name, address)| (name, &address.instance)) {
            Some((name, Some(instance))) => {
                let words = format!(
                    "Start {instance}: the Elastic IP address {name}, {asked}, is associated with it."
                );
                return self.start(instance, words);
            }
            Some((name, None)) => {
                let without: Vec<&InstanceId> = aws
                    .instances
                    .iter()
                    .filter(|(id, i)| {
                        i.state == InstanceState::Running && aws.public_ip(id).is_none()
                    })
                    .map(|(id, _)| id)
                    .collect();
                if let [instance] = without[..] {
                    let words = format!(
                        "Associate the Elastic IP address {name}, {asked}, with {instance}: nothing \
                         has it, and {instance} has no public address."
                    );
                    return Some(Mend::act([associate(name, instance)], words));
                }
            }
            None => {}
        }
        let now: Vec<String> = aws
            .instances
            .keys()
            .filter_map(|id| Some(format!("{id} has {}", aws.public_ip(id)?)))
            .collect();
        let now = match now.is_empty() {
            true => "no instance has a public one".to_owned(),
            false => now.join(", "),
        };
        Some(Mend::say(format!(
            "Nothing has the address {asked}. Ask the one that the instance has now: {now}."
        )))
    }

    /// Nothing that runs has this address of the VPC.
    pub(super) fn nobody_in_vpc(&self) -> Option<Mend> {
        let aws = &self.cloud.aws;
        let vpc = match self.last.kind {
            HopKind::Vpc { vpc, .. } => vpc,
            HopKind::RouteTable { table, .. } => &aws.route_tables.get(table)?.vpc,
            _ => return None,
        };
        let asked = self.packet.destination;
        let instance = aws.instance_at(vpc, asked)?;
        let words = format!("Start {instance}: it has the address {asked}, and is stopped.");
        self.start(instance, words)
    }

    fn start(&self, instance: &InstanceId, words: String) -> Option<Mend> {
        let stopped = self.cloud.aws.instances.get(instance)?.state == InstanceState::Stopped;
        let start = StartInstances {
            instance: instance.clone(),
        };
        stopped.then(|| Mend::act([aws::Action::StartInstances(start)], words))
    }
}

fn associate(address: &AddressId, instance: &InstanceId) -> Action {
    let op = AssociateAddress {
        address: address.clone(),
        instance: instance.clone(),
    };
    aws::Action::AssociateAddress(op).into()
}
