//! The main routing table.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::links::Links;
use super::{INET, address, list, number};
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::socket::NetlinkSocket;
use crate::backend::kernel::net::wire;
use crate::guest::{Guest, Route, Way};

/// `RTM_GETROUTE`, and the length of `struct rtmsg`.
const GET_ROUTE: u16 = 26;
const HEADER: usize = 12;

/// `RT_TABLE_MAIN`, `RT_TABLE_LOCAL`.
const MAIN: u32 = 254;
const LOCAL: u32 = 255;

/// `RTPROT_KERNEL`; `RTPROT_STATIC`, which is how we mark ours.
const BY_KERNEL: u8 = 2;
const BY_US: u8 = 4;

/// A route as the kernel lists it.
#[derive(Default)]
struct Entry {
    destination: Option<Ipv4Net>,
    kind: u8,
    tos: u8,
    protocol: u8,
    table: u32,
    out: Option<u32>,
    via: Option<Ipv4Addr>,
    source: Option<Ipv4Addr>,
    metric: u32,
    /// An attribute without a place in [`Route`].
    strange: bool,
}

/// Reads the routes.
pub(super) fn read(
    socket: &mut NetlinkSocket,
    links: &Links,
    guest: &mut Guest,
) -> Result<(), Refusal> {
    let entries = list(socket, (GET_ROUTE, INET, HEADER), route)?;
    let mut metrics = BTreeMap::<Ipv4Net, u32>::new();
    for entry in entries {
        let Some(destination) = entry.destination else {
            continue;
        };
        if entry.table == LOCAL && entry.protocol != BY_KERNEL {
            let doubt = format!("a route of its own in the table local: {destination}");
            guest.doubts.insert(doubt);
        }
        let out = entry.out.and_then(|index| links.get(&index));
        // A sink of ours: the filter drops what goes there, and says why.
        let sink = out.is_some_and(|link| link.name == "lo") && entry.protocol == BY_US;
        if entry.table != MAIN || sink {
            continue;
        }
        let way = match (entry.kind, out) {
            // RTN_UNICAST
            (1, Some(link)) => Way::Out {
                dev: link.name.clone(),
                via: entry.via,
            },
            // RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT
            (6..=8, _) => Way::Nowhere,
            _ => {
                guest.doubts.insert(strange(destination));
                continue;
            }
        };
        if entry.strange || entry.tos != 0 {
            guest.doubts.insert(strange(destination));
        }
        // The kernel takes the lowest metric, and lists it first.
        if metrics.get(&destination).is_none_or(|m| entry.metric < *m) {
            metrics.insert(destination, entry.metric);
            let source = entry.source;
            guest.routes.insert(destination, Route { way, source });
        }
    }
    Ok(())
}

fn strange(destination: Ipv4Net) -> String {
    format!("a route with more to it than its next hop: {destination}")
}

/// `struct rtmsg` and the attributes `RTA_…`.
fn route(payload: &[u8]) -> Option<Entry> {
    const DESTINATION: u16 = 1;
    const OUT: u16 = 4;
    const GATEWAY: u16 = 5;
    const PRIORITY: u16 = 6;
    const SOURCE: u16 = 7;
    const TABLE: u16 = 15;
    /// `RTA_CACHEINFO`, `RTA_PREF`: of no consequence.
    const NEUTRAL: [u16; 2] = [12, 20];
    let length = *payload.get(1)?;
    let mut entry = Entry {
        tos: *payload.get(3)?,
        table: u32::from(*payload.get(4)?),
        protocol: *payload.get(5)?,
        kind: *payload.get(7)?,
        ..Entry::default()
    };
    let mut destination = Ipv4Addr::UNSPECIFIED;
    for (kind, value) in wire::attributes(payload.get(HEADER..)?) {
        match kind {
            DESTINATION => destination = address(value)?,
            OUT => entry.out = number(value),
            GATEWAY => entry.via = address(value),
            PRIORITY => entry.metric = number(value)?,
            SOURCE => entry.source = address(value),
            TABLE => entry.table = number(value)?,
            other => entry.strange |= !NEUTRAL.contains(&other),
        }
    }
    entry.destination = Ipv4Net::new(destination, length).ok();
    Some(entry)
}

/// Any bytes, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzzing(bytes: &[u8]) {
    let _ = route(bytes);
}
