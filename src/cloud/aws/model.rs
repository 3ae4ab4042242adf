//! The resources of a VPC, as values.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::cloud::id::names;
use crate::cloud::{AccountId, Time};

names! {
    /// A VPC. SORACOM's own VPCs, one behind each VPG, go by the name of the VPG with `vpg:` before it.
    VpcId;
    /// A subnet.
    SubnetId;
    /// An internet gateway.
    InternetGatewayId;
    /// A route table. A VPC's main table is made with it and goes by `<vpc>-main`.
    RouteTableId;
    /// A security group. A VPC's default group is made with it and goes by `<vpc>-default`.
    SecurityGroupId;
    /// A network ACL. A VPC's default ACL is made with it and goes by `<vpc>-default`.
    NetworkAclId;
    /// An instance, and its one network interface.
    InstanceId;
    /// An Elastic IP address.
    AddressId;
    /// A VPC peering connection.
    PeeringId;
    /// A Transit Gateway VPC attachment.
    AttachmentId;
}

/// Everything on AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aws {
    /// The customer's VPCs (not SORACOM's).
    pub vpcs: BTreeMap<VpcId, Vpc>,
    /// The subnets.
    pub subnets: BTreeMap<SubnetId, Subnet>,
    /// The internet gateways.
    pub internet_gateways: BTreeMap<InternetGatewayId, InternetGateway>,
    /// The route tables, main ones included.
    pub route_tables: BTreeMap<RouteTableId, RouteTable>,
    /// The security groups, default ones included.
    pub security_groups: BTreeMap<SecurityGroupId, SecurityGroup>,
    /// The network ACLs, default ones included.
    pub network_acls: BTreeMap<NetworkAclId, NetworkAcl>,
    /// The instances; a terminated one is gone.
    pub instances: BTreeMap<InstanceId, Instance>,
    /// The Elastic IP addresses.
    pub addresses: BTreeMap<AddressId, Address>,
    /// The peering connections, ended ones included.
    pub peerings: BTreeMap<PeeringId, Peering>,
    /// The Transit Gateway VPC attachments; a deleted one is gone. The Transit Gateways themselves are
    /// SORACOM's, one behind each Type-F2 VPG.
    pub attachments: BTreeMap<AttachmentId, TransitGatewayAttachment>,
}

/// A virtual private cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vpc {
    /// Its owner.
    pub account: AccountId,
    /// The region.
    pub region: String,
    /// Its address ranges; the first is the primary one.
    pub cidrs: Vec<Ipv4Net>,
}

impl VpcId {
    /// The VPC's main route table.
    pub fn main_route_table(&self) -> RouteTableId {
        RouteTableId::new(format!("{self}-main"))
    }

    /// The VPC's default security group.
    pub fn default_security_group(&self) -> SecurityGroupId {
        SecurityGroupId::new(format!("{self}-default"))
    }

    /// The VPC's default network ACL.
    pub fn default_network_acl(&self) -> NetworkAclId {
        NetworkAclId::new(format!("{self}-default"))
    }
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its VPC.
    pub vpc: VpcId,
    /// Its range.
    pub cidr: Ipv4Net,
    /// The route table that it is explicitly associated with; the main one where there is none.
    pub route_table: Option<RouteTableId>,
    /// Its network ACL.
    pub network_acl: NetworkAclId,
}

impl Subnet {
    /// The route table that counts.
    pub fn effective_route_table(&self) -> RouteTableId {
        self.route_table
            .clone()
            .unwrap_or_else(|| self.vpc.main_route_table())
    }
}

/// An internet gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternetGateway {
    /// The VPC that it is attached to.
    pub vpc: Option<VpcId>,
}

/// A route table. The `local` routes, one for each range of the VPC, are understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    /// Its VPC.
    pub vpc: VpcId,
    /// Its routes besides the local ones.
    pub routes: BTreeMap<Ipv4Net, RouteTarget>,
}

/// What a route leads to. Whether the target is available is a question to [`Aws::route_state`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteTarget {
    /// An internet gateway.
    InternetGateway(InternetGatewayId),
    /// A peering connection.
    Peering(PeeringId),
    /// The Transit Gateway that an attachment leads to. The EC2 API names the gateway; as it can be
    /// reached through the VPC's one attachment to it only, the attachment names it just as well.
    TransitGateway(AttachmentId),
    /// An instance's network interface.
    Instance(InstanceId),
}

/// A route's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteState {
    /// The target is available.
    Active,
    /// It isn't; what matches the route is dropped.
    Blackhole,
}

/// A security group: stateful, allow-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its VPC.
    pub vpc: VpcId,
    /// What may come in.
    pub ingress: BTreeSet<SecurityGroupRule>,
    /// What may go out.
    pub egress: BTreeSet<SecurityGroupRule>,
}

/// A protocol as rules name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// All of them (`-1`).
    #[default]
    All,
}

/// A range of ports, ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

impl PortRange {
    /// Every port.
    pub const ALL: Self = Self {
        from: 0,
        to: u16::MAX,
    };
}

/// What a security group rule names at the other end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RulePeer {
    /// A range of addresses.
    Cidr(Ipv4Net),
    /// The private addresses of a group's interfaces; the group may belong to a VPC that an active
    /// peering leads to.
    Group(SecurityGroupId),
}

/// A rule of a security group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecurityGroupRule {
    /// The protocol.
    pub protocol: IpProtocol,
    /// TCP and UDP: the destination ports. All of them for the other protocols.
    pub ports: PortRange,
    /// ICMP: the type, or every type.
    pub icmp_type: Option<u8>,
    /// The other end.
    pub peer: RulePeer,
}

/// A network ACL: ordered, stateless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkAcl {
    /// Its VPC.
    pub vpc: VpcId,
    /// Entries for what enters a subnet, by rule number (1–32766); then everything is denied.
    pub ingress: BTreeMap<u16, NetworkAclEntry>,
    /// Entries for what leaves a subnet.
    pub egress: BTreeMap<u16, NetworkAclEntry>,
}

/// Allow or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleAction {
    /// Let it pass.
    Allow,
    /// Drop it.
    Deny,
}

/// An entry of a network ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkAclEntry {
    /// What happens.
    pub action: RuleAction,
    /// The protocol.
    pub protocol: IpProtocol,
    /// TCP and UDP: the destination ports. All of them for the other protocols.
    pub ports: PortRange,
    /// ICMP: the type, or every type.
    pub icmp_type: Option<u8>,
    /// The source (ingress) or destination (egress).
    pub cidr: Ipv4Net,
}

/// An instance's state. Transitions are immediate, so the `-ing` states are never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// It runs.
    Running,
    /// It doesn't; its private address stays reserved.
    Stopped,
}

/// An instance with one network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its subnet.
    pub subnet: SubnetId,
    /// Its address in the subnet.
    pub private_ip: Ipv4Addr,
    /// Whether AWS gives it a public address at each start.
    pub auto_public_ip: bool,
    /// The public address that AWS gave it, until it stops. An Elastic IP takes its place while
    /// associated; [`Aws::public_ip`] says which counts.
    pub assigned_public_ip: Option<Ipv4Addr>,
    /// Whether its interface drops what is neither from nor to its own address.
    pub source_dest_check: bool,
    /// Its security groups, at least one.
    pub security_groups: BTreeSet<SecurityGroupId>,
    /// Its state.
    pub state: InstanceState,
    /// Counts its starts: what is configured by hand lasts for one.
    pub boot: u32,
}

/// An Elastic IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub public_ip: Ipv4Addr,
    /// The instance that has it.
    pub instance: Option<InstanceId>,
}

/// A peering's state (Amazon VPC Peering Guide, "VPC peering connection lifecycle"). Provisioning and
/// deleting are passed within one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeeringStatus {
    /// Requested, about to be shown to the accepter.
    InitiatingRequest,
    /// Ranges overlap, or something else was wrong with the request.
    Failed,
    /// Waits for the accepter, at most 7 days.
    PendingAcceptance,
    /// Nobody accepted in 7 days.
    Expired,
    /// The accepter declined.
    Rejected,
    /// Accepted, about to be active.
    Provisioning,
    /// Carries traffic, where routes lead to it.
    Active,
    /// About to be deleted.
    Deleting,
    /// Gone for traffic; still shown for a while.
    Deleted,
}

/// One side of a peering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeeringSide {
    /// The VPC: one of the customer's, or SORACOM's behind a VPG.
    pub vpc: VpcId,
    /// Its owner.
    pub account: AccountId,
    /// Its region.
    pub region: String,
    /// The ranges that the peering carries for this side: those of the request, and what the VPC has
    /// gained or lost since while the peering was live.
    pub cidrs: Vec<Ipv4Net>,
}

/// A peering connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peering {
    /// Who asked.
    pub requester: PeeringSide,
    /// Who was asked.
    pub accepter: PeeringSide,
    /// The state.
    pub status: PeeringStatus,
    /// Why it failed, where it did.
    pub status_message: String,
    /// When a request that nobody accepts expires.
    pub expires_at: Time,
}

/// A Transit Gateway VPC attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitGatewayAttachment {
    /// The VPC.
    pub vpc: VpcId,
    /// The state.
    pub status: AttachmentStatus,
}

/// An attachment's state, in the words of SORACOM's API, which is where it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AttachmentStatus {
    /// The customer has yet to attach the VPC.
    VpcAttachmentPending,
    /// Attached; SORACOM's side has yet to accept.
    AcceptancePending,
    /// Carries traffic, where routes lead to it.
    Active,
    /// Something was wrong with it.
    Failed,
}
