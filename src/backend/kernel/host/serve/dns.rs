//! DNS (RFC 1035) with the records that a scenario gives, over UDP and TCP.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::pin::Pin;
use std::sync::Arc;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, OPCODE, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::kernel::host::witness::{Mark, Witness};
use crate::network::Transport;

type Records = BTreeMap<String, Vec<Ipv4Addr>>;

/// How long resolvers may keep an answer: not at all, since the next step may change it.
const TTL: u32 = 0;

/// The longest answer over UDP without EDNS (RFC 1035, section 4.2.1); a longer one is cut.
const LONGEST_UDP: usize = 512;

/// Answers queries over UDP.
pub(super) fn answer(
    records: Records,
    witness: Witness,
    port: u16,
) -> impl FnMut(&[u8], SocketAddrV4) -> Option<Vec<u8>> {
    move |query, client| {
        let reply = reply(&records, query)?;
        let id = u16::from_be_bytes(*reply.first_chunk()?);
        let mark = Mark::Ports {
            transport: Transport::Udp,
            client: client.port(),
            server: port,
            id,
        };
        witness.note(mark, *client.ip());
        if reply.len() > LONGEST_UDP {
            return cut(&reply);
        }
        Some(reply)
    }
}

/// Answers queries over TCP, each behind its length (RFC 1035, section 4.2.2).
pub(super) fn talk(
    records: Arc<Records>,
) -> impl Fn(TcpStream, SocketAddrV4) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    move |stream, _| {
        let records = Arc::clone(&records);
        Box::pin(async move {
            // A client that goes away in the middle ends the talk.
            let _ = converse(stream, &records).await;
        })
    }
}

async fn converse(mut stream: TcpStream, records: &Records) -> io::Result<()> {
    loop {
        let mut query = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut query).await?;
        let Some(reply) = reply(records, &query) else {
            return Ok(());
        };
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(&reply).await?;
    }
}

/// The reply to a query; none for what isn't one.
fn reply(records: &Records, query: &[u8]) -> Option<Vec<u8>> {
    let query = Packet::parse(query).ok()?;
    if query.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    let mut reply = Packet::new_reply(query.id());
    reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_AVAILABLE);
    if query.has_flags(PacketFlag::RECURSION_DESIRED) {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    *reply.opcode_mut() = query.opcode();
    let question = query.questions.first();
    *reply.rcode_mut() = match (query.opcode(), question) {
        (OPCODE::StandardQuery, Some(question)) => {
            let name = question.qname.to_string().to_ascii_lowercase();
            match records.get(&name) {
                Some(addresses) => {
                    if matches!(question.qtype, QTYPE::TYPE(TYPE::A) | QTYPE::ANY) {
                        reply.answers.extend(addresses.iter().map(|address| {
                            let data = RData::A((*address).into());
                            ResourceRecord::new(question.qname.clone(), CLASS::IN, TTL, data)
                        }));
                    }
                    RCODE::NoError
                }
                None => RCODE::NameError,
            }
        }
        (OPCODE::StandardQuery, None) => RCODE::FormatError,
        _ => RCODE::NotImplemented,
    };
    reply.questions.extend(question.cloned());
    reply.build_bytes_vec_compressed().ok()
}

/// The reply without its answers, and with the bit that sends the client to TCP.
fn cut(reply: &[u8]) -> Option<Vec<u8>> {
    let mut reply = Packet::parse(reply).ok()?;
    reply.answers.clear();
    reply.set_flags(PacketFlag::TRUNCATION);
    reply.build_bytes_vec_compressed().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use simple_dns::{Name, Question};

    use super::*;

    fn ask(records: &Records, name: &str, qtype: TYPE) -> (RCODE, usize) {
        let mut query = Packet::new_query(7);
        let name = Name::new(name).unwrap();
        let question = Question::new(name, qtype.into(), CLASS::IN.into(), false);
        query.questions.push(question);
        let reply = reply(records, &query.build_bytes_vec().unwrap()).unwrap();
        let reply = Packet::parse(&reply).unwrap();
        assert_eq!(reply.id(), 7);
        (reply.rcode(), reply.answers.len())
    }

    #[test]
    fn a_known_name_another_type_and_an_unknown_name() {
        let records = Records::from([("pong.example".into(), vec![Ipv4Addr::LOCALHOST; 2])]);
        assert_eq!(ask(&records, "Pong.example", TYPE::A), (RCODE::NoError, 2));
        assert_eq!(
            ask(&records, "pong.example", TYPE::AAAA),
            (RCODE::NoError, 0)
        );
        assert_eq!(
            ask(&records, "ping.example", TYPE::A),
            (RCODE::NameError, 0)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_may_come(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = reply(&Records::new(), &bytes);
        }
    }
}
