//! What else may change a packet's fate: filters, rules of the routing policy, switches, queues.

use std::collections::BTreeMap;
use std::fs;

use super::links::Links;
use super::{INET, list, number};
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::nft;
use crate::backend::kernel::net::socket::NetlinkSocket;
use crate::backend::kernel::net::wire;
use crate::guest::Guest;
use crate::network::{IfName, Node, PolicyRule, Table};

/// Rules of the routing policy besides the kernel's three and ours.
pub(super) fn policy(
    socket: &mut NetlinkSocket,
    ours: &Node,
    guest: &mut Guest,
) -> Result<(), Refusal> {
    /// `RTM_GETRULE`, and the length of `struct fib_rule_hdr`.
    const GET_RULE: u16 = 34;
    const HEADER: usize = 12;
    let rules = list(socket, (GET_RULE, INET, HEADER), |payload| {
        rule(payload, HEADER)
    })?;
    // Priority 0 is the table local, 32766 main, 32767 default.
    let kernels = [(0, 255), (32_766, 254), (32_767, 253)];
    let mut missing: Vec<_> = kernels.to_vec();
    for (known, rule) in rules {
        let place = (rule.priority, rule.table.0);
        if known && rule.iif.is_none() && kernels.contains(&place) {
            missing.retain(|kernels| *kernels != place);
        } else if !(known && ours.rules.contains(&rule)) {
            let doubt = format!("its own routing policy: rule {}", rule.priority);
            guest.doubts.insert(doubt);
        }
    }
    // What comes behind main is empty, unless somebody fills it for a rule of his own.
    for (priority, _) in missing.into_iter().filter(|(_, table)| *table != 253) {
        let doubt = format!("its own routing policy: rule {priority} is gone");
        guest.doubts.insert(doubt);
    }
    Ok(())
}

/// A rule, and whether it has nothing but what [`PolicyRule`] knows. `FRA_…` (linux/fib_rules.h).
fn rule(payload: &[u8], header: usize) -> Option<(bool, PolicyRule)> {
    const IIF: u16 = 3;
    const PRIORITY: u16 = 6;
    const SUPPRESS: u16 = 14;
    const TABLE: u16 = 15;
    const PROTOCOL: u16 = 21;
    /// `FR_ACT_TO_TBL`.
    const TO_TABLE: u8 = 1;
    let [_, destination, source, tos, table, _, _, action] = wire::take(payload, 0)?;
    let mut rule = PolicyRule {
        priority: 0,
        iif: None,
        table: Table(u32::from(table)),
    };
    // FIB_RULE_INVERT; the others say only that an interface is missing.
    let inverted = wire::native_u32(payload, 8)? & 2 != 0;
    let mut known = destination == 0 && source == 0 && tos == 0 && action == TO_TABLE && !inverted;
    for (kind, value) in wire::attributes(payload.get(header..)?) {
        match kind {
            IIF => rule.iif = Some(IfName::fit(&wire::string(value), "")),
            PRIORITY => rule.priority = number(value)?,
            TABLE => rule.table = Table(number(value)?),
            // All ones: suppresses nothing.
            SUPPRESS => known &= number(value)? == u32::MAX,
            PROTOCOL => {}
            _ => known = false,
        }
    }
    Some((known, rule))
}

/// Whether it forwards, and switches that are not as they were set: those that the kernel lists.
pub(super) fn switches(
    socket: &mut NetlinkSocket,
    links: &Links,
    guest: &mut Guest,
) -> Result<(), Refusal> {
    /// `RTM_GETNETCONF`; the header is a byte, and three more that align.
    const GET_NETCONF: u16 = 82;
    const HEADER: usize = 4;
    /// `NETCONFA_…` (linux/netconf.h).
    const INDEX: u16 = 1;
    const FORWARDING: u16 = 2;
    const RP_FILTER: u16 = 3;
    const BC_FORWARDING: u16 = 8;
    /// `NETCONFA_IFINDEX_ALL`, `NETCONFA_IFINDEX_DEFAULT`.
    const ALL: u32 = u32::MAX;
    const DEFAULT: u32 = u32::MAX - 1;
    let entries = list(socket, (GET_NETCONF, INET, HEADER), |payload| {
        let attributes = wire::attributes(payload.get(HEADER..)?);
        let entry: BTreeMap<u16, u32> = attributes
            .filter_map(|(kind, value)| Some((kind, number(value)?)))
            .collect();
        Some(entry)
    })?;
    let all = |entry: &&BTreeMap<u16, u32>| entry.get(&INDEX) == Some(&ALL);
    let on = |entry: &BTreeMap<u16, u32>, key: u16| entry.get(&key).is_some_and(|v| *v != 0);
    guest.forwarding = entries.iter().find(all).is_some_and(|e| on(e, FORWARDING));
    for entry in &entries {
        let place = match entry.get(&INDEX) {
            Some(&ALL) => "all",
            Some(&DEFAULT) | None => continue,
            Some(index) => match links.get(index) {
                Some(link) if link.known => link.name.as_str(),
                _ => continue,
            },
        };
        let mut doubt = |switch: &str| {
            let doubt = format!("its own switch: net.ipv4.conf.{place}.{switch}");
            guest.doubts.insert(doubt);
        };
        for (key, switch) in [(RP_FILTER, "rp_filter"), (BC_FORWARDING, "bc_forwarding")] {
            if on(entry, key) {
                doubt(switch);
            }
        }
        // Turning it on or off for the machine does so for every interface.
        if on(entry, FORWARDING) != guest.forwarding && place != "lo" {
            doubt("forwarding");
        }
    }
    Ok(())
}

/// Queues that delay, reorder or drop, and hooks of traffic control.
pub(super) fn queues(
    socket: &mut NetlinkSocket,
    links: &Links,
    guest: &mut Guest,
) -> Result<(), Refusal> {
    /// `RTM_GETQDISC`, the length of `struct tcmsg`, `TCA_KIND`.
    const GET_QDISC: u16 = 38;
    const HEADER: usize = 20;
    const KIND: u16 = 1;
    let queues = list(socket, (GET_QDISC, 0, HEADER), |payload| {
        let index = wire::native_u32(payload, 4)?;
        let mut attributes = wire::attributes(payload.get(HEADER..)?);
        let (_, kind) = attributes.find(|(kind, _)| *kind == KIND)?;
        Some((index, wire::string(kind)))
    })?;
    for (index, kind) in queues {
        let Some(link) = links.get(&index).filter(|link| link.known) else {
            continue;
        };
        // What an interface of ours has by itself, up and before it was ever up.
        if !matches!(kind.as_str(), "noqueue" | "noop") {
            let doubt = format!("its own traffic control: {kind} on {}", link.name);
            guest.doubts.insert(doubt);
        }
    }
    Ok(())
}

/// Tables of nf_tables that aren't ours, and those of iptables' old kind.
pub(super) fn filters(socket: &mut NetlinkSocket, guest: &mut Guest) -> Result<(), Refusal> {
    for (family, name) in nft::others(socket)? {
        let doubt = format!("its own packet filter: table {family} {name}");
        guest.doubts.insert(doubt);
    }
    // Not there where the module isn't; not readable for somebody without the right to make one.
    let old = fs::read_to_string("/proc/thread-self/net/ip_tables_names");
    for name in old.unwrap_or_default().lines() {
        let doubt = format!("its own packet filter: iptables {name}");
        guest.doubts.insert(doubt);
    }
    Ok(())
}

/// Any bytes, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzzing(bytes: &[u8]) {
    let _ = rule(bytes, 12);
}
