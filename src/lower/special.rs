//! Address ranges that have a meaning of their own.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Everything.
pub const ANY: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

/// The private ranges (RFC 1918).
pub const RFC1918: [Ipv4Net; 3] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
];

/// The shared address space (RFC 6598).
pub const RFC6598: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10);

/// The address by which a router reaches the other end of a link: link-local (RFC 3927), the same on
/// every link, resolved by a permanent neighbour.
pub const OTHER_END: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);

/// RFC 1918 as a set.
pub fn rfc1918() -> BTreeSet<Ipv4Net> {
    RFC1918.into_iter().collect()
}

/// What never leaves a private network: RFC 1918 and RFC 6598.
pub fn private() -> BTreeSet<Ipv4Net> {
    RFC1918.into_iter().chain([RFC6598]).collect()
}

/// The prefix of one address.
pub fn host(ip: Ipv4Addr) -> Ipv4Net {
    Ipv4Net::from(ip)
}
