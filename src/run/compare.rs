//! Measurement against prediction. The two are made from the same clouds by independent means, so
//! where they differ, one of them is wrong, whatever the scenario expected.

use super::event::{OutcomeKind, PredictionReport, ProbeReport};
use crate::cloud::Reason;

/// Holds the measurement against the prediction; a difference is a problem of the step. Where something on
/// the way is not understood it is only told, unless the prediction is all that was `expected`. So is what a
/// link does by chance, or for want of room, which nobody can predict.
pub(super) fn compare(
    prediction: Option<PredictionReport>,
    expected: bool,
    report: &mut ProbeReport,
) {
    let Some(mut prediction) = prediction else {
        if expected {
            let why = "nothing could be predicted, so nothing was expected";
            report.problems.push(why.to_owned());
        }
        return;
    };
    prediction.difference = difference(&prediction, report);
    let counts = expected || prediction.doubts.is_empty() && !is_chance(report);
    report
        .problems
        .extend(prediction.difference.clone().filter(|_| counts));
    report.prediction = Some(prediction);
}

/// Whether a link has lost the packet as links do. Only a cut is predicted.
fn is_chance(report: &ProbeReport) -> bool {
    let reason = report.reason.as_deref().and_then(|code| code.parse().ok());
    matches!(
        reason,
        Some(Reason::LinkLoss | Reason::LinkQueueFull | Reason::LinkTooLong)
    )
}

fn difference(prediction: &PredictionReport, report: &ProbeReport) -> Option<String> {
    let verdicts = || {
        format!(
            "predicted {}, measured {}",
            prediction.predicted, report.measured
        )
    };
    if prediction.outcome != report.outcome {
        return Some(verdicts());
    }
    if prediction.outcome == OutcomeKind::Blocked {
        let same = prediction.reason == report.reason;
        let other = report.reason.as_ref();
        let agrees = same || other.is_some_and(|reason| prediction.also.contains(reason));
        return (!agrees).then(verdicts);
    }
    let seen = prediction.seen_from.zip(report.seen_from);
    if let Some((predicted, measured)) = seen
        && predicted != measured
    {
        return Some(format!(
            "predicted that the far end sees {predicted}, measured that it sees {measured}"
        ));
    }
    match prediction.ttl.zip(report.ttl) {
        Some((predicted, measured)) if predicted != measured => Some(format!(
            "predicted an answer with TTL {predicted}, measured TTL {measured}"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::probe::{Evidence, Measurement, Outcome};
    use crate::network::{Label, NodeId};
    use crate::run::judge::judge;
    use crate::run::wanted::Wanted;

    fn reachable() -> PredictionReport {
        PredictionReport {
            predicted: "reachable".into(),
            outcome: OutcomeKind::Reachable,
            reason: None,
            also: Vec::new(),
            resource: None,
            answer: false,
            seen_from: None,
            ttl: None,
            mend: None,
            doubts: Vec::new(),
            difference: None,
        }
    }

    /// What comes of a probe that was predicted to be answered and was dropped instead.
    fn dropped(reason: Reason, expected: bool) -> ProbeReport {
        let evidence = Evidence {
            node: NodeId::new("sim/sensor"),
            label: Label {
                is_final: true,
                reason: reason.code().into(),
                resource: "link of SIM sensor".into(),
            },
            packet: String::new(),
            answer: false,
            after: Default::default(),
        };
        let measurement = Measurement {
            outcome: Outcome::Dropped,
            evidence: vec![evidence],
            elapsed: Default::default(),
        };
        let mut report = judge(&Wanted::Blocked(Some(reason)), &measurement);
        compare(Some(reachable()), expected, &mut report);
        report
    }

    #[test]
    fn what_a_link_does_by_chance_is_told_and_no_failure_unless_the_prediction_is_all_that_counts()
    {
        for reason in [Reason::LinkLoss, Reason::LinkQueueFull, Reason::LinkTooLong] {
            let report = dropped(reason, false);
            assert_eq!(report.problems, Vec::<String>::new());
            let told = report
                .prediction
                .and_then(|prediction| prediction.difference);
            assert!(told.is_some(), "{reason}");
            assert_eq!(dropped(reason, true).problems.len(), 1);
        }
    }

    #[test]
    fn a_cut_that_was_not_predicted_is_a_failure() {
        assert_eq!(dropped(Reason::LinkCut, false).problems.len(), 1);
    }
}
