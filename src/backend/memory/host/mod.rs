//! What runs on a node: services, and probes.
//!
//! TCP is smoltcp's, with a stack of its own for each connection: one stack that serves ten thousand peers
//! would look at all of their sockets each time. What a datagram needs is stateless.
//!
//! | file | subject |
//! |---|---|
//! | `ask.rs` | a probe under way |
//! | `begin.rs` | its first packet |
//! | `answer.rs` | what comes back |
//! | `stream.rs` | many datagrams, counted |
//! | `serve.rs` | services on UDP, and an ICMP echo |
//! | `connection.rs` | one end of a TCP connection |
//! | `tcp.rs` | a node's connections |
//! | `talk.rs` | what is said on them |

mod answer;
mod ask;
mod begin;
mod connection;
mod serve;
mod stream;
mod talk;
mod tcp;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rustc_hash::FxHashMap;

use crate::network::{Listen, Service, Transport};
use connection::Connection;

pub(super) use ask::{Ask, AskId};
pub(super) use begin::Halt;
#[cfg(any(test, fuzzing))]
pub(super) use talk::fuzzing;

/// What tells a connection from others of a node: the own address and port, and the peer's.
pub(super) type Ends = ((Ipv4Addr, u16), (Ipv4Addr, u16));

/// What runs on a node.
#[derive(Debug, Default)]
pub(super) struct Host {
    pub services: BTreeMap<Listen, Service>,
    connections: FxHashMap<Ends, Box<Connection>>,
    /// The probes that wait for datagrams, by protocol and own port; of ICMP echos, by identifier.
    asks: FxHashMap<(u8, u16), AskId>,
    /// How many datagrams have come to each port that counts them.
    tallies: BTreeMap<u16, u64>,
}

impl Host {
    /// Where a service listens that packets to this address and port reach.
    pub fn listens(&self, transport: Transport, address: Ipv4Addr, port: u16) -> Option<Listen> {
        [address, Ipv4Addr::UNSPECIFIED]
            .into_iter()
            .map(|address| Listen {
                transport,
                address,
                port,
            })
            .find(|listen| self.services.contains_key(listen))
    }
}
