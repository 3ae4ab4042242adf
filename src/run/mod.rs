//! Carries out the steps of a scenario and says what came of them, as one stream of events.
//!
//! Nothing here prints: reports consume the events.
//!
//! | file | subject |
//! |---|---|
//! | `all.rs` | several scenarios, one after another or side by side |
//! | `means.rs` | what a run is carried out on |
//! | `scenario.rs` | one scenario, from set-up to its last step |
//! | `stop.rs` | a run that is asked to end before its time |
//! | `session.rs` | the clouds, their clock and the network that follows them |
//! | `step.rs` | one step of each kind, with `repeat` and `eventually` |
//! | `probe.rs` | a probe: predicted, measured, judged |
//! | `foretell.rs` | what the clouds' rules say of it |
//! | `compare.rs` | measurement against prediction |
//! | `wanted.rs` | what a probe is expected to bring |
//! | `judge.rs` | expectation against measurement |
//! | `words.rs` | both of them in words |
//! | `path.rs` | the nodes on the way |
//! | `world.rs` | what listens where |
//! | `node.rs` | the node that a name stands for |

mod all;
mod compare;
pub mod event;
mod foretell;
mod judge;
mod means;
mod node;
mod path;
mod probe;
mod scenario;
mod session;
mod step;
mod stop;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod wanted;
mod words;
mod world;

pub use all::run_all;
pub use means::Means;
pub use scenario::{Options, Outcome, run_scenario, run_until};
pub use stop::{Signal, Stop};
pub use world::world;
