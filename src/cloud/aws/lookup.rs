//! Finding resources by name, or refusing with the code that the EC2 API has for each kind.

use super::refusal::unknown;
use super::*;
use crate::cloud::{ApiError, Event};

macro_rules! kinds {
    ($($find:ident $find_mut:ident $map:ident: $id:ident => $value:ty, $code:literal, $tag:literal, $kind:literal;)*) => {
        impl Aws {
            $(
                pub(super) fn $find(&self, id: &$id) -> Result<&$value, ApiError> {
                    self.$map.get(id).ok_or_else(|| {
                        unknown($code, $kind, id.as_str(), self.$map.keys().map($id::as_str))
                    })
                }

                #[allow(dead_code, reason = "not every kind is changed in place")]
                pub(super) fn $find_mut(&mut self, id: &$id) -> Result<&mut $value, ApiError> {
                    self.$find(id)?;
                    self.$map
                        .get_mut(id)
                        .ok_or_else(|| unknown($code, $kind, id.as_str(), []))
                }
            )*

            /// The kind and the name of every resource, kind by kind: for suggestions where a name
            /// is unknown.
            pub fn names(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
                let names = std::iter::empty();
                $(let names = names.chain(self.$map.keys().map(|id| ($tag, id.to_string())));)*
                names
            }
        }

        $(
            impl $id {
                /// Says what happened to this resource.
                pub(super) fn event(&self, what: impl Into<String>) -> Event {
                    Event::new(format!(concat!($kind, " {}"), self), what)
                }
            }
        )*
    };
}

kinds! {
    vpc vpc_mut vpcs: VpcId => Vpc, "InvalidVpcID.NotFound", "vpc", "VPC";
    subnet subnet_mut subnets: SubnetId => Subnet, "InvalidSubnetID.NotFound", "subnet", "subnet";
    internet_gateway internet_gateway_mut internet_gateways: InternetGatewayId => InternetGateway, "InvalidInternetGatewayID.NotFound", "internet_gateway", "internet gateway";
    route_table route_table_mut route_tables: RouteTableId => RouteTable, "InvalidRouteTableID.NotFound", "route_table", "route table";
    security_group security_group_mut security_groups: SecurityGroupId => SecurityGroup, "InvalidGroup.NotFound", "security_group", "security group";
    network_acl network_acl_mut network_acls: NetworkAclId => NetworkAcl, "InvalidNetworkAclID.NotFound", "network_acl", "network ACL";
    instance instance_mut instances: InstanceId => Instance, "InvalidInstanceID.NotFound", "instance", "instance";
    address address_mut addresses: AddressId => Address, "InvalidAllocationID.NotFound", "address", "Elastic IP address";
    peering peering_mut peerings: PeeringId => Peering, "InvalidVpcPeeringConnectionID.NotFound", "peering", "peering";
    attachment attachment_mut attachments: AttachmentId => TransitGatewayAttachment, "InvalidTransitGatewayAttachmentID.NotFound", "attachment", "Transit Gateway attachment";
}
