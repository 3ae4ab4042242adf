//! Links: veth pairs, born with each end in its own namespace (`veth(4)`).

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use rtnetlink::packet_core::DefaultNla;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::error::Refusal;
use super::rtnl::{self, Mode, Request};
use super::socket::{Batch, NetlinkSocket};
use super::wire;
use crate::network::{End, IfName};

/// `lo`'s number in every namespace.
pub(super) const LOOPBACK: u32 = 1;

/// How long an interface may take to become usable. It takes some 0.1 ms.
const PATIENCE: Duration = Duration::from_secs(10);

/// `IFLA_IFNAME`, `IFLA_OPERSTATE`, `IFLA_AF_SPEC` and `IFLA_EXT_MASK` (linux/if_link.h).
const OPERSTATE: u16 = 16;
const AF_SPEC: u16 = 26;
const EXT_MASK: u16 = 29;

/// `RTEXT_FILTER_SKIP_STATS`: an answer without the counters is a third of the size.
const SKIP_STATS: u32 = 8;

/// `IF_OPER_UP` (RFC 2863).
const UP: u8 = 6;

/// The length of `struct ifinfomsg`.
const IFINFOMSG: usize = 16;

/// A pair of interfaces: `near` in the namespace of the socket that takes the request, up at birth;
/// `far` in `far_namespace`, still down: the kernel refuses to raise both at once.
///
/// The two numbers must differ: the kernel tells a veth from an interface without a lower one by
/// that, and would take up to a second to notice its carrier otherwise (`linkwatch_urgent_event`).
pub(super) fn pair(
    near: (&End, u32),
    far: (&End, u32),
    far_namespace: BorrowedFd<'_>,
    mtu: u32,
) -> Request {
    let mut message = end(near, mtu);
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    with_peer(message, far, far_namespace, mtu)
}

fn with_peer(
    mut message: LinkMessage,
    far: (&End, u32),
    far_namespace: BorrowedFd<'_>,
    mtu: u32,
) -> Request {
    let mut peer = end(far, mtu);
    let fd = LinkAttribute::NetNsFd(far_namespace.as_raw_fd());
    peer.attributes.push(fd);
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
    ]));
    (Mode::Create, RouteNetlinkMessage::NewLink(message))
}

fn end((end, index): (&End, u32), mtu: u32) -> LinkMessage {
    let mut message = interface(end.name.as_str(), index, mtu);
    let mac = LinkAttribute::Address(end.mac.0.to_vec());
    message.attributes.push(mac);
    message
}

fn interface(name: &str, index: u32, mtu: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Mtu(mtu),
        // One queue each: a processor's worth of them would be made otherwise.
        LinkAttribute::NumTxQueues(1),
        LinkAttribute::NumRxQueues(1),
    ];
    message
}

/// The name of a relay's interface of this number.
pub(super) fn relay_name(index: u32) -> String {
    format!("relay{index}")
}

/// A pair whose one end is a node's, in `far_namespace` and still down. The other is a relay's, in the namespace of
/// the socket that takes the request: up at birth, without ARP, and of a group whose number is `group`.
pub(super) fn relay_pair(
    index: u32,
    group: u32,
    far: (&End, u32),
    far_namespace: BorrowedFd<'_>,
    mtu: u32,
) -> Request {
    let mut message = interface(&relay_name(index), index, mtu);
    message.attributes.push(LinkAttribute::Group(group));
    message.header.flags = LinkFlags::Up | LinkFlags::Noarp;
    message.header.change_mask = LinkFlags::Up | LinkFlags::Noarp;
    with_peer(message, far, far_namespace, mtu)
}

/// Removes the interfaces of a group, and their other ends with them: all at once, which takes no longer
/// than one (`rtnl_group_dellink`).
pub(super) fn remove_group(group: u32) -> Request {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::Group(group));
    (Mode::Remove, RouteNetlinkMessage::DelLink(message))
}

/// Raises an interface.
pub(super) fn raise(index: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    (Mode::Plain, RouteNetlinkMessage::NewLink(message))
}

/// Removes an interface, and a veth's other end with it.
pub(super) fn remove(index: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    (Mode::Remove, RouteNetlinkMessage::DelLink(message))
}

/// Whether an interface answers ARP for all that is routed elsewhere.
pub(super) fn proxy_arp(index: u32, on: bool) -> Request {
    // IFLA_AF_SPEC { AF_INET { IFLA_INET_CONF { IPV4_DEVCONF_PROXY_ARP: u32 }}}: the packet crate
    // knows this attribute only as the array that the kernel answers with.
    const AF_INET: u16 = 2;
    const INET_CONF: u16 = 1;
    const PROXY_ARP: u16 = 3;
    let (mut switch, mut conf, mut inet) = (Vec::new(), Vec::new(), Vec::new());
    wire::put(&mut switch, PROXY_ARP, &u32::from(on).to_ne_bytes());
    wire::put(&mut conf, INET_CONF, &switch);
    wire::put(&mut inet, AF_INET, &conf);
    let mut message = LinkMessage::default();
    message.header.index = index;
    let spec = LinkAttribute::Other(DefaultNla::new(AF_SPEC, inet));
    message.attributes.push(spec);
    (Mode::Plain, RouteNetlinkMessage::SetLink(message))
}

/// The number of the interface of this name.
pub(super) fn index_of(socket: &mut NetlinkSocket, name: &IfName) -> Result<u32, Refusal> {
    let mut message = LinkMessage::default();
    let name = LinkAttribute::IfName(name.as_str().to_owned());
    message.attributes.push(name);
    query(socket, message, |payload| wire::native_u32(payload, 4))
}

/// Waits until an interface is usable; before, packets vanish without a trace.
pub(super) fn wait_until_up(socket: &mut NetlinkSocket, index: u32) -> Result<(), Refusal> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut message = LinkMessage::default();
        message.header.index = index;
        let state = query(socket, message, |payload| {
            let mut attributes = wire::attributes(payload.get(IFINFOMSG..)?);
            attributes.find_map(|(kind, value)| match (kind, value) {
                (OPERSTATE, [state]) => Some(*state),
                _ => None,
            })
        })?;
        if state == UP {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(Errno::ETIMEDOUT.into());
        }
        // The carrier is noticed by a worker of the kernel's, which may need this processor.
        std::thread::yield_now();
    }
}

fn query<T>(
    socket: &mut NetlinkSocket,
    mut message: LinkMessage,
    take: impl FnMut(&[u8]) -> Option<T>,
) -> Result<T, Refusal> {
    let skip = DefaultNla::new(EXT_MASK, SKIP_STATS.to_ne_bytes().to_vec());
    message.attributes.push(LinkAttribute::Other(skip));
    let mut batch = Batch::default();
    rtnl::push_query(&mut batch, RouteNetlinkMessage::GetLink(message));
    socket.ask(batch, take)
}
