//! Addresses on the internet: out of the ranges for documentation (RFC 5737), so that nothing real can
//! be meant by accident.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The user's computer.
pub const PC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// A server, which is also a public DNS resolver.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
/// What the internet sees of SIMs without a VPG.
pub const SHARED_PLATFORM: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 127);
/// Where AWS's public addresses come from.
pub const AWS_PUBLIC: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24);
/// Where VPGs' global addresses come from.
pub const VPG_GLOBAL: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 128), 25);
