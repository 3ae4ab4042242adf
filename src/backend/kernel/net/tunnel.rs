//! VXLAN interfaces and where they flood (RFC 7348; `ip-link(8)`, `bridge(8)`).

use std::net::Ipv4Addr;

use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::rtnl::{Mode, Request};
use crate::network::{IfName, Vxlan};

/// How long a learnt address stays, in seconds: the kernel's default, which Gate leaves alone.
const AGEING: u32 = 300;

/// `NUD_PERMANENT | NUD_NOARP`, as `bridge fdb append` has it.
const PERMANENT: u16 = 0x80 | 0x40;

/// A VXLAN interface, up.
pub(super) fn add(name: &IfName, index: u32, vxlan: &Vxlan) -> Request {
    let data = vec![
        InfoVxlan::Id(vxlan.vni),
        InfoVxlan::Local(vxlan.local),
        InfoVxlan::Port(vxlan.port),
        InfoVxlan::Learning(true),
        InfoVxlan::Ageing(AGEING),
        // "It SHOULD be transmitted as zero" (RFC 7348, section 5, on the UDP checksum).
        InfoVxlan::UDPCsum(false),
        // What is for an address without a way must meet the filter, not come back (Linux 6.5; earlier
        // ones pass over the attribute).
        InfoVxlan::Localbypass(false),
    ];
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes = vec![
        LinkAttribute::IfName(name.as_str().to_owned()),
        LinkAttribute::Address(vxlan.mac.0.to_vec()),
        LinkAttribute::Mtu(vxlan.mtu),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Vxlan),
            LinkInfo::Data(InfoData::Vxlan(data)),
        ]),
    ];
    (Mode::Create, RouteNetlinkMessage::NewLink(message))
}

/// One more remote to flood to. The first alone could be made without `NLM_F_APPEND`.
pub(super) fn add_flood(index: u32, remote: Ipv4Addr) -> Request {
    let message = RouteNetlinkMessage::NewNeighbour(flood(index, remote));
    (Mode::Append, message)
}

/// One remote less.
pub(super) fn remove_flood(index: u32, remote: Ipv4Addr) -> Request {
    let message = RouteNetlinkMessage::DelNeighbour(flood(index, remote));
    (Mode::Remove, message)
}

/// The forwarding entry of the all-zero address, which stands for every unknown one.
fn flood(index: u32, remote: Ipv4Addr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = index;
    message.header.state = NeighbourState::Other(PERMANENT);
    message.header.flags = NeighbourFlags::Own;
    message.attributes = vec![
        NeighbourAttribute::LinkLayerAddress(vec![0; 6]),
        NeighbourAttribute::Destination(NeighbourAddress::Inet(remote)),
    ];
    message
}
