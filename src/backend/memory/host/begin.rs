//! A probe's first packet.

use std::net::Ipv4Addr;

use super::super::core::Core;
use super::super::craft;
use super::super::net::node::Node;
use super::super::packet::{ICMP, UDP};
use super::ask::{Ask, AskId, Question};
use super::talk::Talk;
use crate::backend::evidence::case::Case;
use crate::backend::evidence::{Flow, Footprint, Token};
use crate::backend::probe::{NotSent, Outcome, Probe, ProbeKind};
use crate::backend::protocol::{dns, ntp, ping};

/// Why a probe isn't on its way.
#[derive(Debug)]
pub(in super::super) enum Halt {
    /// The node tells its fate at once.
    NotSent(NotSent),
    /// It could not be carried out.
    Broken(String),
}

/// How many source ports are tried before the node is said to have none left.
const TRIES: usize = 200;

impl From<NotSent> for Halt {
    fn from(why: NotSent) -> Self {
        Self::NotSent(why)
    }
}

impl Node {
    /// Sends a probe's first packet. The probe's number, or its fate.
    ///
    /// # Errors
    ///
    /// Where it is not sent.
    pub fn ask(&mut self, core: &mut Core, probe: &Probe) -> Result<AskId, Halt> {
        let to = probe.to;
        // Whoever has no way hears of it before anything is sent.
        let (dev, next, route) = self.way(to)?;
        let own = route.source.or_else(|| self.source_on(dev, next));
        let ends = (own.unwrap_or(Ipv4Addr::UNSPECIFIED), to);
        let (token, id) = core.tickets.next();
        match &probe.kind {
            ProbeKind::Ping {
                size,
                dont_fragment,
            } => {
                let flow = Flow::Icmp {
                    id,
                    sequence: ping::SEQUENCE,
                };
                let ask = self.open(core, ends, token, flow, Question::Ping { id, token });
                self.host.asks.insert((ICMP, id), ask);
                let body = ping::request(token, id, usize::from(*size));
                let mut bytes = craft::icmp(ends, &body);
                craft::set_dont_fragment(&mut bytes, *dont_fragment);
                Ok(self.launch(core, ask, bytes))
            }
            ProbeKind::Udp { port } => {
                let own = self.free_port(core)?;
                let question = Question::Udp { port: own, token };
                self.datagram(core, ends, token, (own, *port), question, &token.0)
            }
            ProbeKind::Dns { port, name } => {
                let own = self.free_port(core)?;
                let query = dns::query(id, name)
                    .map_err(|why| Halt::Broken(format!("ask for the name {name:?}: {why}")))?;
                let question = Question::Dns {
                    port: own,
                    server: *port,
                    id,
                };
                self.datagram(core, ends, token, (own, *port), question, &query)
            }
            ProbeKind::Ntp { port } => {
                let own = self.free_port(core)?;
                let question = Question::Ntp { port: own, token };
                self.datagram(
                    core,
                    ends,
                    token,
                    (own, *port),
                    question,
                    &ntp::query(token),
                )
            }
            ProbeKind::Tcp { port } => {
                self.dial(core, ends, token, *port, |ask, _| Talk::Knocks(ask))
            }
            ProbeKind::Http { port, path, host } => {
                self.dial(core, ends, token, *port, |ask, token| {
                    Talk::get(ask, path, host, token)
                })
            }
        }
    }

    fn datagram(
        &mut self,
        core: &mut Core,
        ends: (Ipv4Addr, Ipv4Addr),
        token: Token,
        ports: (u16, u16),
        question: Question,
        payload: &[u8],
    ) -> Result<AskId, Halt> {
        let flow = Flow::Udp {
            source: ports.0,
            destination: ports.1,
        };
        let ask = self.open(core, ends, token, flow, question);
        self.host.asks.insert((UDP, ports.0), ask);
        let mut bytes = craft::udp(ends, ports, payload);
        // Connected sockets look for the path's MTU (`ip_no_pmtu_disc` is 0).
        craft::set_dont_fragment(&mut bytes, true);
        Ok(self.launch(core, ask, bytes))
    }

    /// Opens a TCP connection for a probe.
    fn dial(
        &mut self,
        core: &mut Core,
        ends: (Ipv4Addr, Ipv4Addr),
        token: Token,
        port: u16,
        talk: impl FnOnce(AskId, Token) -> Talk,
    ) -> Result<AskId, Halt> {
        let own = self.free_port(core)?;
        let flow = Flow::Tcp {
            source: own,
            destination: port,
        };
        let line = ((ends.0, own), (ends.1, port));
        let question = Question::Tcp { ends: line };
        let ask = self.open(core, ends, token, flow, question);
        self.connect(core, line, talk(ask, token));
        if let Err(why) = self.drive(core, line) {
            core.decide(ask, Outcome::NotSent(why));
        }
        Ok(ask)
    }

    /// A probe of which nothing has been sent yet.
    fn open(
        &mut self,
        core: &mut Core,
        ends: (Ipv4Addr, Ipv4Addr),
        token: Token,
        flow: Flow,
        question: Question,
    ) -> AskId {
        let footprint = Footprint {
            flow,
            token,
            from: ends.0,
            to: ends.1,
        };
        core.open(Ask {
            node: self.number,
            case: Case::new(footprint),
            began: core.now,
            ends,
            question,
            one_copy_died: false,
            outcome: None,
        })
    }

    /// Sends it.
    fn launch(&mut self, core: &mut Core, ask: AskId, bytes: Vec<u8>) -> AskId {
        if let Err(why) = self.send(core, bytes) {
            core.decide(ask, Outcome::NotSent(why));
        }
        ask
    }

    /// A source port that nothing on the node has.
    pub(super) fn free_port(&mut self, core: &mut Core) -> Result<u16, Halt> {
        let taken = |node: &Self, port: u16| {
            let ends = node.host.connections.keys();
            let mut ports = ends.map(|((_, own), _)| *own);
            node.host.asks.contains_key(&(UDP, port))
                || node.host.services.keys().any(|listen| listen.port == port)
                || ports.any(|own| own == port)
        };
        (0..TRIES)
            .map(|_| core.tickets.next_port())
            .find(|port| !taken(self, *port))
            .ok_or_else(|| Halt::Broken("find a free source port".into()))
    }
}
