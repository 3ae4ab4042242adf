//! Services on UDP, and the answer to an ICMP echo. Each answer leaves from the address that was asked.

use smoltcp::wire::Icmpv4Packet;

use super::super::core::Core;
use super::super::craft;
use super::super::net::node::Node;
use super::super::packet::Packet;
use super::super::time;
use super::answer::client;
use crate::backend::evidence::Token;
use crate::backend::protocol::mark::Mark;
use crate::backend::protocol::{dns, ntp};
use crate::network::{Listen, Service, Transport};

impl Node {
    /// Answers an echo request (RFC 792).
    pub fn echo(&mut self, core: &mut Core, packet: &Packet) {
        let mut body = packet.payload().to_vec();
        body[0] = 0;
        Icmpv4Packet::new_unchecked(&mut body[..]).fill_checksum();
        let ends = (packet.meta.destination, packet.meta.source);
        // Where there is no way back, nobody waits for it.
        let _ = self.send(core, craft::icmp(ends, &body));
    }

    /// Answers a datagram where a service listens; whether one does.
    pub fn serve_datagram(&mut self, core: &mut Core, packet: &Packet) -> bool {
        let (to, port) = (packet.meta.destination, packet.meta.ports.1);
        let Some(listen) = self.host.listens(Transport::Udp, to, port) else {
            return false;
        };
        if let Some(answer) = self.answer_datagram(core, &listen, packet) {
            let ends = (to, packet.meta.source);
            let bytes = craft::udp(ends, (port, packet.meta.ports.0), &answer);
            let _ = self.send(core, bytes);
        }
        true
    }

    fn answer_datagram(
        &mut self,
        core: &mut Core,
        listen: &Listen,
        packet: &Packet,
    ) -> Option<Vec<u8>> {
        let (source, client_port) = client(packet);
        let payload = packet.payload().get(8..)?;
        match self.host.services.get(listen)? {
            Service::UdpEcho => {
                if let Some(token) = Token::at_start(payload) {
                    core.note(Mark::Token(token), source);
                }
                Some(payload.to_vec())
            }
            Service::Dns { records } => {
                let (reply, id) = dns::reply_over_udp(records, payload)?;
                let mark = Mark::Ports {
                    transport: Transport::Udp,
                    client: client_port,
                    server: listen.port,
                    id,
                };
                core.note(mark, source);
                Some(reply)
            }
            Service::Ntp => {
                if let Some(token) = ntp::token(payload) {
                    core.note(Mark::Token(token), source);
                }
                let now = ntp::timestamp(time::EPOCH + core.now.as_duration());
                ntp::reply(payload, now).map(|reply| reply.to_vec())
            }
            Service::Http { .. } | Service::TcpEcho => None,
        }
    }
}
