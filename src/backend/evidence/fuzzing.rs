//! What the fuzzer runs: the reader of packets that died, and whose they were.

use super::dissect::{Arp, Ip};
use super::{Flow, Footprint, Token};
use crate::fuzzing::Bytes;
use crate::network::Family;

/// Any bytes as a packet, and as one of a probe's.
pub fn dissect(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let number = |bytes: &mut Bytes<'_>| u16::from_be_bytes([bytes.byte(), bytes.byte()]);
    let (kind, a, b) = (bytes.byte(), number(&mut bytes), number(&mut bytes));
    let flow = match kind % 3 {
        0 => Flow::Icmp { id: a, sequence: b },
        1 => Flow::Tcp {
            source: a,
            destination: b,
        },
        _ => Flow::Udp {
            source: a,
            destination: b,
        },
    };
    let packet = bytes.0;
    if let Some(ip) = Ip::read(packet) {
        one_line(&ip.to_string());
        let _ = ip.is_refusal();
    }
    if let Some(arp) = Arp::read(packet) {
        one_line(&arp.to_string());
    }
    let footprint = Footprint {
        flow,
        token: Token([kind; 8]),
        from: [10, 0, 0, 1].into(),
        to: [10, 0, 0, 2].into(),
    };
    for family in [Family::Ip, Family::Arp] {
        let found = footprint.concerns(family, packet);
        assert_eq!(found, footprint.concerns(family, packet));
        if let Some(found) = found {
            one_line(&found.to_string());
        }
    }
}

/// Packets within packets are followed to a depth, so no packet fills a page.
fn one_line(text: &str) {
    assert!(!text.is_empty() && text.len() < 600, "{text:?}");
    assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
}
