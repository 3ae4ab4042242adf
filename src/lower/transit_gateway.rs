//! An active Transit Gateway VPC attachment: a node between the two nodes of a Type-F2 VPG and the
//! router of the VPC. It translates nothing, and either side may begin (SORACOM blog, 2024-08-08, on
//! what Type-F2 is for: IP communication in both directions at any time, and routing in one's own hands).
//!
//! What it carries: from the VPG, the destinations of the customer routes that lead to it; from the
//! VPC, the device subnet. The gateway looks at destinations only, so the source may be anyone's. What
//! comes out of it may look up the VPC's local routes only; AWS asks the route table of the attachment's
//! own subnet, with which a VPC could pass traffic on.
//!
//! Nothing is published on the TTL. Inferred from peerings and VPCs, which leave it as it is: so does
//! this node.

use super::builder::{Builder, NodeExt, deny, jump};
use super::interface;
use super::name::{attachment_node, side, vpc_node, vpg_node};
use super::special::{ANY, host};
use crate::cloud::Reason;
use crate::cloud::aws::{AttachmentId, AttachmentStatus, RouteTarget};
use crate::network::{HookPoint, IfName, Table, Test};

/// The largest packet through a Transit Gateway, in bytes (AWS Transit Gateway guide, "What is AWS
/// Transit Gateway for Amazon VPC?"). What is larger gets the answer that path MTU discovery needs
/// (AWS Networking blog, on the enhancements of late 2024).
const MTU: u32 = 8500;

/// One attachment, where it is active.
pub(super) fn lower(b: &mut Builder, id: &AttachmentId) {
    let cloud = b.cloud;
    let attachment = cloud.aws.attachments.get(id);
    let vpg = cloud
        .soracom
        .vpg_of_attachment(id)
        .and_then(|vpg| Some((vpg, cloud.soracom.vpgs.get(vpg)?)));
    let (Some(attachment), Some((vpg_id, vpg))) = (attachment, vpg) else {
        return;
    };
    if attachment.status != AttachmentStatus::Active {
        return;
    }
    let (here, there) = (attachment_node(id), interface::attachment(id));
    let to_vpc = IfName::fit("vpc", attachment.vpc.as_str());
    b.join((&here, &to_vpc), (&vpc_node(&attachment.vpc), &there), MTU);
    let to_vpg = [0, 1].map(|index| IfName::fit(&format!("vpg-{}", side(index)), ""));
    for (index, dev) in to_vpg.iter().enumerate() {
        b.join((&here, dev), (&vpg_node(vpg_id, index), &there), MTU);
    }

    let node = b.node(&here);
    node.forwarding = true;
    node.keep_ttl(Vec::new());
    for route in vpg.customer_routes.values() {
        if route.target == *id {
            node.route(Table::MAIN, route.destination, &to_vpc);
        }
    }
    // To the node that serves the session. Either of them knows that nobody has an address.
    node.route(Table::MAIN, vpg.device_subnet, &to_vpg[0]);
    for (_, session) in cloud.soracom.sessions_on(vpg_id) {
        if let Some((_, index)) = session.anchor {
            node.route(Table::MAIN, host(session.ip), &to_vpg[index]);
        }
    }
    node.sink(Table::MAIN, ANY);
    let resource = format!(
        "{}, to VPG {vpg_id}",
        RouteTarget::TransitGateway(id.clone())
    );
    node.hook("forward", HookPoint::Forward, 0)
        .push(jump([], "destinations"));
    node.chain(
        "destinations",
        vec![
            deny(
                [
                    Test::Iif(to_vpc).into(),
                    !Test::Destination(vpg.device_subnet),
                ],
                Reason::NoRouteToDestination,
                format!(
                    "{resource}: outside the device subnet {}",
                    vpg.device_subnet
                ),
            ),
            deny(
                [Test::Oif(IfName::lo()).into()],
                Reason::NoRouteToDestination,
                resource,
            ),
        ],
    );
}
