//! Neighbours that are told, not asked for: permanent ones, and those that we answer for
//! (`ip-neighbour(8)`).

use std::net::Ipv4Addr;

use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::neighbour_table::{
    NeighbourTableAttribute, NeighbourTableMessage, NeighbourTableParameter,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::rtnl::{Mode, Request};
use crate::network::Mac;

/// Sets a permanent neighbour.
pub(super) fn set(index: u32, ip: Ipv4Addr, mac: Mac) -> Request {
    let mut message = message(index, ip);
    message.header.state = NeighbourState::Permanent;
    let mac = NeighbourAttribute::LinkLayerAddress(mac.0.to_vec());
    message.attributes.push(mac);
    (Mode::Replace, RouteNetlinkMessage::NewNeighbour(message))
}

/// Removes it.
pub(super) fn remove(index: u32, ip: Ipv4Addr) -> Request {
    let message = RouteNetlinkMessage::DelNeighbour(message(index, ip));
    (Mode::Remove, message)
}

/// Answers ARP for an address.
pub(super) fn add_proxy(index: u32, ip: Ipv4Addr) -> Request {
    let message = RouteNetlinkMessage::NewNeighbour(proxy(index, ip));
    (Mode::Replace, message)
}

/// Stops that.
pub(super) fn remove_proxy(index: u32, ip: Ipv4Addr) -> Request {
    let message = RouteNetlinkMessage::DelNeighbour(proxy(index, ip));
    (Mode::Remove, message)
}

/// Lets an interface answer for others at once: by default it waits up to 0.8 s, at random
/// (`proxy_delay` in `arp(7)`). The switch is hidden from user namespaces, this request isn't.
pub(super) fn without_proxy_delay(index: u32) -> Request {
    let mut message = NeighbourTableMessage::default();
    message.header.family = AddressFamily::Inet;
    message.attributes = vec![
        NeighbourTableAttribute::Name("arp_cache".into()),
        NeighbourTableAttribute::Parms(vec![
            NeighbourTableParameter::Ifindex(index),
            NeighbourTableParameter::ProxyDelay(0),
        ]),
    ];
    let message = RouteNetlinkMessage::SetNeighbourTable(message);
    (Mode::Plain, message)
}

fn proxy(index: u32, ip: Ipv4Addr) -> NeighbourMessage {
    let mut message = message(index, ip);
    message.header.flags = NeighbourFlags::Proxy;
    message
}

fn message(index: u32, ip: Ipv4Addr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.ifindex = index;
    let ip = NeighbourAttribute::Destination(NeighbourAddress::Inet(ip));
    message.attributes.push(ip);
    message
}
