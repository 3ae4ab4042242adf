//! The predictor: what becomes of a packet by the clouds' own rules.
//!
//! It walks a [`Flow`] through both clouds in their terms and gives a [`Prediction`]: the stops of the way
//! there and of the way back, the verdict, and on a drop the reason. It is the first of two independent
//! statements of the same rules; `lower` is the other, which says them to a kernel. The two share
//! the `cloud` types and nothing else, so that where they agree, they are right or wrong for different
//! causes. Nothing here reads a clock, sends a packet or knows Linux.

mod flow;
mod hop;
mod mend;
mod prediction;

pub use flow::{Ask, Flow};
pub use hop::{Choice, GateCheck, Hop, HopKind, NatPlace, Node, SgMatch, VpgRoute};
pub use mend::{Mend, mend};
pub use prediction::{Prediction, Verdict};
