//! A datagram that should come back.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use super::{Asked, Halt};
use crate::backend::evidence::Token;
use crate::backend::kernel::host::Host;
use crate::backend::kernel::host::witness::Mark;
use crate::backend::probe::{Answer, Outcome};

impl Host {
    pub(super) async fn ask_udp(&self, to: Ipv4Addr, port: u16) -> Result<Asked, Halt> {
        let (token, _) = self.shared.tickets.next();
        let began = Instant::now();
        let line = self.udp_line(SocketAddrV4::new(to, port)).await?;
        let footprint = line.udp_footprint(token, port);
        let witness = self.shared.witness.clone();
        let fate = async move {
            let is_echo = |payload: &[u8]| (Token::at_start(payload) == Some(token)).then_some(());
            match line.ask(&token.0, is_echo).await {
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
