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
use super::wire;
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

/// Asks for all neighbours of IPv4.
pub(super) fn all() -> RouteNetlinkMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    RouteNetlinkMessage::GetNeighbour(message)
}

/// Reads an entry of the answer: the interface and the address of a neighbour that was asked for and
/// has not answered (yet). Takes any bytes.
pub(super) fn unanswered(payload: &[u8]) -> Option<(u32, Ipv4Addr)> {
    /// `NUD_INCOMPLETE | NUD_FAILED`, and `NDA_DST`.
    const UNANSWERED: u16 = 0x01 | 0x20;
    const DESTINATION: u16 = 1;
    let index = wire::native_u32(payload, 4)?;
    let state = wire::take(payload, 8).map(u16::from_ne_bytes)?;
    if state & UNANSWERED == 0 {
        return None;
    }
    let mut attributes = wire::attributes(payload.get(12..)?);
    let (_, ip) = attributes.find(|(kind, _)| *kind == DESTINATION)?;
    let ip: [u8; 4] = ip.try_into().ok()?;
    Some((index, ip.into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_not_answered_is_read_and_any_bytes_are_taken() {
        let entry = |state: u16| {
            let mut bytes = vec![2, 0, 0, 0];
            bytes.extend(7_u32.to_ne_bytes());
            bytes.extend(state.to_ne_bytes());
            bytes.extend([0, 1]);
            bytes.extend(8_u16.to_ne_bytes());
            bytes.extend(1_u16.to_ne_bytes());
            bytes.extend([10, 0, 0, 1]);
            bytes
        };
        let found = Some((7, Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(unanswered(&entry(0x01)), found);
        assert_eq!(unanswered(&entry(0x20)), found);
        // Reachable, permanent.
        assert_eq!(unanswered(&entry(0x02)), None);
        assert_eq!(unanswered(&entry(0x80)), None);
        for length in 0..20 {
            assert_eq!(unanswered(&entry(0x01)[..length]), None);
        }
    }
}
