//! A probe under way.

use std::net::Ipv4Addr;

use super::super::time::Time;
use super::Ends;
use crate::backend::evidence::Token;
use crate::backend::evidence::case::Case;
use crate::backend::probe::Outcome;

/// The number of a probe; none is given twice.
pub(in super::super) type AskId = u64;

/// A probe under way.
#[derive(Debug)]
pub(in super::super) struct Ask {
    /// The number of the node that asks.
    pub node: usize,
    /// What is known of its packets.
    pub case: Case,
    pub began: Time,
    /// The own address, and the one that is asked.
    pub ends: (Ipv4Addr, Ipv4Addr),
    pub question: Question,
    /// Whether a copy of a flooded question is dead; others may live.
    pub one_copy_died: bool,
    /// How it ended, and when.
    pub outcome: Option<(Outcome, Time)>,
}

/// How the answer is known.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Question {
    Ping {
        id: u16,
        token: Token,
    },
    Udp {
        port: u16,
        token: Token,
    },
    Dns {
        port: u16,
        server: u16,
        id: u16,
    },
    Ntp {
        port: u16,
        token: Token,
    },
    /// On a connection, which knows by itself.
    Tcp {
        ends: Ends,
    },
}
