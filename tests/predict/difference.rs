//! Measurement against prediction, and how much a difference is worth.

use canal_sim::cloud::Reason;
use canal_sim::run::event::{OutcomeKind, PredictionReport, ProbeReport};

use crate::hold::{Probe, waited_out};

/// A question of which something else was measured than was predicted.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The line of the question in the file, from 1.
    pub line: usize,
    /// Who asked whom, and how.
    pub flow: String,
    /// What was predicted and what was measured.
    pub words: String,
    /// The same without names and times: what two cases of one fault have in common.
    pub kind: String,
    /// Whether nothing but the end of the probe's time decided.
    pub waited_out: bool,
}

/// What a probe's result is worth.
#[derive(Debug)]
pub enum Verdict {
    Agrees,
    Differs(Difference),
    /// It can't be compared here, and why.
    Skipped(&'static str),
}

/// Holds one probe's measurement against its prediction. `told`: the kernel gives its reasons for its own
/// drops; where it doesn't, some packets die without evidence. `earlier`: what was asked before.
pub fn judge(probe: &Probe, told: bool, earlier: &[Probe]) -> Verdict {
    let report = &probe.report;
    let Some(prediction) = &report.prediction else {
        return Verdict::Skipped("nothing was predicted");
    };
    let Some(words) = prediction.difference.clone() else {
        // A step also fails where it could not be judged.
        assert!(probe.passed, "{report:?}");
        return Verdict::Agrees;
    };
    if !prediction.doubts.is_empty() {
        return Verdict::Skipped("a machine on the way is not wholly understood");
    }
    let lost = report.outcome == OutcomeKind::LostWithoutEvidence;
    if lost && prediction.outcome == OutcomeKind::Blocked && !told {
        return Verdict::Skipped("the kernel does not tell of its own drops here");
    }
    if let Some(why) = tracked(prediction, probe, earlier) {
        return Verdict::Skipped(why);
    }
    Verdict::Differs(Difference {
        line: probe.line,
        flow: format!(
            "{} → {} ({}), {}",
            report.from, report.to, report.to_ip, report.probe
        ),
        words,
        kind: kind(prediction, report),
        waited_out: waited_out(report),
    })
}

/// Whether what a security group tracks may explain it: the predictor knows the rules, and not what has
/// passed before.
fn tracked(
    prediction: &PredictionReport,
    probe: &Probe,
    earlier: &[Probe],
) -> Option<&'static str> {
    let report = &probe.report;
    let groups = [Reason::EniSgRulesMismatch, Reason::SgHasNoRules].map(Reason::code);
    let by_group = |reason: &Option<String>| reason.as_deref().is_some_and(|r| groups.contains(&r));
    if !by_group(&prediction.reason) || by_group(&report.reason) {
        return None;
    }
    let of = prediction.resource.as_deref()?.rsplit_once(" of ")?.1;
    let of_it = |one: &Probe| {
        [&one.report.from, &one.report.to]
            .iter()
            .any(|end| *end == of)
    };
    let before = |one: &Probe| one.regroupings < probe.regroupings;
    if earlier.iter().any(|one| of_it(one) && before(one)) {
        // A tunnel's outer flow is the same for each ping between two hosts, and for all that is flooded; and
        // it outlives the rule.
        return Some("a flow that was tracked before its rule went");
    }
    let answers_itself = report.to == of && prediction.answer;
    let ends = of == report.from || (of == report.to && !answers_itself);
    // Marks on connections tell senders' interfaces from receivers', not one instance's from another's.
    (!ends).then_some(
        "a flow that passes one VPC's router twice: its interfaces share what is tracked",
    )
}

fn kind(prediction: &PredictionReport, report: &ProbeReport) -> String {
    let name = |outcome, reason: &Option<String>| match outcome {
        OutcomeKind::Reachable => "answered".to_owned(),
        OutcomeKind::Refused => "refused".to_owned(),
        OutcomeKind::LostWithoutEvidence => "lost".to_owned(),
        OutcomeKind::Blocked => reason.clone().unwrap_or_default(),
    };
    let predicted = name(prediction.outcome, &prediction.reason);
    let measured = name(report.outcome, &report.reason);
    match (predicted == measured, prediction.answer) {
        (true, _) if prediction.ttl != report.ttl && report.ttl.is_some() => {
            "another TTL".to_owned()
        }
        (true, _) => "another source".to_owned(),
        (_, true) => format!("predicted {predicted} of the answer, measured {measured}"),
        (_, false) => format!("predicted {predicted}, measured {measured}"),
    }
}
