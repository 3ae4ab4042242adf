//! The operations of the SORACOM API by their operation ids, and what a device does with its SIM.
//!
//! `as` names what an operation creates. Keys are the API's parameters, shortened where a name says
//! enough (`vpg` for `vpg_id`).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{CustomerRouteId, GroupId, SimId, VpgId, VpgType};
use crate::cloud::aws::{AttachmentId, PeeringId, RuleAction, VpcId};

/// Declares the operations: a struct for each, the enum over them, and the table by which a reader
/// of scenarios finds them.
macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $real:literal $op:ident {
        $($(#[doc = $meaning:literal])+ $(#[serde($($serde:tt)+)])? $field:ident: $ty:ty,)*
    })*) => {
        $($(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $op {
            $($(#[doc = $meaning])+ $(#[serde($($serde)+)])? pub $field: $ty,)*
        })*

        /// One operation of the SORACOM API, or one of a device.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Action { $($(#[doc = $doc])+ $op($op),)* }

        impl Action {
            /// The names of all operations.
            pub const NAMES: &'static [&'static str] = &[$($real),*];

            /// For each operation, in the order of [`Action::NAMES`]: what it does, and what each of its
            /// parameters means, in the order of the fields.
            pub const MEANINGS: &'static [(&'static str, &'static [&'static str])] = &[
                $((concat!($($doc),+), &[$(concat!($($meaning),+)),*])),*
            ];

            /// The operation's real name.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$op(_) => $real),* }
            }

            /// The parameters by the keys that a scenario gives them, in the order of the fields; those that
            /// only repeat what holds without them are left out.
            pub(in crate::cloud) fn to_table(&self) -> Result<toml::Table, toml::ser::Error> {
                match self { $(Self::$op(op) => toml::Table::try_from(op)),* }
            }

            /// Reads the parameters of the operation called `name`; none if there is no such operation.
            pub fn read<'de, D: serde::Deserializer<'de>>(name: &str, from: D) -> Option<Result<Self, D::Error>> {
                match name {
                    $($real => Some($op::deserialize(from).map(Self::$op)),)*
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

/// An entry of the outbound routing filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingFilterEntry {
    /// Allow or deny.
    pub action: RuleAction,
    /// The destinations.
    pub ip_range: Ipv4Net,
}

operations! {
    /// Makes a VPG: `creating`, and after about three minutes `running`.
    "createVirtualPrivateGateway" CreateVirtualPrivateGateway {
        /// The VPG's name.
        #[serde(rename = "as")] name: VpgId,
        /// The type.
        r#type: VpgType,
        /// `useInternetGateway`; on where not given.
        #[serde(default = "yes", skip_serializing_if = "is_yes")] internet_gateway: bool,
        /// `deviceSubnetCidrRange`; 10.128.0.0/9 where none is given.
        device_subnet: Option<Ipv4Net>,
        /// The range that SORACOM would assign, out of 100.64.0.0/10; the next free /24 where none is
        /// given.
        vpg_subnet: Option<Ipv4Net>,
        /// The region; `ap-northeast-1` where none is given.
        region: Option<String>,
    }
    /// Terminates a VPG that no peering, attachment or group uses.
    "terminateVirtualPrivateGateway" TerminateVirtualPrivateGateway {
        /// The VPG.
        vpg: VpgId,
    }
    /// Canal: asks the owner of a VPC for a peering.
    "createVpcPeeringConnection" CreateCanalPeering {
        /// The peering's name.
        #[serde(rename = "as")] name: PeeringId,
        /// The VPG.
        vpg: VpgId,
        /// `peerVpcId`.
        vpc: VpcId,
        /// `peerOwnerId`; the VPC's real owner where none is given.
        owner: Option<crate::cloud::AccountId>,
        /// `destinationCidrBlock`; the VPC's primary range where none is given.
        destination: Option<Ipv4Net>,
        /// `peerRegion`; the VPC's real region where none is given.
        region: Option<String>,
    }
    /// Canal: deletes a peering from SORACOM's side.
    "deleteVpcPeeringConnection" DeleteCanalPeering {
        /// The VPG.
        vpg: VpgId,
        /// The peering.
        peering: PeeringId,
    }
    /// Opens Gate on a VPG.
    "openGate" OpenGate {
        /// The VPG.
        vpg: VpgId,
        /// The VNI; the VPG's present one (10 at first) where none is given.
        vni: Option<u32>,
        /// Whether devices are kept apart; as it is where not given.
        privacy_separator: Option<bool>,
    }
    /// Closes Gate.
    "closeGate" CloseGate {
        /// The VPG.
        vpg: VpgId,
    }
    /// Sets the VNI, 1 to 16777215.
    "setVirtualPrivateGatewayVxLanId" SetVxLanId {
        /// The VPG.
        vpg: VpgId,
        /// The VNI.
        vni: u32,
    }
    /// Keeps the VPG's devices apart.
    "enableGatePrivacySeparator" EnableGatePrivacySeparator {
        /// The VPG.
        vpg: VpgId,
    }
    /// Lets the VPG's devices see each other.
    "disableGatePrivacySeparator" DisableGatePrivacySeparator {
        /// The VPG.
        vpg: VpgId,
    }
    /// Registers a host as a Gate peer.
    "registerGatePeer" RegisterGatePeer {
        /// The VPG.
        vpg: VpgId,
        /// The host's own address.
        outer_ip: Ipv4Addr,
        /// Its address in the device subnet; assigned where none is given.
        inner_ip: Option<Ipv4Addr>,
    }
    /// Forgets a Gate peer.
    "unregisterGatePeer" UnregisterGatePeer {
        /// The VPG.
        vpg: VpgId,
        /// The host's own address.
        outer_ip: Ipv4Addr,
    }
    /// Pins a SIM to an address, from its next connection on.
    "putVirtualPrivateGatewayIpAddressMapEntry" PutIpAddressMapEntry {
        /// The VPG.
        vpg: VpgId,
        /// The SIM.
        sim: SimId,
        /// The address, in the device subnet.
        ip: Ipv4Addr,
    }
    /// Forgets the pin.
    "deleteVirtualPrivateGatewayIpAddressMapEntry" DeleteIpAddressMapEntry {
        /// The VPG.
        vpg: VpgId,
        /// The SIM.
        sim: SimId,
    }
    /// Replaces the outbound routing filter.
    "setRoutingFilter" SetRoutingFilter {
        /// The VPG.
        vpg: VpgId,
        /// The entries; the most specific prefix wins.
        entries: Vec<RoutingFilterEntry>,
    }
    /// Type-F2: asks for a VPC to be attached to the VPG's Transit Gateway.
    "createTransitGatewayVpcAttachment" CreateTransitGatewayVpcAttachment {
        /// The attachment's name.
        #[serde(rename = "as")] name: AttachmentId,
        /// The VPG.
        vpg: VpgId,
        /// The VPC.
        vpc: VpcId,
    }
    /// Type-F2: accepts the attachment that the customer has made.
    "acceptTransitGatewayVpcAttachmentFromCustomer" AcceptTransitGatewayVpcAttachment {
        /// The VPG.
        vpg: VpgId,
        /// The attachment.
        attachment: AttachmentId,
    }
    /// Type-F2: removes an attachment.
    "deleteTransitGatewayVpcAttachment" DeleteTransitGatewayVpcAttachment {
        /// The VPG.
        vpg: VpgId,
        /// The attachment.
        attachment: AttachmentId,
    }
    /// Type-F2: routes a destination into an attachment.
    "createCustomerRoute" CreateCustomerRoute {
        /// The route's name.
        #[serde(rename = "as")] name: CustomerRouteId,
        /// The VPG.
        vpg: VpgId,
        /// The destination.
        destination: Ipv4Net,
        /// The attachment.
        target: AttachmentId,
    }
    /// Type-F2: removes a customer route.
    "deleteCustomerRoute" DeleteCustomerRoute {
        /// The VPG.
        vpg: VpgId,
        /// The route.
        route: CustomerRouteId,
    }
    /// Makes a group without settings.
    "createGroup" CreateGroup {
        /// The group's name.
        #[serde(rename = "as")] name: GroupId,
    }
    /// Deletes a group without SIMs.
    "deleteGroup" DeleteGroup {
        /// The group.
        group: GroupId,
    }
    /// Sets some of a group's settings in the namespace `SoracomAir`: `useVpg`, `vpgId`,
    /// `useCustomDns`, `dnsServers`, `ipLinkMtu`.
    "putConfigurationParameters" PutConfigurationParameters {
        /// The group.
        group: GroupId,
        /// The namespace; `SoracomAir` where none is given, and the only one that counts here.
        namespace: Option<String>,
        /// The settings by the API's own keys; those not named stay.
        parameters: BTreeMap<String, serde_json::Value>,
    }
    /// Registers a SIM that has never been used: `ready`, offline.
    "registerSim" RegisterSim {
        /// The SIM's name.
        #[serde(rename = "as")] name: SimId,
        /// The IMSI; one that follows from the name where none is given.
        imsi: Option<String>,
        /// The group.
        group: Option<GroupId>,
        /// The speed class; `s1.fast` where none is given.
        speed_class: Option<String>,
    }
    /// Puts a SIM into a group; its session stays as it is.
    "setSimGroup" SetSimGroup {
        /// The SIM.
        sim: SimId,
        /// The group.
        group: GroupId,
    }
    /// Takes a SIM out of its group; its session stays as it is.
    "unsetSimGroup" UnsetSimGroup {
        /// The SIM.
        sim: SimId,
    }
    /// Switches a SIM on.
    "activateSim" ActivateSim {
        /// The SIM.
        sim: SimId,
    }
    /// Switches a SIM off, and ends its session.
    "deactivateSim" DeactivateSim {
        /// The SIM.
        sim: SimId,
    }
    /// Puts a SIM aside.
    "setSimToStandby" SetSimToStandby {
        /// The SIM.
        sim: SimId,
    }
    /// Suspends a SIM, and ends its session.
    "suspendSim" SuspendSim {
        /// The SIM.
        sim: SimId,
    }
    /// Ends a SIM for good, and its session.
    "terminateSim" TerminateSim {
        /// The SIM.
        sim: SimId,
    }
    /// Ends a SIM's session; connecting again is the device's job. `SEM0016` where there is none.
    "deleteSimSession" DeleteSimSession {
        /// The SIM.
        sim: SimId,
    }
    /// Changes the speed class, at once.
    "updateSimSpeedClass" UpdateSimSpeedClass {
        /// The SIM.
        sim: SimId,
        /// The speed class.
        speed_class: String,
    }
    /// The device connects: a new session with the group's present settings. Not an API operation.
    "connect" Connect {
        /// The SIM.
        sim: SimId,
    }
    /// The device disconnects (airplane mode). Not an API operation.
    "disconnect" Disconnect {
        /// The SIM.
        sim: SimId,
    }
    /// The device disconnects and connects again (modem restart). Not an API operation.
    "reconnect" Reconnect {
        /// The SIM.
        sim: SimId,
    }
}
