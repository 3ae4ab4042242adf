//! Why a packet dies: one name for each way.
//!
//! Where AWS's VPC Reachability Analyzer publishes an explanation code for it, the name is that code
//! (Amazon VPC, Reachability Analyzer, "Explanation codes"); the others follow its style.

use std::fmt;
use std::str::FromStr;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal;)*) => {
        /// Why a packet dies.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl Reason {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code: `ENI_SG_RULES_MISMATCH`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// What it means, how people get there and how to mend it.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),+)),* }
            }
        }
    };
}

reasons! {
    /// No entry of the route table matches the destination.
    /// Add a route; for a peering, on both sides.
    NoRouteToDestination = "NO_ROUTE_TO_DESTINATION";
    /// The route that matches is a blackhole: its target is pending, deleted, detached or stopped.
    /// A less specific route is never tried instead. Mend the target, or replace the route.
    BadStateRoute = "BAD_STATE_ROUTE";
    /// No security group of the interface has a rule that allows the packet.
    /// Authorize it, naming the source as the interface sees it: behind a Type-F VPG that is the VPG
    /// range, not the device subnet.
    EniSgRulesMismatch = "ENI_SG_RULES_MISMATCH";
    /// The security group has no rules at all in this direction.
    /// A new group lets nothing in. Authorize what should pass.
    SgHasNoRules = "SG_HAS_NO_RULES";
    /// The subnet's network ACL denies the packet, by an entry or by its final rule.
    /// ACLs are stateless: the answer needs an entry of its own, for the ephemeral ports.
    SubnetAclRestriction = "SUBNET_ACL_RESTRICTION";
    /// The interface drops what is neither from nor to its own address (source/destination check).
    /// Switch the check off on instances that forward.
    EniSourceDestCheckRestriction = "ENI_SOURCE_DEST_CHECK_RESTRICTION";
    /// The instance has no public IP address, so the internet gateway does not let it out.
    /// Give it one: at launch, or as an Elastic IP.
    IgwPublicIpAssociationForEgress = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS";
    /// No interface is associated with this public IP address.
    /// Associate the Elastic IP, or ask the address that the instance has now.
    IgwPrivateIpAssociationForIngress = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS";
    /// The internet gateway refuses destinations in RFC 1918.
    /// As a rule a more specific route is missing, to a peering for instance.
    IgwDestinationAddressNotInRfc1918Egress = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS";
    /// The internet gateway refuses destinations in 100.64.0.0/10 (RFC 6598).
    /// For Canal: the route from the instance's subnet to the VPG range is missing, or stands in
    /// another route table than the subnet's.
    IgwDestinationAddressNotInRfc6598Egress = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS";
    /// The internet gateway refuses sources in RFC 1918.
    IgwSourceAddressNotInRfc1918Ingress = "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS";
    /// The internet gateway refuses sources in 100.64.0.0/10 (RFC 6598).
    IgwSourceAddressNotInRfc6598Ingress = "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS";
    /// A peering carries only packets between addresses of its two VPCs.
    /// There is no transit through a peering, and a device's own address means nothing behind a
    /// Type-F VPG.
    PcxRequiresAddressInVpcCidr = "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR";
    /// The address lies in the VPC, but nothing that runs has it.
    NoPossibleDestination = "NO_POSSIBLE_DESTINATION";
    /// The packet is larger than the link's MTU and must not be fragmented.
    MtuExceeded = "MTU_EXCEEDED";
    /// A machine's own packet filter forbids it.
    /// Look at the rules on the instance or the device itself.
    HostFilter = "HOST_FILTER";
    /// The packet is for another machine, and this one does not forward.
    /// A route led it here. Switch forwarding on (`net.ipv4.ip_forward`), or mend the route.
    HostDoesNotForward = "HOST_DOES_NOT_FORWARD";
    /// The packet has passed so many machines that its TTL is used up.
    /// Routes lead in a circle: a machine that forwards gets its own packets back. Mend its subnet's
    /// route table.
    TtlExceeded = "TTL_EXCEEDED";
    /// The SIM has no session.
    /// Connect the device; nothing in the cloud can wake an offline SIM.
    SimSessionOffline = "SIM_SESSION_OFFLINE";
    /// The VPG's internet gateway is off, and the destination is neither a platform endpoint nor
    /// behind a peering. The switch is fixed at the VPG's creation.
    VpgInternetGatewayOff = "VPG_INTERNET_GATEWAY_OFF";
    /// The VPG's outbound routing filter denies the destination.
    VpgRoutingFilterDeny = "VPG_ROUTING_FILTER_DENY";
    /// The VPG's address is only the source of its devices' translated traffic: nothing behind it can
    /// be reached from the VPC. Use Gate.
    VpgInboundNotTranslated = "VPG_INBOUND_NOT_TRANSLATED";
    /// No session on the VPG has this address of the device subnet.
    /// Connect the device; nothing in the cloud can wake an offline SIM. A device gets another address
    /// with each session, unless the VPG's IP address map pins it.
    VpgNoSuchDevice = "VPG_NO_SUCH_DEVICE";
    /// Gate is not open on the VPG, so neither its VXLAN nor traffic between devices passes.
    GateNotOpen = "GATE_NOT_OPEN";
    /// VXLAN came from an address that is not registered as a Gate peer.
    GatePeerNotRegistered = "GATE_PEER_NOT_REGISTERED";
    /// The VXLAN network identifier differs from the VPG's.
    GateVniMismatch = "GATE_VNI_MISMATCH";
    /// VXLAN came to the UDP port 8472 instead of 4789.
    /// 8472 is what Linux takes where nothing is said (ip-link(8)). Make the interface with
    /// `dstport 4789`.
    GatePortMismatch = "GATE_PORT_MISMATCH";
    /// VXLAN has an outer address that is wrong: it is sent to an address of the VPG's range that is none
    /// of its two nodes', or from one that the instance does not have.
    /// The VPG shows its outer IP addresses, one for each node; `local` is the instance's private address.
    GateWrongOuterAddress = "GATE_WRONG_OUTER_ADDRESS";
    /// The inner address that the peer uses is not the one that it is registered with.
    GateInnerAddressMismatch = "GATE_INNER_ADDRESS_MISMATCH";
    /// The peer does not answer when the VPG asks for its inner address through the tunnel.
    /// Its VXLAN interface is missing, down (a reboot loses it), without that address, or listens for
    /// another VNI.
    GatePeerSilent = "GATE_PEER_SILENT";
    /// Nothing on the VPG has this address of the device subnet: no online session, no Gate peer.
    GateNoSuchAddress = "GATE_NO_SUCH_ADDRESS";
    /// The peer floods to the other node of the VPG only, not to the one that serves the session.
    /// Add one all-zero FDB entry for each of the VPG's outer IP addresses.
    GateFloodMissesNode = "GATE_FLOOD_MISSES_NODE";
    /// The peer's VXLAN interface has no FDB entry to flood to, so what it sends goes nowhere.
    /// Add one all-zero FDB entry for each of the VPG's outer IP addresses.
    GateNoFloodEntry = "GATE_NO_FLOOD_ENTRY";
    /// The privacy separator is on: devices of the VPG don't see each other.
    GatePrivacySeparator = "GATE_PRIVACY_SEPARATOR";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.code() == text)
            .ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

/// A code that names no [`Reason`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no reason is called {0:?}")]
pub struct UnknownReason(pub String);
