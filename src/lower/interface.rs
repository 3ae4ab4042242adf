//! The names of interfaces that more than one file speaks of.

use crate::cloud::aws::{AttachmentId, InstanceId, PeeringId};
use crate::cloud::soracom::SimId;
use crate::network::IfName;

/// A VPC's router, towards an instance.
pub(super) fn eni(instance: &InstanceId) -> IfName {
    IfName::fit("eni", instance.as_str())
}

/// A VPC's router, towards the internet gateway.
pub(super) fn internet_gateway() -> IfName {
    IfName::fit("igw", "")
}

/// A VPC's router, and a VPG's node, towards a peering connection.
pub(super) fn peering(peering: &PeeringId) -> IfName {
    IfName::fit("pcx", peering.as_str())
}

/// A VPC's router, and a VPG's node, towards a Transit Gateway attachment.
pub(super) fn attachment(attachment: &AttachmentId) -> IfName {
    IfName::fit("tgw", attachment.as_str())
}

/// A VPG's node, and the shared platform, towards a device.
pub(super) fn sim(sim: &SimId) -> IfName {
    IfName::fit("sim", sim.as_str())
}

/// A VPG's node, towards the platform.
pub(super) fn platform() -> IfName {
    IfName::fit("platform", "")
}

/// A VPG's node: its end of Gate's tunnel.
pub(super) fn vxlan() -> IfName {
    IfName::fit("vxlan0", "")
}

/// A VPG's node, towards the internet.
pub(super) fn vpg_internet() -> IfName {
    IfName::fit("internet", "")
}
