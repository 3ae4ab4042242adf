//! Interfaces and their addresses.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{INET, address, list, number, port};
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::rtnl;
use crate::backend::kernel::net::socket::{Batch, NetlinkSocket};
use crate::backend::kernel::net::wire;
use crate::guest::{Guest, Interface, Vxlan};

/// `RTM_GETLINK`, `RTM_GETADDR` (linux/rtnetlink.h), and the lengths of their headers.
const GET_LINK: u16 = 18;
const LINK_HEADER: usize = 16;
const GET_ADDRESS: u16 = 22;
const ADDRESS_HEADER: usize = 8;

/// An interface's name, and the one that it is built on where it is a tunnel's end.
pub(super) struct Link {
    pub name: String,
    pub below: u32,
    /// Whether it is one of those that [`Guest`] describes.
    pub known: bool,
}

/// The interfaces, by number.
pub(super) type Links = BTreeMap<u32, Link>;

/// An interface as the kernel lists it.
#[derive(Default)]
struct Entry {
    index: u32,
    up: bool,
    name: String,
    mtu: u32,
    kind: String,
    master: bool,
    program: bool,
    vxlan: Option<Vxlan>,
    below: u32,
    /// What is set on the tunnel and unknown to [`Vxlan`].
    strange: Vec<&'static str>,
}

/// Reads the interfaces and their addresses.
pub(super) fn read(socket: &mut NetlinkSocket, guest: &mut Guest) -> Result<Links, Refusal> {
    /// `IFLA_EXT_MASK`: `RTEXT_FILTER_SKIP_STATS`.
    const EXT_MASK: u16 = 29;
    const SKIP_STATS: u32 = 8;
    let mut request = vec![0; LINK_HEADER];
    wire::put(&mut request, EXT_MASK, &SKIP_STATS.to_ne_bytes());
    let mut batch = Batch::default();
    rtnl::push_raw_dump(&mut batch, GET_LINK, &request);
    let entries = socket.list(batch, link)?;
    let mut addresses = BTreeMap::<u32, Vec<Ipv4Net>>::new();
    for (index, net) in list(socket, (GET_ADDRESS, INET, ADDRESS_HEADER), addressed)? {
        addresses.entry(index).or_default().push(net);
    }
    let mut links = Links::new();
    for mut entry in entries {
        let mut addresses = addresses.remove(&entry.index).unwrap_or_default();
        let loopback = entry.name == "lo";
        if loopback {
            addresses.retain(|net| net.addr() != Ipv4Addr::LOCALHOST);
            if !entry.up {
                guest.doubts.insert("its lo is down".into());
            }
        }
        let known = loopback || matches!(entry.kind.as_str(), "veth" | "vxlan");
        // One that is down and has no address touches no packet: modules bring such along.
        if !known && (entry.up || !addresses.is_empty()) {
            let kind = if entry.kind.is_empty() {
                "unknown"
            } else {
                &entry.kind
            };
            let doubt = format!("an interface of another kind: {} ({kind})", entry.name);
            guest.doubts.insert(doubt);
        }
        if entry.master {
            let doubt = format!("an interface that belongs to another: {}", entry.name);
            guest.doubts.insert(doubt);
        }
        if entry.program {
            let doubt = format!("its own packet filter: a program on {}", entry.name);
            guest.doubts.insert(doubt);
        }
        for strange in &entry.strange {
            let doubt = format!("a tunnel of its own kind: {} ({strange})", entry.name);
            guest.doubts.insert(doubt);
        }
        if known && !(loopback && addresses.is_empty()) {
            let interface = Interface {
                up: entry.up,
                mtu: entry.mtu,
                addresses,
                vxlan: entry.vxlan.take(),
            };
            guest.interfaces.insert(entry.name.clone(), interface);
        }
        let link = Link {
            name: entry.name,
            below: entry.below,
            known,
        };
        links.insert(entry.index, link);
    }
    for link in links.values() {
        let interface = guest.interfaces.get_mut(&link.name);
        if let Some(vxlan) = interface.and_then(|i| i.vxlan.as_mut()) {
            vxlan.below = links.get(&link.below).map(|below| below.name.clone());
        }
    }
    Ok(links)
}

/// `struct ifinfomsg` and the attributes `IFLA_…` (linux/if_link.h).
fn link(payload: &[u8]) -> Option<Entry> {
    const NAME: u16 = 3;
    const MTU: u16 = 4;
    const MASTER: u16 = 10;
    const LINK_INFO: u16 = 18;
    const XDP: u16 = 43;
    const INFO_KIND: u16 = 1;
    const INFO_DATA: u16 = 2;
    /// `IFF_UP`.
    const UP: u32 = 1;
    let mut entry = Entry {
        index: wire::native_u32(payload, 4)?,
        up: wire::native_u32(payload, 8)? & UP != 0,
        ..Entry::default()
    };
    let mut data: &[u8] = &[];
    for (kind, value) in wire::attributes(payload.get(LINK_HEADER..)?) {
        match kind {
            NAME => entry.name = wire::string(value),
            MTU => entry.mtu = number(value)?,
            MASTER => entry.master = true,
            // IFLA_XDP_ATTACHED, of one byte: 0 is none.
            XDP => entry.program = wire::attributes(value).any(|(k, v)| k == 2 && v != [0]),
            LINK_INFO => {
                for (kind, value) in wire::attributes(value) {
                    match kind {
                        INFO_KIND => entry.kind = wire::string(value),
                        INFO_DATA => data = value,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if entry.kind == "vxlan" {
        entry.vxlan = Some(tunnel(data, &mut entry.below, &mut entry.strange)?);
    }
    Some(entry)
}

/// The attributes `IFLA_VXLAN_…`.
fn tunnel(data: &[u8], below: &mut u32, strange: &mut Vec<&'static str>) -> Option<Vxlan> {
    const ID: u16 = 1;
    const GROUP: u16 = 2;
    const LINK: u16 = 3;
    const LOCAL: u16 = 4;
    const LEARNING: u16 = 7;
    const PORT: u16 = 15;
    /// Switches that are off by default, and what ip-link(8) calls them.
    const SWITCHES: [(u16, &str); 6] = [
        (11, "proxy"),
        (12, "rsc"),
        (13, "l2miss"),
        (14, "l3miss"),
        (25, "external"),
        (30, "vnifilter"),
    ];
    /// Options that are there or not.
    const FLAGS: [(u16, &str); 4] = [(16, "group6"), (17, "local6"), (23, "gbp"), (27, "gpe")];
    let mut vxlan = Vxlan {
        vni: 0,
        port: 0,
        local: None,
        below: None,
        flood: Default::default(),
        learned: Default::default(),
    };
    for (kind, value) in wire::attributes(data) {
        match kind {
            ID => vxlan.vni = number(value)?,
            LINK => *below = number(value)?,
            LOCAL => vxlan.local = address(value),
            PORT => vxlan.port = port(value)?,
            GROUP if address(value).is_some_and(|ip| ip.is_multicast()) => strange.push("group"),
            LEARNING if value == [0] => strange.push("nolearning"),
            _ => {
                let switch = SWITCHES.iter().find(|(k, _)| *k == kind);
                strange.extend(switch.filter(|_| value != [0]).map(|(_, name)| *name));
                let flag = FLAGS.iter().find(|(k, _)| *k == kind);
                strange.extend(flag.map(|(_, name)| *name));
            }
        }
    }
    Some(vxlan)
}

/// `struct ifaddrmsg` and the attribute `IFA_LOCAL`.
fn addressed(payload: &[u8]) -> Option<(u32, Ipv4Net)> {
    const LOCAL: u16 = 2;
    let length = *payload.get(1)?;
    let index = wire::native_u32(payload, 4)?;
    let mut attributes = wire::attributes(payload.get(ADDRESS_HEADER..)?);
    let (_, value) = attributes.find(|(kind, _)| *kind == LOCAL)?;
    Some((index, Ipv4Net::new(address(value)?, length).ok()?))
}

/// Any bytes, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzzing(bytes: &[u8]) {
    if let Some(entry) = link(bytes) {
        assert!(entry.strange.len() <= bytes.len());
        assert_eq!(entry.vxlan.is_some(), entry.kind == "vxlan");
    }
    let _ = addressed(bytes);
}
