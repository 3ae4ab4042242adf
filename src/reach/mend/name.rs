//! Names for what a mend makes.

use crate::cloud::Cloud;
use crate::cloud::aws::{AddressId, AttachmentId, InstanceId, InternetGatewayId, PeeringId};
use crate::cloud::soracom::{CustomerRouteId, GroupId};

/// `base`, or `base-2`, `base-3` … where that is taken.
fn free(base: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut name = base.to_owned();
    let mut number = 2_u64;
    while taken(&name) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

/// Whether something that a route may lead to has the name: a route names its target without its kind.
fn is_target(cloud: &Cloud, name: &str) -> bool {
    let aws = &cloud.aws;
    aws.peerings.contains_key(&PeeringId::new(name))
        || aws.attachments.contains_key(&AttachmentId::new(name))
        || aws.instances.contains_key(&InstanceId::new(name))
        || aws
            .internet_gateways
            .contains_key(&InternetGatewayId::new(name))
}

pub(super) fn peering(cloud: &Cloud) -> PeeringId {
    PeeringId::new(free("pcx", |name| is_target(cloud, name)))
}

pub(super) fn attachment(cloud: &Cloud) -> AttachmentId {
    AttachmentId::new(free("tgw", |name| is_target(cloud, name)))
}

pub(super) fn internet_gateway(cloud: &Cloud) -> InternetGatewayId {
    InternetGatewayId::new(free("gateway", |name| is_target(cloud, name)))
}

pub(super) fn address(cloud: &Cloud) -> AddressId {
    let taken = |name: &str| cloud.aws.addresses.contains_key(&AddressId::new(name));
    AddressId::new(free("eip", taken))
}

pub(super) fn group(cloud: &Cloud) -> GroupId {
    let taken = |name: &str| cloud.soracom.groups.contains_key(&GroupId::new(name));
    GroupId::new(free("canal", taken))
}

pub(super) fn customer_route(cloud: &Cloud) -> CustomerRouteId {
    let taken = |name: &str| {
        let route = CustomerRouteId::new(name);
        let mut vpgs = cloud.soracom.vpgs.values();
        vpgs.any(|vpg| vpg.customer_routes.contains_key(&route))
    };
    CustomerRouteId::new(free("route", taken))
}
