//! What the files that make up a VPC's router share.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::interface;
use crate::cloud::aws::{Instance, InstanceId, Subnet, SubnetId, VpcId};
use crate::network::{IfName, NodeId, Table};

/// The largest packet inside a VPC and over a peering within a region, in bytes (Amazon EC2 User
/// Guide, "Network MTU").
pub const MTU: u32 = 9001;

/// The routing table with the local routes of the VPC.
pub(super) const LOCAL: Table = Table(256);

/// The parts of a VPC that lowering needs together.
pub(super) struct VpcParts<'a> {
    pub id: &'a VpcId,
    pub node: NodeId,
    pub cidrs: &'a [Ipv4Net],
    pub subnets: BTreeMap<&'a SubnetId, &'a Subnet>,
    /// The running instances.
    pub instances: BTreeMap<&'a InstanceId, &'a Instance>,
}

impl VpcParts<'_> {
    /// The interfaces towards a subnet's running instances.
    pub fn enis_of(&self, subnet: &SubnetId) -> BTreeSet<IfName> {
        self.instances
            .iter()
            .filter(|(_, instance)| instance.subnet == *subnet)
            .map(|(id, _)| interface::eni(id))
            .collect()
    }

    /// The address of the resolver: the second of the VPC's primary range.
    pub fn resolver(&self) -> Option<Ipv4Addr> {
        self.cidrs.first().map(|cidr| nth(*cidr, 2))
    }
}

/// The nth address of a range.
pub(super) fn nth(range: Ipv4Net, n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(range.network()).wrapping_add(n))
}
