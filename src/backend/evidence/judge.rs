//! What an ICMP error proves about a probe. Since anyone on the path may send one, that is little.

use std::net::Ipv4Addr;

use crate::backend::probe::{NotSent, Outcome};

/// What an ICMP error of this type and code proves that came from `offender`; the ends of the probe are the
/// asking address and the asked one.
pub(in crate::backend) fn proves(
    kind: (u8, u8),
    offender: Ipv4Addr,
    (own, to): (Ipv4Addr, Ipv4Addr),
) -> Option<Outcome> {
    match kind {
        // Port unreachable, from the very host that was asked: nothing listens.
        (3, 3) if offender == to => Some(Outcome::Refused),
        // Host unreachable, from the asking node itself: its own ARP got no answer.
        (3, 1) if offender == own => Some(Outcome::NotSent(NotSent::NoNeighbour)),
        // Fragmentation needed: only a packet with the don't-fragment bit gets this, and the router that says
        // so has discarded it.
        (3, 4) => Some(Outcome::NotSent(NotSent::TooBig)),
        _ => None,
    }
}
