//! A message of the trace (`NFT_MSG_TRACE`, linux/netfilter/nf_tables.h). Takes any bytes.

use crate::backend::kernel::net::wire;
use crate::network::Family;

/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE`.
pub(super) const TRACE: u16 = 10 << 8 | 17;

/// `NFTA_TRACE_…`.
const TABLE: u16 = 1;
const CHAIN: u16 = 2;
const RULE: u16 = 3;
pub(super) const VERDICT: u16 = 5;
const ID: u16 = 6;
pub(super) const NETWORK_HEADER: u16 = 8;
const TRANSPORT_HEADER: u16 = 9;
const PROTOCOL: u16 = 15;
pub(super) const POLICY: u16 = 16;

/// `NFTA_VERDICT_CODE`, and its values.
pub(super) const VERDICT_CODE: u16 = 1;
pub(super) const DROP: u32 = 0;
pub(super) const ACCEPT: u32 = 1;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    /// The same for all messages about one packet in one chain.
    pub id: u32,
    /// The packet, in the first of them only: its network header, and 20 bytes behind that.
    pub packet: Option<(Family, Vec<u8>)>,
    /// Whether it ends here.
    pub drop: Option<Dropper>,
}

/// What drops a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dropper {
    /// `NFPROTO_…` of the table.
    pub family: u8,
    pub table: String,
    pub chain: String,
    /// The rule's handle; none for the chain's policy.
    pub rule: Option<u64>,
}

/// Reads a message.
pub(super) fn parse(message: &wire::Message<'_>) -> Option<Trace> {
    if message.kind != TRACE {
        return None;
    }
    let family = *message.payload.first()?;
    let (mut id, mut table, mut chain, mut rule) = (None, None, None, None);
    let (mut verdict, mut policy, mut protocol) = (None, None, None);
    let (mut network, mut transport): (&[u8], &[u8]) = (&[], &[]);
    for (kind, value) in wire::attributes(message.payload.get(4..)?) {
        match kind {
            ID => id = number(value),
            TABLE => table = Some(wire::string(value)),
            CHAIN => chain = Some(wire::string(value)),
            RULE => rule = wire::take(value, 0).map(u64::from_be_bytes),
            VERDICT => {
                let mut inside = wire::attributes(value);
                verdict = inside.find_map(|(kind, value)| {
                    (kind == VERDICT_CODE).then(|| number(value)).flatten()
                });
            }
            POLICY => policy = number(value),
            NETWORK_HEADER => network = value,
            TRANSPORT_HEADER => transport = value,
            PROTOCOL => protocol = number(value),
            _ => {}
        }
    }
    let drop = match (verdict, policy) {
        (Some(DROP), _) => Some(rule),
        (None, Some(DROP)) => Some(None),
        _ => None,
    };
    let dropper = |rule| {
        Some(Dropper {
            family,
            table: table?,
            chain: chain?,
            rule,
        })
    };
    let protocol = match protocol {
        Some(2) => Some(Family::Ip),
        Some(3) => Some(Family::Arp),
        _ => None,
    };
    let packet = protocol.filter(|_| !network.is_empty());
    Some(Trace {
        id: id?,
        packet: packet.map(|family| (family, [network, transport].concat())),
        drop: drop.and_then(dropper),
    })
}

fn number(value: &[u8]) -> Option<u32> {
    wire::take(value, 0).map(u32::from_be_bytes)
}
