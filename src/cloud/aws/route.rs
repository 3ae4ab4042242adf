//! Routes: making them, and choosing among them (Amazon VPC User Guide, "Configure route tables" and
//! "Route priority").

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::refusal::{Outcome, refuse, unknown};
use super::*;

/// Where a subnet's route table sends a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteChoice {
    /// Within the VPC, by the local route for this range.
    Local(Ipv4Net),
    /// To a target.
    Route {
        /// The table that has the route.
        table: RouteTableId,
        /// The route's destination.
        prefix: Ipv4Net,
        /// Its target.
        target: RouteTarget,
        /// Whether the target is available.
        state: RouteState,
    },
    /// No route matches.
    None,
}

impl Aws {
    /// Whether a route of a table of `table_vpc` leads to something that can carry packets. If not, it
    /// is a blackhole: what it matches is dropped, never sent by another route (Amazon VPC User Guide,
    /// "Route table concepts"; VPC Peering Guide, "Update your route tables").
    pub fn route_state(&self, table_vpc: &VpcId, target: &RouteTarget) -> RouteState {
        let available = match target {
            RouteTarget::InternetGateway(gateway) => self
                .internet_gateways
                .get(gateway)
                .is_some_and(|gateway| gateway.vpc.as_ref() == Some(table_vpc)),
            RouteTarget::Peering(peering) => self.peerings.get(peering).is_some_and(|peering| {
                peering.status == PeeringStatus::Active && peering.side_of(table_vpc).is_some()
            }),
            RouteTarget::TransitGateway(attachment) => {
                self.attachments.get(attachment).is_some_and(|attachment| {
                    attachment.status == AttachmentStatus::Active && attachment.vpc == *table_vpc
                })
            }
            RouteTarget::Instance(instance) => {
                self.instances.get(instance).is_some_and(|instance| {
                    instance.state == InstanceState::Running
                        && self.vpc_of(instance) == Some(table_vpc)
                })
            }
        };
        if available {
            RouteState::Active
        } else {
            RouteState::Blackhole
        }
    }

    /// The route that counts for a destination, seen from a subnet: the most specific one, blackhole or
    /// not; the local route where equally specific. Nothing where there is no such subnet.
    pub fn choose_route(&self, subnet: &SubnetId, destination: Ipv4Addr) -> RouteChoice {
        let Some(subnet) = self.subnets.get(subnet) else {
            return RouteChoice::None;
        };
        let local = self
            .vpcs
            .get(&subnet.vpc)
            .and_then(|vpc| vpc.range_of(destination));
        let name = subnet.effective_route_table();
        let route = self.route_tables.get(&name).and_then(|table| {
            table
                .routes
                .iter()
                .filter(|(prefix, _)| prefix.contains(&destination))
                .max_by_key(|(prefix, _)| prefix.prefix_len())
        });
        match (local, route) {
            (Some(local), None) => RouteChoice::Local(local),
            (Some(local), Some((prefix, _))) if local.prefix_len() >= prefix.prefix_len() => {
                RouteChoice::Local(local)
            }
            (_, Some((prefix, target))) => RouteChoice::Route {
                table: name,
                prefix: *prefix,
                target: target.clone(),
                state: self.route_state(&subnet.vpc, target),
            },
            (None, None) => RouteChoice::None,
        }
    }

    /// Refuses the name of a new resource that a route still leads to. The real API would give the new
    /// one an identifier of its own, and the route would stay a blackhole.
    pub(super) fn no_stale_route(&self, target: &RouteTarget) -> Result<(), ApiError> {
        let stale = self.route_tables.iter().find_map(|(name, table)| {
            let route = table.routes.iter().find(|(_, to)| *to == target);
            route.map(|(prefix, _)| (name, prefix))
        });
        match stale {
            None => Ok(()),
            Some((table, prefix)) => refuse(
                "InvalidParameterValue",
                format!(
                    "the route {prefix} of the route table {table} still leads to a former {target}; delete the route, or choose another name"
                ),
            ),
        }
    }

    pub(super) fn create_route(&mut self, op: &CreateRoute) -> Outcome {
        let (id, prefix) = (&op.route_table, op.destination.trunc());
        let table = self.route_table(id)?;
        self.not_local(id, table, prefix)?;
        if let Some(present) = table.routes.get(&prefix) {
            return refuse(
                "RouteAlreadyExists",
                format!(
                    "the route table {id} has a route to {prefix} already, by {present}; use ReplaceRoute"
                ),
            );
        }
        self.set_route(id, prefix, &op.target, "created")
    }

    pub(super) fn replace_route(&mut self, op: &ReplaceRoute) -> Outcome {
        let (id, prefix) = (&op.route_table, op.destination.trunc());
        let table = self.route_table(id)?;
        self.not_local(id, table, prefix)?;
        if !table.routes.contains_key(&prefix) {
            return refuse(
                "InvalidParameterValue",
                format!("the route table {id} has no route to {prefix}; use CreateRoute"),
            );
        }
        self.set_route(id, prefix, &op.target, "replaced")
    }

    fn set_route(
        &mut self,
        id: &RouteTableId,
        prefix: Ipv4Net,
        target: &str,
        what: &str,
    ) -> Outcome {
        let vpc = self.route_table(id)?.vpc.clone();
        let target = self.route_target(id, &vpc, target)?;
        let note = match self.route_state(&vpc, &target) {
            RouteState::Active => "",
            RouteState::Blackhole => " (blackhole)",
        };
        let event = id.event(format!("route {prefix} → {target} {what}{note}"));
        self.route_table_mut(id)?.routes.insert(prefix, target);
        Ok(vec![event])
    }

    pub(super) fn delete_route(&mut self, op: &DeleteRoute) -> Outcome {
        let (id, prefix) = (&op.route_table, op.destination.trunc());
        let table = self.route_table(id)?;
        if self.vpc(&table.vpc)?.cidrs.contains(&prefix) {
            return refuse(
                "InvalidParameterValue",
                format!("the local route {prefix} of the route table {id} can't be removed"),
            );
        }
        if !table.routes.contains_key(&prefix) {
            let known: Vec<String> = table.routes.keys().map(Ipv4Net::to_string).collect();
            return Err(unknown(
                "InvalidRoute.NotFound",
                &format!("route of the table {id} to"),
                &prefix.to_string(),
                known.iter().map(String::as_str),
            ));
        }
        self.route_table_mut(id)?.routes.remove(&prefix);
        Ok(vec![id.event(format!("route {prefix} deleted"))])
    }

    /// Refuses destinations in the VPC's own ranges. AWS takes a more specific one for an appliance
    /// whose target is an interface (Amazon VPC User Guide, "Routing to a middlebox appliance");
    /// that is not emulated.
    fn not_local(
        &self,
        id: &RouteTableId,
        table: &RouteTable,
        prefix: Ipv4Net,
    ) -> Result<(), ApiError> {
        let vpc = self.vpc(&table.vpc)?;
        match vpc.cidrs.iter().find(|range| range.contains(&prefix)) {
            None => Ok(()),
            Some(range) => refuse(
                "InvalidParameterValue",
                format!(
                    "{prefix} lies in {range} of the VPC {}, which the route table {id} reaches by its local route; name a destination outside the VPC",
                    table.vpc
                ),
            ),
        }
    }

    /// Reads the name of a route's target.
    fn route_target(
        &self,
        id: &RouteTableId,
        vpc: &VpcId,
        name: &str,
    ) -> Result<RouteTarget, ApiError> {
        if name == "igw"
            && let Some(gateway) = self.internet_gateway_of(vpc)
        {
            return Ok(RouteTarget::InternetGateway(gateway.clone()));
        }
        let gateway = InternetGatewayId::new(name);
        let peering = PeeringId::new(name);
        let attachment = AttachmentId::new(name);
        let instance = InstanceId::new(name);
        let mut found = Vec::new();
        if self.internet_gateways.contains_key(&gateway) {
            found.push(RouteTarget::InternetGateway(gateway));
        }
        if self.peerings.contains_key(&peering) {
            found.push(RouteTarget::Peering(peering));
        }
        if self.attachments.contains_key(&attachment) {
            found.push(RouteTarget::TransitGateway(attachment));
        }
        if self.instances.contains_key(&instance) {
            found.push(RouteTarget::Instance(instance));
        }
        if found.len() > 1 {
            let kinds: Vec<String> = found.iter().map(RouteTarget::to_string).collect();
            return refuse(
                "InvalidParameterCombination",
                format!(
                    "the target {name:?} is ambiguous: there is the {}; rename one of them",
                    kinds.join(" and the ")
                ),
            );
        }
        match found.pop() {
            Some(target) => self.check_target(id, vpc, &target).map(|()| target),
            None if name == "igw" => refuse(
                "InvalidGatewayID.NotFound",
                format!("the VPC {vpc} has no internet gateway; attach one first"),
            ),
            None => {
                let known = (self.internet_gateways.keys().map(InternetGatewayId::as_str))
                    .chain(self.peerings.keys().map(PeeringId::as_str))
                    .chain(self.attachments.keys().map(AttachmentId::as_str))
                    .chain(self.instances.keys().map(InstanceId::as_str));
                Err(unknown(
                    "InvalidGatewayID.NotFound",
                    "internet gateway, peering, Transit Gateway attachment or instance",
                    name,
                    known,
                ))
            }
        }
    }

    /// Refuses targets of another VPC, and peerings that have ended. A pending peering is accepted:
    /// the route is a blackhole until it is active (VPC Peering Guide, "Update your route tables"). So is
    /// an attachment that SORACOM has yet to accept.
    fn check_target(
        &self,
        id: &RouteTableId,
        vpc: &VpcId,
        target: &RouteTarget,
    ) -> Result<(), ApiError> {
        let belongs = match target {
            RouteTarget::InternetGateway(gateway) => {
                self.internet_gateway(gateway)?.vpc.as_ref() == Some(vpc)
            }
            RouteTarget::Peering(peering) => self.peering(peering)?.side_of(vpc).is_some(),
            RouteTarget::TransitGateway(attachment) => self.attachment(attachment)?.vpc == *vpc,
            RouteTarget::Instance(instance) => self.vpc_of(self.instance(instance)?) == Some(vpc),
        };
        if !belongs {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "the route table {id} and the {target} belong to different networks; the table's VPC is {vpc}"
                ),
            );
        }
        if let RouteTarget::Peering(peering) = target {
            let status = self.peering(peering)?.status;
            if !self.peering(peering)?.is_live() {
                return refuse(
                    "InvalidStateTransition",
                    format!(
                        "the peering {peering} is {status} and can't be a route's target; request a new one"
                    ),
                );
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for RouteTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InternetGateway(name) => write!(f, "internet gateway {name}"),
            Self::Peering(name) => write!(f, "peering {name}"),
            Self::TransitGateway(name) => write!(f, "Transit Gateway attachment {name}"),
            Self::Instance(name) => write!(f, "instance {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::lab::Lab;
    use super::*;

    fn way(lab: &Lab, destination: &str) -> String {
        match lab
            .aws
            .choose_route(&SubnetId::new("public"), destination.parse().unwrap())
        {
            RouteChoice::Local(range) => format!("local {range}"),
            RouteChoice::Route {
                prefix,
                target,
                state,
                ..
            } => format!("{prefix} {target} {state:?}"),
            RouteChoice::None => "none".into(),
        }
    }

    #[test]
    fn the_vpc_is_local_and_the_rest_goes_to_the_gateway() {
        let lab = Lab::customer();
        assert_eq!(way(&lab, "10.0.7.7"), "local 10.0.0.0/16");
        assert_eq!(
            way(&lab, "100.64.0.4"),
            "0.0.0.0/0 internet gateway gateway Active"
        );
        let main = RouteChoice::None;
        let mut lab = Lab::customer();
        lab.ok("DisassociateRouteTable", r#"subnet = "public""#);
        assert_eq!(
            lab.aws
                .choose_route(&SubnetId::new("public"), [8, 8, 8, 8].into()),
            main
        );
    }

    #[test]
    fn a_route_to_a_pending_peering_is_a_blackhole_and_takes_nothing_else_instead() {
        let mut lab = Lab::with_peering();
        lab.ok(
            "CreateRoute",
            r#"route_table = "public", destination = "10.1.0.0/16", target = "pcx""#,
        );
        assert_eq!(way(&lab, "10.1.0.9"), "10.1.0.0/16 peering pcx Blackhole");
        lab.ok("AcceptVpcPeeringConnection", r#"peering = "pcx""#);
        assert_eq!(way(&lab, "10.1.0.9"), "10.1.0.0/16 peering pcx Active");
        lab.ok("DeleteVpcPeeringConnection", r#"peering = "pcx""#);
        assert_eq!(way(&lab, "10.1.0.9"), "10.1.0.0/16 peering pcx Blackhole");
    }

    #[test]
    fn a_target_that_goes_leaves_a_blackhole_behind_which_a_namesake_does_not_mend() {
        let mut lab = Lab::customer();
        lab.ok(
            "CreateRoute",
            r#"route_table = "public", destination = "192.168.0.0/16", target = "server""#,
        );
        assert_eq!(
            way(&lab, "192.168.1.1"),
            "192.168.0.0/16 instance server Active"
        );
        lab.ok("StopInstances", r#"instance = "server""#);
        assert_eq!(
            way(&lab, "192.168.1.1"),
            "192.168.0.0/16 instance server Blackhole"
        );
        lab.ok("TerminateInstances", r#"instance = "server""#);
        assert_eq!(
            way(&lab, "192.168.1.1"),
            "192.168.0.0/16 instance server Blackhole"
        );
        let again = r#"as = "server", subnet = "public""#;
        assert_eq!(lab.code("RunInstances", again), "InvalidParameterValue");
        lab.ok(
            "DetachInternetGateway",
            r#"internet_gateway = "gateway", vpc = "customer""#,
        );
        assert_eq!(
            way(&lab, "8.8.8.8"),
            "0.0.0.0/0 internet gateway gateway Blackhole"
        );
        lab.ok(
            "DeleteRoute",
            r#"route_table = "public", destination = "192.168.0.0/16""#,
        );
        lab.ok("RunInstances", again);
    }

    #[test]
    fn the_vpcs_own_ranges_are_not_for_routes() {
        let mut lab = Lab::customer();
        let to = |destination: &str| {
            format!(
                "route_table = \"public\", destination = \"{destination}\", target = \"server\""
            )
        };
        assert_eq!(
            lab.code("CreateRoute", &to("10.0.0.0/16")),
            "InvalidParameterValue"
        );
        assert_eq!(
            lab.code("CreateRoute", &to("10.0.3.0/24")),
            "InvalidParameterValue"
        );
        lab.ok("CreateRoute", &to("10.0.0.0/8"));
        assert_eq!(way(&lab, "10.0.3.1"), "local 10.0.0.0/16");
        assert_eq!(way(&lab, "10.9.0.1"), "10.0.0.0/8 instance server Active");
        let local = r#"route_table = "public", destination = "10.0.0.0/16""#;
        assert_eq!(lab.code("DeleteRoute", local), "InvalidParameterValue");
    }

    #[test]
    fn a_route_is_made_once_replaced_and_deleted() {
        let mut lab = Lab::customer();
        let to = |target: &str| {
            format!("route_table = \"public\", destination = \"0.0.0.0/0\", target = \"{target}\"")
        };
        assert_eq!(lab.code("CreateRoute", &to("server")), "RouteAlreadyExists");
        lab.ok("ReplaceRoute", &to("server"));
        let gone = r#"route_table = "public", destination = "0.0.0.0/0""#;
        lab.ok("DeleteRoute", gone);
        assert_eq!(lab.code("DeleteRoute", gone), "InvalidRoute.NotFound");
        assert_eq!(
            lab.code("ReplaceRoute", &to("server")),
            "InvalidParameterValue"
        );
        assert_eq!(
            lab.code("CreateRoute", &to("severs")),
            "InvalidGatewayID.NotFound"
        );
    }

    #[test]
    fn a_target_belongs_to_the_tables_vpc_and_is_unambiguous() {
        let mut lab = Lab::with_peering();
        let to = |table: &str, target: &str| {
            format!(
                "route_table = \"{table}\", destination = \"172.16.0.0/16\", target = \"{target}\""
            )
        };
        assert_eq!(
            lab.code("CreateRoute", &to("other-main", "igw")),
            "InvalidGatewayID.NotFound"
        );
        assert_eq!(
            lab.code("CreateRoute", &to("other-main", "gateway")),
            "InvalidParameterValue"
        );
        assert_eq!(
            lab.code("CreateRoute", &to("other-main", "server")),
            "InvalidParameterValue"
        );
        lab.ok("RunInstances", r#"as = "pcx", subnet = "public""#);
        let error = lab.refused("CreateRoute", &to("public", "pcx"));
        assert!(error.message.contains("ambiguous"), "{error}");
        lab.ok("RejectVpcPeeringConnection", r#"peering = "pcx""#);
        lab.ok("TerminateInstances", r#"instance = "pcx""#);
        assert_eq!(
            lab.code("CreateRoute", &to("public", "pcx")),
            "InvalidStateTransition"
        );
    }
}
