//! `ip neighbour` (ip-neighbour(8)).

use super::arguments::{Arguments, pick};
use super::ip;
use crate::guest::shell::command::Command;
use crate::guest::shell::refusal::{Refusal, Stop};

#[derive(Clone, Copy)]
enum Verb {
    Set,
    Delete,
    Get,
    Show,
    Flush,
}

const VERBS: [(&str, Verb); 10] = [
    ("add", Verb::Set),
    ("change", Verb::Set),
    ("chg", Verb::Set),
    ("replace", Verb::Set),
    ("delete", Verb::Delete),
    ("get", Verb::Get),
    ("show", Verb::Show),
    ("lst", Verb::Show),
    ("list", Verb::Show),
    ("flush", Verb::Flush),
];

pub(super) fn read(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let Some(word) = arguments.next() else {
        return Ok(Command::Show(None));
    };
    match pick(word, &VERBS).ok_or_else(|| ip::unknown("neigh", word))? {
        Verb::Get => Ok(Command::Look),
        Verb::Show => Ok(Command::Show(None)),
        // Which Ethernet address is whose is not in a `Guest`.
        Verb::Set => Err(Stop::Doubt),
        Verb::Delete => delete(arguments),
        Verb::Flush => flush(arguments),
    }
}

fn delete(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let (mut dev, mut ip) = (None, None);
    while let Some(word) = arguments.next() {
        match word {
            "dev" => dev = Some(arguments.value()?.to_owned()),
            "to" => ip = Some(arguments.address()?),
            word => ip = Some(word.parse().map_err(|_| Stop::Doubt)?),
        }
    }
    match (dev, ip) {
        (Some(dev), Some(ip)) => Ok(Command::RemoveNeighbour { dev, ip }),
        _ => {
            let message = "Device and destination are required arguments.";
            Err(Refusal::new(255, message).into())
        }
    }
}

fn flush(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let command = match arguments.next() {
        None => return Err(Refusal::new(1, "Flush requires arguments.").into()),
        Some("all") => Command::FlushNeighbours(None),
        Some("dev") => Command::FlushNeighbours(Some(arguments.value()?.to_owned())),
        Some(_) => return Err(Stop::Doubt),
    };
    match arguments.next() {
        None => Ok(command),
        Some(_) => Err(Stop::Doubt),
    }
}
