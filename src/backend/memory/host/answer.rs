//! What comes back to a probe.

use std::net::Ipv4Addr;

use super::super::core::Core;
use super::super::net::node::Node;
use super::super::packet::{HEADER, ICMP, Meta, Packet, TCP, UDP};
use super::ask::{AskId, Question};
use crate::backend::evidence::Token;
use crate::backend::evidence::judge::proves;
use crate::backend::probe::{Answer, Outcome};
use crate::backend::protocol::mark::Mark;
use crate::backend::protocol::{dns, ntp, ping};
use crate::network::Transport;

impl Node {
    /// An ICMP echo reply; whether a probe waits for one of its number.
    pub fn echo_reply(&mut self, core: &mut Core, packet: &Packet) -> bool {
        let Some(id) = self.host.asks.get(&(ICMP, packet.meta.ports.0)).copied() else {
            return false;
        };
        let Some(ask) = core.asks.get(&id) else {
            return false;
        };
        if let Question::Ping { id: own, token } = ask.question
            && let Some(ttl) = ping::reply_ttl(&packet.bytes, own, token)
        {
            let answer = Answer {
                rtt: core.now.since(ask.began),
                ttl: Some(ttl),
                ..Answer::default()
            };
            self.answered(core, id, answer);
        }
        true
    }

    /// A datagram for a probe's port; whether it was that.
    pub fn datagram_for_probe(&mut self, core: &mut Core, packet: &Packet) -> bool {
        let (from, port) = packet.meta.ports;
        if self.host.count(port) {
            return true;
        }
        let Some(id) = self.host.asks.get(&(UDP, port)).copied() else {
            return false;
        };
        let Some(ask) = core.asks.get(&id) else {
            return false;
        };
        // Its socket is connected, and takes from nobody else.
        if (packet.meta.source, packet.meta.destination) != (ask.ends.1, ask.ends.0) {
            return false;
        }
        let payload = packet.payload().get(8..).unwrap_or_default();
        let rtt = core.now.since(ask.began);
        let answer = match ask.question {
            Question::Udp { token, .. } => {
                (Token::at_start(payload) == Some(token)).then(|| Answer {
                    seen_from: core.noted(Mark::Token(token)),
                    ..Answer::default()
                })
            }
            Question::Ntp { token, .. } => ntp::is_reply(payload, token).map(|()| Answer {
                seen_from: core.noted(Mark::Token(token)),
                ..Answer::default()
            }),
            Question::Dns { port, server, id } => {
                debug_assert_eq!(server, from);
                dns::addresses(payload, id).map(|addresses| Answer {
                    seen_from: core.noted(Mark::Ports {
                        transport: Transport::Udp,
                        client: port,
                        server,
                        id,
                    }),
                    addresses,
                    ..Answer::default()
                })
            }
            Question::Ping { .. } | Question::Tcp { .. } => None,
        };
        if let Some(answer) = answer {
            self.answered(core, id, Answer { rtt, ..answer });
        }
        true
    }

    fn answered(&mut self, core: &mut Core, ask: AskId, answer: Answer) {
        core.decide(ask, Outcome::Answered(answer));
    }

    /// An ICMP error has come: it may prove something about a probe, and a path's MTU is minded.
    pub fn icmp_error(&mut self, core: &mut Core, packet: &Packet) {
        let quoted = packet.payload().get(8..).unwrap_or_default();
        if quoted.len() < HEADER + 8 || quoted[0] != 0x45 {
            return;
        }
        let about = Meta::of(quoted);
        if packet.meta.kind == (3, 4) {
            let mtu = u32::from(super::super::packet::word(packet.payload(), 6));
            self.path_mtu.insert(about.destination, mtu.max(68));
        }
        let ask = match about.protocol {
            ICMP => self.host.asks.get(&(ICMP, about.ports.0)).copied(),
            UDP => self.host.asks.get(&(UDP, about.ports.0)).copied(),
            TCP => self.connecting(&about),
            _ => None,
        };
        let Some((id, ends)) = ask.and_then(|id| Some((id, core.asks.get(&id)?.ends))) else {
            return;
        };
        if about.destination != ends.1 {
            return;
        }
        if let Some(outcome) = proves(packet.meta.kind, packet.meta.source, ends) {
            core.decide(id, outcome);
        }
    }

    /// Nobody waits for a probe's answer any more.
    pub fn close_ask(&mut self, core: &mut Core, id: AskId) {
        let Some(ask) = core.asks.get(&id) else {
            return;
        };
        match ask.question {
            Question::Ping { id, .. } => {
                self.host.asks.remove(&(ICMP, id));
            }
            Question::Udp { port, .. }
            | Question::Dns { port, .. }
            | Question::Ntp { port, .. } => {
                self.host.asks.remove(&(UDP, port));
            }
            Question::Tcp { ends } => self.hang_up(core, ends),
        }
    }
}

/// The sender of a packet, for services.
pub(super) fn client(packet: &Packet) -> (Ipv4Addr, u16) {
    (packet.meta.source, packet.meta.ports.0)
}
