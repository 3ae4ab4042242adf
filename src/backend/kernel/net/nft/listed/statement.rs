//! What a rule does.

use netlink_bindings::nftables::VerdictCode;

use super::{attribute, number};
use crate::backend::kernel::net::wire;

/// What becomes of a packet: the attribute `NFTA_DATA_VERDICT`.
pub(super) fn verdict(bytes: &[u8]) -> Option<String> {
    /// `NFTA_VERDICT_CODE` and `NFTA_VERDICT_CHAIN`.
    const CODE: u16 = 1;
    const CHAIN: u16 = 2;
    let code = number(bytes, CODE)?;
    let chain = || attribute(bytes, CHAIN).map(wire::string);
    Some(match code {
        c if c == VerdictCode::Drop as u32 => "drop".to_owned(),
        c if c == VerdictCode::Accept as u32 => "accept".to_owned(),
        c if c == VerdictCode::Continue as u32 => "continue".to_owned(),
        c if c == VerdictCode::Return as u32 => "return".to_owned(),
        c if c == VerdictCode::Jump as u32 => format!("jump {}", chain()?),
        c if c == VerdictCode::Goto as u32 => format!("goto {}", chain()?),
        _ => return None,
    })
}

/// A statement, by the name of its expression.
pub(super) fn text(name: &str, data: &[u8]) -> Option<String> {
    Some(match name {
        "counter" => "counter".to_owned(),
        "notrack" => "notrack".to_owned(),
        "log" => match attribute(data, 2).map(wire::string) {
            Some(prefix) if !prefix.is_empty() => format!("log prefix \"{prefix}\""),
            _ => "log".to_owned(),
        },
        "limit" => limit(data)?,
        "reject" => reject(data)?,
        // What iptables brings along (nft_compat); its parameters are the extension's own.
        "match" => format!("xt match \"{}\"", wire::string(attribute(data, 1)?)),
        "target" => format!("xt target \"{}\"", wire::string(attribute(data, 1)?)),
        _ => return None,
    })
}

/// `NFTA_LIMIT_RATE`, `…_UNIT` in seconds, `…_TYPE` and `…_FLAGS`.
fn limit(data: &[u8]) -> Option<String> {
    let long = |wanted| wire::take(attribute(data, wanted)?, 0).map(u64::from_be_bytes);
    let unit = match long(2)? {
        1 => "second",
        60 => "minute",
        3_600 => "hour",
        86_400 => "day",
        604_800 => "week",
        _ => return None,
    };
    let bytes = match number(data, 4).unwrap_or(0) {
        0 => "",
        _ => " bytes",
    };
    let over = match number(data, 5).unwrap_or(0) & 1 {
        0 => "",
        _ => "over ",
    };
    Some(format!("limit rate {over}{}{bytes}/{unit}", long(1)?))
}

/// `NFTA_REJECT_TYPE` and `NFTA_REJECT_ICMP_CODE`.
fn reject(data: &[u8]) -> Option<String> {
    let code = attribute(data, 2).and_then(|value| value.first().copied());
    let with = |kind: &str, name: &str| format!("reject with {kind} {name}");
    Some(match (number(data, 1)?, code) {
        (1, _) => with("tcp", "reset"),
        // What nft takes where nothing is said.
        (0, Some(3)) | (2, Some(1)) => "reject".to_owned(),
        (0, Some(0)) => with("icmp", "net-unreachable"),
        (0, Some(1)) => with("icmp", "host-unreachable"),
        (0, Some(2)) => with("icmp", "prot-unreachable"),
        (0, Some(9)) => with("icmp", "net-prohibited"),
        (0, Some(10)) => with("icmp", "host-prohibited"),
        (0, Some(13)) => with("icmp", "admin-prohibited"),
        (2, Some(0)) => with("icmpx", "no-route"),
        (2, Some(2)) => with("icmpx", "host-unreachable"),
        (2, Some(3)) => with("icmpx", "admin-prohibited"),
        _ => return None,
    })
}
