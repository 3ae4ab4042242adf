//! What a node's kernel says of its configuration: the lists of the routing subsystem, of nf_tables, and
//! of `/proc/net`, read as they are at this moment.
//!
//! Every reader here takes any bytes. What may change a packet's fate and has no place in a [`Guest`]
//! becomes one of its doubts.

mod doubts;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod links;
mod listens;
mod neighbours;
mod routes;

use super::error::Refusal;
use super::namespace;
use super::place::Place;
use super::rtnl;
use super::socket::{Batch, NetlinkSocket, Subsystem};
use super::{counters::Counting, wire};
use crate::guest::Guest;
use crate::network::Node;

/// A node's configuration. `ours` is what it was asked to be: the parts of it that no machine would
/// have by itself are left out.
///
/// Takes the calling thread into the node's namespace.
pub(super) fn guest(place: &mut Place, ours: &Node, counting: &Counting) -> Result<Guest, Refusal> {
    namespace::enter(&*place.namespace.fd)?;
    let socket = &mut place.route;
    let mut guest = Guest::default();
    let links = links::read(socket, &mut guest)?;
    routes::read(socket, &links, &mut guest)?;
    neighbours::read(socket, &links, ours, &mut guest)?;
    listens::read(counting, &mut guest);
    doubts::policy(socket, ours, &mut guest)?;
    doubts::switches(socket, &links, &mut guest)?;
    doubts::queues(socket, &links, &mut guest)?;
    let mut netfilter = NetlinkSocket::open(Subsystem::Netfilter, counting)?;
    doubts::filters(&mut netfilter, &mut guest)?;
    Ok(guest)
}

/// Asks for what listens in the calling thread's namespace, and for nothing in its stead.
pub(super) fn try_out(counting: &Counting) -> Result<(), Refusal> {
    listens::asked(counting).map(drop)
}

/// The IPv4 family.
const INET: u8 = 2;

/// The entries of a list, read by `take`. The request is a header and nothing else: `length` bytes, of
/// which the first is the family.
fn list<T>(
    socket: &mut NetlinkSocket,
    (kind, family, length): (u16, u8, usize),
    take: impl FnMut(&[u8]) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    let mut header = vec![0; length];
    header[0] = family;
    let mut batch = Batch::default();
    rtnl::push_raw_dump(&mut batch, kind, &header);
    socket.list(batch, take)
}

/// An attribute that is an IPv4 address.
fn address(value: &[u8]) -> Option<std::net::Ipv4Addr> {
    let bytes: [u8; 4] = value.try_into().ok()?;
    Some(bytes.into())
}

/// An attribute that is a number of 32 bits.
fn number(value: &[u8]) -> Option<u32> {
    wire::native_u32(value, 0)
}

/// An attribute that is a number of 16 bits in the network's order.
fn port(value: &[u8]) -> Option<u16> {
    wire::take(value, 0).map(u16::from_be_bytes)
}
