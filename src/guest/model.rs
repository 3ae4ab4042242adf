//! A machine's own network configuration, as a value.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::Listen;
use crate::cloud::NodeName;

/// The largest packet that passes through `lo`, in bytes.
pub(crate) const LOOPBACK_MTU: u32 = 65_536;

/// The machines of which more is known than what their cloud gave them.
pub type Guests = BTreeMap<NodeName, Guest>;

/// A machine's own network configuration: all of it, what the cloud gave included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guest {
    /// The interfaces, by name; `lo` only where it has an address besides 127.0.0.1.
    pub interfaces: BTreeMap<String, Interface>,
    /// The main routing table, those of connected networks included. Routes over an interface that is
    /// down are not in it: the kernel takes them out.
    pub routes: BTreeMap<Ipv4Net, Route>,
    /// Whether it forwards packets (`net.ipv4.ip_forward`).
    pub forwarding: bool,
    /// What listens.
    pub listens: BTreeSet<Listen>,
    /// What may change a packet's fate and is not understood, one line each, lower case: `its own packet
    /// filter: table ip nat`, ``the command `iptables -A INPUT -j DROP` ``.
    pub doubts: BTreeSet<String>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Whether it is up (`ip link set … up`).
    pub up: bool,
    /// The largest packet, in bytes.
    pub mtu: u32,
    /// Its addresses with the prefix lengths of their networks (the host bits count); the first is the
    /// one that packets get as their source.
    pub addresses: Vec<Ipv4Net>,
    /// What it is, where it is the end of a tunnel; otherwise it is the one that the cloud gave.
    pub vxlan: Option<Vxlan>,
}

/// A VXLAN interface (ip-link(8), "VXLAN Type Support").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vxlan {
    /// The VXLAN network identifier: `id`.
    pub vni: u32,
    /// The UDP port that it sends to and listens on: `dstport`; 8472 where nothing was said.
    pub port: u16,
    /// The source address of its outer packets: `local`.
    pub local: Option<Ipv4Addr>,
    /// The interface that its outer packets leave by, whatever the routes say: `dev`. It goes with that one.
    pub below: Option<String>,
    /// Where it floods to: the all-zero FDB entries, `remote` included.
    pub flood: BTreeSet<Ipv4Addr>,
    /// What it has learned and not forgotten: inner address → outer address that its packets go to.
    pub learned: BTreeMap<Ipv4Addr, Ipv4Addr>,
}

/// A route of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub way: Way,
    /// The source address of the machine's own packets, where the route says so.
    pub source: Option<Ipv4Addr>,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Out of an interface.
    Out {
        /// Its name.
        dev: String,
        /// The next hop; none where the destination is on the link.
        via: Option<Ipv4Addr>,
    },
    /// Nowhere: `blackhole`, `unreachable`, `prohibit`.
    Nowhere,
}
