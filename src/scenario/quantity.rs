//! Numbers with a unit: rates, shares, delays.

use std::time::Duration;

use super::value::{Errors, duration_of, wrong_kind};
use super::{Diagnostic, Placed};
use crate::network::{BitRate, Chance};
use crate::scenario::data::{Data, Value};

/// The longest delay that a link can have.
const LONGEST_DELAY: Duration = Duration::from_secs(3_600);

/// The units of rates, with what they are in bits a second.
const RATES: &[(&str, u64)] = &[
    ("bit/s", 1),
    ("kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
];

/// How people write these units, too.
const OTHER_RATES: &[(&str, &str)] = &[
    ("bps", "bit/s"),
    ("kbps", "kbit/s"),
    ("mbps", "Mbit/s"),
    ("gbps", "Gbit/s"),
    ("k", "kbit/s"),
    ("m", "Mbit/s"),
    ("g", "Gbit/s"),
    ("bit", "bit/s"),
    ("kbit", "kbit/s"),
    ("mbit", "Mbit/s"),
    ("gbit", "Gbit/s"),
];

/// A text that stands for something.
fn text(key: &str, wanted: &str, value: &Value, errors: &mut Errors) -> Option<Placed<String>> {
    let Data::Text(text) = &value.data else {
        let mut diagnostic = wrong_kind(key, wanted, value);
        if matches!(&value.data, Data::Integer(_) | Data::Float(_)) {
            diagnostic = diagnostic.help("put it between quotes, with its unit");
        }
        errors.push(diagnostic);
        return None;
    };
    Some(Placed {
        value: text.to_string(),
        span: value.span.clone(),
    })
}

/// A number and its unit.
fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// `number × unit` where that is a whole number: `1.5` of a million is 1,500,000.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || number.ends_with('.') {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let part = unit.checked_div(10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
    // `unit` is a power of ten: it has as many places as it has zeros.
    if part == 0 {
        return None;
    }
    let fraction: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(unit)?.checked_add(fraction * part)
}

/// A rate: `2Mbit/s`.
pub(super) fn rate(key: &str, value: &Value, errors: &mut Errors) -> Option<BitRate> {
    let text = text(key, "a rate, as in \"2Mbit/s\"", value, errors)?;
    let (number, unit) = split(text.value.trim());
    let wrong = Diagnostic::error(text.span.clone(), format!("{:?} is not a rate", text.value));
    let Some((_, factor)) = RATES.iter().find(|(name, _)| *name == unit) else {
        let lower = unit.to_ascii_lowercase();
        let near = RATES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let other = OTHER_RATES.iter().find(|(name, _)| *name == lower);
        let meant = near.map(|(name, _)| *name).or(other.map(|(_, name)| *name));
        errors.push(match meant {
            Some(meant) => wrong.help(format!("did you mean \"{number}{meant}\"?")),
            None => wrong
                .help("a rate is a number and one of bit/s, kbit/s, Mbit/s, Gbit/s: \"2Mbit/s\""),
        });
        return None;
    };
    let found = scaled(number, *factor).and_then(BitRate::new);
    if found.is_none() {
        errors
            .push(wrong.label("it must be a whole number of bits a second, from 1 to 1000Gbit/s"));
    }
    found
}

/// A share of all: `0.5%`.
pub(super) fn chance(key: &str, value: &Value, errors: &mut Errors) -> Option<Chance> {
    let text = text(key, "a share, as in \"1%\"", value, errors)?;
    let written = text.value.trim();
    let number = written.strip_suffix('%').map(str::trim_end);
    let found = number
        .and_then(|number| scaled(number, u64::from(Chance::WHOLE / 100)))
        .and_then(|parts| u32::try_from(parts).ok())
        .and_then(Chance::parts);
    if found.is_none() {
        let wrong = Diagnostic::error(
            text.span.clone(),
            format!("{:?} is not a share", text.value),
        );
        errors.push(
            if number.is_none() && scaled(written, 1_000_000_000).is_some() {
                wrong.help(format!("did you mean \"{written}%\"?"))
            } else {
                wrong.help("a share is from \"0%\" to \"100%\", with at most seven decimals")
            },
        );
    }
    found
}

/// A delay, which may be none: `50ms`, `0ms`.
pub(super) fn delay(key: &str, value: &Value, errors: &mut Errors) -> Option<Duration> {
    let text = text(key, "a duration, as in \"50ms\"", value, errors)?;
    let Some(read) = duration_of(&text.value) else {
        errors.push(
            Diagnostic::error(text.span, format!("{:?} is not a duration", text.value))
                .help("a duration is a number and a unit: \"50ms\", \"0.5s\", \"0ms\" for none"),
        );
        return None;
    };
    if read > LONGEST_DELAY {
        errors.push(Diagnostic::error(
            text.span,
            format!("`{key}` must be at most one hour"),
        ));
        return None;
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value {
            data: Data::Text(text.into()),
            span: 0..text.len(),
        }
    }

    fn rate_of(text: &str) -> Result<u64, String> {
        let mut errors = Vec::new();
        let rate = rate("rate", &value(text), &mut errors);
        rate.map(BitRate::get).ok_or_else(|| said(&errors))
    }

    fn said(errors: &Errors) -> String {
        let parts = errors
            .iter()
            .flat_map(|e| [e.message.clone(), e.primary.text.clone(), e.help.join(" ")]);
        parts
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn rates_are_what_people_write() {
        assert_eq!(rate_of("32kbit/s"), Ok(32_000));
        assert_eq!(rate_of("1.5 Mbit/s"), Ok(1_500_000));
        assert_eq!(rate_of("1000Gbit/s"), Ok(1_000_000_000_000));
        for (text, meant) in [
            ("2Mbps", "2Mbit/s"),
            ("2 mbit/s", "2Mbit/s"),
            ("128k", "128kbit/s"),
        ] {
            let said = rate_of(text).map_err(|said| said.contains(meant));
            assert_eq!(said, Err(true), "{text}");
        }
        for text in [
            "",
            "2",
            "0bit/s",
            "1.5bit/s",
            "1001Gbit/s",
            "-1kbit/s",
            "1.kbit/s",
            ".5kbit/s",
            "1e3bit/s",
        ] {
            assert!(rate_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_exact() {
        let parts = |text: &str| chance("loss", &value(text), &mut Vec::new()).map(Chance::get);
        assert_eq!(parts("0.5%"), Some(5_000_000));
        assert_eq!(parts("100 %"), Some(1_000_000_000));
        assert_eq!(parts("0%"), Some(0));
        assert_eq!(parts("0.0000001%"), Some(1));
        for text in ["", "5", "0.00000001%", "100.1%", "-1%", "%", "half"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }

    #[test]
    fn delays_may_be_none_and_not_for_ever() {
        let read = |text: &str| delay("latency", &value(text), &mut Vec::new());
        assert_eq!(read("0ms"), Some(Duration::ZERO));
        assert_eq!(read("22.25ms"), Some(Duration::from_micros(22_250)));
        for text in ["", "50", "-1ms", "2h", "soon"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
