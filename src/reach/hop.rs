//! The stops of a packet's way.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::cloud::aws::{
    AclMatch, AttachmentId, InstanceId, InternetGatewayId, NetworkAclId, PeeringId, RouteState,
    RouteTableId, RouteTarget, RuleAction, SecurityGroupId, SecurityGroupRule, SubnetId, VpcId,
};
use crate::cloud::soracom::{CustomerRouteId, SimId, VpgId};
use crate::cloud::{LinkName, NodeName};

/// One stop. What was decided there is in it, for a packet that goes on and for one that dies alike; the
/// last stop of a way that ends in a drop is the one at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop<'a> {
    /// Whether it is the outer packet of a VXLAN tunnel that stops here.
    pub tunnelled: bool,
    /// What stands there.
    pub kind: HopKind<'a>,
}

/// A machine at an end of the way, or on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node<'a> {
    /// The device that a SIM sits in.
    Sim(&'a SimId),
    /// An instance.
    Instance(&'a InstanceId),
    /// The user's computer.
    Pc,
    /// The server on the internet.
    Internet,
}

impl Node<'_> {
    /// Its name.
    pub fn name(self) -> NodeName {
        match self {
            Self::Sim(sim) => NodeName::Sim(sim.clone()),
            Self::Instance(instance) => NodeName::Instance(instance.clone()),
            Self::Pc => NodeName::Pc,
            Self::Internet => NodeName::Internet,
        }
    }
}

/// What stands on a packet's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopKind<'a> {
    /// A machine sends it.
    Sends {
        /// The machine.
        node: Node<'a>,
        /// The packet's source.
        source: Ipv4Addr,
        /// The packet's destination.
        destination: Ipv4Addr,
    },
    /// A machine looks whether the packet is its own: the end of the way, or a machine that has to
    /// forward.
    Arrives {
        /// The machine.
        node: Node<'a>,
        /// The address that the packet is for.
        destination: Ipv4Addr,
    },
    /// A machine that isn't the packet's end passes it on.
    Forwards {
        /// The machine.
        node: Node<'a>,
    },
    /// A service of the platform or of a VPC's router answers: `pong`, `the resolver of VPC v`.
    Answers {
        /// Its address.
        address: Ipv4Addr,
        /// The VPC whose router it is; none for SORACOM's platform.
        vpc: Option<&'a VpcId>,
    },
    /// A SIM's session.
    Session {
        /// The SIM.
        sim: &'a SimId,
        /// Whether there is one.
        online: bool,
    },
    /// SORACOM's shared platform, on which SIMs without a VPG are.
    SharedPlatform,
    /// A node of a VPG.
    VpgNode {
        /// The VPG.
        vpg: &'a VpgId,
        /// Which of the two, 0 or 1.
        index: usize,
    },
    /// Where a VPG's node sends it.
    VpgRoute {
        /// The VPG.
        vpg: &'a VpgId,
        /// The way that was chosen.
        route: VpgRoute<'a>,
    },
    /// A VPG's outbound routing filter.
    RoutingFilter {
        /// The VPG.
        vpg: &'a VpgId,
        /// The entry that decides; where none matches, it passes.
        entry: Option<(Ipv4Net, RuleAction)>,
    },
    /// What Gate of a VPG has to say.
    Gate {
        /// The VPG.
        vpg: &'a VpgId,
        /// What was looked at.
        check: GateCheck,
    },
    /// A translation of an address.
    Nat {
        /// Where.
        place: NatPlace<'a>,
        /// Whether the source is translated, else the destination.
        source: bool,
        /// The address before.
        from: Ipv4Addr,
        /// The address after.
        to: Ipv4Addr,
    },
    /// A packet is put into VXLAN: what follows is about the outer packet.
    Encapsulates {
        /// The VXLAN network identifier.
        vni: u32,
        /// The outer source.
        from: Ipv4Addr,
        /// The outer destination.
        to: Ipv4Addr,
        /// The outer UDP destination port.
        port: u16,
    },
    /// A packet is taken out of VXLAN at this outer address.
    Decapsulates {
        /// The outer address of the tunnel's end.
        at: Ipv4Addr,
    },
    /// The source/destination check of an instance's interface.
    SourceDestCheck {
        /// The instance.
        instance: &'a InstanceId,
        /// Whether it looks at the source, else the destination.
        source: bool,
        /// The address that it looked at.
        address: Ipv4Addr,
    },
    /// The security groups of an instance.
    SecurityGroups {
        /// The instance.
        instance: &'a InstanceId,
        /// The direction.
        egress: bool,
        /// What decided.
        matched: SgMatch<'a>,
    },
    /// A subnet's network ACL.
    NetworkAcl {
        /// The ACL.
        acl: &'a NetworkAclId,
        /// The subnet.
        subnet: &'a SubnetId,
        /// The direction.
        egress: bool,
        /// What decided.
        matched: AclMatch,
    },
    /// A subnet's route table.
    RouteTable {
        /// The table.
        table: &'a RouteTableId,
        /// The route that was chosen.
        choice: Choice<'a>,
    },
    /// A VPC's router, for what comes in from outside: it looks for the address among the VPC's own.
    Vpc {
        /// The VPC.
        vpc: &'a VpcId,
        /// The address that it looks for.
        destination: Ipv4Addr,
    },
    /// A peering connection.
    Peering {
        /// The peering.
        peering: &'a PeeringId,
        /// The address that was refused, where one was; with whether it was the source.
        foreign: Option<(bool, Ipv4Addr)>,
    },
    /// A Transit Gateway attachment.
    Attachment {
        /// The attachment.
        attachment: &'a AttachmentId,
    },
    /// An internet gateway.
    InternetGateway {
        /// The gateway.
        gateway: &'a InternetGatewayId,
        /// Whether out to the internet, else in.
        egress: bool,
    },
    /// The internet.
    Internet {
        /// Where the packet is going.
        destination: Ipv4Addr,
    },
    /// A link that is cut.
    Cut {
        /// The link.
        link: &'a LinkName,
    },
    /// A link with this MTU in bytes, which the packet is larger than.
    Mtu {
        /// The MTU.
        mtu: u32,
    },
}

/// Where an address is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatPlace<'a> {
    /// A node of a VPG.
    Vpg(&'a VpgId, usize),
    /// SORACOM's shared platform.
    SharedPlatform,
    /// An internet gateway.
    InternetGateway(&'a InternetGatewayId),
}

/// What decided at security groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SgMatch<'a> {
    /// A rule allows it.
    Rule(&'a SecurityGroupId, &'a SecurityGroupRule),
    /// It belongs to a flow that was let through in the other direction.
    Answer,
    /// No rule allows it.
    Nothing,
    /// There are no rules in this direction.
    NoRules,
}

/// What a route table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// The local route for this range of the VPC.
    Local(Ipv4Net),
    /// A route.
    Route(Ipv4Net, &'a RouteTarget, RouteState),
    /// No route matches.
    Nothing,
}

/// Where a VPG's node sends a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VpgRoute<'a> {
    /// To a device with a session.
    Device(&'a SimId),
    /// To a Gate peer at this outer address.
    GatePeer(Ipv4Addr),
    /// The device subnet, in which nothing has the address.
    NobodyInDeviceSubnet,
    /// To SORACOM's platform.
    Platform,
    /// Into a peering that carries this destination; and whether it is active.
    Peering(&'a PeeringId, Ipv4Net, bool),
    /// Along a customer route to an attachment; and whether that is active.
    Customer(&'a CustomerRouteId, Ipv4Net, &'a AttachmentId, bool),
    /// To the internet.
    InternetGateway,
    /// To the internet, but the VPG has no internet gateway.
    InternetGatewayOff,
    /// Nowhere: the address is private, and nothing covers it.
    Uncovered,
    /// The node itself: its own address, behind which nothing is.
    Itself,
}

/// What Gate looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateCheck {
    /// Whether it is open.
    Open,
    /// Whether devices may see each other.
    PrivacySeparator,
    /// Whether VXLAN comes from a registered peer, at this outer address.
    Registered(Ipv4Addr),
    /// Whether VXLAN has the VPG's network identifier; this one came.
    Vni(u32),
    /// Whether VXLAN comes to udp/4789; it came to this port.
    Port(u16),
    /// Whether the inner source is one that a peer is registered with.
    InnerSource(Ipv4Addr),
    /// Whether somebody has this inner address.
    InnerDestination(Ipv4Addr),
    /// Whether the flood reaches the node that serves the session: 0 or 1.
    Flood(usize),
    /// Whether the peer's VXLAN interface floods to anybody.
    NoFlood,
    /// Whether the peer, at this outer address, answers for its inner address.
    Peer(Ipv4Addr),
}
