//! Measurement against prediction. The two are made from the same clouds by independent means, so
//! where they differ, one of them is wrong, whatever the scenario expected.

use super::event::{OutcomeKind, PredictionReport, ProbeReport};

/// Holds the measurement against the prediction; a difference is a problem of the step. Where something on
/// the way is not understood it is only told, unless the prediction is all that was `expected`.
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
    let counts = expected || prediction.doubts.is_empty();
    report
        .problems
        .extend(prediction.difference.clone().filter(|_| counts));
    report.prediction = Some(prediction);
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
