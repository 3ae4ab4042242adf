//! `expect = { … }`: how a probe asks, and what shall come of it.

use super::data::{Data, Value};
use super::diagnostic::harmful;
use super::nearest::{alternatives, did_you_mean};
use super::soracom::is_domain_name;
use super::table::Table;
use super::value::{self, Errors};
use super::{AnswerExpectation, Ask, Diagnostic, Expectation, Template, quantity, template};
use crate::cloud::Reason;
use std::time::Duration;

const ASK: &[&str] = &["ping", "tcp", "udp", "http", "dns", "ntp"];

pub(super) const KEYS: &[&str] = &[
    "ping",
    "tcp",
    "udp",
    "http",
    "dns",
    "ntp",
    "size",
    "df",
    "path",
    "blocked",
    "refused",
    "predicted",
    "ttl",
    "rtt",
    "seen_from",
    "status",
    "body",
    "answer",
];

/// Which ways of asking a key belongs to, and why the others don't have it.
const BELONGS: &[(&str, &[&str], &str)] = &[
    (
        "size",
        &["ping"],
        "only an echo request has a payload to choose",
    ),
    (
        "df",
        &["ping"],
        "only an echo request is sent with or without it",
    ),
    ("path", &["http"], "only HTTP asks for a path"),
    ("ttl", &["ping"], "only ping sees the TTL of an answer"),
    (
        "seen_from",
        &["tcp", "udp", "http"],
        "only a service of the far end can tell which source address it saw",
    ),
    ("status", &["http"], "only HTTP has a status"),
    ("body", &["http"], "only HTTP has a body"),
    ("answer", &["dns"], "only DNS answers with addresses"),
    (
        "refused",
        &["tcp", "udp", "http", "dns", "ntp"],
        "ping asks no port, so nothing can refuse it",
    ),
];

/// Keys that say what shall come of it, where that is not an answer of a certain look.
const OUTCOMES: [&str; 3] = ["blocked", "refused", "predicted"];

/// Keys that say what an answer looks like.
const OF_ANSWERS: &[&str] = &["ttl", "rtt", "seen_from", "status", "body", "answer"];

/// Reads a text that may hold templates.
pub(super) fn text_template(key: &str, value: &Value, errors: &mut Errors) -> Option<Template> {
    let text = value::text(key, value, errors)?;
    template::check(&text, false, errors);
    Some(Template(text))
}

/// The longest that an answer may take, or the shortest and the longest.
fn rtt(key: &str, value: &Value, errors: &mut Errors) -> Option<(Duration, Duration)> {
    let Data::List(_) = &value.data else {
        let most = value::duration(key, value, errors)?;
        return Some((Duration::ZERO, most));
    };
    let both = value::list(key, value, errors, quantity::delay)?;
    match both[..] {
        [least, most] if least < most => Some((least, most)),
        _ => {
            errors.push(
                Diagnostic::error(
                    value.span.clone(),
                    format!("`{key}` is the longest time, or the shortest and the longest"),
                )
                .help("as in \"50ms\" or [\"900ms\", \"2s\"]"),
            );
            None
        }
    }
}

/// Reads `expect`.
pub(super) fn read(key: &str, value: &Value, errors: &mut Errors) -> Option<(Ask, Expectation)> {
    let before = errors.len();
    let table = Table::of_value("an expectation", key, value, KEYS, errors)?;
    let ask = ask(&table, errors);
    let expectation = expectation(&table, errors);
    if harmful(&errors[before..]) {
        return None;
    }
    Some((ask?, expectation))
}

fn ask(table: &Table<'_>, errors: &mut Errors) -> Option<Ask> {
    let given: Vec<&str> = ASK
        .iter()
        .copied()
        .filter(|key| table.value(key).is_some())
        .collect();
    let kind = match given[..] {
        [kind] => kind,
        [] => {
            errors.push(
                Diagnostic::error(
                    table.span.clone(),
                    "the expectation does not say how to ask",
                )
                .help(format!(
                    "it has exactly one of {}, as in {{ tcp = 80 }}",
                    alternatives(ASK.iter().copied())
                )),
            );
            return None;
        }
        [first, second, ..] => {
            let first_span = table.key_span(first).unwrap_or(table.span.clone());
            let second_span = table.key_span(second).unwrap_or(table.span.clone());
            errors.push(
                Diagnostic::error(
                    second_span,
                    format!("an expectation can't ask with both `{first}` and `{second}`"),
                )
                .related(first_span, "the first")
                .help("make two steps of it"),
            );
            return None;
        }
    };
    for (key, with, why) in BELONGS {
        if let Some(span) = table.key_span(key)
            && !with.contains(&kind)
        {
            errors.push(
                Diagnostic::error(span, format!("`{key}` makes no sense with `{kind}`"))
                    .label(*why),
            );
        }
    }
    match kind {
        "ping" => {
            table.read("ping", errors, value::yes)?;
            let size = table.read("size", errors, |key, value, errors| {
                // 16 is room for the token by which a probe is known; 65,535 less the headers.
                value::number(key, 16..=65_507, value, errors)
            });
            let df = table.read("df", errors, value::boolean);
            Some(Ask::Ping {
                size: size.unwrap_or(56),
                dont_fragment: df.unwrap_or(false),
            })
        }
        "tcp" => table
            .read("tcp", errors, value::port)
            .map(|port| Ask::Tcp { port }),
        "udp" => table
            .read("udp", errors, value::port)
            .map(|port| Ask::Udp { port }),
        "http" => {
            let path = table.read("path", errors, path);
            let port = table.read("http", errors, value::port)?;
            Some(Ask::Http {
                port,
                path: path.unwrap_or_else(|| "/".into()),
            })
        }
        "dns" => table
            .read("dns", errors, domain_name)
            .map(|name| Ask::Dns { name }),
        _ => table.read("ntp", errors, value::yes).map(|()| Ask::Ntp),
    }
}

fn path(key: &str, value: &Value, errors: &mut Errors) -> Option<String> {
    let text = value::text(key, value, errors)?;
    if !text.value.starts_with('/') {
        errors.push(
            Diagnostic::error(text.span, format!("`{key}` must begin with a slash"))
                .help(format!("write {:?}", format!("/{}", text.value))),
        );
        return None;
    }
    if text.value.bytes().any(|b| !b.is_ascii_graphic()) {
        errors.push(
            Diagnostic::error(text.span, format!("{:?} is not an HTTP path", text.value))
                .help("encode blanks and all but ASCII as %20 and the like"),
        );
        return None;
    }
    Some(text.value)
}

fn domain_name(key: &str, value: &Value, errors: &mut Errors) -> Option<String> {
    if matches!(value.data, Data::Boolean(_)) {
        errors.push(
            value::wrong_kind(key, "the name to ask for", value)
                .help("as in { dns = \"example.com\" }"),
        );
        return None;
    }
    let text = value::text(key, value, errors)?;
    if is_domain_name(&text.value) {
        Some(text.value)
    } else {
        errors.push(Diagnostic::error(
            text.span,
            format!("{:?} is not a domain name", text.value),
        ));
        None
    }
}

fn expectation(table: &Table<'_>, errors: &mut Errors) -> Expectation {
    let blocked = table.read("blocked", errors, blocked);
    table.read("refused", errors, value::yes);
    table.read("predicted", errors, value::yes);
    let given: Vec<&str> = OUTCOMES
        .into_iter()
        .filter(|outcome| table.value(outcome).is_some())
        .collect();
    if let [first, second, ..] = given[..]
        && let (Some(first_span), Some(second_span)) =
            (table.key_span(first), table.key_span(second))
    {
        errors.push(
            Diagnostic::error(
                second_span,
                format!("an expectation is `{first}` or `{second}`, not both"),
            )
            .related(first_span, format!("here it is {first}"))
            .note(
                "blocked: the network dropped a packet; refused: the far end said that nothing \
                 listens; predicted: whatever the clouds' rules say",
            ),
        );
    }
    for outcome in given.iter().copied() {
        for key in OF_ANSWERS {
            if let Some(span) = table.key_span(key) {
                errors.push(
                    Diagnostic::error(span, format!("`{key}` makes no sense with `{outcome}`"))
                        .label(match outcome {
                            "predicted" => {
                                "the prediction says what the answer looks like".to_owned()
                            }
                            _ => format!("what is {outcome} gets no answer"),
                        }),
                );
            }
        }
    }
    let rtt = table.read("rtt", errors, rtt);
    let answer = AnswerExpectation {
        ttl: table.read("ttl", errors, |key, value, errors| {
            value::number(key, 1..=u8::MAX, value, errors)
        }),
        rtt_at_least: rtt.map(|(least, _)| least).filter(|least| !least.is_zero()),
        rtt_at_most: rtt.map(|(_, most)| most),
        seen_from: table.read("seen_from", errors, seen_from),
        status: table.read("status", errors, |key, value, errors| {
            value::number(key, 100..=599, value, errors)
        }),
        body: table.read("body", errors, text_template),
        addresses: table.read("answer", errors, |key, value, errors| {
            value::list(key, value, errors, address_template)
        }),
    };
    match given.first() {
        Some(&"blocked") => Expectation::Blocked(blocked.flatten()),
        Some(&"refused") => Expectation::Refused,
        Some(_) => Expectation::Predicted,
        None => Expectation::Reachable(Box::new(answer)),
    }
}

/// `true`, or the reason's code.
fn blocked(key: &str, value: &Value, errors: &mut Errors) -> Option<Option<Reason>> {
    let Some(code) = value.as_text() else {
        if !matches!(value.data, Data::Boolean(_)) {
            errors.push(value::wrong_kind(
                key,
                "`true` or the code of a reason",
                value,
            ));
            return None;
        }
        return value::yes(key, value, errors).map(|()| None);
    };
    match code.parse::<Reason>() {
        Ok(reason) => Some(Some(reason)),
        Err(unknown) => {
            let codes = || Reason::ALL.iter().map(|reason| reason.code());
            let diagnostic = Diagnostic::error(value.span.clone(), unknown.to_string());
            errors.push(match did_you_mean(code, codes()) {
                Some(near) => diagnostic.label(near),
                None => diagnostic
                    .note(format!("the codes are {}", alternatives(codes())))
                    .help("write `blocked = true` where any reason will do"),
            });
            None
        }
    }
}

/// Reads a text that may hold templates; where it holds none, it must pass `check`.
fn checked_template(
    key: &str,
    value: &Value,
    errors: &mut Errors,
    check: impl FnOnce(&str, &Value, &mut Errors),
) -> Option<Template> {
    let template = text_template(key, value, errors)?;
    if template.paths().next().is_none() && !template.0.value.contains("${") {
        check(key, value, errors);
    }
    Some(template)
}

/// An address, or a prefix that holds it.
fn seen_from(key: &str, value: &Value, errors: &mut Errors) -> Option<Template> {
    checked_template(key, value, errors, |key, value, errors| {
        if value.as_text().is_some_and(|text| text.contains('/')) {
            value::cidr(key, value, errors);
        } else {
            value::address(key, value, errors);
        }
    })
}

fn address_template(key: &str, value: &Value, errors: &mut Errors) -> Option<Template> {
    checked_template(key, value, errors, |key, value, errors| {
        value::address(key, value, errors);
    })
}
