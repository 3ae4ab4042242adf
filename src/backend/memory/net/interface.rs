//! A node's interfaces.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use rustc_hash::FxHashMap;

use super::super::filter::Name;
use super::super::time::Time;
use crate::network::{IfName, Mac};

/// An interface.
#[derive(Debug)]
pub(in super::super) struct Interface {
    pub name: IfName,
    /// The name's number in the node's filter.
    pub number: Name,
    pub mac: Mac,
    /// The largest IPv4 packet that it takes or sends, in bytes.
    pub mtu: u32,
    pub up: bool,
    pub kind: Kind,
    /// In the order in which they were given; the first is the one that packets get as their source.
    pub addresses: Vec<Ipv4Net>,
    /// Whether it answers ARP for all that is routed elsewhere.
    pub proxy_arp: bool,
}

/// What an interface is.
#[derive(Debug)]
pub(in super::super) enum Kind {
    Loopback,
    /// One end of a link.
    Link {
        link: usize,
        end: usize,
    },
    Vxlan(Box<Vxlan>),
}

/// A VXLAN interface (RFC 7348; drivers/net/vxlan).
#[derive(Debug)]
pub(in super::super) struct Vxlan {
    pub vni: u32,
    pub port: u16,
    pub local: Option<Ipv4Addr>,
    /// The interface below it, by name: its outer packets go out by no other.
    pub below: Option<String>,
    /// Where frames for unknown addresses go.
    pub flood: BTreeSet<Ipv4Addr>,
    /// Learned: where frames for an address go, and until when that holds.
    pub learned: FxHashMap<Mac, (Ipv4Addr, Time)>,
}

impl Interface {
    /// Its kind, as the kernel calls it.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Loopback => "",
            Kind::Link { .. } => "veth",
            Kind::Vxlan(_) => "vxlan",
        }
    }

    /// The address that packets get as their source where nothing else is said.
    pub fn first_address(&self) -> Option<Ipv4Addr> {
        let own = self.addresses.iter().map(Ipv4Net::addr);
        own.into_iter().find(|ip| !ip.is_loopback())
    }

    /// The same, but one that shares a network with the destination goes first (`inet_select_addr`).
    pub fn address_towards(&self, to: Ipv4Addr) -> Option<Ipv4Addr> {
        let mut near = self.addresses.iter().filter(|net| net.contains(&to));
        let near = near.next().map(Ipv4Net::addr);
        near.or_else(|| self.first_address())
    }
}
