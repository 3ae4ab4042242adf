//! Where programs listen.

use std::net::Ipv4Addr;

/// The transport that a service listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Where a service listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listen {
    /// The transport.
    pub transport: Transport,
    /// The address; 0.0.0.0 for all of the node's.
    pub address: Ipv4Addr,
    /// The port.
    pub port: u16,
}
