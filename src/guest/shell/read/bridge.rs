//! `bridge fdb` (bridge(8)).

use super::arguments::{Arguments, duplicate, pick};
use super::ip::is_show;
use crate::guest::shell::command::{Command, FloodMode};
use crate::guest::shell::refusal::{Refusal, Stop};

#[derive(Clone, Copy)]
enum Verb {
    Change(FloodMode),
    Get,
    Show,
    Other,
}

const VERBS: [(&str, Verb); 10] = [
    ("add", Verb::Change(FloodMode::Add)),
    ("append", Verb::Change(FloodMode::Append)),
    ("replace", Verb::Change(FloodMode::Replace)),
    ("delete", Verb::Change(FloodMode::Remove)),
    ("get", Verb::Get),
    ("show", Verb::Show),
    ("lst", Verb::Show),
    ("list", Verb::Show),
    ("flush", Verb::Other),
    ("help", Verb::Other),
];

pub(super) fn read(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let object = loop {
        match arguments.next() {
            Some(option) if option.starts_with('-') => {
                let option = option.trim_start_matches('-');
                let output = [
                    "details",
                    "statistics",
                    "json",
                    "pretty",
                    "color",
                    "compressvlans",
                ];
                let known = output.iter().any(|known| known.starts_with(option));
                if option.is_empty() || !known {
                    return Err(Stop::Doubt);
                }
            }
            Some(word) => break word,
            None => {
                let message = "Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }";
                return Err(Refusal::new(255, message).into());
            }
        }
    };
    if !"fdb".starts_with(object) {
        return match arguments.next() {
            Some(word) if is_show(word) => Ok(Command::Show(None)),
            _ => Err(Stop::Doubt),
        };
    }
    let Some(word) = arguments.next() else {
        return Ok(Command::Show(None));
    };
    match pick(word, &VERBS) {
        Some(Verb::Change(mode)) => change(mode, arguments),
        Some(Verb::Get) => Ok(Command::Look),
        Some(Verb::Show) => Ok(Command::Show(None)),
        Some(Verb::Other) => Err(Stop::Doubt),
        None => {
            let message = format!("Command \"{word}\" is unknown, try \"bridge fdb help\".");
            Err(Refusal::new(255, message).into())
        }
    }
}

fn change(mode: FloodMode, mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let (mut dev, mut mac, mut dst, mut port) = (None, None, None, None);
    while let Some(word) = arguments.next() {
        let word = match word {
            "dev" => {
                dev = Some(arguments.value()?.to_owned());
                continue;
            }
            "dst" => {
                let ip = arguments.address()?;
                if ip.is_unspecified() || ip.is_multicast() {
                    return Err(Stop::Doubt);
                }
                dst = Some(ip);
                continue;
            }
            "port" => {
                port = Some(arguments.number("invalid port")?);
                continue;
            }
            "self" | "permanent" | "local" | "static" => continue,
            "to" => arguments.value()?,
            "nhid" | "vni" | "src_vni" | "via" | "master" | "router" | "temp" | "dynamic"
            | "use" | "extern_learn" | "vlan" | "sticky" | "help" => return Err(Stop::Doubt),
            word => word,
        };
        if mac.is_some() {
            return Err(duplicate("to", word));
        }
        mac = Some(word);
    }
    let (Some(dev), Some(mac)) = (dev, mac) else {
        let message = "Device and address are required arguments.";
        return Err(Refusal::new(255, message).into());
    };
    if mac_bytes(mac)? != [0; 6] {
        // Which Ethernet address is whose is not in a `Guest`.
        return Err(Stop::Doubt);
    }
    Ok(Command::Flood {
        mode,
        dev,
        dst,
        port,
    })
}

fn mac_bytes(text: &str) -> Result<[u8; 6], Stop> {
    let bytes: Option<Vec<u8>> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Refusal::new(255, format!("Invalid mac address {text}")).into())
}
