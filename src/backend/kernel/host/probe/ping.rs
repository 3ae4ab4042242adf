//! One ICMP echo (RFC 792) on a raw socket.

use std::net::Ipv4Addr;

use super::{Asked, Halt};
use crate::backend::evidence::{Flow, Footprint};
use crate::backend::kernel::host::Host;
use crate::backend::probe::{Answer, Outcome};
use crate::backend::protocol::ping::{SEQUENCE, reply_ttl, request};

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
