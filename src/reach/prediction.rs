//! What a prediction says.

use std::net::Ipv4Addr;

use super::hop::{Hop, Node};
use crate::cloud::Reason;

/// What becomes of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// The way there, in order; to its end, or to where the packet dies.
    pub forward: Vec<Hop<'a>>,
    /// The answer's way back; empty where there is no answer.
    pub back: Vec<Hop<'a>>,
    /// Whether what comes back, or dies on its way back, is a refusal: nothing listens at the far end.
    pub refused: bool,
    /// The source address that the far end sees, where the packet gets there.
    pub seen_from: Option<Ipv4Addr>,
    /// The TTL that the answer arrives with, if it left with 64.
    pub ttl: Option<u8>,
    /// Reasons that may be seen instead of the verdict's own: where other copies of a flooded question
    /// die, and what a machine says before the cloud has a say.
    pub also: Vec<Reason>,
    /// Machines on the way whose configuration is not wholly understood: the verdict may be wrong there.
    pub doubtful: Vec<Node<'a>>,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An answer comes back.
    Reachable,
    /// The far end answers that nothing listens.
    Refused,
    /// A packet dies.
    Blocked {
        /// Why.
        reason: Reason,
        /// Whether it is the answer that dies.
        answer: bool,
    },
}

impl<'a> Prediction<'a> {
    /// The stop at which the packet dies, where it does.
    pub fn fault(&self) -> Option<&Hop<'a>> {
        match self.verdict {
            Verdict::Reachable | Verdict::Refused => None,
            Verdict::Blocked { answer: false, .. } => self.forward.last(),
            Verdict::Blocked { answer: true, .. } => self.back.last(),
        }
    }
}
