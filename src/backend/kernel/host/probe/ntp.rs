//! An SNTP query (RFC 4330).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use super::{Asked, Halt};
use crate::backend::kernel::host::Host;
use crate::backend::kernel::host::ticket::Token;
use crate::backend::kernel::host::witness::Mark;
use crate::backend::probe::{Answer, Outcome};

/// An SNTP message without authenticator (RFC 4330, section 4).
const LENGTH: usize = 48;

impl Host {
    pub(super) async fn ask_ntp(&self, to: Ipv4Addr, port: u16) -> Result<Asked, Halt> {
        let (token, _) = self.shared.tickets.next();
        let began = Instant::now();
        let line = self.udp_line(SocketAddrV4::new(to, port)).await?;
        let footprint = line.udp_footprint(token, port);
        let witness = self.shared.witness.clone();
        let fate = async move {
            match line
                .ask(&query(token), |reply| is_reply(reply, token))
                .await
            {
                Ok(((), rtt)) => Outcome::Answered(Answer {
                    rtt,
                    seen_from: witness.source(Mark::Token(token), began),
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

/// Version 4, mode 3 (client). The transmit timestamp is the token: the server sends it back
/// untouched, whatever it says.
fn query(token: Token) -> [u8; LENGTH] {
    let mut query = [0; LENGTH];
    query[0] = (4 << 3) | 3;
    query[40..].copy_from_slice(&token.0);
    query
}

/// Mode 4 (server), with our timestamp as the originate timestamp.
fn is_reply(reply: &[u8], token: Token) -> Option<()> {
    let reply: &[u8; LENGTH] = reply.first_chunk()?;
    (reply[0] & 7 == 4 && reply[24..32] == token.0).then_some(())
}
