//! Type-F2: Transit Gateway VPC attachments and customer routes.
//!
//! Source: API reference, `createTransitGatewayVpcAttachment`,
//! `acceptTransitGatewayVpcAttachmentFromCustomer`, `createCustomerRoute` and their neighbours. After
//! SORACOM has shared its Transit Gateway, the customer attaches the VPC; that half of the work has no
//! operation here and is taken as done at once.

use super::cidr::{canonical, overlap};
use super::error::{self, refuse, taken, unknown};
use super::{
    AcceptTransitGatewayVpcAttachment, AttachmentId, AttachmentStatus, CreateCustomerRoute,
    CreateTransitGatewayVpcAttachment, CustomerRoute, CustomerRouteId, DeleteCustomerRoute,
    DeleteTransitGatewayVpcAttachment, Soracom, TransitGatewayAttachment, Vpg, VpgId, VpgType,
};
use crate::cloud::aws::{Aws, VpcId};
use crate::cloud::{ApiError, Event};

impl Soracom {
    pub(super) fn create_attachment(
        &mut self,
        op: &CreateTransitGatewayVpcAttachment,
        aws: &Aws,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.running_vpg(&op.vpg)?;
        vpg.require_type(&op.vpg, VpgType::F2, "Transit Gateway")?;
        if self
            .vpgs
            .values()
            .any(|vpg| vpg.attachments.contains_key(&op.name))
        {
            return Err(taken(
                error::ATTACHMENT_INVALID,
                "Transit Gateway attachment",
                op.name.as_str(),
            ));
        }
        let Some(vpc) = aws.vpcs.get(&op.vpc) else {
            let names = aws.vpcs.keys().map(VpcId::as_str);
            return Err(unknown(
                error::ATTACHMENT_INVALID,
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
        if let Some((other, _)) = vpg.attachments.iter().find(|(_, a)| a.vpc == op.vpc) {
            return refuse(
                error::ATTACHMENT_INVALID,
                format!(
                    "VPC {} is attached to VPG {} already, as {other}",
                    op.vpc, op.vpg
                ),
            );
        }
        self.vpg_mut(&op.vpg)?.attachments.insert(
            op.name.clone(),
            TransitGatewayAttachment {
                vpc: op.vpc.clone(),
                status: AttachmentStatus::AcceptancePending,
            },
        );
        Ok(vec![
            attachment_event(&op.name, "vpcAttachmentPending"),
            attachment_event(&op.name, "vpcAttachmentPending → acceptancePending"),
        ])
    }

    pub(super) fn accept_attachment(
        &mut self,
        op: &AcceptTransitGatewayVpcAttachment,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.running_vpg(&op.vpg)?;
        let status = vpg.attachment(&op.vpg, &op.attachment)?.status;
        if status != AttachmentStatus::AcceptancePending {
            return refuse(
                error::ATTACHMENT_STATUS,
                format!(
                    "Transit Gateway attachment {} is {}, and only one in acceptancePending can be \
                     accepted",
                    op.attachment,
                    status.as_str()
                ),
            );
        }
        if let Some(attachment) = self.vpg_mut(&op.vpg)?.attachments.get_mut(&op.attachment) {
            attachment.status = AttachmentStatus::Active;
        }
        Ok(vec![attachment_event(
            &op.attachment,
            "acceptancePending → active",
        )])
    }

    pub(super) fn delete_attachment(
        &mut self,
        op: &DeleteTransitGatewayVpcAttachment,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.lasting_vpg(&op.vpg)?;
        vpg.attachment(&op.vpg, &op.attachment)?;
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
        Ok(vec![attachment_event(&op.attachment, "deleted")])
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
        vpg.attachment(&op.vpg, &op.target)?;
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

    /// The attachments of a VPC, which keep it from being deleted.
    pub(in crate::cloud) fn attachments_of<'a>(
        &'a self,
        vpc: &'a VpcId,
    ) -> impl Iterator<Item = &'a AttachmentId> {
        self.vpgs
            .values()
            .flat_map(|vpg| &vpg.attachments)
            .filter(move |(_, attachment)| attachment.vpc == *vpc)
            .map(|(name, _)| name)
    }
}

impl Vpg {
    fn attachment(
        &self,
        id: &VpgId,
        name: &AttachmentId,
    ) -> Result<&TransitGatewayAttachment, ApiError> {
        let names = self.attachments.keys().map(AttachmentId::as_str);
        self.attachments.get(name).ok_or_else(|| {
            unknown(
                error::ATTACHMENT_NOT_FOUND,
                &format!("Transit Gateway attachment of VPG {id}"),
                name.as_str(),
                names,
            )
        })
    }
}

impl AttachmentStatus {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VpcAttachmentPending => "vpcAttachmentPending",
            Self::AcceptancePending => "acceptancePending",
            Self::Active => "active",
            Self::Failed => "failed",
        }
    }
}

fn attachment_event(name: &AttachmentId, what: &str) -> Event {
    Event::new(format!("Transit Gateway attachment {name}"), what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
}
