//! Single values of the file, read with an eye on what people get wrong.
//!
//! Each function takes the key for its messages, gives the value, or says what is wrong and gives none.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::data::{Data, Value};
use super::diagnostic::Harm;
use super::nearest::{alternatives, did_you_mean, nearest};
use super::{Diagnostic, Placed, limits};

/// What is wrong so far.
pub(super) type Errors = Vec<Diagnostic>;

/// Says that a value is of the wrong kind.
pub(super) fn wrong_kind(key: &str, wanted: &str, value: &Value) -> Diagnostic {
    let found = value.found();
    Diagnostic::error(
        value.span.clone(),
        format!("`{key}` must be {wanted}, not {found}"),
    )
    .label(format!("this is {found}"))
}

/// A string.
pub(super) fn text(key: &str, value: &Value, errors: &mut Errors) -> Option<Placed<String>> {
    text_as(key, "a string", value, errors)
}

/// A string that stands for something: `wanted` says what.
fn text_as(key: &str, wanted: &str, value: &Value, errors: &mut Errors) -> Option<Placed<String>> {
    match &value.data {
        Data::Text(text) => Some(Placed {
            value: text.to_string(),
            span: value.span.clone(),
        }),
        _ => {
            let mut diagnostic = wrong_kind(key, wanted, value);
            if matches!(&value.data, Data::Integer(_) | Data::Float(_)) {
                diagnostic = diagnostic.help("put it between quotes");
            }
            errors.push(diagnostic);
            None
        }
    }
}

/// `true` or `false`.
pub(super) fn boolean(key: &str, value: &Value, errors: &mut Errors) -> Option<bool> {
    match &value.data {
        Data::Boolean(value) => Some(*value),
        Data::Text(text) if matches!(&**text, "true" | "false") => {
            errors.push(wrong_kind(key, "`true` or `false`", value).help("leave the quotes out"));
            None
        }
        _ => {
            errors.push(wrong_kind(key, "`true` or `false`", value));
            None
        }
    }
}

/// `true`, and nothing else: a key that only says what is meant.
pub(super) fn yes(key: &str, value: &Value, errors: &mut Errors) -> Option<()> {
    match &value.data {
        Data::Boolean(true) => Some(()),
        Data::Boolean(false) => {
            errors.push(
                Diagnostic::error(value.span.clone(), format!("`{key}` can only be `true`"))
                    .help(format!("leave `{key}` out where it is not meant")),
            );
            None
        }
        _ => {
            errors.push(wrong_kind(key, "`true`", value));
            None
        }
    }
}

/// A whole number.
pub(super) fn number<T>(
    key: &str,
    range: RangeInclusive<T>,
    value: &Value,
    errors: &mut Errors,
) -> Option<T>
where
    T: TryFrom<i128> + PartialOrd + std::fmt::Display,
{
    let Data::Integer(number) = &value.data else {
        let mut diagnostic = wrong_kind(key, "a whole number", value);
        if let Data::Text(text) = &value.data
            && text.parse::<i64>().is_ok()
        {
            diagnostic = diagnostic.help("leave the quotes out");
        }
        errors.push(diagnostic);
        return None;
    };
    let number = number
        .and_then(|number| T::try_from(number).ok())
        .filter(|number| range.contains(number));
    if number.is_none() {
        errors.push(Diagnostic::error(
            value.span.clone(),
            format!("`{key}` must be from {} to {}", range.start(), range.end()),
        ));
    }
    number
}

/// A port.
pub(super) fn port(key: &str, value: &Value, errors: &mut Errors) -> Option<u16> {
    number(key, 1..=u16::MAX, value, errors)
}

/// An IPv4 address.
pub(super) fn address(key: &str, value: &Value, errors: &mut Errors) -> Option<Ipv4Addr> {
    let text = text_as(key, "an IPv4 address, as in \"10.0.0.254\"", value, errors)?;
    match text.value.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            let mut diagnostic = Diagnostic::error(
                text.span,
                format!("{:?} is not an IPv4 address", text.value),
            );
            if let Some((address, _)) = text.value.split_once('/')
                && address.parse::<Ipv4Addr>().is_ok()
            {
                diagnostic = diagnostic.help(format!("leave the prefix length out: \"{address}\""));
            } else {
                diagnostic = explain_address(diagnostic, &text.value);
            }
            errors.push(diagnostic);
            None
        }
    }
}

/// A CIDR block without host bits.
pub(super) fn cidr(key: &str, value: &Value, errors: &mut Errors) -> Option<Ipv4Net> {
    let text = text_as(key, "a CIDR block, as in \"10.0.0.0/16\"", value, errors)?;
    match read_cidr(&text.value) {
        Ok(cidr) => Some(cidr),
        Err(say) => {
            errors.push(say(Diagnostic::error(
                text.span,
                format!("{:?} is not a CIDR block", text.value),
            )));
            None
        }
    }
}

/// Adds to a diagnostic what is wrong with a CIDR block.
type Explanation = Box<dyn FnOnce(Diagnostic) -> Diagnostic>;

fn read_cidr(text: &str) -> Result<Ipv4Net, Explanation> {
    let owned = text.to_owned();
    let Some((address, length)) = text.split_once('/') else {
        return Err(Box::new(move |diagnostic| {
            if owned.parse::<Ipv4Addr>().is_ok() {
                diagnostic
                    .label("the prefix length is missing")
                    .help(format!(
                        "write, for example, \"{owned}/{}\"",
                        likely_length(&owned)
                    ))
            } else {
                explain_address(diagnostic, &owned)
            }
        }));
    };
    let Ok(address) = address.parse::<Ipv4Addr>() else {
        let address = address.to_owned();
        return Err(Box::new(move |diagnostic| {
            explain_address(diagnostic, &address)
        }));
    };
    let digits = (1..=2).contains(&length.len()) && length.bytes().all(|b| b.is_ascii_digit());
    let cidr = length
        .parse()
        .ok()
        .filter(|_| digits)
        .and_then(|length| Ipv4Net::new(address, length).ok());
    let Some(cidr) = cidr else {
        return Err(Box::new(|diagnostic| {
            diagnostic.label("the prefix length must be from 0 to 32")
        }));
    };
    if cidr.addr() == cidr.network() {
        Ok(cidr)
    } else {
        Err(Box::new(move |mut diagnostic| {
            diagnostic.message = format!("{owned:?} has host bits set");
            diagnostic
                .label(format!("not the first address of a /{}", cidr.prefix_len()))
                .help(format!(
                    "the network is \"{}\"; for the one address, write \"{}/32\"",
                    cidr.trunc(),
                    cidr.addr()
                ))
        }))
    }
}

/// The prefix length that somebody who forgot it is likely to mean.
fn likely_length(address: &str) -> u8 {
    match address {
        "0.0.0.0" => 0,
        _ if address.ends_with(".0.0") => 16,
        _ if address.ends_with(".0") => 24,
        _ => 32,
    }
}

/// Says what is wrong with what should be an address.
fn explain_address(diagnostic: Diagnostic, text: &str) -> Diagnostic {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return diagnostic.help("only IPv4 is simulated");
    }
    let parts: Vec<&str> = text.split('.').collect();
    let numbers = parts
        .iter()
        .all(|part| !part.is_empty() && part.len() < 9 && part.bytes().all(|b| b.is_ascii_digit()));
    if !numbers {
        return diagnostic;
    }
    if parts.len() != 4 {
        return diagnostic.label(format!(
            "an IPv4 address has four numbers, this has {}",
            parts.len()
        ));
    }
    if let Some(big) = parts
        .iter()
        .find(|part| part.parse::<u32>().is_ok_and(|number| number > 255))
    {
        return diagnostic.label(format!("{big} is more than 255"));
    }
    diagnostic.label("numbers in an address have no leading zeros")
}

/// The longest time that a scenario may name: ten years.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

fn span_of(text: &str) -> Option<jiff::SignedDuration> {
    let span = text.parse::<jiff::Span>().ok()?;
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .ok()
}

/// The time that a text stands for, if it is not before its own beginning.
pub(super) fn duration_of(text: &str) -> Option<Duration> {
    Duration::try_from(span_of(text)?).ok()
}

/// A duration of real time, for which somebody may have to wait.
pub(super) fn patience(key: &str, value: &Value, errors: &mut Errors) -> Option<Duration> {
    let read = duration(key, value, errors)?;
    if read.as_secs_f64() > limits::PATIENCE_SECONDS as f64 {
        errors.push(
            Diagnostic::error(
                value.span.clone(),
                format!("`{key}` must be at most one hour"),
            )
            .help("with the kernel backend it is real time; the clouds' time passes with `wait`"),
        );
        return None;
    }
    Some(read)
}

/// A time longer than none: `50ms`, `3min`, `7d`.
pub(super) fn duration(key: &str, value: &Value, errors: &mut Errors) -> Option<Duration> {
    let text = text_as(
        key,
        "a duration, as in \"50ms\", \"3min\" or \"7d\"",
        value,
        errors,
    )?;
    let Some(read) = span_of(&text.value) else {
        errors.push(
            Diagnostic::error(text.span, format!("{:?} is not a duration", text.value)).help(
                "a duration is a number and a unit: \"50ms\", \"2s\", \"3min\", \"1h 30min\", \"7d\"",
            ),
        );
        return None;
    };
    match Duration::try_from(read) {
        Ok(duration) if !duration.is_zero() && duration <= LONGEST => Some(duration),
        Ok(duration) if duration > LONGEST => {
            errors.push(Diagnostic::error(
                text.span,
                format!("`{key}` must be at most ten years"),
            ));
            None
        }
        _ => {
            errors.push(Diagnostic::error(
                text.span,
                format!("`{key}` must be longer than no time at all"),
            ));
            None
        }
    }
}

/// A list; what is wrong with single elements is said, and they are left out.
pub(super) fn list<T>(
    key: &str,
    value: &Value,
    errors: &mut Errors,
    mut element: impl FnMut(&str, &Value, &mut Errors) -> Option<T>,
) -> Option<Vec<T>> {
    match &value.data {
        Data::List(array) => Some(
            array
                .iter()
                .filter_map(|item| element(key, item, errors))
                .collect(),
        ),
        _ => {
            errors.push(wrong_kind(key, "a list", value).help("put it between [ and ]"));
            None
        }
    }
}

/// One word of several.
pub(super) fn word<T: Copy>(
    key: &str,
    words: &[(&str, T)],
    value: &Value,
    errors: &mut Errors,
) -> Option<T> {
    let names = || words.iter().map(|(name, _)| *name);
    let wanted = alternatives(names());
    let text = text_as(key, &wanted, value, errors)?;
    let hit = |wanted: &str| words.iter().find(|(name, _)| *name == wanted);
    let mut found = hit(&text.value);
    if found.is_none() {
        // A slip is read as what was meant.
        found = nearest(&text.value, names()).and_then(hit);
        let harm = if found.is_some() {
            Harm::None
        } else {
            Harm::Unreadable
        };
        errors.push(
            Diagnostic::error(
                text.span,
                format!("`{key}` must be {wanted}, not {:?}", text.value),
            )
            .maybe_help(did_you_mean(&text.value, names()))
            .harm(harm),
        );
    }
    found.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn value(toml: &str) -> Value {
        Value::from(&toml::de::DeValue::parse(toml).unwrap())
    }

    #[test]
    fn durations_are_what_people_write() {
        for (text, seconds) in [
            ("50ms", 0.05),
            ("3min", 180.0),
            ("7d", 604_800.0),
            ("1h 30m", 5_400.0),
        ] {
            let toml = format!("{text:?}");
            let read = duration("wait", &value(&toml), &mut Vec::new());
            assert_eq!(read.map(|d| d.as_secs_f64()), Some(seconds), "{text}");
        }
        for text in [
            "",
            "5",
            "-1s",
            "0s",
            "1 month",
            "99999999d",
            "soon",
            "\\u0000",
        ] {
            let toml = format!("\"{text}\"");
            let mut errors = Vec::new();
            assert_eq!(duration("wait", &value(&toml), &mut errors), None, "{text}");
            assert_eq!(errors.len(), 1, "{text}");
        }
    }

    #[test]
    fn host_bits_name_the_network() {
        let mut errors = Vec::new();
        assert_eq!(cidr("cidr", &value("\"10.0.0.5/24\""), &mut errors), None);
        assert!(errors[0].help[0].contains("10.0.0.0/24"));
        assert!(cidr("cidr", &value("\"10.0.0.0/24\""), &mut errors).is_some());
        assert!(cidr("cidr", &value("\"0.0.0.0/0\""), &mut errors).is_some());
    }

    #[test]
    fn numbers_are_never_cut_short() {
        for toml in [
            "0",
            "65536",
            "-1",
            "99999999999999999999999999999999999999999",
            "0x1_0000",
            "1.0",
            "\"80\"",
        ] {
            let mut errors = Vec::new();
            assert_eq!(port("port", &value(toml), &mut errors), None, "{toml}");
            assert_eq!(errors.len(), 1, "{toml}");
        }
    }
}
