//! One ICMP echo (RFC 792).

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Ipv4Packet};

use crate::backend::evidence::Token;

/// There is one request a probe, so its number never changes.
pub(in crate::backend) const SEQUENCE: u16 = 1;

/// An echo request: the token, then ping's usual counting bytes.
pub(in crate::backend) fn request(token: Token, id: u16, size: usize) -> Vec<u8> {
    let mut data = token.0.to_vec();
    data.extend((data.len()..size).map(|at| at as u8));
    let repr = Icmpv4Repr::EchoRequest {
        ident: id,
        seq_no: SEQUENCE,
        data: &data,
    };
    let mut bytes = vec![0; repr.buffer_len()];
    let mut packet = Icmpv4Packet::new_unchecked(&mut bytes[..]);
    repr.emit(&mut packet, &ChecksumCapabilities::default());
    bytes
}

/// The TTL of this packet if it is the reply.
pub(in crate::backend) fn reply_ttl(packet: &[u8], own_id: u16, token: Token) -> Option<u8> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    let icmp = Icmpv4Packet::new_checked(ip.payload()).ok()?;
    match Icmpv4Repr::parse(&icmp, &ChecksumCapabilities::default()).ok()? {
        Icmpv4Repr::EchoReply {
            ident,
            seq_no,
            data,
        } if (ident, seq_no) == (own_id, SEQUENCE) && data.starts_with(&token.0) => {
            Some(ip.hop_limit())
        }
        _ => None,
    }
}
