//! VPCs and their ranges (Amazon VPC User Guide, "VPC CIDR blocks").

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::refusal::{Outcome, list, refuse, taken};
use super::*;

/// What a VPC's range must keep away from (Amazon VPC User Guide, "VPC CIDR blocks").
const RESERVED: [Ipv4Net; 4] = [
    Ipv4Net::new_assert(Ipv4Addr::new(0, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4),
];

/// Whether two ranges have an address in common.
pub(super) fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(b) || b.contains(a)
}

/// Refuses a range with host bits. The EC2 API would cut them off without a word (API Reference,
/// `CreateSubnet`, `CidrBlock`); as they are a slip of the pen nearly always, the range is not made.
pub(super) fn without_host_bits(kind: &str, cidr: Ipv4Net) -> Result<(), ApiError> {
    if cidr.addr() == cidr.network() {
        return Ok(());
    }
    refuse(
        "InvalidParameterValue",
        format!(
            "{cidr} is not a {kind} range: it has host bits; the range that holds it is {}",
            cidr.trunc()
        ),
    )
}

fn check_range(cidr: Ipv4Net) -> Result<(), ApiError> {
    without_host_bits("VPC", cidr)?;
    if !(16..=28).contains(&cidr.prefix_len()) {
        return refuse(
            "InvalidVpc.Range",
            format!("{cidr} can't be a VPC's range: choose a size between /16 and /28"),
        );
    }
    if let Some(reserved) = RESERVED.iter().find(|reserved| overlap(reserved, &cidr)) {
        return refuse(
            "InvalidVpc.Range",
            format!("{cidr} can't be a VPC's range: {reserved} is reserved; take one of RFC 1918"),
        );
    }
    Ok(())
}

impl Vpc {
    /// The range of the VPC that holds the address.
    pub fn range_of(&self, address: Ipv4Addr) -> Option<Ipv4Net> {
        self.cidrs
            .iter()
            .copied()
            .find(|cidr| cidr.contains(&address))
    }
}

impl Aws {
    pub(super) fn create_vpc(&mut self, op: &CreateVpc) -> Outcome {
        let id = &op.name;
        if self.vpcs.contains_key(id) {
            return Err(taken("VPC", id.as_str()));
        }
        if id.is_soracom() {
            return refuse(
                "InvalidParameterValue",
                format!("names with \"vpg:\" before them, as {id:?}, are those of SORACOM's VPCs"),
            );
        }
        check_range(op.cidr)?;
        let (table, group, acl) = (
            id.main_route_table(),
            id.default_security_group(),
            id.default_network_acl(),
        );
        if self.route_tables.contains_key(&table) {
            return Err(taken("route table", table.as_str()));
        }
        self.group_name_is_free(&group)?;
        if self.network_acls.contains_key(&acl) {
            return Err(taken("network ACL", acl.as_str()));
        }

        let vpc = Vpc {
            account: op.account.clone(),
            region: op
                .region
                .clone()
                .unwrap_or_else(|| "ap-northeast-1".to_owned()),
            cidrs: vec![op.cidr],
        };
        self.vpcs.insert(id.clone(), vpc);
        self.route_tables.insert(
            table,
            RouteTable {
                vpc: id.clone(),
                routes: BTreeMap::new(),
            },
        );
        self.security_groups
            .insert(group, SecurityGroup::default_of(id));
        self.network_acls.insert(acl, NetworkAcl::default_of(id));
        Ok(vec![id.event(format!("created with {}", op.cidr))])
    }

    pub(super) fn delete_vpc(&mut self, op: &DeleteVpc) -> Outcome {
        let id = &op.vpc;
        self.vpc(id)?;
        let users = self.users_of_vpc(id);
        if !users.is_empty() {
            return refuse(
                "DependencyViolation",
                format!(
                    "the VPC {id} has dependencies and can't be deleted; remove {} first",
                    users.join(", ")
                ),
            );
        }
        self.vpcs.remove(id);
        self.route_tables.remove(&id.main_route_table());
        self.security_groups.remove(&id.default_security_group());
        self.network_acls.remove(&id.default_network_acl());
        Ok(vec![id.event("deleted")])
    }

    /// What keeps a VPC from being deleted.
    fn users_of_vpc(&self, id: &VpcId) -> Vec<String> {
        let subnets = self.subnets.iter().filter(|(_, subnet)| subnet.vpc == *id);
        let gateways = self
            .internet_gateways
            .iter()
            .filter(|(_, gateway)| gateway.vpc.as_ref() == Some(id));
        let tables = self
            .route_tables
            .iter()
            .filter(|(name, table)| table.vpc == *id && **name != id.main_route_table());
        let groups = self
            .security_groups
            .iter()
            .filter(|(name, group)| group.vpc == *id && **name != id.default_security_group());
        let acls = self
            .network_acls
            .iter()
            .filter(|(name, acl)| acl.vpc == *id && **name != id.default_network_acl());
        let peerings = self
            .peerings
            .iter()
            .filter(|(_, peering)| peering.is_live() && peering.side_of(id).is_some());
        let attachments = self
            .attachments
            .iter()
            .filter(|(_, attachment)| attachment.vpc == *id);
        subnets
            .map(|(name, _)| format!("the subnet {name}"))
            .chain(gateways.map(|(name, _)| format!("the internet gateway {name}")))
            .chain(tables.map(|(name, _)| format!("the route table {name}")))
            .chain(groups.map(|(name, _)| format!("the security group {name}")))
            .chain(acls.map(|(name, _)| format!("the network ACL {name}")))
            .chain(peerings.map(|(name, _)| format!("the peering {name}")))
            .chain(attachments.map(|(name, _)| format!("the Transit Gateway attachment {name}")))
            .collect()
    }

    pub(super) fn associate_vpc_cidr_block(&mut self, op: &AssociateVpcCidrBlock) -> Outcome {
        let id = &op.vpc;
        let vpc = self.vpc(id)?;
        check_range(op.cidr)?;
        if let Some(other) = vpc.cidrs.iter().find(|other| overlap(other, &op.cidr)) {
            return refuse(
                "InvalidVpc.Range",
                format!(
                    "{} overlaps {other}, which the VPC {id} has already; choose another range",
                    op.cidr
                ),
            );
        }
        self.no_route_inside(id, op.cidr)?;
        let failing = self.peerings_against_range(id, op.cidr)?;

        self.vpc_mut(id)?.cidrs.push(op.cidr);
        let mut events = vec![id.event(format!("range {} associated", op.cidr))];
        for side in self.live_sides_mut(id) {
            side.cidrs.push(op.cidr);
        }
        for (peering, why) in failing {
            events.extend(self.fail_peering(&peering, why));
        }
        Ok(events)
    }

    /// A VPC's range must not be as large as, or larger than, the destination of a route in one of its
    /// tables (Amazon VPC User Guide, "VPC CIDR blocks"): the route could never count again.
    fn no_route_inside(&self, id: &VpcId, cidr: Ipv4Net) -> Result<(), ApiError> {
        let tables = self
            .route_tables
            .iter()
            .filter(|(_, table)| table.vpc == *id);
        for (name, table) in tables {
            if let Some(route) = table.routes.keys().find(|route| cidr.contains(*route)) {
                return refuse(
                    "InvalidVpc.Range",
                    format!(
                        "{cidr} holds {route}, to which the route table {name} has a route; delete that first"
                    ),
                );
            }
        }
        Ok(())
    }

    pub(super) fn disassociate_vpc_cidr_block(&mut self, op: &DisassociateVpcCidrBlock) -> Outcome {
        let id = &op.vpc;
        let vpc = self.vpc(id)?;
        if !vpc.cidrs.contains(&op.cidr) {
            let ranges: Vec<String> = vpc.cidrs.iter().map(Ipv4Net::to_string).collect();
            return refuse(
                "InvalidVpcCidrBlockAssociationID.NotFound",
                format!(
                    "{} is no range of the VPC {id}, which has {}",
                    op.cidr,
                    ranges.join(", ")
                ),
            );
        }
        if vpc.cidrs.first() == Some(&op.cidr) {
            return refuse(
                "OperationNotPermitted",
                format!(
                    "{} is the primary range of the VPC {id}, which stays until the VPC is deleted",
                    op.cidr
                ),
            );
        }
        let inside: Vec<&str> = self
            .subnets
            .iter()
            .filter(|(_, subnet)| subnet.vpc == *id && op.cidr.contains(&subnet.cidr))
            .map(|(name, _)| name.as_str())
            .collect();
        if !inside.is_empty() {
            return refuse(
                "DependencyViolation",
                format!(
                    "{} of the VPC {id} is in use; delete its subnets {} first",
                    op.cidr,
                    list(&inside)
                ),
            );
        }
        self.vpc_mut(id)?.cidrs.retain(|cidr| *cidr != op.cidr);
        for side in self.live_sides_mut(id) {
            side.cidrs.retain(|cidr| *cidr != op.cidr);
        }
        Ok(vec![id.event(format!("range {} disassociated", op.cidr))])
    }
}

impl VpcId {
    /// Whether it is one of SORACOM's VPCs, behind a VPG.
    pub fn is_soracom(&self) -> bool {
        self.as_str().starts_with("vpg:")
    }
}

impl SecurityGroup {
    /// The group that comes with a VPC: its members may reach each other, and everything outside
    /// (Amazon VPC User Guide, "Default security groups for your VPCs").
    fn default_of(vpc: &VpcId) -> Self {
        let own = SecurityGroupRule::all(RulePeer::Group(vpc.default_security_group()));
        Self {
            vpc: vpc.clone(),
            ingress: BTreeSet::from([own]),
            egress: BTreeSet::from([SecurityGroupRule::all_everywhere()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::Lab;
    use super::*;

    #[test]
    fn a_vpc_comes_with_a_main_table_a_default_group_and_a_default_acl() {
        let lab = Lab::customer();
        let id = VpcId::new("customer");
        assert!(lab.aws.route_tables.contains_key(&id.main_route_table()));
        let group = &lab.aws.security_groups[&id.default_security_group()];
        let lines = |egress| {
            group
                .rules(egress)
                .iter()
                .map(|rule| rule.sentence(egress))
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(false), ["all traffic from customer-default"]);
        assert_eq!(lines(true), ["all traffic to 0.0.0.0/0"]);
        let acl = &lab.aws.network_acls[&id.default_network_acl()];
        assert_eq!(acl.ingress[&100].to_string(), "allow all traffic 0.0.0.0/0");
    }

    #[test]
    fn a_vpc_is_between_a_16_and_a_28() {
        let mut lab = Lab::default();
        let mut code =
            |cidr: &str| lab.code("CreateVpc", &format!("as = \"v\", cidr = \"{cidr}\""));
        assert_eq!(code("10.0.0.0/15"), "InvalidVpc.Range");
        assert_eq!(code("10.0.0.0/29"), "InvalidVpc.Range");
        assert_eq!(code("169.254.0.0/16"), "InvalidVpc.Range");
        assert_eq!(code("10.0.0.1/16"), "InvalidParameterValue");
        lab.ok("CreateVpc", r#"as = "large", cidr = "10.0.0.0/16""#);
        lab.ok("CreateVpc", r#"as = "small", cidr = "10.0.0.0/28""#);
    }

    #[test]
    fn further_ranges_must_not_overlap_nor_swallow_a_route() {
        let mut lab = Lab::customer();
        let associate = |cidr: &str| format!("vpc = \"customer\", cidr = \"{cidr}\"");
        assert_eq!(
            lab.code("AssociateVpcCidrBlock", &associate("10.0.128.0/24")),
            "InvalidVpc.Range"
        );
        lab.ok("AssociateVpcCidrBlock", &associate("10.1.0.0/16"));
        lab.ok(
            "CreateRoute",
            r#"route_table = "public", destination = "10.2.3.0/24", target = "server""#,
        );
        assert_eq!(
            lab.code("AssociateVpcCidrBlock", &associate("10.2.0.0/16")),
            "InvalidVpc.Range"
        );
        lab.ok("AssociateVpcCidrBlock", &associate("10.2.3.0/25"));
        lab.ok(
            "CreateSubnet",
            r#"as = "second", vpc = "customer", cidr = "10.1.0.0/24""#,
        );
        let gone = |lab: &mut Lab, cidr| lab.code("DisassociateVpcCidrBlock", &associate(cidr));
        assert_eq!(gone(&mut lab, "10.1.0.0/16"), "DependencyViolation");
        assert_eq!(gone(&mut lab, "10.0.0.0/16"), "OperationNotPermitted");
        assert_eq!(
            gone(&mut lab, "10.9.0.0/16"),
            "InvalidVpcCidrBlockAssociationID.NotFound"
        );
        lab.ok("DeleteSubnet", r#"subnet = "second""#);
        lab.ok("DisassociateVpcCidrBlock", &associate("10.1.0.0/16"));
    }

    #[test]
    fn a_vpc_in_use_stays_and_says_what_uses_it() {
        let mut lab = Lab::with_peering();
        let error = lab.refused("DeleteVpc", r#"vpc = "customer""#);
        assert_eq!(error.code, "DependencyViolation");
        for part in [
            "subnet public",
            "gateway",
            "route table public",
            "web",
            "pcx",
        ] {
            assert!(error.message.contains(part), "{error}");
        }
        lab.ok("DeleteVpcPeeringConnection", r#"peering = "pcx""#);
        lab.ok("DeleteVpc", r#"vpc = "other""#);
        assert!(!lab.aws.names().any(|(_, name)| name.starts_with("other")));
    }
}
