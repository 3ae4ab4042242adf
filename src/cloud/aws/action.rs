//! The operations of the EC2 API, by their real names.
//!
//! `as` names what an operation creates. Keys are the API's parameters, shortened to what the console
//! calls them.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{
    AddressId, InstanceId, InternetGatewayId, IpProtocol, NetworkAclId, PeeringId, RouteTableId,
    RuleAction, SecurityGroupId, SubnetId, VpcId,
};
use crate::cloud::AccountId;

/// Declares the operations: a struct for each, the enum over them, and the table by which a reader
/// of scenarios finds them.
macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $op:ident {
        $($(#[doc = $meaning:literal])+ $(#[serde($($serde:tt)+)])? $field:ident: $ty:ty,)*
    })*) => {
        $($(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $op {
            $($(#[doc = $meaning])+ $(#[serde($($serde)+)])? pub $field: $ty,)*
        })*

        /// One operation of the EC2 API.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Action { $($(#[doc = $doc])+ $op($op),)* }

        impl Action {
            /// The names of all operations.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($op)),*];

            /// For each operation, in the order of [`Action::NAMES`]: what it does, and what each of its
            /// parameters means, in the order of the fields.
            pub const MEANINGS: &'static [(&'static str, &'static [&'static str])] = &[
                $((concat!($($doc),+), &[$(concat!($($meaning),+)),*])),*
            ];

            /// The operation's real name.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$op(_) => stringify!($op)),* }
            }

            /// The parameters by the keys that a scenario gives them, in the order of the fields; those that
            /// only repeat what holds without them are left out.
            pub(in crate::cloud) fn to_table(&self) -> Result<toml::Table, toml::ser::Error> {
                match self { $(Self::$op(op) => toml::Table::try_from(op)),* }
            }

            /// Reads the parameters of the operation called `name`; none if there is no such operation.
            pub fn read<'de, D: serde::Deserializer<'de>>(name: &str, from: D) -> Option<Result<Self, D::Error>> {
                match name {
                    $(stringify!($op) => Some($op::deserialize(from).map(Self::$op)),)*
                    _ => None,
                }
            }
        }
    };
}

fn yes() -> bool {
    true
}

/// Whether a switch is on that is on where nothing is said.
fn is_yes(value: &bool) -> bool {
    *value
}

/// Whether a value is the one that it has where nothing is said.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Ports as a rule gives them: `80`, or `"1024-65535"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ports {
    /// One.
    One(u16),
    /// A range, `from-to`.
    Range(String),
}

/// A security group rule as a person writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// The protocol; all of them where none is given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: IpProtocol,
    /// TCP and UDP: the destination port or ports; all where none is given.
    pub port: Option<Ports>,
    /// ICMP: the type; all where none is given.
    pub icmp_type: Option<u8>,
    /// Ingress: the other end, a CIDR block or the name of a security group.
    pub source: Option<String>,
    /// Egress: the other end, a CIDR block or the name of a security group.
    pub destination: Option<String>,
}

operations! {
    /// Makes a VPC with its main route table, default security group and default network ACL.
    CreateVpc {
        /// The VPC's name.
        #[serde(rename = "as")] name: VpcId,
        /// Its primary range, /16 to /28.
        cidr: Ipv4Net,
        /// Its owner; `111122223333` where none is given.
        #[serde(default, skip_serializing_if = "is_default")] account: AccountId,
        /// Its region; `ap-northeast-1` where none is given.
        region: Option<String>,
    }
    /// Deletes a VPC that nothing uses any more.
    DeleteVpc {
        /// The VPC.
        vpc: VpcId,
    }
    /// Gives a VPC one more range.
    AssociateVpcCidrBlock {
        /// The VPC.
        vpc: VpcId,
        /// The range.
        cidr: Ipv4Net,
    }
    /// Takes a secondary range away.
    DisassociateVpcCidrBlock {
        /// The VPC.
        vpc: VpcId,
        /// The range.
        cidr: Ipv4Net,
    }
    /// Makes a subnet.
    CreateSubnet {
        /// The subnet's name.
        #[serde(rename = "as")] name: SubnetId,
        /// Its VPC.
        vpc: VpcId,
        /// Its range, /16 to /28, inside one of the VPC's.
        cidr: Ipv4Net,
    }
    /// Deletes a subnet without instances.
    DeleteSubnet {
        /// The subnet.
        subnet: SubnetId,
    }
    /// Makes an internet gateway, attached to nothing.
    CreateInternetGateway {
        /// The gateway's name.
        #[serde(rename = "as")] name: InternetGatewayId,
    }
    /// Attaches an internet gateway to a VPC that has none.
    AttachInternetGateway {
        /// The gateway.
        internet_gateway: InternetGatewayId,
        /// The VPC.
        vpc: VpcId,
    }
    /// Detaches an internet gateway; refused while an instance that runs has a public address.
    DetachInternetGateway {
        /// The gateway.
        internet_gateway: InternetGatewayId,
        /// The VPC.
        vpc: VpcId,
    }
    /// Deletes a detached internet gateway.
    DeleteInternetGateway {
        /// The gateway.
        internet_gateway: InternetGatewayId,
    }
    /// Makes a route table with its local routes.
    CreateRouteTable {
        /// The table's name.
        #[serde(rename = "as")] name: RouteTableId,
        /// Its VPC.
        vpc: VpcId,
    }
    /// Deletes a route table that no subnet uses.
    DeleteRouteTable {
        /// The table.
        route_table: RouteTableId,
    }
    /// Associates a subnet with a route table.
    AssociateRouteTable {
        /// The table.
        route_table: RouteTableId,
        /// The subnet.
        subnet: SubnetId,
    }
    /// Ends a subnet's explicit association; the main table counts again.
    DisassociateRouteTable {
        /// The subnet.
        subnet: SubnetId,
    }
    /// Adds a route.
    CreateRoute {
        /// The table.
        route_table: RouteTableId,
        /// The destination.
        destination: Ipv4Net,
        /// The target: `igw` for the VPC's internet gateway, or the name of an internet gateway, a
        /// peering, a Transit Gateway attachment or an instance.
        target: String,
    }
    /// Gives a route another target.
    ReplaceRoute {
        /// The table.
        route_table: RouteTableId,
        /// The destination.
        destination: Ipv4Net,
        /// The target, as in `CreateRoute`.
        target: String,
    }
    /// Removes a route.
    DeleteRoute {
        /// The table.
        route_table: RouteTableId,
        /// The destination.
        destination: Ipv4Net,
    }
    /// Makes a security group that lets nothing in and everything out.
    CreateSecurityGroup {
        /// The group's name.
        #[serde(rename = "as")] name: SecurityGroupId,
        /// Its VPC.
        vpc: VpcId,
    }
    /// Deletes a security group that nothing uses.
    DeleteSecurityGroup {
        /// The group.
        security_group: SecurityGroupId,
    }
    /// Lets something in.
    AuthorizeSecurityGroupIngress {
        /// The group.
        security_group: SecurityGroupId,
        /// The rule.
        rule: RuleSpec,
    }
    /// Lets something out.
    AuthorizeSecurityGroupEgress {
        /// The group.
        security_group: SecurityGroupId,
        /// The rule.
        rule: RuleSpec,
    }
    /// Removes an ingress rule.
    RevokeSecurityGroupIngress {
        /// The group.
        security_group: SecurityGroupId,
        /// The rule.
        rule: RuleSpec,
    }
    /// Removes an egress rule.
    RevokeSecurityGroupEgress {
        /// The group.
        security_group: SecurityGroupId,
        /// The rule.
        rule: RuleSpec,
    }
    /// Makes a network ACL that denies everything.
    CreateNetworkAcl {
        /// The ACL's name.
        #[serde(rename = "as")] name: NetworkAclId,
        /// Its VPC.
        vpc: VpcId,
    }
    /// Deletes a network ACL that no subnet uses.
    DeleteNetworkAcl {
        /// The ACL.
        network_acl: NetworkAclId,
    }
    /// Adds an entry to a network ACL.
    CreateNetworkAclEntry {
        /// The ACL.
        network_acl: NetworkAclId,
        /// Whether it is about what leaves the subnet; about what enters it where not given.
        #[serde(default, skip_serializing_if = "is_default")] egress: bool,
        /// Its place, 1 to 32766; lower is tried first.
        rule_number: u16,
        /// Allow or deny.
        action: RuleAction,
        /// The protocol; all of them where none is given.
        #[serde(default, skip_serializing_if = "is_default")] protocol: IpProtocol,
        /// TCP and UDP: the destination port or ports; all where none is given.
        port: Option<Ports>,
        /// ICMP: the type; all where none is given.
        icmp_type: Option<u8>,
        /// The other end.
        cidr: Ipv4Net,
    }
    /// Puts an entry in the place of the one with the same number.
    ReplaceNetworkAclEntry {
        /// The ACL.
        network_acl: NetworkAclId,
        /// Whether it is about what leaves the subnet; about what enters it where not given.
        #[serde(default, skip_serializing_if = "is_default")] egress: bool,
        /// Its place.
        rule_number: u16,
        /// Allow or deny.
        action: RuleAction,
        /// The protocol; all of them where none is given.
        #[serde(default, skip_serializing_if = "is_default")] protocol: IpProtocol,
        /// TCP and UDP: the destination port or ports; all where none is given.
        port: Option<Ports>,
        /// ICMP: the type; all where none is given.
        icmp_type: Option<u8>,
        /// The other end.
        cidr: Ipv4Net,
    }
    /// Removes an entry.
    DeleteNetworkAclEntry {
        /// The ACL.
        network_acl: NetworkAclId,
        /// Whether it is about what leaves the subnet; about what enters it where not given.
        #[serde(default, skip_serializing_if = "is_default")] egress: bool,
        /// Its place.
        rule_number: u16,
    }
    /// Gives a subnet another network ACL.
    ReplaceNetworkAclAssociation {
        /// The subnet.
        subnet: SubnetId,
        /// The ACL.
        network_acl: NetworkAclId,
    }
    /// Launches an instance.
    RunInstances {
        /// The instance's name.
        #[serde(rename = "as")] name: InstanceId,
        /// Its subnet.
        subnet: SubnetId,
        /// Its address in the subnet; the lowest free one where none is given.
        private_ip: Option<Ipv4Addr>,
        /// Whether it gets a public address at each start; not where not given.
        #[serde(default, skip_serializing_if = "is_default")] public_ip: bool,
        /// Its security groups; the VPC's default one where none is given.
        #[serde(default, skip_serializing_if = "is_default")] security_groups: BTreeSet<SecurityGroupId>,
        /// Whether the interface drops what is neither from nor to its own address; it does where not
        /// given.
        #[serde(default = "yes", skip_serializing_if = "is_yes")] source_dest_check: bool,
    }
    /// Stops an instance: it loses its assigned public address and what was configured by hand.
    StopInstances {
        /// The instance.
        instance: InstanceId,
    }
    /// Starts a stopped instance, with a new public address where it gets one.
    StartInstances {
        /// The instance.
        instance: InstanceId,
    }
    /// Restarts an instance: addresses stay, what was configured by hand is lost.
    RebootInstances {
        /// The instance.
        instance: InstanceId,
    }
    /// Ends an instance for good.
    TerminateInstances {
        /// The instance.
        instance: InstanceId,
    }
    /// Changes an instance's security groups or its source/destination check.
    ModifyInstanceAttribute {
        /// The instance.
        instance: InstanceId,
        /// Its security groups from now on.
        security_groups: Option<BTreeSet<SecurityGroupId>>,
        /// Whether the check is on from now on.
        source_dest_check: Option<bool>,
    }
    /// Reserves an Elastic IP address.
    AllocateAddress {
        /// The address's name.
        #[serde(rename = "as")] name: AddressId,
    }
    /// Gives an Elastic IP address to an instance; it takes the place of the assigned one.
    AssociateAddress {
        /// The address.
        address: AddressId,
        /// The instance.
        instance: InstanceId,
    }
    /// Takes it away.
    DisassociateAddress {
        /// The address.
        address: AddressId,
    }
    /// Gives an Elastic IP address back.
    ReleaseAddress {
        /// The address.
        address: AddressId,
    }
    /// Asks for a peering between two of the customers' VPCs.
    CreateVpcPeeringConnection {
        /// The peering's name.
        #[serde(rename = "as")] name: PeeringId,
        /// The requester.
        vpc: VpcId,
        /// The accepter.
        peer_vpc: VpcId,
    }
    /// Accepts a pending peering.
    AcceptVpcPeeringConnection {
        /// The peering.
        peering: PeeringId,
    }
    /// Declines a pending peering.
    RejectVpcPeeringConnection {
        /// The peering.
        peering: PeeringId,
    }
    /// Deletes a peering, from either side.
    DeleteVpcPeeringConnection {
        /// The peering.
        peering: PeeringId,
    }
}
