//! A DNS query for A records over UDP (RFC 1035).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use super::{Asked, Halt};
use crate::backend::kernel::host::Host;
use crate::backend::kernel::host::witness::Mark;
use crate::backend::probe::{Answer, Outcome};
use crate::backend::protocol::dns::{addresses, query};
use crate::network::Transport;

impl Host {
    pub(super) async fn ask_dns(&self, to: Ipv4Addr, port: u16, name: &str) -> Result<Asked, Halt> {
        let (token, id) = self.shared.tickets.next();
        let query = query(id, name).map_err(|error| {
            Halt::Broken(self.failed(&format!("ask for the name {name:?}"), error))
        })?;
        let began = Instant::now();
        let line = self.udp_line(SocketAddrV4::new(to, port)).await?;
        let footprint = line.udp_footprint(token, port);
        let witness = self.shared.witness.clone();
        let mark = Mark::Ports {
            transport: Transport::Udp,
            client: line.port,
            server: port,
            id,
        };
        let fate = async move {
            match line.ask(&query, |reply| addresses(reply, id)).await {
                Ok((addresses, rtt)) => Outcome::Answered(Answer {
                    rtt,
                    seen_from: witness.source(mark, began),
                    addresses,
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
