//! Networks carried out by this machine's kernel.

mod dissect;
mod evidence;
mod host;
mod probe;
mod script;
mod serve;
mod shared;
mod sightings;
mod sockets;
mod sys;
mod ticket;
mod witness;

pub use evidence::{Flow, Footprint, PacketSummary};
pub use host::Host;
pub use script::forks;
pub use shared::Shared;
pub use sightings::{Sighting, Sightings};
pub use ticket::Token;
