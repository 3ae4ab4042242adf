//! `ip route` (ip-route(8)).

use super::arguments::{Arguments, destination, duplicate, pick};
use super::ip;
use crate::guest::shell::command::{Command, Mode, RouteWords};
use crate::guest::shell::refusal::{Refusal, Stop};

#[derive(Clone, Copy)]
enum Verb {
    Set(Mode),
    Delete,
    Get,
    Show,
    Flush,
    Other,
}

const VERBS: [(&str, Verb); 14] = [
    ("list", Verb::Show),
    ("show", Verb::Show),
    ("lst", Verb::Show),
    ("get", Verb::Get),
    ("add", Verb::Set(Mode::Add)),
    ("change", Verb::Set(Mode::Change)),
    ("chg", Verb::Set(Mode::Change)),
    ("replace", Verb::Set(Mode::Replace)),
    ("prepend", Verb::Set(Mode::Beside)),
    ("append", Verb::Set(Mode::Beside)),
    ("test", Verb::Other),
    ("delete", Verb::Delete),
    ("flush", Verb::Flush),
    ("restore", Verb::Other),
];

pub(super) fn read(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let Some(word) = arguments.next() else {
        return Ok(Command::Show(None));
    };
    match pick(word, &VERBS).ok_or_else(|| ip::unknown("route", word))? {
        Verb::Set(mode) => Ok(Command::SetRoute(mode, words(arguments)?)),
        Verb::Delete => Ok(Command::RemoveRoute(words(arguments)?)),
        Verb::Get => Ok(Command::Look),
        Verb::Show => Ok(Command::Show(None)),
        Verb::Flush => flush(arguments),
        Verb::Other => Err(Stop::Doubt),
    }
}

fn words(mut arguments: Arguments<'_>) -> Result<RouteWords, Stop> {
    let mut route = RouteWords::default();
    let mut to = None;
    while let Some(word) = arguments.next() {
        let word = match word {
            "via" => {
                let mut value = arguments.clone();
                if value.next() == Some("inet") {
                    arguments = value;
                }
                route.via = Some(arguments.address()?);
                continue;
            }
            "dev" | "oif" => {
                route.dev = Some(arguments.value()?.to_owned());
                continue;
            }
            "src" => {
                route.source = Some(arguments.address()?);
                continue;
            }
            "onlink" => {
                route.onlink = true;
                continue;
            }
            "metric" | "priority" | "preference" => {
                route.metric = arguments.number::<u32>("\"metric\" value is invalid")? != 0;
                continue;
            }
            "table" => {
                if !matches!(arguments.value()?, "main" | "254") {
                    return Err(Stop::Doubt);
                }
                continue;
            }
            "blackhole" | "unreachable" | "prohibit" => {
                route.nowhere = true;
                arguments.value()?
            }
            "unicast" | "to" => arguments.value()?,
            word if word == "any" || word == "all" || word == "default" => word,
            word if word.starts_with(|c: char| c.is_ascii_digit()) => word,
            // A keyword that has no place here, or no keyword at all.
            _ => return Err(Stop::Doubt),
        };
        if to.is_some() {
            return Err(duplicate("to", word));
        }
        to = Some(destination(word)?);
    }
    route.destination = to.unwrap_or_default();
    Ok(route)
}

fn flush(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    match arguments.next() {
        None => {
            let message = "\"ip route flush\" requires arguments.";
            Err(Refusal::new(1, message).into())
        }
        // There has been no cache of routes since Linux 3.6.
        Some("cache") => Ok(Command::Nothing),
        Some("dev" | "oif") => {
            let dev = arguments.value()?.to_owned();
            match arguments.next() {
                None => Ok(Command::FlushRoutes(dev)),
                Some(_) => Err(Stop::Doubt),
            }
        }
        Some(_) => Err(Stop::Doubt),
    }
}
