//! What is asked of whom.

use std::net::Ipv4Addr;

use crate::cloud::NodeName;

/// One question to the network: a connection, a datagram, an echo request, each new, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// Who asks.
    pub from: NodeName,
    /// The address that is asked.
    pub to: Ipv4Addr,
    /// How.
    pub ask: Ask,
}

/// How it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// A TCP connection to this port.
    Tcp(u16),
    /// A UDP datagram to this port.
    Udp(u16),
    /// An ICMP echo request.
    Ping {
        /// Bytes of payload.
        size: u16,
        /// Whether it must not be fragmented.
        dont_fragment: bool,
    },
}

impl Ask {
    /// What `ping` sends where nothing is said.
    pub const PING: Self = Self::Ping {
        size: 56,
        dont_fragment: false,
    };
}
