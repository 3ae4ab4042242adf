//! Addresses of interfaces (`ip-address(8)`).

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::rtnl::{Mode, Request};
use super::wire;

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

/// The question for all addresses.
pub(super) fn all() -> RouteNetlinkMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    RouteNetlinkMessage::GetAddress(message)
}

/// The address in an answer to it. Takes any bytes.
pub(super) fn local(payload: &[u8]) -> Option<Ipv4Addr> {
    /// The length of `ifaddrmsg`, and `IFA_LOCAL`.
    const HEADER: usize = 8;
    const LOCAL: u16 = 2;
    let mut attributes = wire::attributes(payload.get(HEADER..)?);
    let (_, ip) = attributes.find(|(kind, _)| *kind == LOCAL)?;
    wire::take::<4>(ip, 0).map(Ipv4Addr::from)
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
