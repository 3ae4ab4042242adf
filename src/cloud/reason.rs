//! Why a packet dies: one name for each way.
//!
//! Where AWS's VPC Reachability Analyzer publishes an explanation code for it, the name is that code
//! (Amazon VPC, Reachability Analyzer, "Explanation codes"); the others follow its style.

use std::fmt;
use std::str::FromStr;

/// Where a reason's code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// AWS's VPC Reachability Analyzer publishes it.
    Aws,
    /// Nobody publishes one for this; it is this project's own.
    Own,
}

macro_rules! reasons {
    ($($variant:ident = $code:literal from $origin:ident
        means $meaning:literal
        cause $cause:literal
        mend $mend:literal;)*) => {
        /// Why a packet dies.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $meaning] #[doc = ""] #[doc = $cause] #[doc = ""] #[doc = $mend] $variant,)*
        }

        impl Reason {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code: `ENI_SG_RULES_MISMATCH`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// Whose code it is.
            pub const fn origin(self) -> Origin {
                match self { $(Self::$variant => Origin::$origin),* }
            }

            /// What it means, in whole sentences.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }

            /// How people get there, in whole sentences.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause),* }
            }

            /// How to mend it, in whole sentences.
            pub const fn mend(self) -> &'static str {
                match self { $(Self::$variant => $mend),* }
            }

            /// All three, in this order, in one line.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($meaning, " ", $cause, " ", $mend)),* }
            }
        }
    };
}

reasons! {
    NoRouteToDestination = "NO_ROUTE_TO_DESTINATION" from Aws
        means "Nothing leads to the destination: no entry of the route table matches it, or no peering, \
            attachment or customer route of the VPG covers it."
        cause "A peering has no route on one of its two sides, or it stands in another table than the \
            subnet's; or the SIM's session was made before its group was given the VPG."
        mend "Add the route to the table of the subnet that sends, on both sides of a peering. On a VPG, \
            connect the destination's network; where the group has changed, reconnect the session.";

    BadStateRoute = "BAD_STATE_ROUTE" from Aws
        means "The route that matches is a blackhole: its target can't carry packets, and a less specific \
            route is never tried instead."
        cause "The peering has been requested but not accepted, or was rejected, has expired after seven \
            days, or was deleted; the gateway was detached; the instance was stopped."
        mend "Accept the peering, start the instance or attach the gateway; where the target is gone for \
            good, make another and replace the route.";

    EniSgRulesMismatch = "ENI_SG_RULES_MISMATCH" from Aws
        means "No security group of the interface has a rule that allows the packet."
        cause "The application's port or ICMP was forgotten, or udp 4789 for Gate, whose packets are a \
            new flow even when the instance began; or the rule names the device subnet where a Type-F \
            VPG shows its own range."
        mend "Authorize exactly this protocol and port, with the source as the interface sees it: behind \
            a Type-F VPG that is the VPG range.";

    SgHasNoRules = "SG_HAS_NO_RULES" from Aws
        means "The interface's security groups have no rules at all in this direction."
        cause "A new group lets nothing in; and one whose egress rule was revoked lets nothing out."
        mend "Authorize what should pass.";

    SubnetAclRestriction = "SUBNET_ACL_RESTRICTION" from Aws
        means "The subnet's network ACL denies the packet, by an entry or because no entry matches."
        cause "ACLs are stateless: the question is allowed and its answer is not. Or an entry with a \
            lower number denies before the one that allows."
        mend "Add an entry with a lower number than the one that denies; for answers, one for the \
            ephemeral ports 1024 to 65535.";

    EniSourceDestCheckRestriction = "ENI_SOURCE_DEST_CHECK_RESTRICTION" from Aws
        means "The interface drops what is neither from nor to its own address (source/destination \
            check)."
        cause "The check is on unless somebody switches it off, and the instance is used as a router, a \
            NAT or an appliance."
        mend "Switch the check off on the instance that forwards.";

    IgwPublicIpAssociationForEgress = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS" from Aws
        means "The instance has no public IP address, so the internet gateway does not let it out."
        cause "A default route to the gateway is taken for enough; or the address was lost with an \
            Elastic IP that moved on."
        mend "Give the instance a public address: at launch, or an Elastic IP.";

    IgwPrivateIpAssociationForIngress = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS" from Aws
        means "Nothing that runs is associated with this public IP address."
        cause "The instance was stopped, which costs it its assigned address, and got another at its next \
            start; or the Elastic IP is allocated and not associated."
        mend "Associate the Elastic IP, start its instance, or ask the address that the instance has \
            now.";

    IgwDestinationAddressNotInRfc1918Egress = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS" from Aws
        means "The internet gateway refuses destinations in RFC 1918."
        cause "A more specific route is missing, so the packet takes the default route: the way to a \
            peered VPC was forgotten, or the VXLAN interface to Gate's devices was lost at a reboot."
        mend "Add the route to the peering. For a device's own address, set up the VXLAN interface to \
            Gate.";

    IgwDestinationAddressNotInRfc6598Egress = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS" from Aws
        means "The internet gateway refuses destinations in 100.64.0.0/10 (RFC 6598), where the ranges of \
            VPGs lie."
        cause "The route back to the VPG range is missing, so the answer takes the default route; or it \
            stands in the main table while the subnet has a table of its own."
        mend "Add the VPG range, by the peering, to the route table of the instance's own subnet.";

    IgwSourceAddressNotInRfc1918Ingress = "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS" from Aws
        means "The internet gateway refuses sources in RFC 1918."
        cause "A machine on the internet sends with a private source address: a wrong address on it, or a \
            translation that does not happen."
        mend "Mend the sender's address or its translation.";

    IgwSourceAddressNotInRfc6598Ingress = "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS" from Aws
        means "The internet gateway refuses sources in 100.64.0.0/10 (RFC 6598)."
        cause "A machine on the internet sends with a carrier's or a VPG's inner address: a wrong address \
            on it, or a translation that does not happen."
        mend "Mend the sender's address or its translation.";

    PcxRequiresAddressInVpcCidr = "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR" from Aws
        means "A peering carries only packets between addresses of its two VPCs."
        cause "Transit is expected, to a third VPC or through the peer's internet gateway; or a machine \
            sends with a device's own address, which means nothing to the peering of a Type-F VPG."
        mend "Make a peering of its own to the network that has the address, and route there.";

    NoPossibleDestination = "NO_POSSIBLE_DESTINATION" from Aws
        means "The address lies in the VPC, but nothing that runs has it."
        cause "The instance is stopped or was terminated, or the address is a typing error."
        mend "Start the instance, or ask an address that a running one has.";

    MtuExceeded = "MTU_EXCEEDED" from Own
        means "The packet is larger than the link's MTU and must not be fragmented."
        cause "Instances send up to 9001 bytes, but an inter-region peering or a Transit Gateway carries \
            8500 and the internet gateway 1500; a VXLAN interface has 50 bytes less than what is under \
            it."
        mend "Lower the sender's MTU, or let the packet be fragmented.";

    LinkCut = "LINK_CUT" from Own
        means "The link is cut: whatever is sent over it is lost."
        cause "A step of the scenario has cut it, as when a device is out of coverage or a line is down. The \
            clouds know nothing of it: the session and the peering are as they were."
        mend "Restore the link.";

    LinkLoss = "LINK_LOSS" from Own
        means "The link has lost the packet by chance."
        cause "The scenario gives the link a loss, and this packet was among those that it hits."
        mend "Ask again, as a program would: let the step pass `eventually`. Or give the link less loss.";

    LinkQueueFull = "LINK_QUEUE_FULL" from Own
        means "More packets wait for the link than its queue holds, so the last that came is lost."
        cause "More is sent than the link's rate lets through: a slow speed class, or a trace with a gap."
        mend "Send less, or give the link a higher rate or a longer queue.";

    LinkTooLong = "LINK_TOO_LONG" from Own
        means "The packet is larger than the link carries, and nobody tells the sender."
        cause "The way has a narrower place than the machines at its ends know of, and the ICMP errors that \
            would say so are filtered: a black hole for large packets, while small ones pass."
        mend "Lower the MTU of the sender's interface, or the group's `ipLinkMtu`, to what the link carries.";

    HostFilter = "HOST_FILTER" from Own
        means "A machine's own packet filter forbids it."
        cause "A firewall on the instance or the device is on, of which no cloud knows anything."
        mend "Look at the rules on the machine itself, `nft list ruleset`, and let the packet through \
            there.";

    HostDoesNotForward = "HOST_DOES_NOT_FORWARD" from Own
        means "The packet is for another machine, and the one that got it does not forward."
        cause "A route leads to an instance as to a router, and forwarding was never switched on, or was \
            lost at a reboot."
        mend "Switch it on with `sysctl -w net.ipv4.ip_forward=1`, or mend the route that led there.";

    RoutingLoop = "ROUTING_LOOP" from Own
        means "The packet goes round in a circle: a machine gets its own packet back, or the packet has \
            passed so many that its TTL is used up."
        cause "Routes lead in a circle: a machine that forwards gets its own packets back, since its \
            subnet's route table leads to it too."
        mend "Give the subnet of the machine that forwards a route table of its own, which leads on.";

    AddressConflict = "ADDRESS_CONFLICT" from Own
        means "The answer goes to another machine, which has the same address as the one that asked."
        cause "Two VPCs with the same range are peered with a third, whose route table leads to one of them \
            only. A peering refuses ranges that overlap between its own two sides, and knows no others."
        mend "Give one of the two VPCs another range; or lead the one address back by a route of its own, \
            as long as nobody needs the other.";

    SimSessionOffline = "SIM_SESSION_OFFLINE" from Own
        means "The SIM has no session."
        cause "The device is off or out of reach, the session has idled out or was deleted, or the SIM \
            was deactivated. Nothing in the cloud can wake an offline SIM."
        mend "Connect the device; activate the SIM first if its status forbids it.";

    VpgInternetGatewayOff = "VPG_INTERNET_GATEWAY_OFF" from Own
        means "The VPG's internet gateway is off, and the destination is neither a platform endpoint nor \
            behind a private connection."
        cause "The VPG was made for a closed network, and a device expects the internet. The packet \
            vanishes without a word, so it looks like a time-out."
        mend "The switch is fixed at the VPG's creation: use a VPG that has it on, or reach the \
            destination privately.";

    VpgRoutingFilterDeny = "VPG_ROUTING_FILTER_DENY" from Own
        means "The VPG's outbound routing filter denies the destination."
        cause "The filter closes more than it was meant to, for instance 0.0.0.0/0, which is private \
            connections too, and on Type-F2 their answers."
        mend "Allow the destination by an entry that is more specific than the one that denies.";

    VpgInboundNotTranslated = "VPG_INBOUND_NOT_TRANSLATED" from Own
        means "The VPG's address is only the source of its devices' translated traffic: nothing behind it \
            can be reached by it."
        cause "A VPC, or the internet, tries to call a device by the address that its packets came from. \
            Canal alone leads one way."
        mend "Use Gate: open it, register the instance as a peer, and ask the device's own address \
            through the tunnel.";

    VpgNoSuchDevice = "VPG_NO_SUCH_DEVICE" from Own
        means "No session on the VPG has this address of the device subnet."
        cause "The device is offline, or its new session has another address, since no address is its own \
            for longer than a session unless the VPG's IP address map pins it."
        mend "Connect the device, pin its address in the map, and ask the one that it has now. Nothing \
            in the cloud can wake an offline SIM.";

    GateNotOpen = "GATE_NOT_OPEN" from Own
        means "Gate is not open on the VPG, so neither its VXLAN nor traffic between devices passes."
        cause "Gate was never opened, or was closed again."
        mend "Open Gate.";

    GatePeerNotRegistered = "GATE_PEER_NOT_REGISTERED" from Own
        means "VXLAN came from an address that is not registered as a Gate peer."
        cause "The tunnel was set up on the instance, and the peer was forgotten at SORACOM; or it is \
            registered with another outer address than the instance's private one."
        mend "Register the instance's private address as a Gate peer.";

    GateVniMismatch = "GATE_VNI_MISMATCH" from Own
        means "The VXLAN network identifier differs from the VPG's."
        cause "The VPG's was changed from 10 and the instance's not, or the number is a typing error."
        mend "Set the VPG's to the instance's, or make the instance's interface anew with the VPG's.";

    GatePortMismatch = "GATE_PORT_MISMATCH" from Own
        means "VXLAN came to another UDP port than 4789."
        cause "8472 is what Linux takes where nothing is said (ip-link(8))."
        mend "Make the interface anew with `dstport 4789`.";

    GateWrongOuterAddress = "GATE_WRONG_OUTER_ADDRESS" from Own
        means "VXLAN has an outer address that is wrong: it is sent to an address of the VPG's range that \
            is none of its two nodes', or from one that the instance does not have."
        cause "An address was mistyped, or taken from another VPG; or `local` is the public or the inner \
            address."
        mend "Flood to the outer IP addresses that the VPG shows, one for each node; `local` is the \
            instance's private address.";

    GateInnerAddressMismatch = "GATE_INNER_ADDRESS_MISMATCH" from Own
        means "The inner address that the peer uses is not the one that it is registered with."
        cause "The address on the VXLAN interface was chosen without a look at the one that SORACOM \
            assigned, or the peer was registered anew and got another."
        mend "Register the peer with the address that it uses, or give its interface the registered one.";

    GatePeerSilent = "GATE_PEER_SILENT" from Own
        means "The peer does not answer when the VPG asks for its inner address through the tunnel."
        cause "Its VXLAN interface is missing, since a reboot loses it, or it is down, lacks that \
            address, or listens for another VNI."
        mend "Set up the VXLAN interface on the instance, and make it survive the next reboot.";

    GateNoSuchAddress = "GATE_NO_SUCH_ADDRESS" from Own
        means "Nothing on the VPG has this address of the device subnet: no online session, no Gate peer."
        cause "The device is offline or has another address since its last connection, or the instance \
            was never registered as a Gate peer."
        mend "Connect the device and ask the address that it has now, or register the peer.";

    GateFloodMissesNode = "GATE_FLOOD_MISSES_NODE" from Own
        means "The peer floods to the other node of the VPG only, not to the one that serves the session."
        cause "One of the two FDB entries was forgotten, or was written over instead of appended."
        mend "Append one all-zero FDB entry for each of the VPG's outer IP addresses.";

    GateNoFloodEntry = "GATE_NO_FLOOD_ENTRY" from Own
        means "The peer's VXLAN interface has no FDB entry to flood to, so what it sends goes nowhere."
        cause "The interface was made without its last step; nothing complains."
        mend "Append one all-zero FDB entry for each of the VPG's outer IP addresses.";

    GatePrivacySeparator = "GATE_PRIVACY_SEPARATOR" from Own
        means "The privacy separator is on: devices of the VPG don't see each other."
        cause "It was switched on with Gate, where only the cloud was meant to see the devices, and then \
            a device is asked by another."
        mend "Switch the privacy separator off, if devices are meant to see each other.";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_parts_are_whole_sentences() {
        for reason in Reason::ALL {
            for text in [reason.meaning(), reason.cause(), reason.mend()] {
                assert!(text.ends_with('.'), "{reason}: {text}");
                assert!(text.starts_with(char::is_alphanumeric), "{reason}: {text}");
                assert!(!text.contains("  "), "{reason}: {text}");
            }
        }
    }
}
