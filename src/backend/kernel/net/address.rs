//! Addresses of interfaces (`ip-address(8)`).

use std::net::IpAddr;

use ipnet::Ipv4Net;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::rtnl::{Mode, Request};

/// Gives an interface an address.
pub(super) fn add(index: u32, net: Ipv4Net) -> Request {
    let message = RouteNetlinkMessage::NewAddress(message(index, net));
    (Mode::Replace, message)
}

/// Takes it away.
pub(super) fn remove(index: u32, net: Ipv4Net) -> Request {
    let message = RouteNetlinkMessage::DelAddress(message(index, net));
    (Mode::Remove, message)
}

fn message(index: u32, net: Ipv4Net) -> AddressMessage {
    let ip = IpAddr::V4(net.addr());
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = net.prefix_len();
    message.header.index = index;
    message.header.scope = if net.addr().is_loopback() {
        AddressScope::Host
    } else {
        AddressScope::Universe
    };
    message.attributes = vec![AddressAttribute::Local(ip), AddressAttribute::Address(ip)];
    // RFC 3021: a /31 has no broadcast address, and neither has a /32.
    if net.prefix_len() < 31 {
        message
            .attributes
            .push(AddressAttribute::Broadcast(net.broadcast()));
    }
    message
}
