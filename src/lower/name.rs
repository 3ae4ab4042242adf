//! The names of nodes and of resources in evidence.

use crate::cloud::aws::{AttachmentId, InstanceId, InternetGatewayId, PeeringId, VpcId};
use crate::cloud::soracom::{SimId, VpgId};
use crate::network::NodeId;

/// The device that a SIM sits in.
pub fn sim_node(sim: &SimId) -> NodeId {
    NodeId::new(format!("sim/{sim}"))
}

/// An instance.
pub fn instance_node(instance: &InstanceId) -> NodeId {
    NodeId::new(format!("instance/{instance}"))
}

/// A VPC's implicit router.
pub fn vpc_node(vpc: &VpcId) -> NodeId {
    NodeId::new(format!("vpc/{vpc}"))
}

/// An internet gateway that is attached to a VPC.
pub fn internet_gateway_node(gateway: &InternetGatewayId) -> NodeId {
    NodeId::new(format!("igw/{gateway}"))
}

/// One of a VPG's two nodes, 0 or 1.
pub fn vpg_node(vpg: &VpgId, index: usize) -> NodeId {
    NodeId::new(format!("vpg/{vpg}/{}", side(index)))
}

/// `a` for a VPG's first node, `b` for its second.
pub fn side(index: usize) -> char {
    if index == 0 { 'a' } else { 'b' }
}

/// A peering connection.
pub fn peering_node(peering: &PeeringId) -> NodeId {
    NodeId::new(format!("pcx/{peering}"))
}

/// A Transit Gateway VPC attachment.
pub fn attachment_node(attachment: &AttachmentId) -> NodeId {
    NodeId::new(format!("tgw/{attachment}"))
}

/// SORACOM's platform endpoints.
pub fn platform_node() -> NodeId {
    NodeId::new("platform")
}

/// The internet.
pub fn internet_node() -> NodeId {
    NodeId::new("internet")
}

/// The user's computer.
pub fn pc_node() -> NodeId {
    NodeId::new("pc")
}
