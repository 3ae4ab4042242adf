//! `ip` (ip(8)): options, and which object it is about.

use super::arguments::{Arguments, pick};
use super::{address, link, neighbour, route};
use crate::guest::shell::command::Command;
use crate::guest::shell::refusal::{Refusal, Stop};

/// What a command is about.
#[derive(Clone, Copy)]
enum Object {
    Address,
    Link,
    Neighbour,
    Route,
    Other,
}

/// In the order in which abbreviations are tried.
const OBJECTS: [(&str, Object); 36] = [
    ("address", Object::Address),
    ("addrlabel", Object::Other),
    ("maddress", Object::Other),
    ("route", Object::Route),
    ("rule", Object::Other),
    ("neighbor", Object::Neighbour),
    ("neighbour", Object::Neighbour),
    ("ntable", Object::Other),
    ("ntbl", Object::Other),
    ("link", Object::Link),
    ("l2tp", Object::Other),
    ("fou", Object::Other),
    ("ila", Object::Other),
    ("macsec", Object::Other),
    ("tunnel", Object::Other),
    ("tunl", Object::Other),
    ("tuntap", Object::Other),
    ("tap", Object::Other),
    ("token", Object::Other),
    ("tcpmetrics", Object::Other),
    ("tcp_metrics", Object::Other),
    ("monitor", Object::Other),
    ("xfrm", Object::Other),
    ("mroute", Object::Other),
    ("mrule", Object::Other),
    ("netns", Object::Other),
    ("netconf", Object::Other),
    ("vrf", Object::Other),
    ("sr", Object::Other),
    ("nexthop", Object::Other),
    ("mptcp", Object::Other),
    ("ioam", Object::Other),
    ("help", Object::Other),
    ("stats", Object::Other),
    ("stp", Object::Other),
    ("xdp", Object::Other),
];

/// Options that change the output alone.
const OUTPUT: [&str; 12] = [
    "4",
    "details",
    "statistics",
    "oneline",
    "brief",
    "color",
    "json",
    "pretty",
    "human",
    "resolve",
    "timestamp",
    "Numeric",
];

pub(super) fn read(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    while let Some(word) = arguments.next() {
        if let Some(option) = word.strip_prefix('-') {
            let option = option.strip_prefix('-').unwrap_or(option);
            let option = option.split_once('=').map_or(option, |(option, _)| option);
            if option.is_empty() || !OUTPUT.iter().any(|known| known.starts_with(option)) {
                return Err(Stop::Doubt);
            }
            continue;
        }
        return match pick(word, &OBJECTS) {
            Some(Object::Address) => address::read(arguments),
            Some(Object::Link) => link::read(arguments),
            Some(Object::Neighbour) => neighbour::read(arguments),
            Some(Object::Route) => route::read(arguments),
            Some(Object::Other) => match arguments.next() {
                None => Ok(Command::Show(None)),
                Some(word) if is_show(word) => Ok(Command::Show(None)),
                Some(_) => Err(Stop::Doubt),
            },
            None => {
                let message = format!("Object \"{word}\" is unknown, try \"ip help\".");
                Err(Refusal::new(1, message).into())
            }
        };
    }
    Err(Refusal::new(255, "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }").into())
}

/// `show`, and the other words for it.
pub(super) fn is_show(word: &str) -> bool {
    ["show", "lst", "list"]
        .iter()
        .any(|show| show.starts_with(word))
}

/// A word that an object doesn't know.
pub(super) fn unknown(object: &str, word: &str) -> Stop {
    let message = format!("Command \"{word}\" is unknown, try \"ip {object} help\".");
    Refusal::new(255, message).into()
}

/// `show`, of all devices or of one.
pub(super) fn show(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let name = match arguments.next() {
        None => return Ok(Command::Show(None)),
        Some("dev") => arguments.value()?,
        Some("up" | "type" | "to" | "scope" | "primary" | "master" | "group" | "label") => {
            return Ok(Command::Show(None));
        }
        Some(name) => name,
    };
    match arguments.next() {
        None => Ok(Command::Show(Some(name.to_owned()))),
        Some(_) => Err(Stop::Doubt),
    }
}
