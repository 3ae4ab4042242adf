//! Two machines on the internet that every scenario has. Their addresses come out of the blocks that
//! RFC 5737 keeps for documentation, so that they can be nobody's.

use std::net::Ipv4Addr;

/// The user's computer (`pc`), in TEST-NET-1.
pub const PC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

/// A server (`internet`), in TEST-NET-2.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
