//! The predictor: what becomes of a packet by the clouds' own rules.
//!
//! It walks a [`Flow`] through both clouds in their terms and gives a [`Prediction`]: the stops of the way
//! there and of the way back, the verdict, and on a drop the reason. It is the first of two independent
//! statements of the same rules; `lower` is the other, which says them to a kernel. The two share
//! the `cloud` types and nothing else, so that where they agree, they are right or wrong for different
//! causes. Nothing here reads a clock, sends a packet or knows Linux.

//!
//! | file | what it holds |
//! |---|---|
//! | `map.rs` | both clouds, arranged so that a packet's next stop is found at once |
//! | `walk.rs`, `packet.rs` | a packet on its way, and what its flow leaves behind |
//! | `machine.rs` | what machines send, take for theirs, pass on |
//! | `vpc.rs`, `security_group.rs`, `internet.rs`, `link.rs` | the customer's side |
//! | `vpg.rs`, `gate.rs` | SORACOM's side |
//! | `predict.rs` | there and back again |
//! | `mend/` | what would mend the fault that a prediction ends at |
//! | [`stop`] | a prediction's stops in words, and as data for programs |

mod flow;
mod gate;
mod hop;
mod internet;
mod link;
mod machine;
mod map;
mod mend;
mod packet;
mod predict;
mod prediction;
mod security_group;
pub mod stop;
mod vpc;
mod vpg;
mod walk;

pub use flow::{Ask, Flow};
pub use hop::{Choice, GateCheck, Hop, HopKind, NatPlace, Node, SgMatch, VpgRoute};
pub use map::Map;
pub use mend::{Mend, mend};
pub use predict::predict;
pub use prediction::{Prediction, Verdict};
pub use stop::{Stop, StopKind, Stops, resource_at_fault};
