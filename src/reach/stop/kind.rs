//! What stands on a packet's way, as data: flat, with names instead of references.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Serialize;

use crate::cloud::aws::RuleAction;

/// What stands there, and what was decided. Names are those of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StopKind {
    /// A machine sends it.
    Sends {
        /// The machine.
        node: String,
        /// The packet's source.
        source: Ipv4Addr,
        /// The packet's destination.
        destination: Ipv4Addr,
    },
    /// A machine looks whether the packet is its own.
    Arrives {
        /// The machine.
        node: String,
        /// The address that the packet is for.
        destination: Ipv4Addr,
    },
    /// A machine that isn't the packet's end passes it on.
    Forwards {
        /// The machine.
        node: String,
    },
    /// A service of SORACOM's platform or of a VPC's router answers.
    Answers {
        /// Its address.
        address: Ipv4Addr,
        /// The VPC whose router it is; none for SORACOM's platform.
        vpc: Option<String>,
    },
    /// A SIM's session.
    Session {
        /// The SIM.
        sim: String,
        /// Whether there is one.
        online: bool,
    },
    /// SORACOM's shared platform, on which SIMs without a VPG are.
    SharedPlatform,
    /// A node of a VPG.
    VpgNode {
        /// The VPG.
        vpg: String,
        /// Which of the two, 0 or 1.
        node: usize,
    },
    /// Where a VPG's node sends it.
    VpgRoute {
        /// The VPG.
        vpg: String,
        /// The kind of route that was chosen.
        route: VpgRouteStop,
        /// The range that the route carries, for a peering or a customer route.
        destination: Option<Ipv4Net>,
        /// What the route leads to: a SIM, a Gate peer's outer address, a peering, an attachment.
        target: Option<String>,
        /// Whether that is active, for a peering or an attachment.
        active: Option<bool>,
    },
    /// A VPG's outbound routing filter.
    RoutingFilter {
        /// The VPG.
        vpg: String,
        /// The range of the entry that decides; none where no entry matches.
        range: Option<Ipv4Net>,
        /// What happens.
        action: RuleAction,
    },
    /// What Gate of a VPG has to say.
    Gate {
        /// The VPG.
        vpg: String,
        /// What was looked at.
        check: GateStop,
        /// The value that was looked at: an address, a VNI, a port, a node (0 or 1).
        value: Option<String>,
    },
    /// A translation of an address.
    Nat {
        /// Which address is translated.
        end: End,
        /// The address before.
        before: Ipv4Addr,
        /// The address after.
        after: Ipv4Addr,
    },
    /// A packet is put into VXLAN: what follows is about the outer packet.
    Encapsulates {
        /// The VXLAN network identifier.
        vni: u32,
        /// The outer source.
        source: Ipv4Addr,
        /// The outer destination.
        destination: Ipv4Addr,
        /// The outer UDP destination port.
        port: u16,
    },
    /// A packet is taken out of VXLAN.
    Decapsulates {
        /// The outer address of the tunnel's end.
        address: Ipv4Addr,
    },
    /// The source/destination check of an instance's interface.
    SourceDestCheck {
        /// The instance.
        instance: String,
        /// Which address it looked at.
        end: End,
        /// The address.
        address: Ipv4Addr,
    },
    /// The security groups of an instance.
    SecurityGroups {
        /// The instance.
        instance: String,
        /// The direction, as the instance sees it.
        direction: Direction,
        /// What decided.
        decision: Decision,
        /// The group whose rule decided, where one did.
        group: Option<String>,
        /// The rule, where one decided: `tcp 80 from 0.0.0.0/0`.
        rule: Option<String>,
    },
    /// A subnet's network ACL.
    NetworkAcl {
        /// The ACL.
        acl: String,
        /// The subnet.
        subnet: String,
        /// The direction, as the subnet sees it.
        direction: Direction,
        /// The number of the entry that decided; none for the final deny.
        entry: Option<u16>,
        /// What happens.
        action: RuleAction,
    },
    /// A subnet's route table.
    RouteTable {
        /// The table.
        table: String,
        /// The kind of route that was chosen.
        route: TableStop,
        /// The range that it is for.
        destination: Option<Ipv4Net>,
        /// What it leads to: `internet gateway customer`.
        target: Option<String>,
    },
    /// A VPC's router looks for the address among the VPC's own.
    Vpc {
        /// The VPC.
        vpc: String,
        /// The address.
        destination: Ipv4Addr,
    },
    /// A peering connection.
    Peering {
        /// The peering.
        peering: String,
        /// Which address was refused, where one was.
        refused: Option<End>,
        /// The address that was refused.
        address: Option<Ipv4Addr>,
    },
    /// A Transit Gateway attachment.
    Attachment {
        /// The attachment.
        attachment: String,
    },
    /// An internet gateway.
    InternetGateway {
        /// The gateway.
        gateway: String,
        /// Egress is out to the internet.
        direction: Direction,
    },
    /// The internet.
    Internet {
        /// Where the packet is going.
        destination: Ipv4Addr,
    },
    /// A link that is cut.
    Cut {
        /// The link: `link of SIM sensor`.
        link: String,
    },
    /// A link that the packet is too large for.
    Mtu {
        /// Its MTU, in bytes.
        mtu: u32,
    },
}

/// An end of a packet's way, as its addresses name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

impl End {
    pub(super) fn of(source: bool) -> Self {
        if source {
            Self::Source
        } else {
            Self::Destination
        }
    }
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Out.
    Egress,
    /// In.
    Ingress,
}

impl Direction {
    pub(super) fn of(egress: bool) -> Self {
        if egress { Self::Egress } else { Self::Ingress }
    }
}

/// What decided at security groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// A rule lets it through.
    Rule,
    /// It belongs to a flow that was let through in the other direction.
    Answer,
    /// No rule lets it through.
    Nothing,
    /// There are no rules in this direction.
    NoRules,
}

/// The kind of route that a route table gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableStop {
    /// The local route.
    Local,
    /// A route whose target is available.
    Active,
    /// A route whose target is not.
    Blackhole,
    /// No route matches.
    None,
}

/// The kind of route that a VPG's node chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VpgRouteStop {
    /// To a device with a session.
    Device,
    /// To a Gate peer.
    GatePeer,
    /// The device subnet, in which nothing has the address.
    NobodyInDeviceSubnet,
    /// To SORACOM's platform.
    Platform,
    /// Into a peering.
    Peering,
    /// Along a customer route.
    CustomerRoute,
    /// To the internet.
    InternetGateway,
    /// To the internet, but the VPG has no internet gateway.
    InternetGatewayOff,
    /// Nowhere: the address is private, and nothing covers it.
    Uncovered,
    /// The node itself.
    Itself,
}

/// What Gate looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateStop {
    /// Whether it is open.
    Open,
    /// Whether devices may see each other.
    PrivacySeparator,
    /// Whether VXLAN comes from a registered peer.
    Registered,
    /// Whether VXLAN has the VPG's network identifier.
    Vni,
    /// Whether VXLAN comes to udp/4789.
    Port,
    /// Whether the inner source is one that a peer is registered with.
    InnerSource,
    /// Whether somebody has the inner destination.
    InnerDestination,
    /// Whether the peer's flood reaches the node that serves the session.
    Flood,
    /// Whether the peer's VXLAN interface floods to anybody.
    NoFlood,
    /// Whether the peer answers for its inner address.
    Peer,
}
