//! What `${…}` in a scenario can read of a resource.

use std::collections::BTreeMap;

use super::*;
use crate::cloud::service_id;

/// A resource's attributes by name, each a list; what is one value is a list of one, and what is absent
/// is an empty one.
pub type Attributes = BTreeMap<&'static str, Vec<String>>;

fn one(value: impl ToString) -> Vec<String> {
    vec![value.to_string()]
}

fn all<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

impl Aws {
    /// The resources of a name, each with its kind and its attributes. Transit Gateway attachments are
    /// for SORACOM's side to describe, which knows whose they are.
    ///
    /// | kind | attributes |
    /// |---|---|
    /// | `vpc` | `id`, `account`, `region`, `cidr` (all ranges, the primary first) |
    /// | `subnet` | `id`, `vpc`, `cidr`, `route_table`, `network_acl`, `router` |
    /// | `internet_gateway` | `id`, `vpc` |
    /// | `route_table` | `id`, `vpc`, `destination` |
    /// | `security_group` | `id`, `vpc`, `ingress`, `egress` |
    /// | `network_acl` | `id`, `vpc`, `ingress`, `egress` |
    /// | `instance` | `id`, `subnet`, `private_ip`, `public_ip`, `state`, `security_groups` |
    /// | `address` | `id`, `public_ip`, `instance` |
    /// | `peering` | `id`, `status`, `status_message`, `requester`, `accepter` |
    pub fn values(&self, name: &str) -> Vec<(&'static str, Attributes)> {
        [
            ("vpc", self.vpc_values(name)),
            ("subnet", self.subnet_values(name)),
            ("internet_gateway", self.internet_gateway_values(name)),
            ("route_table", self.route_table_values(name)),
            ("security_group", self.security_group_values(name)),
            ("network_acl", self.network_acl_values(name)),
            ("instance", self.instance_values(name)),
            ("address", self.address_values(name)),
            ("peering", self.peering_values(name)),
        ]
        .into_iter()
        .filter_map(|(kind, values)| Some((kind, values?)))
        .collect()
    }

    fn vpc_values(&self, name: &str) -> Option<Attributes> {
        let vpc = self.vpcs.get(&VpcId::new(name))?;
        Some(BTreeMap::from([
            ("id", one(service_id("vpc-0", name, 16))),
            ("account", one(&vpc.account)),
            ("region", one(&vpc.region)),
            ("cidr", all(&vpc.cidrs)),
        ]))
    }

    fn subnet_values(&self, name: &str) -> Option<Attributes> {
        let subnet = self.subnets.get(&SubnetId::new(name))?;
        Some(BTreeMap::from([
            ("id", one(service_id("subnet-0", name, 16))),
            ("vpc", one(&subnet.vpc)),
            ("cidr", one(subnet.cidr)),
            ("route_table", one(subnet.effective_route_table())),
            ("network_acl", one(&subnet.network_acl)),
            ("router", one(subnet.router())),
        ]))
    }

    fn internet_gateway_values(&self, name: &str) -> Option<Attributes> {
        let gateway = self.internet_gateways.get(&InternetGatewayId::new(name))?;
        Some(BTreeMap::from([
            ("id", one(service_id("igw-0", name, 16))),
            ("vpc", all(&gateway.vpc)),
        ]))
    }

    fn route_table_values(&self, name: &str) -> Option<Attributes> {
        let table = self.route_tables.get(&RouteTableId::new(name))?;
        Some(BTreeMap::from([
            ("id", one(service_id("rtb-0", name, 16))),
            ("vpc", one(&table.vpc)),
            ("destination", all(table.routes.keys())),
        ]))
    }

    fn security_group_values(&self, name: &str) -> Option<Attributes> {
        let group = self.security_groups.get(&SecurityGroupId::new(name))?;
        let rules = |egress| all(group.rules(egress).iter().map(|rule| rule.sentence(egress)));
        Some(BTreeMap::from([
            ("id", one(service_id("sg-0", name, 16))),
            ("vpc", one(&group.vpc)),
            ("ingress", rules(false)),
            ("egress", rules(true)),
        ]))
    }

    fn network_acl_values(&self, name: &str) -> Option<Attributes> {
        let acl = self.network_acls.get(&NetworkAclId::new(name))?;
        let entries = |egress| {
            let entries = acl.entries(egress).iter();
            all(entries.map(|(number, entry)| format!("{number} {entry}")))
        };
        Some(BTreeMap::from([
            ("id", one(service_id("acl-0", name, 16))),
            ("vpc", one(&acl.vpc)),
            ("ingress", entries(false)),
            ("egress", entries(true)),
        ]))
    }

    fn instance_values(&self, name: &str) -> Option<Attributes> {
        let id = InstanceId::new(name);
        let instance = self.instances.get(&id)?;
        Some(BTreeMap::from([
            ("id", one(service_id("i-0", name, 16))),
            ("subnet", one(&instance.subnet)),
            ("private_ip", one(instance.private_ip)),
            ("public_ip", all(self.public_ip(&id))),
            ("state", one(instance.state)),
            ("security_groups", all(&instance.security_groups)),
        ]))
    }

    fn address_values(&self, name: &str) -> Option<Attributes> {
        let address = self.addresses.get(&AddressId::new(name))?;
        Some(BTreeMap::from([
            ("id", one(service_id("eipalloc-0", name, 16))),
            ("public_ip", one(address.public_ip)),
            ("instance", all(&address.instance)),
        ]))
    }

    fn peering_values(&self, name: &str) -> Option<Attributes> {
        let peering = self.peerings.get(&PeeringId::new(name))?;
        Some(BTreeMap::from([
            ("id", one(service_id("pcx-0", name, 16))),
            ("status", one(peering.status)),
            ("status_message", one(&peering.status_message)),
            ("requester", one(&peering.requester.vpc)),
            ("accepter", one(&peering.accepter.vpc)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::Lab;

    fn read(lab: &Lab, name: &str, kind: &str, attribute: &str) -> Vec<String> {
        let found = lab.aws.values(name);
        let values = found.iter().find(|(found, _)| *found == kind);
        values.map_or_else(Vec::new, |(_, values)| values[attribute].clone())
    }

    #[test]
    fn attributes_read_as_the_services_show_them() {
        let mut lab = Lab::with_peering();
        assert_eq!(
            read(&lab, "server", "instance", "private_ip"),
            ["10.0.0.254"]
        );
        assert_eq!(
            read(&lab, "server", "instance", "public_ip"),
            ["203.0.113.1"]
        );
        assert_eq!(read(&lab, "server", "instance", "state"), ["running"]);
        assert_eq!(read(&lab, "public", "subnet", "cidr"), ["10.0.0.0/24"]);
        assert_eq!(
            read(&lab, "pcx", "peering", "status"),
            ["pending-acceptance"]
        );
        lab.ok(
            "AssociateVpcCidrBlock",
            r#"vpc = "other", cidr = "10.7.0.0/16""#,
        );
        assert_eq!(
            read(&lab, "other", "vpc", "cidr"),
            ["10.1.0.0/16", "10.7.0.0/16"]
        );
        let id = &read(&lab, "customer", "vpc", "id")[0];
        assert!(id.starts_with("vpc-0") && id.len() == "vpc-0123456789abcdef0".len());
        lab.ok("StopInstances", r#"instance = "server""#);
        assert_eq!(read(&lab, "server", "instance", "public_ip"), [""; 0]);
    }

    #[test]
    fn one_name_may_be_several_kinds() {
        let lab = Lab::customer();
        let kinds: Vec<&str> = lab
            .aws
            .values("public")
            .iter()
            .map(|(kind, _)| *kind)
            .collect();
        assert_eq!(kinds, ["subnet", "route_table"]);
        assert!(
            lab.aws
                .names()
                .any(|name| name == ("subnet", "public".to_owned()))
        );
    }
}
