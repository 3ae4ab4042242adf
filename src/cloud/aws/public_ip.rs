//! Public addresses (Amazon EC2 User Guide, "Amazon EC2 instance IP addressing").
//!
//! They come from 203.0.113.0/24, a range for documentation (RFC 5737) that nobody has: the lower half
//! is what AWS assigns, the upper half holds Elastic IP addresses. The lowest free one is taken, so that
//! runs repeat.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::*;

/// Where the public addresses come from that AWS assigns to instances.
pub const ASSIGNED_PUBLIC_ADDRESSES: Ipv4Net =
    Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 25);

/// Where Elastic IP addresses come from.
pub const ELASTIC_ADDRESSES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 128), 25);

/// The lowest address of a range, its first and last left out, that is not in use.
fn lowest_free(range: Ipv4Net, used: &BTreeSet<Ipv4Addr>) -> Option<Ipv4Addr> {
    range.hosts().find(|address| !used.contains(address))
}

impl Aws {
    /// The public address that counts for an instance: the Elastic IP address, or else what AWS
    /// assigned. It means something only where the VPC has an internet gateway; whether it has is not
    /// looked at here.
    pub fn public_ip(&self, instance: &InstanceId) -> Option<Ipv4Addr> {
        self.addresses
            .values()
            .find(|address| address.instance.as_ref() == Some(instance))
            .map(|address| address.public_ip)
            .or_else(|| self.instances.get(instance)?.assigned_public_ip)
    }

    /// The instance that the internet reaches at an address.
    pub fn instance_at_public_ip(&self, address: Ipv4Addr) -> Option<&InstanceId> {
        self.instances
            .keys()
            .find(|instance| self.public_ip(instance) == Some(address))
    }

    /// Whether an instance has an Elastic IP address.
    pub(super) fn elastic_ip_of(&self, instance: &InstanceId) -> Option<&AddressId> {
        self.addresses
            .iter()
            .find(|(_, address)| address.instance.as_ref() == Some(instance))
            .map(|(name, _)| name)
    }

    /// The next public address that AWS would assign.
    pub(super) fn free_public_address(&self) -> Option<Ipv4Addr> {
        let used = (self.instances.values())
            .filter_map(|instance| instance.assigned_public_ip)
            .collect();
        lowest_free(ASSIGNED_PUBLIC_ADDRESSES, &used)
    }

    /// The next Elastic IP address.
    pub(super) fn free_elastic_address(&self) -> Option<Ipv4Addr> {
        let used = (self.addresses.values())
            .map(|address| address.public_ip)
            .collect();
        lowest_free(ELASTIC_ADDRESSES, &used)
    }
}
