//! What tunnels flood to and what they have learned; neighbours that somebody set by hand.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::links::Links;
use super::{INET, address, list, number};
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::socket::NetlinkSocket;
use crate::backend::kernel::net::wire;
use crate::guest::Guest;
use crate::network::{IfName, Node};

/// `RTM_GETNEIGH`, and the length of `struct ndmsg`.
const GET_NEIGHBOUR: u16 = 30;
const HEADER: usize = 12;

/// `AF_BRIDGE`: forwarding entries.
const BRIDGE: u8 = 7;

/// `NUD_INCOMPLETE | NUD_FAILED`, `NUD_PERMANENT`.
const UNANSWERED: u16 = 0x01 | 0x20;
const PERMANENT: u16 = 0x80;

/// An Ethernet address.
type Mac = [u8; 6];

/// A neighbour, or a forwarding entry.
struct Entry {
    index: u32,
    state: u16,
    mac: Option<Mac>,
    ip: Option<Ipv4Addr>,
    /// The interface that the outer packets are bound to.
    through: Option<u32>,
    /// A port, a VNI or a group of next hops of its own.
    strange: bool,
}

/// Reads them. The neighbours that belong to `ours` aren't set by hand.
pub(super) fn read(
    socket: &mut NetlinkSocket,
    links: &Links,
    ours: &Node,
    guest: &mut Guest,
) -> Result<(), Refusal> {
    let mut macs = BTreeMap::<(String, Mac), Vec<Ipv4Addr>>::new();
    for entry in list(socket, (GET_NEIGHBOUR, INET, HEADER), neighbour)? {
        let (Some(link), Some(ip)) = (links.get(&entry.index), entry.ip) else {
            continue;
        };
        let Some(interface) = guest.interfaces.get(&link.name) else {
            continue;
        };
        if interface.vxlan.is_none() {
            let key = (IfName::fit(&link.name, ""), ip);
            if entry.state & PERMANENT != 0 && !ours.neighbours.contains_key(&key) {
                let doubt = format!("a neighbour set by hand: {ip} on {}", link.name);
                guest.doubts.insert(doubt);
            }
        } else if let Some(mac) = entry.mac.filter(|_| entry.state & UNANSWERED == 0) {
            macs.entry((link.name.clone(), mac)).or_default().push(ip);
        }
    }
    if guest.interfaces.values().all(|i| i.vxlan.is_none()) {
        return Ok(());
    }
    for entry in list(socket, (GET_NEIGHBOUR, BRIDGE, HEADER), neighbour)? {
        let Some(link) = links.get(&entry.index) else {
            continue;
        };
        let interface = guest.interfaces.get_mut(&link.name);
        let (Some(vxlan), Some(mac)) = (interface.and_then(|i| i.vxlan.as_mut()), entry.mac) else {
            continue;
        };
        // `remote` is bound to the interface below, which needs no saying.
        let elsewhere = entry.through.is_some_and(|index| index != link.below);
        let Some(outer) = entry.ip.filter(|_| !entry.strange && !elsewhere) else {
            let doubt = format!(
                "a forwarding entry with more to it than its address: {}",
                link.name
            );
            guest.doubts.insert(doubt);
            continue;
        };
        if mac == [0; 6] {
            vxlan.flood.insert(outer);
        } else {
            let inner = macs.get(&(link.name.clone(), mac)).into_iter().flatten();
            vxlan.learned.extend(inner.map(|ip| (*ip, outer)));
        }
    }
    Ok(())
}

/// `struct ndmsg` and the attributes `NDA_…` (linux/neighbour.h).
fn neighbour(payload: &[u8]) -> Option<Entry> {
    const DESTINATION: u16 = 1;
    const MAC: u16 = 2;
    const PORT: u16 = 6;
    const VNI: u16 = 7;
    const THROUGH: u16 = 8;
    const NEXT_HOP: u16 = 13;
    let mut entry = Entry {
        index: wire::native_u32(payload, 4)?,
        state: wire::take(payload, 8).map(u16::from_ne_bytes)?,
        mac: None,
        ip: None,
        through: None,
        strange: false,
    };
    for (kind, value) in wire::attributes(payload.get(HEADER..)?) {
        match kind {
            DESTINATION => entry.ip = address(value),
            MAC => entry.mac = value.try_into().ok(),
            THROUGH => entry.through = number(value),
            PORT | VNI | NEXT_HOP => entry.strange = true,
            _ => {}
        }
    }
    Some(entry)
}

/// Any bytes, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzzing(bytes: &[u8]) {
    let _ = neighbour(bytes);
}
