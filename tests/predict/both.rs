//! The same question on two backends: the same verdict, the same reason.

use canal_sim::run::event::{OutcomeKind, ProbeReport};

use crate::hold::{Held, Probe};

/// What the kernel measured otherwise than the network in memory, one line each. `told`: the kernel gives
/// its reasons for its own drops; where it doesn't, some packets die without evidence there.
pub fn differences(kernel: &Held, memory: &Held, told: bool) -> Vec<String> {
    if kernel.probes.len() != memory.probes.len() {
        let (a, b) = (kernel.probes.len(), memory.probes.len());
        return vec![format!("the kernel was asked {a} questions, memory {b}")];
    }
    let pairs = kernel.probes.iter().zip(&memory.probes);
    pairs
        .filter(|(a, b)| !agree(a, b, told))
        .map(|(a, b)| {
            let (of, there) = (&a.report, &b.report);
            format!(
                "line {}: {} → {} ({}), {}: the kernel measured {}, memory {}",
                a.line, of.from, of.to, of.to_ip, of.probe, of.measured, there.measured
            )
        })
        .collect()
}

fn agree(a: &Probe, b: &Probe, told: bool) -> bool {
    let (a, b) = (&a.report, &b.report);
    let doubtful = |report: &ProbeReport| {
        let prediction = report.prediction.as_ref();
        prediction.is_some_and(|prediction| !prediction.doubts.is_empty())
    };
    if doubtful(a) || doubtful(b) {
        return true;
    }
    if a.outcome != b.outcome {
        return !told && a.outcome == OutcomeKind::LostWithoutEvidence;
    }
    // Of a flooded question's copies, which dies first is a matter of time.
    let among = |report: &ProbeReport| {
        let prediction = report.prediction.as_ref();
        prediction.is_some_and(|prediction| {
            prediction.reason == report.reason
                || report
                    .reason
                    .as_ref()
                    .is_some_and(|reason| prediction.also.contains(reason))
        })
    };
    let same = a.reason == b.reason || (among(a) && among(b));
    same && a.seen_from == b.seen_from && a.ttl == b.ttl && a.status == b.status
}
