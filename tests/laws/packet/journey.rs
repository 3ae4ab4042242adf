//! A packet's addresses at each stop of its way.

use std::net::Ipv4Addr;

use canal_sim::reach::{Hop, HopKind};

/// A stop, and the packet there.
#[derive(Debug)]
pub struct Stop<'h, 'a> {
    pub hop: &'h Hop<'a>,
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
}

/// The stops of a way with the addresses that the packet reaches them with, of the outer packet while it
/// is in a tunnel. They follow from how the packet was sent, and from the stops that change them.
pub fn journey<'h, 'a>(way: &'h [Hop<'a>]) -> Vec<Stop<'h, 'a>> {
    let nobody = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED);
    // Inside, and outside.
    let mut addresses = [nobody; 2];
    let mut stops = Vec::new();
    for hop in way {
        let (source, destination) = addresses[usize::from(hop.tunnelled)];
        stops.push(Stop {
            hop,
            source,
            destination,
        });
        match hop.kind {
            HopKind::Sends {
                source,
                destination,
                ..
            } => addresses[0] = (source, destination),
            HopKind::Encapsulates { from, to, .. } => addresses[1] = (from, to),
            HopKind::Nat { source, to, .. } => {
                let changed = &mut addresses[usize::from(hop.tunnelled)];
                *(if source {
                    &mut changed.0
                } else {
                    &mut changed.1
                }) = to;
            }
            _ => {}
        }
    }
    stops
}
