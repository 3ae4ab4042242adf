//! Subnets (Amazon VPC User Guide, "Subnet CIDR blocks").

use std::net::Ipv4Addr;

use super::refusal::{Outcome, list, refuse, taken};
use super::vpc::{overlap, without_host_bits};
use super::*;

impl Subnet {
    /// Whether nobody can have the address: the first four and the last of a subnet's range are AWS's
    /// (Amazon VPC User Guide, "Subnet sizing for IPv4").
    pub fn is_reserved(&self, address: Ipv4Addr) -> bool {
        let offset = u32::from(address).wrapping_sub(u32::from(self.cidr.network()));
        self.cidr.contains(&address) && (offset < 4 || address == self.cidr.broadcast())
    }

    /// The address of the VPC's router in this subnet.
    pub fn router(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.cidr.network()) + 1)
    }
}

impl Aws {
    pub(super) fn create_subnet(&mut self, op: &CreateSubnet) -> Outcome {
        if self.subnets.contains_key(&op.name) {
            return Err(taken("subnet", op.name.as_str()));
        }
        let vpc = self.vpc(&op.vpc)?;
        without_host_bits("subnet", op.cidr)?;
        if !(16..=28).contains(&op.cidr.prefix_len()) {
            return refuse(
                "InvalidSubnet.Range",
                format!(
                    "{} can't be a subnet's range: choose a size between /16 and /28",
                    op.cidr
                ),
            );
        }
        if !vpc.cidrs.iter().any(|range| range.contains(&op.cidr)) {
            let ranges: Vec<String> = vpc.cidrs.iter().map(ToString::to_string).collect();
            return refuse(
                "InvalidSubnet.Range",
                format!(
                    "{} does not lie in the VPC {}, which has {}; choose a range within that",
                    op.cidr,
                    op.vpc,
                    ranges.join(", ")
                ),
            );
        }
        let sibling = self
            .subnets
            .iter()
            .find(|(_, subnet)| subnet.vpc == op.vpc && overlap(&subnet.cidr, &op.cidr));
        if let Some((name, subnet)) = sibling {
            return refuse(
                "InvalidSubnet.Conflict",
                format!(
                    "{} conflicts with {} of the subnet {name}; choose a range that no subnet of the VPC has",
                    op.cidr, subnet.cidr
                ),
            );
        }
        let subnet = Subnet {
            vpc: op.vpc.clone(),
            cidr: op.cidr,
            route_table: None,
            network_acl: op.vpc.default_network_acl(),
        };
        self.subnets.insert(op.name.clone(), subnet);
        Ok(vec![op.name.event(format!(
            "created with {} in the VPC {}",
            op.cidr, op.vpc
        ))])
    }

    pub(super) fn delete_subnet(&mut self, op: &DeleteSubnet) -> Outcome {
        self.subnet(&op.subnet)?;
        let instances: Vec<&str> = self
            .instances
            .iter()
            .filter(|(_, instance)| instance.subnet == op.subnet)
            .map(|(name, _)| name.as_str())
            .collect();
        if !instances.is_empty() {
            return refuse(
                "DependencyViolation",
                format!(
                    "the subnet {} has dependencies and can't be deleted; terminate {} first",
                    op.subnet,
                    list(&instances)
                ),
            );
        }
        self.subnets.remove(&op.subnet);
        Ok(vec![op.subnet.event("deleted")])
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::Lab;

    #[test]
    fn a_subnet_lies_inside_its_vpc_and_beside_its_siblings() {
        let mut lab = Lab::customer();
        let mut code = |cidr: &str| {
            lab.code(
                "CreateSubnet",
                &format!("as = \"s\", vpc = \"customer\", cidr = \"{cidr}\""),
            )
        };
        assert_eq!(code("10.0.0.0/25"), "InvalidSubnet.Conflict");
        assert_eq!(code("10.0.0.0/16"), "InvalidSubnet.Conflict");
        assert_eq!(code("10.1.0.0/24"), "InvalidSubnet.Range");
        assert_eq!(code("10.0.1.0/29"), "InvalidSubnet.Range");
        assert_eq!(code("10.0.0.0/15"), "InvalidSubnet.Range");
        assert_eq!(code("10.0.1.5/24"), "InvalidParameterValue");
        let unknown = lab.refused(
            "CreateSubnet",
            r#"as = "s", vpc = "custmer", cidr = "10.0.1.0/24""#,
        );
        assert_eq!(
            unknown.to_string(),
            "InvalidVpcID.NotFound: the VPC \"custmer\" does not exist; did you mean \"customer\"?"
        );
    }

    #[test]
    fn a_subnet_with_instances_stays() {
        let mut lab = Lab::customer();
        assert_eq!(
            lab.code("DeleteSubnet", r#"subnet = "public""#),
            "DependencyViolation"
        );
        lab.ok("TerminateInstances", r#"instance = "server""#);
        lab.ok("DeleteSubnet", r#"subnet = "public""#);
    }
}
