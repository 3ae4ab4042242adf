//! SORACOM's resources, as values.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::occupancy::Occupancy;
use crate::cloud::Time;
use crate::cloud::aws::{AttachmentId, PeeringId, RuleAction, VpcId};
use crate::cloud::id::names;

names! {
    /// A SIM.
    SimId;
    /// A group.
    GroupId;
    /// A Virtual Private Gateway.
    VpgId;
    /// A customer route of a Type-F2 VPG.
    CustomerRouteId;
}

/// Everything at SORACOM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Soracom {
    /// The SIMs; terminated ones stay.
    pub sims: BTreeMap<SimId, Sim>,
    /// The groups.
    pub groups: BTreeMap<GroupId, Group>,
    /// The VPGs; a terminated one is gone.
    pub vpgs: BTreeMap<VpgId, Vpg>,
    /// Whose each IMSI is.
    pub(super) imsis: BTreeMap<String, SimId>,
    /// What the sessions take up: on a VPG, or on the shared platform.
    pub(super) occupancy: BTreeMap<Option<VpgId>, Occupancy>,
}

/// A SIM's status. Whether it is online is another matter: see [`Sim::session`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SimStatus {
    /// Never used; turns active by itself at the first connection.
    Ready,
    /// In use.
    Active,
    /// Switched off by the owner.
    Inactive,
    /// Kept for later at a lower fee; may connect.
    Standby,
    /// Put to sleep for long.
    Suspended,
    /// Ended for good.
    Terminated,
}

/// A SIM and the device that it sits in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sim {
    /// The IMSI, 15 digits.
    pub imsi: String,
    /// The status.
    pub status: SimStatus,
    /// The group.
    pub group: Option<GroupId>,
    /// The speed class: `s1.fast`.
    pub speed_class: String,
    /// The session, while online.
    pub session: Option<Session>,
}

/// What a session was created with. It keeps all of it until it is re-established, whatever changes in
/// the group meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The VPG, and which of its two nodes (0 or 1) serves the session; none on the shared platform.
    pub anchor: Option<(VpgId, usize)>,
    /// The device's address: in the VPG's device subnet, or in the shared platform's range.
    pub ip: Ipv4Addr,
    /// The DNS servers that the device was told.
    pub dns: Vec<Ipv4Addr>,
    /// The device's MTU in bytes.
    pub mtu: u32,
    /// When it was created.
    pub since: Time,
    /// When it was last used, for the idle time-out.
    pub last_used: Time,
}

/// A group's SORACOM Air settings (namespace `SoracomAir`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// `useVpg`: whether sessions go to a VPG.
    pub use_vpg: bool,
    /// `vpgId`: which one.
    pub vpg: Option<VpgId>,
    /// `useCustomDns`: whether devices are told `dns_servers` instead of SORACOM's.
    pub use_custom_dns: bool,
    /// `dnsServers`.
    pub dns_servers: Vec<Ipv4Addr>,
    /// `ipLinkMtu`, in bytes.
    pub ip_link_mtu: Option<u32>,
}

/// A VPG's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VpgType {
    /// 14.
    E,
    /// 15: source NAT towards the VPC.
    F,
    /// 242: no NAT; Transit Gateway attachments and customer routes.
    F2,
}

/// A VPG's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VpgStatus {
    /// Being made; about three minutes.
    Creating,
    /// In service.
    Running,
    /// Could not be made.
    Failed,
    /// Being removed.
    Terminating,
    /// Gone.
    Terminated,
}

/// A Virtual Private Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vpg {
    /// The type; fixed at creation.
    pub vpg_type: VpgType,
    /// Whether it leads to the internet; fixed at creation.
    pub use_internet_gateway: bool,
    /// Where its devices' addresses come from; fixed at creation.
    pub device_subnet: Ipv4Net,
    /// Its own range, out of 100.64.0.0/10.
    pub vpg_subnet: Ipv4Net,
    /// The status.
    pub status: VpgStatus,
    /// When `creating` turns into `running`, or `terminating` into nothing.
    pub changes_at: Option<Time>,
    /// Its region.
    pub region: String,
    /// Its Canal peerings that have not ended.
    pub peerings: BTreeMap<PeeringId, CanalPeering>,
    /// Gate.
    pub gate: Gate,
    /// IMSI → address at the next connection.
    pub ip_address_map: BTreeMap<String, Ipv4Addr>,
    /// Prefix → allow or deny, for what devices send out; the most specific prefix wins, and what
    /// matches none is allowed.
    pub routing_filter: BTreeMap<Ipv4Net, RuleAction>,
    /// The global addresses that the internet sees, one for each node, where there is an internet
    /// gateway.
    pub global_ips: Option<[Ipv4Addr; 2]>,
    /// Type-F2: the Transit Gateway VPC attachments that are its own; they are AWS resources.
    pub attachments: BTreeSet<AttachmentId>,
    /// Type-F2: customer routes to attachments.
    pub customer_routes: BTreeMap<CustomerRouteId, CustomerRoute>,
}

impl Vpg {
    /// The outer IP addresses of the two nodes: the VPG range is cut into two halves, and a node has
    /// the fourth address of its half (inferred from two real VPGs; see the README).
    pub fn outer_ips(&self) -> [Ipv4Addr; 2] {
        let base = u32::from(self.vpg_subnet.network());
        let half = (1_u64 << (32 - u32::from(self.vpg_subnet.prefix_len()))) / 2;
        let half = u32::try_from(half).unwrap_or(0);
        [Ipv4Addr::from(base + 4), Ipv4Addr::from(base + half + 4)]
    }

    /// The inner IP addresses of the two nodes: the first two host addresses of the device subnet.
    pub fn inner_ips(&self) -> [Ipv4Addr; 2] {
        let base = u32::from(self.device_subnet.network());
        [Ipv4Addr::from(base + 1), Ipv4Addr::from(base + 2)]
    }
}

impl VpgId {
    /// SORACOM's VPC behind the VPG, as a side of a peering names it.
    pub fn vpc(&self) -> VpcId {
        VpcId::new(format!("vpg:{self}"))
    }
}

/// What a VPG knows of a Canal peering; the peering itself is an AWS resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanalPeering {
    /// What is routed into the peering.
    pub destination: Ipv4Net,
}

/// A VPG's Gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Whether it is open.
    pub open: bool,
    /// The VXLAN network identifier, 1 to 16777215.
    pub vni: u32,
    /// Whether devices are kept apart.
    pub privacy_separator: bool,
    /// Outer address → inner address of the customer's peers.
    pub peers: BTreeMap<Ipv4Addr, Ipv4Addr>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            open: false,
            vni: 10,
            privacy_separator: false,
            peers: BTreeMap::new(),
        }
    }
}

/// A route of a Type-F2 VPG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRoute {
    /// The destination.
    pub destination: Ipv4Net,
    /// The attachment that it leads to.
    pub target: AttachmentId,
}

/// Addresses that answer on every VPG and on the shared platform, internet gateway or not.
pub mod platform {
    use std::net::Ipv4Addr;

    use ipnet::Ipv4Net;

    /// `pong.soracom.io`, and `metadata.soracom.io`.
    pub const PONG: Ipv4Addr = Ipv4Addr::new(100, 127, 100, 127);
    /// The DNS servers that devices are told.
    pub const DNS: [Ipv4Addr; 2] = [
        Ipv4Addr::new(100, 127, 0, 53),
        Ipv4Addr::new(100, 127, 1, 53),
    ];
    /// `ntp.soracom.io`.
    pub const NTP: Ipv4Addr = Ipv4Addr::new(100, 127, 0, 123);
    /// The range that they lie in.
    pub const RANGE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(100, 127, 0, 0), 16);
    /// Where devices without a VPG get their addresses from.
    pub const SHARED_DEVICES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 64, 0, 0), 10);
}
