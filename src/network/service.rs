//! What listens on a node.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

pub use crate::guest::{Listen, Transport};

/// What an HTTP service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// The `content-type` header.
    pub content_type: String,
    /// The body.
    pub body: String,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// HTTP/1.1. The page is chosen by the client's address and the path; an entry without an address
    /// serves every client, one with the path `*` every path; the more specific entry wins (address
    /// before path), and where none fits the answer is 404.
    Http {
        /// The pages.
        pages: BTreeMap<(Option<Ipv4Addr>, String), Page>,
    },
    /// Sends back what it receives, until the client closes (RFC 862).
    TcpEcho,
    /// Sends each datagram back (RFC 862).
    UdpEcho,
    /// Answers A queries from `records` (names in lower case, without the final dot), everything else
    /// with NXDOMAIN; a name with other record types asked gets an empty answer.
    Dns {
        /// The addresses of each name.
        records: BTreeMap<String, Vec<Ipv4Addr>>,
    },
    /// Answers SNTP queries (RFC 4330) with the machine's time, as stratum 2.
    Ntp,
}
