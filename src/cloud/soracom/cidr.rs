//! Ranges that SORACOM's rules speak of.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::error::refuse;
use crate::cloud::ApiError;

const fn net(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

/// Private addresses (RFC 1918).
const PRIVATE: [Ipv4Net; 3] = [
    net(10, 0, 0, 0, 8),
    net(172, 16, 0, 0, 12),
    net(192, 168, 0, 0, 16),
];
/// Shared address space (RFC 6598), where VPGs have their own addresses.
pub(super) const SHARED_ADDRESS_SPACE: Ipv4Net = net(100, 64, 0, 0, 10);
/// For benchmarks (RFC 2544); SORACOM uses it inside.
pub(super) const BENCHMARK: Ipv4Net = net(198, 18, 0, 0, 15);

/// Whether the whole range is private.
pub(super) fn is_private(range: Ipv4Net) -> bool {
    PRIVATE.iter().any(|private| private.contains(&range))
}

/// Whether two ranges have an address in common.
pub(super) fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// Refuses a range that is written with an address inside it: `10.0.0.5/16`.
pub(super) fn canonical(code: &'static str, what: &str, range: Ipv4Net) -> Result<(), ApiError> {
    if range == range.trunc() {
        return Ok(());
    }
    refuse(
        code,
        format!(
            "{what} {range} has bits set after its prefix; write {}",
            range.trunc()
        ),
    )
}
