//! What a node's kernel holds, and how it gets there.
//!
//! ```text
//! Change ──▶ maker ──▶ world, place ──▶ link · tunnel · address · route · neighbour ─┐
//!           (thread)     │                                              rtnl, socket ├─▶ kernel
//!                        ├─▶ sysctl: switches pinned in each namespace               │
//!                        ├─▶ nft: filters ───────────────────────────────────────────┤
//!       Guest ◀──────────┴── look: what a node's kernel says of itself ◀──────────────┘
//! reader (thread) ◀─┬─ nflog: packets that a log rule reported
//!                   └─ trace: packets that a rule of the node's own dropped
//! relay (thread): carries the frames of shaped links
//! ```

mod address;
pub mod capabilities;
mod counters;
mod describe;
mod error;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod link;
mod look;
mod maker;
pub mod namespace;
mod neighbour;
pub mod nflog;
pub mod nft;
mod place;
mod reader;
mod relay;
mod route;
mod rtnl;
mod socket;
mod sysctl;
mod trace;
mod tunnel;
mod wire;
mod world;

pub use counters::Counters;
pub(in crate::backend::kernel) use counters::Counting;
pub(super) use maker::Maker;
pub(super) use nflog::ReportLogged;
pub(super) use reader::Reports;
pub(super) use relay::{Clock, Loss, ReportLoss, Surroundings};
pub(super) use trace::{ReportDrop, TracedDrop};
