//! A probe under way: what was seen of its packets, and what that comes to.

use std::time::Duration;

use super::{Footprint, Source};
use crate::backend::probe::Evidence;
use crate::cloud::Reason;
use crate::network::{Family, Label, NodeId};

/// How long another copy of a flooded question is waited for once one has died: the answer to it comes
/// within a millisecond, on a busy machine within a hundred.
pub(in crate::backend) const FLOOD_DELAY: Duration = Duration::from_millis(150);

/// A packet that was given a label.
#[derive(Clone, Copy, Debug)]
pub(in crate::backend) struct Labelled<'a> {
    /// The node where that was.
    pub node: &'a NodeId,
    /// The label.
    pub label: &'a Label,
    /// Who put it there.
    pub source: Source,
    /// Whether `packet` is an IPv4 or an ARP packet.
    pub family: Family,
    /// The packet from its network header on; it may be cut short.
    pub packet: &'a [u8],
}

/// What a labelled packet means for the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend) enum Doom {
    /// Nothing yet.
    Open,
    /// A copy of a flooded question is dead; others may live.
    OfOneCopy,
    /// The packet is dead.
    Sealed,
}

/// How much a label counts: the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Complaint,
    Hint(Source),
    Final,
}

/// A probe's packets, and the labels that were seen on them.
#[derive(Debug)]
pub(in crate::backend) struct Case {
    footprint: Footprint,
    evidence: Vec<(Weight, Evidence)>,
}

impl Case {
    /// A probe of which nothing has been seen.
    pub fn new(footprint: Footprint) -> Self {
        Self {
            footprint,
            evidence: Vec::new(),
        }
    }

    /// Keeps the label if it is on one of the probe's packets, and says whether it seals its fate.
    /// `after` is the time since the probe began.
    pub fn weigh(&mut self, labelled: Labelled<'_>, after: Duration) -> Doom {
        let Labelled {
            node,
            label,
            source,
            family,
            packet,
        } = labelled;
        let Some(packet) = self.footprint.concerns(family, packet) else {
            return Doom::Open;
        };
        // What a complaint says it says at the end that it is for: there the rule's label is about
        // whom it comes from.
        let lost = packet.complaint && label.reason != Reason::GatePeerSilent.code();
        let weight = match label.is_final {
            _ if lost => Weight::Complaint,
            true => Weight::Final,
            false => Weight::Hint(source),
        };
        let evidence = Evidence {
            node: node.clone(),
            label: label.clone(),
            answer: packet.answer,
            packet: packet.to_string(),
            after,
        };
        self.evidence.push((weight, evidence));
        match weight {
            Weight::Complaint | Weight::Hint(_) => Doom::Open,
            Weight::Final if packet.flooded => Doom::OfOneCopy,
            Weight::Final => Doom::Sealed,
        }
    }

    /// The evidence in order of time, but what decides comes last.
    pub fn in_order(mut self) -> Vec<Evidence> {
        self.evidence.sort_by_key(|(_, evidence)| evidence.after);
        let decides = self.evidence.iter().map(|(weight, _)| *weight).max();
        // Of several that weigh the same the last decides, which stays where it is among its like.
        let at = self
            .evidence
            .iter()
            .rposition(|(weight, _)| Some(*weight) == decides);
        if let Some(at) = at {
            let last = self.evidence.remove(at);
            self.evidence.push(last);
        }
        let evidence = self.evidence.into_iter();
        evidence.map(|(_, evidence)| evidence).collect()
    }
}
