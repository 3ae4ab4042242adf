//! Messages made by hand, as the kernel writes them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::message::tests::{verdict, write};
use super::message::{DROP, VERDICT};
use super::*;

const CONTINUE: u32 = u32::MAX;

/// An IPv4 header with a UDP header behind it, to VXLAN's port.
fn outer(identification: u8, ttl: u8) -> [Vec<u8>; 2] {
    let mut ip = vec![0; 20];
    (ip[0], ip[5], ip[8], ip[9]) = (0x45, identification, ttl, 17);
    [ip, vec![0x80, 0, 0x12, 0xb5, 0, 58, 0, 0]]
}

/// A copy of a packet, as a log rule reports it.
fn copy(packet: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::message(&mut bytes, (4 << 8, 0, 0), |b| {
        b.extend([2, 0, 0, 0]);
        wire::put(b, 9, packet);
    });
    bytes
}

fn take(packets: &mut Packets, bytes: &[u8]) -> Option<(Dropper, Family, Vec<u8>)> {
    packets.dropped(&wire::messages(bytes).next().unwrap())
}

#[test]
fn a_packet_is_shown_by_the_first_message_and_dropped_by_a_later_one() {
    let mut packets = Packets::default();
    let goes_on = (VERDICT, &verdict(CONTINUE)[..]);
    let drops = (VERDICT, &verdict(DROP)[..]);
    for id in [7, 8] {
        let bytes = [[0x45, id], [id, 0]];
        let parts = Some([&bytes[0][..], &bytes[1]]);
        assert!(take(&mut packets, &write(id.into(), goes_on, Some(1), parts)).is_none());
    }
    let (dropper, _, packet) = take(&mut packets, &write(7, drops, Some(2), None)).unwrap();
    assert_eq!(dropper.rule, Some(2));
    assert_eq!(packet, [0x45, 7, 7, 0]);
    // One that was never shown can't be told from others.
    assert!(take(&mut packets, &write(9, drops, Some(2), None)).is_none());
}

#[test]
fn a_tunnelled_packet_is_known_by_its_copy() {
    let mut packets = Packets::default();
    let inner = b"all that lies behind the headers".to_vec();
    for identification in [1, 2] {
        let [ip, udp] = outer(identification, 64);
        let whole = [ip, udp, inner.clone(), vec![identification]].concat();
        assert!(take(&mut packets, &copy(&whole)).is_none());
    }
    // Forwarded meanwhile.
    let [ip, udp] = outer(1, 63);
    let parts = Some([&ip[..], &udp]);
    let drops = (VERDICT, &verdict(DROP)[..]);
    let (_, _, packet) = take(&mut packets, &write(7, drops, Some(2), parts)).unwrap();
    assert_eq!(packet.last(), Some(&1));
    assert!(packet.len() > 28 + inner.len());
}

#[test]
fn our_own_tables_say_themselves_what_they_drop() {
    let dropper = |family, table: &str| Dropper {
        family,
        table: table.into(),
        chain: "input".into(),
        rule: None,
    };
    assert!(!is_foreign(&dropper(IP, TABLE)));
    assert!(!is_foreign(&dropper(ARP, TABLE)));
    assert!(is_foreign(&dropper(IP, "filter")));
    // A name that somebody else may take as well, in another family.
    assert!(is_foreign(&dropper(1, TABLE)));
}

#[test]
fn a_question_by_arp_is_about_its_target_and_an_answer_about_its_sender() {
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1];
    arp.extend([[0; 6].as_slice(), &[10, 0, 0, 1], &[0; 6], &[10, 0, 0, 2]].concat());
    let about = |bytes: &[u8]| arp_in(Family::Arp, bytes).unwrap().about();
    assert_eq!(about(&arp), Some([10, 0, 0, 2].into()));
    arp[7] = 2;
    assert_eq!(about(&arp), Some([10, 0, 0, 1].into()));
    let [ip, udp] = outer(1, 64);
    let ethernet = [&[0; 12][..], &[8, 6]].concat();
    let tunnelled = [ip, udp, vec![0; 8], ethernet, arp].concat();
    let found = arp_in(Family::Ip, &tunnelled).unwrap().about();
    assert_eq!(found, Some([10, 0, 0, 1].into()));
    assert!(arp_in(Family::Ip, &tunnelled[..40]).is_none());
}

proptest! {
    #[test]
    fn no_bytes_make_the_follower_panic(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..90), 0..6),
        kinds in proptest::collection::vec(0..2_usize, 6),
    ) {
        let mut packets = Packets::default();
        for (payload, kind) in payloads.iter().zip(kinds) {
            let kind = [message::TRACE, 4 << 8][kind];
            let message = Message { kind, flags: 0, sequence: 0, payload };
            let _ = packets.dropped(&message);
            for family in [Family::Ip, Family::Arp] {
                if let Some(arp) = arp_in(family, payload) {
                    let _ = arp.about();
                }
            }
        }
    }
}
