//! Expectations and measurements in words.

use std::time::Duration;

use super::wanted::{Wanted, WantedAnswer};
use crate::backend::ScriptEnd;
use crate::backend::probe::Answer;
use crate::scenario::Ask;

/// How a probe asks.
pub(super) fn ask(ask: &Ask) -> String {
    match ask {
        Ask::Ping {
            size,
            dont_fragment,
        } => {
            let size = if *size == 56 {
                String::new()
            } else {
                format!(" of {size} bytes")
            };
            let df = if *dont_fragment {
                ", don't fragment"
            } else {
                ""
            };
            format!("ping{size}{df}")
        }
        Ask::Tcp { port } => format!("tcp/{port}"),
        Ask::Udp { port } => format!("udp/{port}"),
        Ask::Http { port, path } if path == "/" => format!("http/{port}"),
        Ask::Http { port, path } => format!("http/{port} {path}"),
        Ask::Dns { name } => format!("dns {name}"),
        Ask::Ntp => "ntp".to_owned(),
    }
}

/// What is wanted.
pub(super) fn wanted(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Refused => "refused by the far end".to_owned(),
        Wanted::Predicted => "as predicted".to_owned(),
        Wanted::Blocked(None) => "blocked".to_owned(),
        Wanted::Blocked(Some(reason)) => format!("blocked: {reason}"),
        Wanted::Reachable(answer) => wanted_answer(answer),
    }
}

fn wanted_answer(answer: &WantedAnswer) -> String {
    let mut words = vec!["reachable".to_owned()];
    if let Some(ttl) = answer.ttl {
        words.push(format!("ttl {ttl}"));
    }
    if let Some(rtt) = answer.rtt_at_least {
        words.push(format!("not before {}", duration(rtt)));
    }
    if let Some(rtt) = answer.rtt_at_most {
        words.push(format!("within {}", duration(rtt)));
    }
    if let Some(net) = &answer.seen_from {
        words.push(format!("seen from {}", prefix(net)));
    }
    if let Some(status) = answer.status {
        words.push(format!("status {status}"));
    }
    if let Some(body) = &answer.body {
        words.push(format!("body {body:?}"));
    }
    if let Some(addresses) = &answer.addresses {
        words.push(format!("answer {}", list(addresses)));
    }
    words.join(", ")
}

/// What an answer was like.
pub(super) fn answer(answer: &Answer) -> String {
    let mut words = vec![format!("reachable, {}", duration(answer.rtt))];
    if let Some(ttl) = answer.ttl {
        words.push(format!("ttl {ttl}"));
    }
    if let Some(status) = answer.status {
        words.push(format!("status {status}"));
    }
    if let Some(ip) = answer.seen_from {
        words.push(format!("seen from {ip}"));
    }
    if let Some(addresses) = &answer.addresses {
        words.push(format!("answer {}", list(addresses)));
    }
    words.join(", ")
}

/// A prefix; a single address without its length.
pub(super) fn prefix(net: &ipnet::Ipv4Net) -> String {
    if net.prefix_len() == 32 {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}

/// Addresses one after the other.
pub(super) fn list(addresses: &[std::net::Ipv4Addr]) -> String {
    if addresses.is_empty() {
        return "none".to_owned();
    }
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

/// How a script ended.
pub(super) fn end(end: ScriptEnd, timeout: Duration) -> String {
    match end {
        ScriptEnd::Exit(status) => format!("exit {status}"),
        ScriptEnd::Signal(number) => format!("signal {number}"),
        ScriptEnd::TimedOut => format!("a time-out after {}", duration(timeout)),
    }
}

/// A duration with the unit that suits it.
pub(super) fn duration(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1_000.0;
    if ms < 10.0 {
        format!("{ms:.2} ms")
    } else if ms < 1_000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1_000.0)
    }
}
