//! An SNTP query (RFC 4330).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use super::{Asked, Halt};
use crate::backend::kernel::host::Host;
use crate::backend::kernel::host::witness::Mark;
use crate::backend::probe::{Answer, Outcome};
use crate::backend::protocol::ntp::{is_reply, query};

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
