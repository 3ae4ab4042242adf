//! Which addresses of the device subnet are whose.
//!
//! A device's address is the one that the IP address map pins it to, or any other of the device
//! subnet (developers.soracom.io, VPG, "IP Address Assignment"). Which one SORACOM takes is not
//! published; here it is the lowest free one, so that a run can be repeated. Gate peers without an
//! address of their choice get the highest free one, out of the devices' way.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{SimId, Soracom, Vpg, VpgId, platform};

/// What holds an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A node of the VPG.
    Node(usize),
    /// A Gate peer, by its outer address.
    Peer(Ipv4Addr),
    /// The IP address map's entry for an IMSI.
    Pin(String),
    /// The session of a SIM.
    Session(SimId),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "node {node} of the VPG"),
            Self::Peer(outer) => write!(f, "the Gate peer {outer}"),
            Self::Pin(imsi) => write!(f, "the IP address map, for IMSI {imsi}"),
            Self::Session(sim) => write!(f, "the session of SIM {sim}"),
        }
    }
}

/// The addresses of a VPG's device subnet that are held by anything but `sim`.
pub(super) fn held(
    soracom: &Soracom,
    name: &VpgId,
    vpg: &Vpg,
    sim: Option<&SimId>,
) -> BTreeMap<Ipv4Addr, Holder> {
    let mut held = BTreeMap::new();
    for (id, session) in soracom.sessions_on(name) {
        if Some(id) != sim {
            held.insert(session.ip, Holder::Session(id.clone()));
        }
    }
    let imsi = sim
        .and_then(|sim| soracom.sims.get(sim))
        .map(|sim| sim.imsi.as_str());
    for (owner, ip) in &vpg.ip_address_map {
        if Some(owner.as_str()) != imsi {
            held.insert(*ip, Holder::Pin(owner.clone()));
        }
    }
    for (outer, inner) in &vpg.gate.peers {
        held.insert(*inner, Holder::Peer(*outer));
    }
    for (node, ip) in vpg.inner_ips().into_iter().enumerate() {
        held.insert(ip, Holder::Node(node));
    }
    held
}

/// The highest address of `net` that nothing holds.
pub(super) fn highest_free(net: Ipv4Net, held: &BTreeMap<Ipv4Addr, Holder>) -> Option<Ipv4Addr> {
    hosts(net).rev().find(|ip| !held.contains_key(ip))
}

/// Why `ip` can't be given to someone, if it can't.
pub(super) fn objection(
    net: Ipv4Net,
    ip: Ipv4Addr,
    held: &BTreeMap<Ipv4Addr, Holder>,
) -> Option<String> {
    if !net.contains(&ip) {
        return Some(format!("{ip} lies outside the device subnet {net}"));
    }
    if ip == net.network() || ip == net.broadcast() {
        return Some(format!(
            "{ip} is the first or the last address of the device subnet {net}, which no host can have"
        ));
    }
    held.get(&ip)
        .map(|holder| format!("{ip} is held by {holder}"))
}

/// The addresses of `net` without the first and the last.
fn hosts(net: Ipv4Net) -> impl DoubleEndedIterator<Item = Ipv4Addr> {
    let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
    (first.saturating_add(1)..last).map(Ipv4Addr::from)
}

/// Where the shared platform's devices get their addresses.
pub(super) const SHARED: Ipv4Net = platform::SHARED_DEVICES;
