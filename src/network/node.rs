//! Nodes: one network namespace each, and what its kernel holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{Filter, IfName, Listen, Mac, Service};
pub use crate::guest::HostFiles;

/// The name of a node, unique within a network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct NodeId(String);

impl NodeId {
    /// A node of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A routing table's number; 254 is the main table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table(pub u32);

impl Table {
    /// The table that is looked up where no rule says otherwise.
    pub const MAIN: Self = Self(254);
}

/// An address on an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The interface.
    pub dev: IfName,
    /// The address with its prefix length (the host bits count).
    pub net: Ipv4Net,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The outgoing interface. `lo` makes it a sink: a rule of the filter drops there and says why.
    pub dev: IfName,
    /// The next hop; none where the destination is on the link. It need not lie in a network of the
    /// interface (`onlink`).
    pub via: Option<Ipv4Addr>,
    /// The source address that the node's own packets take.
    pub source: Option<Ipv4Addr>,
}

/// A rule of the routing policy (`ip rule`). Rules are tried by ascending priority.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyRule {
    /// The place in the order; between 1 and 32765.
    pub priority: u32,
    /// Packets that came in here; all of them where none is named.
    pub iif: Option<IfName>,
    /// The table to look up.
    pub table: Table,
}

/// A VXLAN interface (RFC 7348) that the network itself owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vxlan {
    /// The virtual network identifier, 24 bits.
    pub vni: u32,
    /// The outer source address.
    pub local: Ipv4Addr,
    /// The outer UDP destination port.
    pub port: u16,
    /// The interface's own Ethernet address.
    pub mac: Mac,
    /// The largest inner IP packet in bytes.
    pub mtu: u32,
    /// Where frames for unknown addresses go: one all-zero FDB entry each (head-end replication).
    pub flood: BTreeSet<Ipv4Addr>,
}

/// A network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Counts the node's starts. Another number means another namespace: what was configured in the
    /// old one by hand is gone, and its processes are ended.
    pub boot: u32,
    /// Whether packets are forwarded between interfaces.
    pub forwarding: bool,
    /// Interfaces that answer ARP for every address that is routed to another interface.
    pub proxy_arp: BTreeSet<IfName>,
    /// Single addresses for which an interface answers ARP (`ip neigh add proxy`).
    pub proxies: BTreeSet<(IfName, Ipv4Addr)>,
    /// Addresses of the interfaces. `lo` has 127.0.0.1/8 without being told.
    pub addresses: BTreeSet<Address>,
    /// Routes, besides those that an address's prefix makes.
    pub routes: BTreeMap<(Table, Ipv4Net), Route>,
    /// Routing policy, besides the kernel's own three rules.
    pub rules: BTreeSet<PolicyRule>,
    /// Permanent neighbours.
    pub neighbours: BTreeMap<(IfName, Ipv4Addr), Mac>,
    /// VXLAN interfaces.
    pub tunnels: BTreeMap<IfName, Vxlan>,
    /// The packet filter.
    pub filter: Filter,
    /// What listens.
    pub services: BTreeMap<Listen, Service>,
    /// Name resolution for processes on the node.
    pub files: HostFiles,
}
