//! The arguments of a command, one after the other.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::guest::shell::refusal::{Refusal, Stop};

/// Arguments.
#[derive(Clone, Debug)]
pub(super) struct Arguments<'a> {
    rest: &'a [&'a str],
}

impl<'a> Arguments<'a> {
    pub(super) fn new(rest: &'a [&'a str]) -> Self {
        Self { rest }
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next one, which must be there: the value of a keyword.
    pub(super) fn value(&mut self) -> Result<&'a str, Stop> {
        self.next().ok_or_else(incomplete)
    }

    /// The value of a keyword that is an address.
    pub(super) fn address(&mut self) -> Result<Ipv4Addr, Stop> {
        // What isn't one of four decimal numbers may be one all the same, in an older notation.
        self.value()?.parse().map_err(|_| Stop::Doubt)
    }

    /// The value of a keyword that is a number.
    pub(super) fn number<T: std::str::FromStr>(&mut self, wrong: &str) -> Result<T, Stop> {
        let text = self.value()?;
        text.parse().map_err(|_| match text.parse::<u128>() {
            // Octal and hexadecimal numbers are allowed too.
            Err(_) if text.starts_with("0x") => Stop::Doubt,
            _ => invalid(text, wrong),
        })
    }
}

/// A word that the command can't end with.
fn incomplete() -> Stop {
    let message = "Command line is not complete. Try option \"help\"";
    Refusal::new(255, message).into()
}

/// A value that a keyword doesn't take.
pub(super) fn invalid(text: &str, wrong: &str) -> Stop {
    let message = format!("Error: argument \"{text}\" is wrong: {wrong}");
    Refusal::new(255, message).into()
}

/// A word that is there twice, or has no place.
pub(super) fn duplicate(keyword: &str, word: &str) -> Stop {
    let message = format!("Error: either \"{keyword}\" is duplicate, or \"{word}\" is a garbage.");
    Refusal::new(255, message).into()
}

/// A command without a device.
pub(super) fn no_device() -> Stop {
    let message = "Not enough information: \"dev\" argument is required.";
    Refusal::new(1, message).into()
}

/// The first of the keywords that begins with what was typed: `a` for `address`.
pub(super) fn pick<T: Copy>(typed: &str, keywords: &[(&str, T)]) -> Option<T> {
    let found = keywords.iter().find(|(word, _)| word.starts_with(typed));
    found.map(|(_, value)| *value)
}

/// An address and the length of its prefix, if that was typed.
pub(super) fn prefix(text: &str) -> Result<(Ipv4Addr, Option<u8>), Stop> {
    let (ip, length) = match text.split_once('/') {
        Some((ip, length)) => (ip, Some(length)),
        None => (text, None),
    };
    let parsed = ip.parse().ok();
    let length = length.map(|length| length.parse::<u8>().ok().filter(|l| *l <= 32));
    match (parsed, length) {
        (Some(ip), None) => Ok((ip, None)),
        (Some(ip), Some(Some(length))) => Ok((ip, Some(length))),
        _ if plain(text) => {
            let message = format!("Error: any valid prefix is expected rather than \"{text}\".");
            Err(Refusal::new(1, message).into())
        }
        // IPv6, or one of the older notations.
        _ => Err(Stop::Doubt),
    }
}

/// A destination: `default`, or a prefix.
pub(super) fn destination(text: &str) -> Result<Ipv4Net, Stop> {
    if matches!(text, "default" | "any" | "all") {
        return Ok(Ipv4Net::default());
    }
    let (ip, length) = prefix(text)?;
    Ipv4Net::new(ip, length.unwrap_or(32)).map_err(|_| Stop::Doubt)
}

/// Whether this could be nothing but four decimal numbers and a length.
fn plain(text: &str) -> bool {
    let (ip, length) = text.split_once('/').unwrap_or((text, "0"));
    let number = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        digits && !text.is_empty() && (text == "0" || !text.starts_with('0'))
    };
    ip.split('.').count() == 4 && ip.split('.').all(number) && number(length)
}
