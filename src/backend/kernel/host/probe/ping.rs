//! One ICMP echo (RFC 792) on a raw socket.

use std::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Ipv4Packet};

use super::{Asked, Halt};
use crate::backend::kernel::host::Host;
use crate::backend::kernel::host::evidence::{Flow, Footprint};
use crate::backend::kernel::host::ticket::Token;
use crate::backend::probe::{Answer, Outcome};

/// There is one request a probe, so its number never changes.
const SEQUENCE: u16 = 1;

impl Host {
    pub(super) async fn ping(
        &self,
        to: Ipv4Addr,
        size: u16,
        dont_fragment: bool,
    ) -> Result<Asked, Halt> {
        let (token, id) = self.shared.tickets.next();
        let line = self.icmp_line(to, dont_fragment).await?;
        let footprint = Footprint {
            flow: Flow::Icmp {
                id,
                sequence: SEQUENCE,
            },
            token,
            from: line.ends.own,
            to,
        };
        let request = request(token, id, usize::from(size));
        let fate = async move {
            let answer = line.ask(&request, |packet| reply_ttl(packet, id, token));
            match answer.await {
                Ok((ttl, rtt)) => Outcome::Answered(Answer {
                    rtt,
                    ttl: Some(ttl),
                    ..Answer::default()
                }),
                Err(outcome) => outcome,
            }
        };
        Ok(Asked {
            footprint,
            fate: Box::pin(fate),
        })
    }
}

/// An echo request: the token, then ping's usual counting bytes.
fn request(token: Token, id: u16, size: usize) -> Vec<u8> {
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
fn reply_ttl(packet: &[u8], own_id: u16, token: Token) -> Option<u8> {
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
