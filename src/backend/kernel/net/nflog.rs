//! The packet log: what a log rule reports (`nfnetlink_log`). Every node with a filter has a socket of
//! its own.

use std::sync::Arc;
use std::time::Instant;

use nix::sys::socket::{setsockopt, sockopt};

use super::counters::Counting;
use super::error::Refusal;
use super::reader::{Listener, Reader};
use super::socket::{Batch, NetlinkSocket, Subsystem};
use super::wire;
use crate::backend::BackendError;
use crate::backend::kernel::features::Feature;
use crate::network::{Family, NodeId};

/// The group that log rules report to.
pub const NFLOG_GROUP: u16 = 5747;

/// How many bytes of a packet are reported.
pub const SNAP_LENGTH: u32 = 256;

/// Room for packets that have not been read yet, in bytes, where the kernel allows it.
const BUFFER: usize = 8 << 20;

/// A packet that a log rule reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedPacket {
    /// The node whose rule it was.
    pub node: NodeId,
    /// The rule's prefix: a label.
    pub prefix: String,
    /// The family of the rule's table.
    pub family: Family,
    /// The packet from its network header on, as the rule saw it, cut to [`SNAP_LENGTH`] bytes.
    pub packet: Vec<u8>,
    /// When it was read.
    pub at: Instant,
}

/// Where such packets are reported. Called on the reading thread.
pub(in crate::backend::kernel) type ReportLogged = Arc<dyn Fn(LoggedPacket) + Send + Sync>;

/// `NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET` and `… NFULNL_MSG_CONFIG`.
const PACKET: u16 = 4 << 8;
const CONFIG: u16 = 4 << 8 | 1;

/// Reads a message of the packet log: family, prefix, packet. Takes any bytes.
pub(super) fn parse(message: &wire::Message<'_>) -> Option<(Family, String, Vec<u8>)> {
    /// `NFULA_PAYLOAD` and `NFULA_PREFIX`.
    const PAYLOAD: u16 = 9;
    const PREFIX: u16 = 10;
    if message.kind != PACKET {
        return None;
    }
    let family = match message.payload.first()? {
        2 => Family::Ip,
        3 => Family::Arp,
        _ => return None,
    };
    let (mut prefix, mut packet) = (String::new(), Vec::new());
    for (kind, value) in wire::attributes(message.payload.get(4..)?) {
        match kind {
            PAYLOAD => packet = from_network_header(family, value).to_vec(),
            PREFIX => prefix = wire::string(value),
            _ => {}
        }
    }
    Some((family, prefix, packet))
}

/// Cuts off what precedes the network header: an ARP packet of the node's own is logged when its
/// Ethernet header is written already.
fn from_network_header(family: Family, packet: &[u8]) -> &[u8] {
    /// Ethernet, IPv4: how every ARP packet here begins (RFC 826).
    const ARP: [u8; 4] = [0, 1, 8, 0];
    const ETHERNET_HEADER: usize = 14;
    match packet.get(ETHERNET_HEADER..) {
        Some(rest) if family == Family::Arp && !packet.starts_with(&ARP) => rest,
        _ => packet,
    }
}

/// Listens to the log of the calling thread's namespace, on behalf of `node`, for as long as what this
/// gives is held.
pub(super) fn listen(
    reader: &mut Reader,
    node: &NodeId,
    report: &ReportLogged,
    counting: &Counting,
) -> Result<Listener, BackendError> {
    let doing = || format!("listen to the packet log of node {node}");
    let socket = bind(NFLOG_GROUP, counting).map_err(|refusal| refusal.of(doing()))?;
    let (id, to) = (node.clone(), Arc::clone(report));
    let report = move |message: &wire::Message<'_>, at| {
        if let Some((family, prefix, packet)) = parse(message) {
            to(LoggedPacket {
                node: id.clone(),
                prefix,
                family,
                packet,
                at,
            });
        }
    };
    let listening = reader.listen(node, socket, Box::new(report));
    listening.map_err(|refusal| refusal.of(doing()))
}

/// A socket in the calling thread's namespace that receives a group's packets, each at once.
pub(super) fn bind(group: u16, counting: &Counting) -> Result<NetlinkSocket, Refusal> {
    /// `NFULA_CFG_CMD` with `NFULNL_CFG_CMD_BIND`, `NFULA_CFG_MODE` with `NFULNL_COPY_PACKET`, and
    /// `NFULA_CFG_QTHRESH`.
    const COMMAND: (u16, u8) = (1, 1);
    const MODE: (u16, u8) = (2, 2);
    const THRESHOLD: u16 = 5;
    Feature::PacketLog.there()?;
    let mut socket = NetlinkSocket::open(Subsystem::Netfilter, counting)?;
    let fd = socket.as_socket();
    // Beyond the machine's limit where that is allowed, up to it elsewhere.
    if setsockopt(fd, sockopt::RcvBufForce, &BUFFER).is_err() {
        setsockopt(fd, sockopt::RcvBuf, &BUFFER)?;
    }
    let mut batch = Batch::default();
    batch.push(|bytes| {
        // NLM_F_REQUEST | NLM_F_ACK
        wire::message(bytes, (CONFIG, 1 | 4, 0), |bytes| {
            bytes.extend([0, 0]);
            bytes.extend(group.to_be_bytes());
            wire::put(bytes, COMMAND.0, &[COMMAND.1]);
            let [a, b, c, d] = SNAP_LENGTH.to_be_bytes();
            wire::put(bytes, MODE.0, &[a, b, c, d, MODE.1, 0]);
            wire::put(bytes, THRESHOLD, &1_u32.to_be_bytes());
        });
    });
    if let Some((_, refusal)) = socket.exchange(batch)?.into_iter().next() {
        return Err(refusal);
    }
    socket.as_socket().set_non_blocking(true)?;
    Ok(socket)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn logged(family: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        wire::message(&mut bytes, (PACKET, 0, 0), |b| {
            b.extend([family, 0]);
            b.extend(NFLOG_GROUP.to_be_bytes());
            wire::put(b, 1, &[8, 0, 1, 0]);
            wire::put(b, 10, b"=REASON resource\0");
            wire::put(b, 9, &[0x45, 0, 0, 20]);
        });
        bytes
    }

    #[test]
    fn a_logged_packet_is_read() {
        let bytes = logged(2);
        let message = wire::messages(&bytes).next().unwrap();
        let (family, prefix, packet) = parse(&message).unwrap();
        assert_eq!(family, Family::Ip);
        assert_eq!(prefix, "=REASON resource");
        assert_eq!(packet, [0x45, 0, 0, 20]);
    }

    #[test]
    fn an_arp_packet_begins_at_its_own_header_on_its_way_in_and_out() {
        let arp = [0, 1, 8, 0, 6, 4, 0, 1];
        let framed = [&[0xff; 12][..], &[8, 6], &arp].concat();
        for logged in [&arp[..], &framed] {
            assert_eq!(from_network_header(Family::Arp, logged), arp);
        }
        assert_eq!(from_network_header(Family::Arp, &[0xff]), [0xff]);
        assert_eq!(from_network_header(Family::Ip, &framed), framed);
    }

    #[test]
    fn another_family_is_left_alone() {
        let bytes = logged(10);
        assert_eq!(parse(&wire::messages(&bytes).next().unwrap()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let message = wire::Message { kind: PACKET, flags: 0, sequence: 0, payload: &payload };
            if let Some((_, _, packet)) = parse(&message) {
                prop_assert!(packet.len() <= payload.len());
            }
        }
    }
}
