//! What a node holds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::conntrack::Conntrack;
use super::super::filter::{Filter, Name};
use super::super::host::Host;
use super::fib::{Dev, Tables};
use super::fragment::Fragments;
use super::interface::{Interface, Kind};
use super::neighbour::{Key, Neighbour};
use crate::network::{IfName, Mac, NodeId};

/// The number of `lo`.
pub(in super::super) const LOOPBACK: Dev = 0;

/// The largest packet that passes through `lo`, in bytes.
const LOOPBACK_MTU: u32 = 65_536;

/// A node.
#[derive(Debug)]
pub(in super::super) struct Node {
    pub id: NodeId,
    /// Its number in the network.
    pub number: usize,
    pub forwarding: bool,
    /// By number; those that went leave their places empty, so that nothing on its way to them reaches
    /// another.
    pub interfaces: Vec<Option<Interface>>,
    pub by_name: BTreeMap<IfName, Dev>,
    /// Its own addresses, and how many interfaces have each.
    pub locals: FxHashMap<Ipv4Addr, usize>,
    pub tables: Tables,
    pub neighbours: FxHashMap<Key, Neighbour>,
    /// Single addresses for which an interface answers ARP.
    pub proxies: FxHashSet<Key>,
    pub filter: Filter,
    pub tracked: Conntrack,
    pub fragments: Fragments,
    pub host: Host,
    /// The identification of the last packet that it sent (RFC 791).
    pub identification: u16,
    /// What scripts did that is not understood (`Guest::doubts`).
    pub doubts: BTreeSet<String>,
    /// The largest packet on the way to an address, where a router has said so.
    pub path_mtu: FxHashMap<Ipv4Addr, u32>,
}

impl Node {
    /// A node with nothing but `lo`.
    pub fn new(id: NodeId, number: usize, forwarding: bool) -> Self {
        let mut node = Self {
            id,
            number,
            forwarding,
            interfaces: Vec::new(),
            by_name: BTreeMap::new(),
            locals: FxHashMap::default(),
            tables: Tables::default(),
            neighbours: FxHashMap::default(),
            proxies: FxHashSet::default(),
            filter: Filter::default(),
            tracked: Conntrack::default(),
            fragments: Fragments::default(),
            host: Host::default(),
            identification: 0,
            doubts: BTreeSet::new(),
            path_mtu: FxHashMap::default(),
        };
        node.add_interface(IfName::lo(), Mac([0; 6]), LOOPBACK_MTU, Kind::Loopback);
        node
    }

    /// Adds an interface that is up; its number.
    pub fn add_interface(&mut self, name: IfName, mac: Mac, mtu: u32, kind: Kind) -> Dev {
        let dev = self.interfaces.len();
        self.by_name.insert(name.clone(), dev);
        let number = self.filter.name(&name);
        self.interfaces.push(Some(Interface {
            name,
            number,
            mac,
            mtu,
            up: true,
            kind,
            addresses: Vec::new(),
            proxy_arp: false,
        }));
        dev
    }

    /// An interface by its number.
    pub fn interface(&self, dev: Dev) -> Option<&Interface> {
        self.interfaces.get(dev)?.as_ref()
    }

    /// The same, to change it.
    pub fn interface_mut(&mut self, dev: Dev) -> Option<&mut Interface> {
        self.interfaces.get_mut(dev)?.as_mut()
    }

    /// An interface's number.
    pub fn dev(&self, name: &IfName) -> Option<Dev> {
        self.by_name.get(name).copied()
    }

    /// All interfaces.
    pub fn devices(&self) -> impl Iterator<Item = (Dev, &Interface)> {
        let all = self.interfaces.iter().enumerate();
        all.filter_map(|(dev, interface)| Some((dev, interface.as_ref()?)))
    }

    /// The number of an interface's name.
    pub fn name_of(&self, dev: Dev) -> Option<Name> {
        self.interface(dev).map(|interface| interface.number)
    }

    /// Whether an address is the node's own.
    pub fn is_local(&self, ip: Ipv4Addr) -> bool {
        ip.is_loopback() || self.locals.contains_key(&ip)
    }

    /// The source of a packet that goes out by an interface towards a next hop (`inet_select_addr`): an
    /// address of the interface, else one of any other, `lo` first.
    pub fn source_on(&self, dev: Dev, towards: Ipv4Addr) -> Option<Ipv4Addr> {
        let own = self.interface(dev)?.address_towards(towards);
        own.or_else(|| self.devices().find_map(|(_, other)| other.first_address()))
    }

    /// Notes that an interface has an address more.
    pub fn count_local(&mut self, net: Ipv4Net) {
        *self.locals.entry(net.addr()).or_default() += 1;
    }

    /// Notes that an interface has lost one; whether that was the last.
    pub fn uncount_local(&mut self, net: Ipv4Net) -> bool {
        let Some(count) = self.locals.get_mut(&net.addr()) else {
            return false;
        };
        *count -= 1;
        let last = *count == 0;
        if last {
            self.locals.remove(&net.addr());
        }
        last
    }

    /// A number for a packet of the node's own.
    pub fn identify(&mut self) -> u16 {
        self.identification = self.identification.wrapping_add(1);
        self.identification
    }
}
