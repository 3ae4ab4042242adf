//! Rules of security groups, entries of network ACLs and of the routing filter: values that tables and
//! steps have in common.

use super::data::{Data, Value};
use super::diagnostic::harmful;
use super::nearest::alternatives;
use super::table::Table;
use super::value::{self, Errors};
use super::{Diagnostic, Placed};
use crate::cloud::aws::{IpProtocol, Ports, RuleAction, RuleSpec};
use crate::cloud::soracom::RoutingFilterEntry;

/// The two directions, as the firewall sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The keys of a security group rule.
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Ingress => &["protocol", "port", "icmp_type", "source"],
            Self::Egress => &["protocol", "port", "icmp_type", "destination"],
        }
    }
}

const PROTOCOLS: &[(&str, IpProtocol)] = &[
    ("tcp", IpProtocol::Tcp),
    ("udp", IpProtocol::Udp),
    ("icmp", IpProtocol::Icmp),
    ("all", IpProtocol::All),
];

const ACTIONS: &[(&str, RuleAction)] = &[("allow", RuleAction::Allow), ("deny", RuleAction::Deny)];

/// A security group rule, and the group that it names, if it does.
pub(super) struct Rule {
    pub spec: RuleSpec,
    pub group: Option<Placed<String>>,
}

/// Reads a security group rule.
pub(super) fn rule(
    direction: Direction,
    key: &str,
    value: &Value,
    errors: &mut Errors,
) -> Option<Rule> {
    let before = errors.len();
    let (peer_key, other_key) = match direction {
        Direction::Ingress => ("source", "destination"),
        Direction::Egress => ("destination", "source"),
    };
    let what = format!("an {} rule", direction.word());
    // `other_key` gets a message of its own.
    let allowed = [direction.keys(), &[other_key]].concat();
    let table = Table::of_value(&what, key, value, &allowed, errors)?;
    if let Some(span) = table.key_span(other_key) {
        errors.push(
            Diagnostic::error(span, format!("{what} has no `{other_key}`")).label(format!(
                "the other end is its `{peer_key}`; this end is whatever has the group"
            )),
        );
    }
    let service = protocol_and_ports(&table, &what, errors);
    let peer = if table.value(other_key).is_some() && table.value(peer_key).is_none() {
        None
    } else {
        table.require(peer_key, "\"0.0.0.0/0\"", errors, value::text)
    };
    let peer = peer?;
    let group = if peer.value.contains('/') || peer.value.parse::<std::net::IpAddr>().is_ok() {
        table.read(peer_key, errors, value::cidr);
        None
    } else {
        Some(peer.clone())
    };
    if harmful(&errors[before..]) {
        return None;
    }
    let (protocol, port, icmp_type) = service;
    let (source, destination) = match direction {
        Direction::Ingress => (Some(peer.value), None),
        Direction::Egress => (None, Some(peer.value)),
    };
    Some(Rule {
        spec: RuleSpec {
            protocol,
            port,
            icmp_type,
            source,
            destination,
        },
        group,
    })
}

fn protocol_and_ports(
    table: &Table<'_>,
    what: &str,
    errors: &mut Errors,
) -> (IpProtocol, Option<Ports>, Option<u8>) {
    let given = table.read("protocol", errors, |key, value, errors| {
        value::word(key, PROTOCOLS, value, errors)
    });
    let wrong = table.value("protocol").is_some() && given.is_none();
    let protocol = given.unwrap_or_default();
    let port = table.read("port", errors, ports);
    let icmp_type = table.read("icmp_type", errors, |key, value, errors| {
        value::number(key, 0..=u8::MAX, value, errors)
    });
    let mut only_with = |key: &str, fits: bool, with: &[&str]| {
        if let Some(span) = table.key_span(key)
            && !fits
            && !wrong
        {
            let with = alternatives(with.iter().copied());
            errors.push(
                Diagnostic::error(
                    span,
                    format!("{what} has `{key}` only where `protocol` is {with}"),
                )
                .help(if table.value("protocol").is_none() {
                    "say which protocol: without it, the rule is about all of them".to_owned()
                } else {
                    format!("leave `{key}` out")
                }),
            );
        }
    };
    only_with(
        "port",
        matches!(protocol, IpProtocol::Tcp | IpProtocol::Udp),
        &["tcp", "udp"],
    );
    only_with("icmp_type", protocol == IpProtocol::Icmp, &["icmp"]);
    (protocol, port, icmp_type)
}

/// Reads `80` or `"1024-65535"`.
pub(super) fn ports(key: &str, value: &Value, errors: &mut Errors) -> Option<Ports> {
    if matches!(value.data, Data::Integer(_)) {
        return value::number(key, 0..=u16::MAX, value, errors).map(Ports::One);
    }
    let Some(text) = value.as_text() else {
        errors.push(value::wrong_kind(
            key,
            "a port or a range of ports, as in 80 or \"1024-65535\"",
            value,
        ));
        return None;
    };
    let range = text.split_once('-').and_then(|(from, to)| {
        let (from, to): (u16, u16) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        Some((from, to))
    });
    match range {
        Some((from, to)) if from <= to => Some(Ports::Range(format!("{from}-{to}"))),
        Some((from, to)) => {
            errors.push(
                Diagnostic::error(
                    value.span.clone(),
                    format!("the range of ports {text:?} is empty"),
                )
                .help(format!("write the lower port first: \"{to}-{from}\"")),
            );
            None
        }
        None => {
            let diagnostic = Diagnostic::error(
                value.span.clone(),
                format!("{text:?} is neither a port nor a range of ports"),
            );
            errors.push(if text.parse::<u16>().is_ok() {
                diagnostic.help(format!("a single port stands without quotes: {text}"))
            } else {
                diagnostic.help("as in 80 or \"1024-65535\"")
            });
            None
        }
    }
}

/// An entry of a network ACL.
pub(super) struct AclEntry {
    pub rule_number: Placed<u16>,
    pub action: RuleAction,
    pub protocol: IpProtocol,
    pub port: Option<Ports>,
    pub icmp_type: Option<u8>,
    pub cidr: ipnet::Ipv4Net,
}

pub(super) const ACL_ENTRY: &[&str] = &[
    "rule_number",
    "action",
    "protocol",
    "port",
    "icmp_type",
    "cidr",
];

/// Reads an entry of a network ACL.
pub(super) fn acl_entry(key: &str, value: &Value, errors: &mut Errors) -> Option<AclEntry> {
    let before = errors.len();
    let what = "a network ACL entry";
    let table = Table::of_value(what, key, value, ACL_ENTRY, errors)?;
    let rule_number = table.require("rule_number", "100", errors, |key, value, errors| {
        Some(Placed {
            value: value::number(key, 1..=32_766, value, errors)?,
            span: value.span.clone(),
        })
    });
    let action = table.require("action", "\"allow\"", errors, |key, value, errors| {
        value::word(key, ACTIONS, value, errors)
    });
    let (protocol, port, icmp_type) = protocol_and_ports(&table, what, errors);
    let cidr = table.require("cidr", "\"0.0.0.0/0\"", errors, value::cidr);
    let entry = AclEntry {
        rule_number: rule_number?,
        action: action?,
        protocol,
        port,
        icmp_type,
        cidr: cidr?,
    };
    (errors.len() == before).then_some(entry)
}

pub(super) const ROUTING_FILTER_ENTRY: &[&str] = &["action", "ip_range"];

/// Reads an entry of a VPG's routing filter.
pub(super) fn routing_filter_entry(
    key: &str,
    value: &Value,
    errors: &mut Errors,
) -> Option<RoutingFilterEntry> {
    let table = Table::of_value(
        "a routing filter entry",
        key,
        value,
        ROUTING_FILTER_ENTRY,
        errors,
    )?;
    let action = table.require("action", "\"deny\"", errors, |key, value, errors| {
        value::word(key, ACTIONS, value, errors)
    });
    let ip_range = table.require("ip_range", "\"0.0.0.0/0\"", errors, value::cidr);
    Some(RoutingFilterEntry {
        action: action?,
        ip_range: ip_range?,
    })
}
