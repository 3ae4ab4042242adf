//! Type-F2: Transit Gateway VPC attachments and customer routes.
//!
//! Source: API reference, `createTransitGatewayVpcAttachment`,
//! `acceptTransitGatewayVpcAttachmentFromCustomer`, `createCustomerRoute` and their neighbours. After
//! SORACOM has shared its Transit Gateway, the customer attaches the VPC; that half of the work has no
//! operation here and is taken as done at once.
//!
//! The attachment itself is an AWS resource, which the VPC's route tables can name; the VPG only knows
//! which ones are its own, and what it routes into them.

use super::cidr::{canonical, overlap};
use super::error::{self, refuse, taken, unknown};
use super::{
    AcceptTransitGatewayVpcAttachment, CreateCustomerRoute, CreateTransitGatewayVpcAttachment,
    CustomerRoute, CustomerRouteId, DeleteCustomerRoute, DeleteTransitGatewayVpcAttachment,
    Soracom, Vpg, VpgId, VpgType,
};
use crate::cloud::aws::{AttachmentId, AttachmentStatus, Aws, VpcId};
use crate::cloud::{ApiError, Event};

impl Soracom {
    pub(super) fn create_attachment(
        &mut self,
        op: &CreateTransitGatewayVpcAttachment,
        aws: &mut Aws,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.running_vpg(&op.vpg)?;
        vpg.require_type(&op.vpg, VpgType::F2, "Transit Gateway")?;
        let Some(vpc) = aws.vpcs.get(&op.vpc) else {
            let names = aws.vpcs.keys().map(VpcId::as_str);
            return Err(unknown(
                error::ATTACHED_VPC_NOT_FOUND,
                "VPC",
                op.vpc.as_str(),
                names,
            ));
        };
        if vpc.region != vpg.region {
            return refuse(
                error::ATTACHMENT_INVALID,
                format!(
                    "VPC {} is in {}, the Transit Gateway of VPG {} in {}; only VPCs of its own \
                     region can be attached to it",
                    op.vpc, vpc.region, op.vpg, vpg.region
                ),
            );
        }
        let attached =
            |id: &&AttachmentId| aws.attachments.get(*id).map(|a| &a.vpc) == Some(&op.vpc);
        if let Some(other) = vpg.attachments.iter().find(attached) {
            return refuse(
                error::ATTACHMENT_INVALID,
                format!(
                    "VPC {} is attached to VPG {} already, as {other}",
                    op.vpc, op.vpg
                ),
            );
        }
        let events = aws
            .attach(&op.name, &op.vpc)
            .map_err(|refusal| ApiError::soracom(error::ATTACHMENT_INVALID, refusal.message))?;
        self.vpg_mut(&op.vpg)?.attachments.insert(op.name.clone());
        Ok(events)
    }

    pub(super) fn accept_attachment(
        &mut self,
        op: &AcceptTransitGatewayVpcAttachment,
        aws: &mut Aws,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.running_vpg(&op.vpg)?;
        vpg.require_attachment(&op.vpg, &op.attachment)?;
        let Some(attachment) = aws.attachments.get_mut(&op.attachment) else {
            return Err(no_attachment(&op.vpg, &op.attachment, []));
        };
        if attachment.status != AttachmentStatus::AcceptancePending {
            return refuse(
                error::ATTACHMENT_STATUS,
                format!(
                    "Transit Gateway attachment {} is {}, and only one in acceptancePending can be \
                     accepted",
                    op.attachment, attachment.status
                ),
            );
        }
        attachment.status = AttachmentStatus::Active;
        Ok(vec![op.attachment.happened("acceptancePending → active")])
    }

    pub(super) fn delete_attachment(
        &mut self,
        op: &DeleteTransitGatewayVpcAttachment,
        aws: &mut Aws,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.lasting_vpg(&op.vpg)?;
        vpg.require_attachment(&op.vpg, &op.attachment)?;
        let routes: Vec<_> = vpg
            .customer_routes
            .iter()
            .filter(|(_, route)| route.target == op.attachment)
            .map(|(name, _)| CustomerRouteId::as_str(name))
            .collect();
        if !routes.is_empty() {
            return refuse(
                error::ATTACHMENT_IN_USE,
                format!(
                    "customer routes lead to Transit Gateway attachment {}: {}; delete them first",
                    op.attachment,
                    routes.join(", ")
                ),
            );
        }
        self.vpg_mut(&op.vpg)?.attachments.remove(&op.attachment);
        aws.attachments.remove(&op.attachment);
        Ok(vec![op.attachment.happened("deleted")])
    }

    pub(super) fn create_customer_route(
        &mut self,
        op: &CreateCustomerRoute,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.running_vpg(&op.vpg)?;
        vpg.require_type(&op.vpg, VpgType::F2, "customer routes")?;
        if self
            .vpgs
            .values()
            .any(|vpg| vpg.customer_routes.contains_key(&op.name))
        {
            return Err(taken(
                error::ROUTE_INVALID,
                "customer route",
                op.name.as_str(),
            ));
        }
        vpg.require_attachment(&op.vpg, &op.target)?;
        canonical(error::ROUTE_INVALID, "destination", op.destination)?;
        if overlap(op.destination, vpg.device_subnet) {
            return refuse(
                error::ROUTE_INVALID,
                format!(
                    "destination {} overlaps the device subnet {} of VPG {}; choose a device subnet \
                     apart from the customer's ranges",
                    op.destination, vpg.device_subnet, op.vpg
                ),
            );
        }
        let same = vpg
            .customer_routes
            .iter()
            .find(|(_, route)| route.destination == op.destination);
        if let Some((other, _)) = same {
            return refuse(
                error::ROUTE_INVALID,
                format!(
                    "VPG {} has a customer route to {} already, {other}; delete that one first",
                    op.vpg, op.destination
                ),
            );
        }
        self.vpg_mut(&op.vpg)?.customer_routes.insert(
            op.name.clone(),
            CustomerRoute {
                destination: op.destination,
                target: op.target.clone(),
            },
        );
        Ok(vec![Event::new(
            format!("customer route {}", op.name),
            format!("created: {} → {}", op.destination, op.target),
        )])
    }

    pub(super) fn delete_customer_route(
        &mut self,
        op: &DeleteCustomerRoute,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.lasting_vpg(&op.vpg)?;
        if !vpg.customer_routes.contains_key(&op.route) {
            let names = vpg.customer_routes.keys().map(CustomerRouteId::as_str);
            return Err(unknown(
                error::ROUTE_NOT_FOUND,
                &format!("customer route of VPG {}", op.vpg),
                op.route.as_str(),
                names,
            ));
        }
        self.vpg_mut(&op.vpg)?.customer_routes.remove(&op.route);
        Ok(vec![Event::new(
            format!("customer route {}", op.route),
            "deleted",
        )])
    }

    /// The VPG whose Transit Gateway a VPC is attached to by this attachment.
    pub fn vpg_of_attachment(&self, attachment: &AttachmentId) -> Option<&VpgId> {
        self.vpgs
            .iter()
            .find(|(_, vpg)| vpg.attachments.contains(attachment))
            .map(|(id, _)| id)
    }
}

impl Vpg {
    fn require_attachment(&self, id: &VpgId, name: &AttachmentId) -> Result<(), ApiError> {
        if self.attachments.contains(name) {
            return Ok(());
        }
        let names = self.attachments.iter().map(AttachmentId::as_str);
        Err(no_attachment(id, name, names))
    }
}

fn no_attachment<'a>(
    vpg: &VpgId,
    name: &AttachmentId,
    names: impl IntoIterator<Item = &'a str> + Clone,
) -> ApiError {
    unknown(
        error::ATTACHMENT_NOT_FOUND,
        &format!("Transit Gateway attachment of VPG {vpg}"),
        name.as_str(),
        names,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use crate::cloud::aws::{RouteState, VpcId};
    use crate::cloud::testing::World;

    #[test]
    fn a_type_f2_vpg_is_connected_by_transit_gateway() {
        let mut world = World::with_vpg();
        world.running_vpg("f2", "F2");
        let attach = |vpg| json!({"as": "tgw", "vpg": vpg, "vpc": "customer"});
        let error = world.refused("createTransitGatewayVpcAttachment", attach("vpg"));
        assert_eq!(error.code, "VPG4004");
        world.run("createTransitGatewayVpcAttachment", attach("f2"));
        assert_eq!(world.value("tgw.status"), "acceptancePending");
        world.refused("createTransitGatewayVpcAttachment", attach("f2"));
        let accept = json!({"vpg": "f2", "attachment": "tgw"});
        let operation = "acceptTransitGatewayVpcAttachmentFromCustomer";
        world.run(operation, accept.clone());
        assert_eq!(world.value("tgw.status"), "active");
        assert_eq!(world.refused(operation, accept.clone()).code, "TGW4002");

        let route = |name, destination| json!({"as": name, "vpg": "f2", "destination": destination, "target": "tgw"});
        world.run("createCustomerRoute", route("home", "10.0.0.0/16"));
        for (name, destination) in [
            ("home", "10.1.0.0/16"),
            ("twice", "10.0.0.0/16"),
            ("overlap", "10.0.0.0/8"),
        ] {
            let error = world.refused("createCustomerRoute", route(name, destination));
            assert_eq!(error.code, "CRT4001", "{name}");
        }
        let error = world.refused("deleteTransitGatewayVpcAttachment", accept.clone());
        assert_eq!(error.code, "TGW4003");
        world.refused("terminateVirtualPrivateGateway", json!({"vpg": "f2"}));
        let error = world.refused("DeleteVpc", json!({"vpc": "customer"}));
        assert!(error.message.contains("tgw"), "{error}");
        world.run("deleteCustomerRoute", json!({"vpg": "f2", "route": "home"}));
        world.run("deleteTransitGatewayVpcAttachment", accept);
        world.run("terminateVirtualPrivateGateway", json!({"vpg": "f2"}));
    }

    /// A VPC 10.0.0.0/16 attached to a running VPG, and what SORACOM's side has yet to accept.
    fn attached() -> World {
        let mut world = World::with_vpg();
        world.running_vpg("f2", "F2");
        let attach = json!({"as": "tgw", "vpg": "f2", "vpc": "customer"});
        world.run("createTransitGatewayVpcAttachment", attach);
        world
    }

    fn state(world: &World) -> RouteState {
        let aws = &world.cloud.aws;
        let table = &aws.route_tables[&VpcId::new("customer").main_route_table()];
        let target = table.routes.values().next().unwrap();
        aws.route_state(&table.vpc, target)
    }

    #[test]
    fn a_route_to_an_attachment_counts_while_that_is_active() {
        let mut world = attached();
        let route =
            json!({"route_table": "customer-main", "destination": "10.128.0.0/9", "target": "tgw"});
        assert_eq!(
            world.run("CreateRoute", route.clone()),
            [
                "route table customer-main: route 10.128.0.0/9 → Transit Gateway attachment tgw created (blackhole)"
            ]
        );
        assert_eq!(state(&world), RouteState::Blackhole);
        let of_f2 = json!({"vpg": "f2", "attachment": "tgw"});
        world.run(
            "acceptTransitGatewayVpcAttachmentFromCustomer",
            of_f2.clone(),
        );
        assert_eq!(state(&world), RouteState::Active);
        world.run("deleteTransitGatewayVpcAttachment", of_f2);
        assert_eq!(state(&world), RouteState::Blackhole);
        assert!(world.cloud.value("tgw.id").is_err());
        // Another attachment of the name would not mend it.
        let again = json!({"as": "tgw", "vpg": "f2", "vpc": "customer"});
        let error = world.refused("createTransitGatewayVpcAttachment", again);
        assert_eq!(error.code, "TGW4001");
        assert!(error.message.contains("still leads to a former"), "{error}");
    }

    #[test]
    fn a_route_names_an_attachment_of_its_own_vpc() {
        let mut world = attached();
        world.run("CreateVpc", json!({"as": "office", "cidr": "10.1.0.0/16"}));
        let route = |table, target| json!({"route_table": table, "destination": "10.128.0.0/9", "target": target});
        let error = world.refused("CreateRoute", route("office-main", "tgw"));
        assert!(
            error
                .message
                .contains("Transit Gateway attachment tgw belong"),
            "{error}"
        );
        let error = world.refused("CreateRoute", route("customer-main", "tgv"));
        assert!(error.message.contains("did you mean \"tgw\""), "{error}");
    }

    #[test]
    fn a_vpc_may_be_attached_to_two_vpgs_and_a_vpg_to_two_vpcs() {
        let mut world = attached();
        world.running_vpg("second", "F2");
        world.run("CreateVpc", json!({"as": "office", "cidr": "10.1.0.0/16"}));
        for (name, vpg, vpc) in [("b", "second", "customer"), ("c", "f2", "office")] {
            let attach = json!({"as": name, "vpg": vpg, "vpc": vpc});
            world.run("createTransitGatewayVpcAttachment", attach);
            assert_eq!(world.value(&format!("{name}.vpg")), vpg);
            assert_eq!(world.value(&format!("{name}.vpc")), vpc);
        }
        assert_eq!(world.value("f2.attachment[1]"), "tgw");
        let theirs = json!({"vpg": "second", "attachment": "tgw"});
        let error = world.refused("acceptTransitGatewayVpcAttachmentFromCustomer", theirs);
        assert_eq!(error.code, "TGW4041");
        let nowhere = json!({"as": "d", "vpg": "f2", "vpc": "ofice"});
        let error = world.refused("createTransitGatewayVpcAttachment", nowhere);
        assert_eq!(error.code, "TGW4042");
    }
}
