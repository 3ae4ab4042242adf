//! A DNS query for A records over UDP (RFC 1035).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};

use super::{Asked, Halt};
use crate::backend::kernel::host::Host;
use crate::backend::kernel::host::witness::Mark;
use crate::backend::probe::{Answer, Outcome};
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

fn query(id: u16, name: &str) -> simple_dns::Result<Vec<u8>> {
    let name = Name::new(name.trim_end_matches('.'))?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let question = Question::new(name, TYPE::A.into(), CLASS::IN.into(), false);
    packet.questions.push(question);
    packet.build_bytes_vec()
}

/// The addresses in a reply to our query; none inside if the server could or would not answer.
fn addresses(reply: &[u8], id: u16) -> Option<Option<Vec<Ipv4Addr>>> {
    let packet = Packet::parse(reply).ok()?;
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    if !matches!(packet.rcode(), RCODE::NoError | RCODE::NameError) {
        return Some(None);
    }
    let mut addresses: Vec<Ipv4Addr> = packet
        .answers
        .iter()
        .filter_map(|record| match &record.rdata {
            RData::A(a) => Some(Ipv4Addr::from(a.address)),
            _ => None,
        })
        .collect();
    addresses.sort_unstable();
    Some(Some(addresses))
}
