//! Elastic IP addresses (Amazon EC2 User Guide, "Elastic IP addresses").

use super::refusal::{Outcome, refuse, taken};
use super::*;

impl Aws {
    pub(super) fn allocate_address(&mut self, op: &AllocateAddress) -> Outcome {
        if self.addresses.contains_key(&op.name) {
            return Err(taken("Elastic IP address", op.name.as_str()));
        }
        let Some(public_ip) = self.free_elastic_address() else {
            return refuse(
                "AddressLimitExceeded",
                format!(
                    "all Elastic IP addresses of {ELASTIC_ADDRESSES} are allocated; release one first"
                ),
            );
        };
        let address = Address {
            public_ip,
            instance: None,
        };
        self.addresses.insert(op.name.clone(), address);
        Ok(vec![op.name.event(format!("{public_ip} allocated"))])
    }

    /// The address moves if another instance has it, and takes the place of any other Elastic IP address
    /// of the instance, which stays allocated (Amazon EC2 API Reference, `AssociateAddress`); the
    /// address that AWS assigned is released for good (EC2 User Guide, "Public IPv4 addresses"). The
    /// VPC needs an internet gateway (API Reference, "Error codes", `Gateway.NotAttached`).
    pub(super) fn associate_address(&mut self, op: &AssociateAddress) -> Outcome {
        let former = self.address(&op.address)?.instance.clone();
        let instance = self.instance(&op.instance)?;
        let vpc = self.vpc_of(instance);
        if let Some(vpc) = vpc
            && self.internet_gateway_of(vpc).is_none()
        {
            return refuse(
                "Gateway.NotAttached",
                format!(
                    "the VPC {vpc} of the instance {} has no internet gateway; attach one before the Elastic IP address {} is associated",
                    op.instance, op.address
                ),
            );
        }
        if former.as_ref() == Some(&op.instance) {
            return Ok(vec![]);
        }

        let mut events = Vec::new();
        if let Some(other) = self.elastic_ip_of(&op.instance).cloned() {
            self.address_mut(&other)?.instance = None;
            events.push(other.event(format!("disassociated from the instance {}", op.instance)));
        }
        if let Some(released) = self.instance_mut(&op.instance)?.assigned_public_ip.take() {
            events.push(
                op.instance
                    .event(format!("public address {released} released")),
            );
        }
        let address = self.address_mut(&op.address)?;
        address.instance = Some(op.instance.clone());
        events.push(op.address.event(format!(
            "{} associated with the instance {}",
            address.public_ip, op.instance
        )));
        if let Some(former) = former {
            events.extend(self.assign_public_ip(&former));
        }
        Ok(events)
    }

    /// Nothing happens to an address that is not associated: the operation is idempotent (Amazon EC2 API
    /// Reference, `DisassociateAddress`).
    pub(super) fn disassociate_address(&mut self, op: &DisassociateAddress) -> Outcome {
        let Some(instance) = self.address_mut(&op.address)?.instance.take() else {
            return Ok(vec![]);
        };
        let mut events = vec![
            op.address
                .event(format!("disassociated from the instance {instance}")),
        ];
        events.extend(self.assign_public_ip(&instance));
        Ok(events)
    }

    /// An instance that loses its Elastic IP address is assigned a new public address (Amazon EC2 User
    /// Guide, "Public IPv4 addresses"), provided that it was launched to have one, runs, and one is left.
    /// The guide's exceptions concern instances with several interfaces or addresses.
    fn assign_public_ip(&mut self, id: &InstanceId) -> Option<Event> {
        let free = self.free_public_address()?;
        let instance = self.instances.get_mut(id)?;
        if !instance.auto_public_ip
            || instance.state != InstanceState::Running
            || instance.assigned_public_ip.is_some()
        {
            return None;
        }
        instance.assigned_public_ip = Some(free);
        Some(id.event(format!("public address {free} assigned")))
    }

    pub(super) fn release_address(&mut self, op: &ReleaseAddress) -> Outcome {
        let address = self.address(&op.address)?;
        if let Some(instance) = &address.instance {
            return refuse(
                "InvalidIPAddress.InUse",
                format!(
                    "the Elastic IP address {} is associated with the instance {instance}; disassociate it first",
                    op.address
                ),
            );
        }
        let event = op.address.event(format!("{} released", address.public_ip));
        self.addresses.remove(&op.address);
        Ok(vec![event])
    }
}
