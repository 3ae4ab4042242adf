//! What the fuzzer runs: what the kernel answers over netlink, and what somebody's rules look like.

use super::{address, look, neighbour, nflog, nft, trace, wire};

/// Any bytes as a datagram of messages, each read in all the ways there are.
pub fn netlink(bytes: &[u8]) {
    let mut length = 0;
    for message in wire::messages(bytes) {
        length += wire::HEADER + message.payload.len();
        assert!(length <= bytes.len());
        let _ = message.acknowledgement();
        if let Some((_, prefix, packet)) = nflog::parse(&message) {
            assert!(packet.len() <= message.payload.len());
            // What isn't UTF-8 becomes three bytes.
            assert!(prefix.len() <= 3 * message.payload.len());
        }
        attributes(message.payload);
        look::fuzzing::lists(message.payload);
        let _ = (
            address::local(message.payload),
            neighbour::unanswered(message.payload),
        );
    }
    trace::fuzzing::messages(bytes);
    look::fuzzing::lists(bytes);
}

/// Attributes lie in what holds them, one after another.
fn attributes(bytes: &[u8]) {
    let mut end = bytes.as_ptr().addr();
    for (kind, value) in wire::attributes(bytes) {
        assert!(kind < 1 << 14);
        let start = value.as_ptr().addr();
        assert!(start >= end && start + value.len() <= bytes.as_ptr().addr() + bytes.len());
        end = start + value.len();
    }
}

/// Any bytes as a rule's expressions; what stands behind the first zero is a set's elements and a remark.
pub fn rules(bytes: &[u8]) {
    let [family, rest @ ..] = bytes else { return };
    let (expressions, rest) = match rest {
        [a, b, rest @ ..] => {
            rest.split_at(rest.len().min(usize::from(u16::from_le_bytes([*a, *b]))))
        }
        _ => (rest, &[][..]),
    };
    let elements = nft::elements(rest);
    assert!(elements.len() <= rest.len());
    let _ = nft::comment(rest);
    let _ = nft::table(rest);
    let text = || nft::rule_text(*family, expressions, &mut |_| Some(elements.clone()));
    let first = text();
    assert_eq!(first, text());
    if let Some(text) = first {
        // Each expression has a header of 8 bytes, and a set's words may follow each.
        let most = 200 * (expressions.len() + 1) + (expressions.len() / 8 + 1) * rest.len() * 100;
        assert!(text.len() <= most, "{} bytes", text.len());
    }
}
