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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message about a packet: what it says besides the identity, and the packet's two parts.
    pub fn write(
        id: u32,
        says: (u16, &[u8]),
        rule: Option<u64>,
        packet: Option<[&[u8]; 2]>,
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        wire::message(&mut bytes, (TRACE, 0, 0), |b| {
            b.extend([1, 0, 0, 0]);
            wire::put(b, PROTOCOL, &2_u32.to_be_bytes());
            wire::put(b, ID, &id.to_be_bytes());
            wire::put(b, CHAIN, b"input\0");
            wire::put(b, TABLE, b"f\0");
            if let Some(rule) = rule {
                wire::put(b, RULE, &rule.to_be_bytes());
            }
            wire::put(b, says.0, says.1);
            if let Some([network, transport]) = packet {
                wire::put(b, NETWORK_HEADER, network);
                wire::put(b, TRANSPORT_HEADER, transport);
            }
        });
        bytes
    }

    /// A rule's verdict.
    pub fn verdict(code: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        wire::put(&mut bytes, VERDICT_CODE, &code.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Trace> {
        parse(&wire::messages(bytes).next()?)
    }

    #[test]
    fn a_drop_is_a_rule_s_or_a_policy_s() {
        let by_rule = read(&write(7, (VERDICT, &verdict(DROP)), Some(4), None)).unwrap();
        let dropper = by_rule.drop.unwrap();
        assert_eq!((by_rule.id, dropper.rule), (7, Some(4)));
        assert_eq!((&*dropper.table, &*dropper.chain), ("f", "input"));
        let by_policy = read(&write(7, (POLICY, &DROP.to_be_bytes()), None, None)).unwrap();
        assert_eq!(by_policy.drop.unwrap().rule, None);
    }

    #[test]
    fn what_passes_or_goes_on_is_no_drop() {
        for code in [ACCEPT, u32::MAX] {
            let trace = read(&write(7, (VERDICT, &verdict(code)), Some(4), None)).unwrap();
            assert_eq!(trace.drop, None);
        }
        let trace = read(&write(7, (POLICY, &ACCEPT.to_be_bytes()), None, None)).unwrap();
        assert_eq!(trace.drop, None);
    }

    #[test]
    fn the_packet_is_put_together_from_its_parts() {
        let says = (POLICY, &DROP.to_be_bytes()[..]);
        let trace = read(&write(7, says, None, Some([&[1, 2], &[3]]))).unwrap();
        assert_eq!(trace.packet, Some((Family::Ip, vec![1, 2, 3])));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let _ = parse(&wire::Message { kind: TRACE, flags: 0, sequence: 0, payload: &payload });
        }

        #[test]
        fn no_damage_makes_the_reader_panic(at in any::<prop::sample::Index>(), byte: u8) {
            let says = (VERDICT, &verdict(DROP)[..]);
            let mut bytes = write(7, says, Some(4), Some([&[0x45; 20], &[9; 20]]));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read(&bytes);
        }
    }
}
