//! Routes and the rules that choose a table (`ip-route(8)`, `ip-rule(8)`).

use ipnet::Ipv4Net;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::rtnl::{Mode, Request};
use crate::network::{PolicyRule, Route, Table};

/// Adds a route, or puts it in the place of the table's route for the same prefix.
pub(super) fn set(index: u32, table: Table, prefix: Ipv4Net, route: &Route) -> Request {
    let mut message = message(table, prefix);
    message.header.protocol = RouteProtocol::Static;
    message.header.kind = RouteType::Unicast;
    message.header.scope = RouteScope::Link;
    message.attributes.push(RouteAttribute::Oif(index));
    if let Some(via) = route.via {
        message.header.scope = RouteScope::Universe;
        message.header.flags = RouteFlags::Onlink;
        let via = RouteAttribute::Gateway(RouteAddress::Inet(via));
        message.attributes.push(via);
    }
    if let Some(source) = route.source {
        let source = RouteAttribute::PrefSource(RouteAddress::Inet(source));
        message.attributes.push(source);
    }
    (Mode::Replace, RouteNetlinkMessage::NewRoute(message))
}

/// Removes the table's route for a prefix, whatever it is.
pub(super) fn remove(table: Table, prefix: Ipv4Net) -> Request {
    let mut message = message(table, prefix);
    message.header.scope = RouteScope::NoWhere;
    (Mode::Remove, RouteNetlinkMessage::DelRoute(message))
}

fn message(table: Table, prefix: Ipv4Net) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.destination_prefix_length = prefix.prefix_len();
    // The header has room for 8 bits; the attribute holds the number.
    message.header.table = u8::try_from(table.0).unwrap_or(0);
    message.attributes = vec![
        RouteAttribute::Destination(RouteAddress::Inet(prefix.network())),
        RouteAttribute::Table(table.0),
    ];
    message
}

/// Adds a rule of the routing policy.
pub(super) fn add_rule(rule: &PolicyRule) -> Request {
    (Mode::Create, RouteNetlinkMessage::NewRule(policy(rule)))
}

/// Removes it.
pub(super) fn remove_rule(rule: &PolicyRule) -> Request {
    (Mode::Remove, RouteNetlinkMessage::DelRule(policy(rule)))
}

fn policy(rule: &PolicyRule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.action = RuleAction::ToTable;
    message.header.table = u8::try_from(rule.table.0).unwrap_or(0);
    message.attributes = vec![
        RuleAttribute::Priority(rule.priority),
        RuleAttribute::Table(rule.table.0),
    ];
    if let Some(iif) = &rule.iif {
        let iif = RuleAttribute::Iifname(iif.as_str().to_owned());
        message.attributes.push(iif);
    }
    message
}
