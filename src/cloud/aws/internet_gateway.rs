//! Internet gateways (Amazon VPC User Guide, "Enable internet access for a VPC using an internet
//! gateway").

use super::refusal::{Outcome, list, refuse, taken};
use super::*;

impl Aws {
    /// The internet gateway that is attached to a VPC; it has one at most.
    pub fn internet_gateway_of(&self, vpc: &VpcId) -> Option<&InternetGatewayId> {
        self.internet_gateways
            .iter()
            .find(|(_, gateway)| gateway.vpc.as_ref() == Some(vpc))
            .map(|(name, _)| name)
    }

    pub(super) fn create_internet_gateway(&mut self, op: &CreateInternetGateway) -> Outcome {
        if self.internet_gateways.contains_key(&op.name) {
            return Err(taken("internet gateway", op.name.as_str()));
        }
        self.no_stale_route(&RouteTarget::InternetGateway(op.name.clone()))?;
        self.internet_gateways
            .insert(op.name.clone(), InternetGateway { vpc: None });
        Ok(vec![op.name.event("created, detached")])
    }

    pub(super) fn attach_internet_gateway(&mut self, op: &AttachInternetGateway) -> Outcome {
        let gateway = self.internet_gateway(&op.internet_gateway)?;
        self.vpc(&op.vpc)?;
        if let Some(vpc) = &gateway.vpc {
            return refuse(
                "Resource.AlreadyAssociated",
                format!(
                    "the internet gateway {} is attached to the VPC {vpc} already; detach it first",
                    op.internet_gateway
                ),
            );
        }
        if let Some(other) = self.internet_gateway_of(&op.vpc) {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "the VPC {} has the internet gateway {other} attached already, and can have one only",
                    op.vpc
                ),
            );
        }
        self.internet_gateway_mut(&op.internet_gateway)?.vpc = Some(op.vpc.clone());
        Ok(vec![
            op.internet_gateway
                .event(format!("attached to the VPC {}", op.vpc)),
        ])
    }

    /// Refused while an instance that runs in the VPC has a public address, assigned or Elastic (Amazon
    /// EC2 API Reference, `DetachInternetGateway`).
    pub(super) fn detach_internet_gateway(&mut self, op: &DetachInternetGateway) -> Outcome {
        let gateway = self.internet_gateway(&op.internet_gateway)?;
        self.vpc(&op.vpc)?;
        if gateway.vpc.as_ref() != Some(&op.vpc) {
            let place = gateway
                .vpc
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), |vpc| format!("the VPC {vpc}"));
            return refuse(
                "Gateway.NotAttached",
                format!(
                    "the internet gateway {} is not attached to the VPC {}, but to {place}",
                    op.internet_gateway, op.vpc
                ),
            );
        }
        let public: Vec<&str> = self
            .instances
            .iter()
            .filter(|(name, instance)| {
                instance.state == InstanceState::Running
                    && self.vpc_of(instance) == Some(&op.vpc)
                    && self.public_ip(name).is_some()
            })
            .map(|(name, _)| name.as_str())
            .collect();
        if !public.is_empty() {
            return refuse(
                "DependencyViolation",
                format!(
                    "the VPC {} has mapped public addresses; stop {}, or take the addresses away, before the gateway is detached",
                    op.vpc,
                    list(&public)
                ),
            );
        }
        self.internet_gateway_mut(&op.internet_gateway)?.vpc = None;
        Ok(vec![
            op.internet_gateway
                .event(format!("detached from the VPC {}", op.vpc)),
        ])
    }

    pub(super) fn delete_internet_gateway(&mut self, op: &DeleteInternetGateway) -> Outcome {
        let gateway = self.internet_gateway(&op.internet_gateway)?;
        if let Some(vpc) = &gateway.vpc {
            return refuse(
                "DependencyViolation",
                format!(
                    "the internet gateway {} is attached to the VPC {vpc} and can't be deleted; detach it first",
                    op.internet_gateway
                ),
            );
        }
        self.internet_gateways.remove(&op.internet_gateway);
        Ok(vec![op.internet_gateway.event("deleted")])
    }
}
