//! DNS (RFC 1035): queries for A records, and answers from the records that a scenario gives.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use simple_dns::rdata::RData;
use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};

/// The addresses of each name, in lower case and without the final dot.
pub(in crate::backend) type Records = BTreeMap<String, Vec<Ipv4Addr>>;

/// How long resolvers may keep an answer: not at all, since the next step may change it.
const TTL: u32 = 0;

/// The longest answer over UDP without EDNS (RFC 1035, section 4.2.1); a longer one is cut.
const LONGEST_UDP: usize = 512;

/// A query.
///
/// # Errors
///
/// A name that DNS can't carry.
pub(in crate::backend) fn query(id: u16, name: &str) -> simple_dns::Result<Vec<u8>> {
    let name = Name::new(name.trim_end_matches('.'))?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let question = Question::new(name, TYPE::A.into(), CLASS::IN.into(), false);
    packet.questions.push(question);
    packet.build_bytes_vec()
}

/// The addresses in a reply to our query; none inside if the server could or would not answer.
pub(in crate::backend) fn addresses(reply: &[u8], id: u16) -> Option<Option<Vec<Ipv4Addr>>> {
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

/// The reply to a query that came over UDP, and the query's id; none for what isn't one.
pub(in crate::backend) fn reply_over_udp(
    records: &Records,
    query: &[u8],
) -> Option<(Vec<u8>, u16)> {
    let reply = reply(records, query)?;
    let id = u16::from_be_bytes(*reply.first_chunk()?);
    if reply.len() > LONGEST_UDP {
        return Some((cut(&reply)?, id));
    }
    Some((reply, id))
}

/// The reply to a query; none for what isn't one.
pub(in crate::backend) fn reply(records: &Records, query: &[u8]) -> Option<Vec<u8>> {
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

    use super::*;
    use proptest::prelude::*;

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
