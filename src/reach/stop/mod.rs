//! A hop as reports hold it: its own copy, in words and as data.
//!
//! | file | subject |
//! |---|---|
//! | `kind.rs` | the data, flat, for programs |
//! | `copy.rs` | from a hop to that |
//! | `place.rs` | where it is, in words |
//! | `says.rs` | what was decided there, in words |
//! | `fault.rs` | the resource at fault, as evidence names it |

mod copy;
mod fault;
mod kind;
mod place;
mod says;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use serde::Serialize;

pub use fault::resource_at_fault;
pub use kind::{Decision, Direction, End, GateStop, StopKind, TableStop, VpgRouteStop};
pub use place::{ask, node};

use super::{Hop, HopKind, Prediction, Verdict};
use crate::cloud::Cloud;

/// A stop on a packet's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// Whether it is the outer packet of a VXLAN tunnel that stops here.
    pub tunnelled: bool,
    /// Whether the packet goes on from here, or is where it should be.
    pub passes: bool,
    /// Where it is: `security group web, ingress of server`.
    pub place: String,
    /// What was decided there: `tcp 80 from 0.0.0.0/0 lets it through`.
    pub says: String,
    /// What stands there.
    #[serde(flatten)]
    pub kind: StopKind,
}

impl Stop {
    /// A hop of a prediction about these clouds; `passes` says whether the packet survives it.
    pub fn new(hop: &Hop<'_>, passes: bool, cloud: &Cloud) -> Self {
        Self {
            tunnelled: hop.tunnelled,
            passes,
            place: place::place(&hop.kind, cloud),
            says: says::says(&hop.kind, passes, cloud),
            kind: StopKind::new(&hop.kind),
        }
    }
}

/// The stops of both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    /// The way there; to its end, or to where the packet dies.
    pub there: Vec<Stop>,
    /// The answer's way back.
    pub back: Vec<Stop>,
}

impl Stops {
    /// The stops of a prediction about these clouds.
    pub fn new(prediction: &Prediction<'_>, cloud: &Cloud) -> Self {
        let way = |hops: &[Hop<'_>], dies: bool| {
            let last = hops.len().wrapping_sub(1);
            let numbered = hops.iter().enumerate();
            numbered
                .map(|(i, hop)| {
                    let mut stop = Stop::new(hop, !(dies && i == last), cloud);
                    if i.checked_sub(1).is_some_and(|i| answers(&hops[i], hop)) {
                        stop.says = format!("answers who has the address: {}", stop.says);
                    }
                    stop
                })
                .collect()
        };
        let (there, back) = match prediction.verdict {
            Verdict::Reachable | Verdict::Refused => (false, false),
            Verdict::Blocked { answer, .. } => (!answer, answer),
        };
        Self {
            there: way(&prediction.forward, there),
            back: way(&prediction.back, back),
        }
    }
}

/// Whether a packet is put into VXLAN where another one has just come out: that one was the question
/// for an Ethernet address, and this is its answer, on the way to where it dies.
fn answers(before: &Hop<'_>, hop: &Hop<'_>) -> bool {
    let encapsulates = |hop: &Hop<'_>| matches!(hop.kind, HopKind::Encapsulates { .. });
    encapsulates(hop) && before.tunnelled && !encapsulates(before)
}
