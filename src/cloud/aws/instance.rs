//! Instances, each with one network interface (Amazon EC2 User Guide, "Amazon EC2 instance state
//! changes").

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::refusal::{Outcome, refuse, taken};
use super::*;

impl Aws {
    /// The VPC that an instance lives in.
    pub fn vpc_of(&self, instance: &Instance) -> Option<&VpcId> {
        self.subnets.get(&instance.subnet).map(|subnet| &subnet.vpc)
    }

    /// The instance that has a private address in a VPC, running or not.
    pub fn instance_at(&self, vpc: &VpcId, address: Ipv4Addr) -> Option<&InstanceId> {
        self.instances
            .iter()
            .find(|(_, instance)| {
                instance.private_ip == address && self.vpc_of(instance) == Some(vpc)
            })
            .map(|(name, _)| name)
    }

    pub(super) fn run_instances(&mut self, op: &RunInstances) -> Outcome {
        if self.instances.contains_key(&op.name) {
            return Err(taken("instance", op.name.as_str()));
        }
        self.no_stale_route(&RouteTarget::Instance(op.name.clone()))?;
        let vpc = self.subnet(&op.subnet)?.vpc.clone();
        let security_groups = if op.security_groups.is_empty() {
            BTreeSet::from([vpc.default_security_group()])
        } else {
            self.groups_of_vpc(&op.security_groups, &vpc)?;
            op.security_groups.clone()
        };
        let private_ip = self.private_address(&op.subnet, op.private_ip)?;
        let assigned_public_ip = self.public_address_if(op.public_ip)?;

        let public = assigned_public_ip.map_or_else(String::new, |ip| format!(", public {ip}"));
        let instance = Instance {
            subnet: op.subnet.clone(),
            private_ip,
            auto_public_ip: op.public_ip,
            assigned_public_ip,
            source_dest_check: op.source_dest_check,
            security_groups,
            state: InstanceState::Running,
            boot: 1,
        };
        self.instances.insert(op.name.clone(), instance);
        Ok(vec![op.name.event(format!(
            "running at {private_ip} in the subnet {}{public}",
            op.subnet
        ))])
    }

    /// Refuses groups that don't exist or belong to another VPC.
    fn groups_of_vpc(
        &self,
        groups: &BTreeSet<SecurityGroupId>,
        vpc: &VpcId,
    ) -> Result<(), ApiError> {
        for name in groups {
            let group = self.security_group(name)?;
            if group.vpc != *vpc {
                return refuse(
                    "InvalidParameter",
                    format!(
                        "the security group {name} belongs to the VPC {}, the instance's subnet to the VPC {vpc}; an instance takes groups of its own VPC",
                        group.vpc
                    ),
                );
            }
        }
        Ok(())
    }

    /// The address that was asked for, where it can be had, or else the lowest free one.
    fn private_address(
        &self,
        id: &SubnetId,
        wanted: Option<Ipv4Addr>,
    ) -> Result<Ipv4Addr, ApiError> {
        let subnet = self.subnet(id)?;
        let siblings = || {
            self.instances
                .iter()
                .filter(|(_, instance)| instance.subnet == *id)
        };
        let Some(wanted) = wanted else {
            let used: BTreeSet<Ipv4Addr> =
                siblings().map(|(_, sibling)| sibling.private_ip).collect();
            let free = subnet
                .cidr
                .hosts()
                .find(|address| !subnet.is_reserved(*address) && !used.contains(address));
            return free.ok_or_else(|| {
                ApiError::aws(
                    "InsufficientFreeAddressesInSubnet",
                    format!(
                        "the subnet {id} ({}) has no free address left; terminate an instance, or make another subnet",
                        subnet.cidr
                    ),
                )
            });
        };
        if !subnet.cidr.contains(&wanted) {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "address {wanted} does not fall within the address range {} of the subnet {id}; choose one that does, or none to get one",
                    subnet.cidr
                ),
            );
        }
        if subnet.is_reserved(wanted) {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "address {wanted} is in the reserved address range of the subnet {id}; AWS keeps the first four addresses and the last of {}, so choose another",
                    subnet.cidr
                ),
            );
        }
        match siblings().find(|(_, sibling)| sibling.private_ip == wanted) {
            None => Ok(wanted),
            Some((name, _)) => refuse(
                "InvalidIPAddress.InUse",
                format!("address {wanted} is in use by the instance {name}; choose another"),
            ),
        }
    }

    fn public_address_if(&self, wanted: bool) -> Result<Option<Ipv4Addr>, ApiError> {
        if !wanted {
            return Ok(None);
        }
        let free = self.free_public_address().ok_or_else(|| {
            ApiError::aws(
                "InsufficientAddressCapacity",
                format!(
                    "all public addresses of {ASSIGNED_PUBLIC_ADDRESSES} are assigned; stop an instance first"
                ),
            )
        })?;
        Ok(Some(free))
    }

    /// Nothing happens to an instance that is stopped already, as with the real API.
    pub(super) fn stop_instances(&mut self, op: &StopInstances) -> Outcome {
        let instance = self.instance_mut(&op.instance)?;
        if instance.state == InstanceState::Stopped {
            return Ok(vec![]);
        }
        instance.state = InstanceState::Stopped;
        let mut events = vec![op.instance.event("running → stopped")];
        if let Some(released) = instance.assigned_public_ip.take() {
            events.push(
                op.instance
                    .event(format!("public address {released} released")),
            );
        }
        Ok(events)
    }

    /// Nothing happens to an instance that runs already, as with the real API. An instance with an
    /// Elastic IP address is not assigned another one.
    pub(super) fn start_instances(&mut self, op: &StartInstances) -> Outcome {
        let instance = self.instance(&op.instance)?;
        if instance.state == InstanceState::Running {
            return Ok(vec![]);
        }
        let assigned = self.public_address_if(
            instance.auto_public_ip && self.elastic_ip_of(&op.instance).is_none(),
        )?;
        let instance = self.instance_mut(&op.instance)?;
        instance.state = InstanceState::Running;
        instance.boot += 1;
        instance.assigned_public_ip = assigned;
        let mut events = vec![op.instance.event("stopped → running")];
        if let Some(assigned) = assigned {
            events.push(
                op.instance
                    .event(format!("public address {assigned} assigned")),
            );
        }
        Ok(events)
    }

    pub(super) fn reboot_instances(&mut self, op: &RebootInstances) -> Outcome {
        let instance = self.instance_mut(&op.instance)?;
        if instance.state != InstanceState::Running {
            return refuse(
                "IncorrectInstanceState",
                format!(
                    "the instance {} is stopped and can't be rebooted; start it",
                    op.instance
                ),
            );
        }
        instance.boot += 1;
        Ok(vec![op.instance.event("rebooted")])
    }

    /// Frees the addresses; an Elastic IP address stays allocated.
    pub(super) fn terminate_instances(&mut self, op: &TerminateInstances) -> Outcome {
        self.instance(&op.instance)?;
        let mut events = Vec::new();
        if let Some(address) = self.elastic_ip_of(&op.instance).cloned() {
            self.address_mut(&address)?.instance = None;
            events.push(address.event(format!("disassociated from the instance {}", op.instance)));
        }
        self.instances.remove(&op.instance);
        events.push(op.instance.event("terminated"));
        Ok(events)
    }

    pub(super) fn modify_instance_attribute(&mut self, op: &ModifyInstanceAttribute) -> Outcome {
        let vpc = self.vpc_of(self.instance(&op.instance)?).cloned();
        if op.security_groups.is_none() && op.source_dest_check.is_none() {
            return refuse(
                "MissingParameter",
                format!(
                    "nothing to change at the instance {}; give security_groups or source_dest_check",
                    op.instance
                ),
            );
        }
        if let (Some(groups), Some(vpc)) = (&op.security_groups, &vpc) {
            if groups.is_empty() {
                return refuse(
                    "InvalidParameterValue",
                    format!(
                        "the instance {} needs at least one security group",
                        op.instance
                    ),
                );
            }
            self.groups_of_vpc(groups, vpc)?;
        }
        let instance = self.instance_mut(&op.instance)?;
        let mut events = Vec::new();
        if let Some(groups) = &op.security_groups {
            instance.security_groups = groups.clone();
            let names: Vec<&str> = groups.iter().map(SecurityGroupId::as_str).collect();
            events.push(
                op.instance
                    .event(format!("security groups set to {}", names.join(", "))),
            );
        }
        if let Some(check) = op.source_dest_check {
            instance.source_dest_check = check;
            let state = if check { "on" } else { "off" };
            events.push(
                op.instance
                    .event(format!("source/destination check {state}")),
            );
        }
        Ok(events)
    }
}

impl std::fmt::Display for InstanceState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::Lab;
    use super::*;

    fn server(lab: &Lab) -> &Instance {
        &lab.aws.instances[&InstanceId::new("server")]
    }

    #[test]
    fn the_first_four_addresses_and_the_last_are_not_for_instances() {
        let mut lab = Lab::customer();
        for ip in [
            "10.0.0.0",
            "10.0.0.1",
            "10.0.0.2",
            "10.0.0.3",
            "10.0.0.255",
            "10.0.1.4",
        ] {
            let at = format!("as = \"i\", subnet = \"public\", private_ip = \"{ip}\"");
            assert_eq!(
                lab.code("RunInstances", &at),
                "InvalidParameterValue",
                "{ip}"
            );
        }
        let taken = r#"as = "i", subnet = "public", private_ip = "10.0.0.254""#;
        assert_eq!(lab.code("RunInstances", taken), "InvalidIPAddress.InUse");
        lab.ok("RunInstances", r#"as = "i", subnet = "public""#);
        assert_eq!(
            lab.aws.instances[&InstanceId::new("i")].private_ip,
            Ipv4Addr::new(10, 0, 0, 4)
        );
    }

    #[test]
    fn a_28_holds_eleven_instances() {
        let mut lab = Lab::customer();
        lab.ok(
            "CreateSubnet",
            r#"as = "tiny", vpc = "customer", cidr = "10.0.1.0/28""#,
        );
        for n in 0..11 {
            lab.ok("RunInstances", &format!("as = \"i{n}\", subnet = \"tiny\""));
        }
        let one_more = r#"as = "i11", subnet = "tiny""#;
        assert_eq!(
            lab.code("RunInstances", one_more),
            "InsufficientFreeAddressesInSubnet"
        );
        lab.ok("StopInstances", r#"instance = "i3""#);
        assert_eq!(
            lab.code("RunInstances", one_more),
            "InsufficientFreeAddressesInSubnet"
        );
        lab.ok("TerminateInstances", r#"instance = "i3""#);
        lab.ok("RunInstances", one_more);
    }

    #[test]
    fn stopping_gives_the_public_address_back_and_rebooting_does_not() {
        let mut lab = Lab::customer();
        let it = r#"instance = "server""#;
        let public = server(&lab).assigned_public_ip;
        assert_eq!(public, Some(Ipv4Addr::new(203, 0, 113, 1)));
        lab.ok("RebootInstances", it);
        assert_eq!(
            (server(&lab).boot, server(&lab).assigned_public_ip),
            (2, public)
        );
        lab.ok("StopInstances", it);
        assert_eq!(
            (server(&lab).boot, server(&lab).assigned_public_ip),
            (2, None)
        );
        assert_eq!(lab.code("RebootInstances", it), "IncorrectInstanceState");
        assert_eq!(lab.ok("StopInstances", it), [""; 0]);
        lab.ok(
            "RunInstances",
            r#"as = "quicker", subnet = "public", public_ip = true"#,
        );
        lab.ok("StartInstances", it);
        assert_eq!(server(&lab).boot, 3);
        assert_eq!(
            server(&lab).assigned_public_ip,
            Some(Ipv4Addr::new(203, 0, 113, 2))
        );
    }

    #[test]
    fn an_instance_takes_groups_of_its_own_vpc_and_at_least_one() {
        let mut lab = Lab::with_peering();
        lab.ok("RunInstances", r#"as = "plain", subnet = "public""#);
        let plain = &lab.aws.instances[&InstanceId::new("plain")];
        assert_eq!(
            plain.security_groups,
            BTreeSet::from([SecurityGroupId::new("customer-default")])
        );
        let set = |groups: &str| format!("instance = \"plain\", security_groups = [{groups}]");
        assert_eq!(
            lab.code("ModifyInstanceAttribute", &set("\"other-default\"")),
            "InvalidParameter"
        );
        assert_eq!(
            lab.code("ModifyInstanceAttribute", &set("")),
            "InvalidParameterValue"
        );
        assert_eq!(
            lab.code("ModifyInstanceAttribute", &set("\"wep\"")),
            "InvalidGroup.NotFound"
        );
        assert_eq!(
            lab.code("ModifyInstanceAttribute", r#"instance = "plain""#),
            "MissingParameter"
        );
        lab.ok(
            "ModifyInstanceAttribute",
            r#"instance = "plain", source_dest_check = false"#,
        );
    }
}
