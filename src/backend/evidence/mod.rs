//! What a packet's death, or a label on it, tells about a probe. Pure, and the same for every backend.
//!
//! | file | subject |
//! |---|---|
//! | `ticket.rs` | the ports and tokens by which a probe is told from others |
//! | `dissect.rs` | a packet, as much of it as is there, in tcpdump's words |
//! | `footprint.rs` | whether a packet is one of the probe's |
//! | `meaning.rs`, `scene.rs` | what a drop of Linux's own means in the clouds' words |
//! | `judge.rs` | what an ICMP error proves |
//! | `case.rs` | what is known of a probe under way, and whether that seals its fate |

pub(in crate::backend) mod case;
pub(in crate::backend) mod dissect;
pub(in crate::backend) mod footprint;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(in crate::backend) mod judge;
pub(in crate::backend) mod meaning;
pub(in crate::backend) mod scene;
pub(in crate::backend) mod ticket;

pub use footprint::{Flow, Footprint, PacketSummary};
pub use ticket::Token;

/// Who put a label on a packet. Of hints, those of rules count for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The kernel, which dropped the packet for a reason of its own.
    Kernel,
    /// A rule of a filter.
    Rule,
}
