//! `ip address` (ip-address(8)).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::arguments::{Arguments, duplicate, no_device, pick, prefix};
use super::ip;
use crate::guest::shell::command::Command;
use crate::guest::shell::refusal::{Refusal, Stop};

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Replace,
    Delete,
    Show,
    Flush,
}

const VERBS: [(&str, Verb); 9] = [
    ("add", Verb::Add),
    ("change", Verb::Replace),
    ("chg", Verb::Replace),
    ("replace", Verb::Replace),
    ("delete", Verb::Delete),
    ("show", Verb::Show),
    ("lst", Verb::Show),
    ("list", Verb::Show),
    ("flush", Verb::Flush),
];

pub(super) fn read(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let Some(word) = arguments.next() else {
        return Ok(Command::Show(None));
    };
    match pick(word, &VERBS).ok_or_else(|| ip::unknown("address", word))? {
        Verb::Add => change(arguments, |dev, net| Command::AddAddress {
            dev,
            net,
            replace: false,
        }),
        Verb::Replace => change(arguments, |dev, net| Command::AddAddress {
            dev,
            net,
            replace: true,
        }),
        Verb::Delete => {
            let (dev, ip, length) = words(arguments)?;
            Ok(Command::RemoveAddress { dev, ip, length })
        }
        Verb::Show => ip::show(arguments),
        Verb::Flush => flush(arguments),
    }
}

fn change(
    arguments: Arguments<'_>,
    command: impl FnOnce(String, Ipv4Net) -> Command,
) -> Result<Command, Stop> {
    let (dev, ip, length) = words(arguments)?;
    let net = Ipv4Net::new(ip, length.unwrap_or(32)).map_err(|_| Stop::Doubt)?;
    // The kernel takes addresses that stand for no machine, and does odd things with them.
    let odd = ip.octets()[0] == 0 || ip.is_loopback() || ip.octets()[0] >= 224;
    if odd {
        return Err(Stop::Doubt);
    }
    Ok(command(dev, net))
}

fn words(mut arguments: Arguments<'_>) -> Result<(String, Ipv4Addr, Option<u8>), Stop> {
    let (mut dev, mut local) = (None, None);
    let mut doubtful = false;
    while let Some(word) = arguments.next() {
        let word = match word {
            "dev" => {
                dev = Some(arguments.value()?.to_owned());
                continue;
            }
            "brd" | "broadcast" => {
                // `+` is what the kernel assumes in any case.
                doubtful |= arguments.value()? != "+";
                continue;
            }
            "label" => {
                arguments.value()?;
                continue;
            }
            "peer" | "remote" | "anycast" | "scope" | "metric" | "priority" | "preference"
            | "valid_lft" | "preferred_lft" | "home" | "nodad" | "mngtmpaddr" | "noprefixroute"
            | "autojoin" | "proto" => return Err(Stop::Doubt),
            "local" => arguments.value()?,
            word => word,
        };
        if local.is_some() {
            return Err(duplicate("local", word));
        }
        local = Some(prefix(word)?);
    }
    let dev = dev.ok_or_else(no_device)?;
    match local {
        Some((ip, length)) if !doubtful => Ok((dev, ip, length)),
        _ => Err(Stop::Doubt),
    }
}

fn flush(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let dev = match arguments.next() {
        None => return Err(Refusal::new(1, "Flush requires arguments.").into()),
        Some("dev") => arguments.value()?,
        Some("to" | "scope" | "label" | "up" | "primary" | "secondary") => {
            return Err(Stop::Doubt);
        }
        Some(name) => name,
    };
    match arguments.next() {
        None => Ok(Command::FlushAddresses(dev.to_owned())),
        Some(_) => Err(Stop::Doubt),
    }
}
