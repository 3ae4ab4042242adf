//! What the fuzzer runs: what services and probes read of one another.

use simple_dns::Packet;

use super::{dns, ntp, ping};
use crate::backend::evidence::Token;
use crate::fuzzing::Bytes;

/// Any bytes as a query or a reply; the first chooses the protocol.
pub fn protocol(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    match bytes.byte() % 3 {
        0 => names(&mut bytes),
        1 => time(bytes.0),
        _ => echo(&mut bytes),
    }
}

fn names(bytes: &mut Bytes<'_>) {
    // More of them than fit into a datagram.
    let many = (0..60).map(|n| [192, 0, 2, n].into()).collect();
    let records = dns::Records::from([
        ("a.example".into(), vec![[192, 0, 2, 1].into()]),
        ("many.example".into(), many),
    ]);
    let bytes = bytes.0;
    if let Some((reply, id)) = dns::reply_over_udp(&records, bytes) {
        assert!(reply.len() <= 512, "{} bytes over UDP", reply.len());
        assert_eq!(reply[..2], bytes[..2]);
        let read = Packet::parse(&reply);
        assert!(read.is_ok_and(|read| read.id() == id));
        assert!(dns::addresses(&reply, id).is_some());
        assert!(dns::addresses(&reply, !id).is_none());
        // Nobody answers an answer, or two of them would talk for ever.
        assert_eq!(dns::reply(&records, &reply), None);
    }
    if let Some(reply) = dns::reply(&records, bytes) {
        // What goes over TCP has its length in two bytes before it.
        assert!(u16::try_from(reply.len()).is_ok());
    }
    if let Some(id) = bytes.first_chunk().copied().map(u16::from_be_bytes) {
        let _ = dns::addresses(bytes, id);
    }
    if let Ok(name) = std::str::from_utf8(bytes)
        && let Ok(query) = dns::query(7, name)
    {
        let read = Packet::parse(&query);
        assert!(read.is_ok_and(|read| read.questions.len() == 1), "{name:?}");
    }
}

fn time(bytes: &[u8]) {
    let now = [9; 8];
    if let Some(reply) = ntp::reply(bytes, now) {
        let token = ntp::token(bytes);
        assert!(token.is_some_and(|token| ntp::is_reply(&reply, token).is_some()));
        assert_eq!(ntp::reply(&reply, now), None);
    }
    if let Some(token) = Token::at_start(bytes) {
        let _ = ntp::is_reply(bytes, token);
    }
}

fn echo(bytes: &mut Bytes<'_>) {
    let id = u16::from_be_bytes([bytes.byte(), bytes.byte()]);
    let _ = ping::reply_ttl(bytes.0, id, Token([0; 8]));
    let size = bytes.0.len();
    assert_eq!(
        ping::request(Token([1; 8]), id, size).len(),
        8 + size.max(8)
    );
}
