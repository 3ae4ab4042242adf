//! Expectation against measurement.

use std::net::Ipv4Addr;

use super::event::{OutcomeKind, ProbeReport};
use super::wanted::{Wanted, WantedAnswer};
use super::words;
use crate::backend::probe::{Answer, Evidence, Measurement, NotSent, Outcome};
use crate::cloud::Reason;

/// What a measurement comes to.
struct Measured<'a> {
    kind: OutcomeKind,
    words: String,
    /// Code and resource, where it was blocked.
    cause: Option<(String, String)>,
    answer: Option<&'a Answer>,
}

fn measured(measurement: &Measurement) -> Measured<'_> {
    let blocked = |reason: String, resource: String| Measured {
        kind: OutcomeKind::Blocked,
        words: format!(
            "blocked: {reason} at {resource}, after {}",
            words::duration(measurement.elapsed)
        ),
        cause: Some((reason, resource)),
        answer: None,
    };
    let by = |evidence: &Evidence| {
        blocked(
            evidence.label.reason.clone(),
            evidence.label.resource.clone(),
        )
    };
    let by_host = |reason: Reason| {
        blocked(
            reason.code().to_owned(),
            "the sender's own network configuration".to_owned(),
        )
    };
    match &measurement.outcome {
        Outcome::Answered(answer) => Measured {
            kind: OutcomeKind::Reachable,
            words: words::answer(answer),
            cause: None,
            answer: Some(answer),
        },
        Outcome::Refused => Measured {
            kind: OutcomeKind::Refused,
            words: "refused by the far end: nothing listens there".to_owned(),
            cause: None,
            answer: None,
        },
        Outcome::NotSent(NotSent::TooBig) => by_host(Reason::MtuExceeded),
        Outcome::NotSent(NotSent::NoRoute) => by_host(Reason::NoRouteToDestination),
        Outcome::NotSent(NotSent::Forbidden) => by_host(Reason::HostFilter),
        // A neighbour that stays silent proves as little as an answer that does; a label may.
        Outcome::Dropped | Outcome::Silent | Outcome::NotSent(NotSent::NoNeighbour) => {
            match measurement.evidence.last() {
                Some(evidence) => by(evidence),
                None => Measured {
                    kind: OutcomeKind::LostWithoutEvidence,
                    words: format!(
                        "lost without evidence: neither an answer nor a drop was seen in {}",
                        words::duration(measurement.elapsed)
                    ),
                    cause: None,
                    answer: None,
                },
            }
        }
    }
}

/// Holds a measurement against what was wanted. Who asked whom is the caller's to fill in.
pub(super) fn judge(wanted: &Wanted, measurement: &Measurement) -> ProbeReport {
    let measured = measured(measurement);
    let mut problems = Vec::new();
    match (wanted, measured.kind) {
        (Wanted::Reachable(wanted), OutcomeKind::Reachable) => {
            if let Some(answer) = measured.answer {
                compare(wanted, answer, &mut problems);
            }
        }
        (Wanted::Refused, OutcomeKind::Refused) => {}
        // Whether it agrees with the prediction is asked of every probe.
        (
            Wanted::Predicted,
            OutcomeKind::Reachable | OutcomeKind::Refused | OutcomeKind::Blocked,
        ) => {}
        (Wanted::Blocked(None), OutcomeKind::Blocked) => {}
        (Wanted::Blocked(Some(reason)), OutcomeKind::Blocked) => {
            let code = measured.cause.as_ref().map(|(code, _)| code.as_str());
            if code != Some(reason.code()) {
                let code = code.unwrap_or("no reason");
                problems.push(format!("the reason is {code}, expected {reason}"));
            }
        }
        (_, kind) => problems.push(
            match kind {
                OutcomeKind::Reachable => "it was answered",
                OutcomeKind::Refused => "it was refused by the far end",
                OutcomeKind::Blocked => "it was blocked",
                OutcomeKind::LostWithoutEvidence => "it was lost",
            }
            .to_owned(),
        ),
    }
    let (reason, resource) = measured.cause.unzip();
    let explanation = reason.as_ref().and_then(|code| {
        let reason: Reason = code.parse().ok()?;
        Some(reason.explanation().to_owned())
    });
    let answer = measured.answer;
    ProbeReport {
        from: String::new(),
        to: String::new(),
        to_ip: Ipv4Addr::UNSPECIFIED,
        probe: String::new(),
        expected: words::wanted(wanted),
        measured: measured.words,
        outcome: measured.kind,
        reason,
        resource,
        explanation,
        path: Vec::new(),
        problems,
        rtt: answer.map(|a| a.rtt),
        ttl: answer.and_then(|a| a.ttl),
        seen_from: answer.and_then(|a| a.seen_from),
        status: answer.and_then(|a| a.status),
        body: answer.and_then(|a| a.body.clone()),
        addresses: answer.and_then(|a| a.addresses.clone()),
        decided_after: measurement.elapsed,
        evidence: measurement.evidence.clone(),
        prediction: None,
    }
}

/// What differs between the answer that was wanted and the one that came, one line each.
fn compare(wanted: &WantedAnswer, answer: &Answer, problems: &mut Vec<String>) {
    if let Some(ttl) = wanted.ttl.filter(|ttl| answer.ttl != Some(*ttl)) {
        let got = answer.ttl.map_or("unknown".to_owned(), |t| t.to_string());
        problems.push(format!("the answer's TTL is {got}, expected {ttl}"));
    }
    if let Some(bound) = wanted.rtt_at_least.filter(|bound| answer.rtt < *bound) {
        problems.push(format!(
            "the answer took {}, expected at least {}",
            words::duration(answer.rtt),
            words::duration(bound)
        ));
    }
    if let Some(bound) = wanted.rtt_at_most.filter(|bound| answer.rtt > *bound) {
        problems.push(format!(
            "the answer took {}, expected at most {}",
            words::duration(answer.rtt),
            words::duration(bound)
        ));
    }
    if let Some(net) = &wanted.seen_from {
        let expected = words::prefix(net);
        match answer.seen_from {
            Some(ip) if net.contains(&ip) => {}
            Some(ip) => problems.push(format!("the far end saw {ip}, expected {expected}")),
            None => problems.push(format!(
                "what the far end saw is unknown, expected {expected}: it needs a service that the \
                 scenario declares with `serve`"
            )),
        }
    }
    if let Some(status) = wanted.status.filter(|s| answer.status != Some(*s)) {
        let got = answer.status.map_or("none".to_owned(), |s| s.to_string());
        problems.push(format!("the status is {got}, expected {status}"));
    }
    if let Some(body) = &wanted.body {
        let got = answer.body.as_deref().unwrap_or_default();
        if got.trim() != body.trim() {
            problems.push(format!(
                "the body is {:?}, expected {:?}",
                got.trim(),
                body.trim()
            ));
        }
    }
    if let Some(addresses) = &wanted.addresses {
        let mut got = answer.addresses.clone().unwrap_or_default();
        got.sort();
        if got != *addresses {
            problems.push(format!(
                "the answer is {}, expected {}",
                words::list(&got),
                words::list(addresses)
            ));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::network::{Label, NodeId};

    fn measurement(outcome: Outcome, evidence: Vec<Evidence>) -> Measurement {
        Measurement {
            outcome,
            evidence,
            elapsed: Duration::from_millis(1),
        }
    }

    fn evidence(is_final: bool, reason: Reason) -> Evidence {
        Evidence {
            node: NodeId::new("vpc/customer"),
            label: Label {
                is_final,
                reason: reason.code().into(),
                resource: "security group web".into(),
            },
            packet: String::new(),
            answer: false,
            after: Duration::ZERO,
        }
    }

    fn reachable(answer: WantedAnswer) -> Wanted {
        Wanted::Reachable(Box::new(answer))
    }

    #[test]
    fn silence_without_evidence_is_never_a_pass() {
        let lost = measurement(Outcome::Silent, Vec::new());
        for wanted in [
            Wanted::Blocked(None),
            Wanted::Blocked(Some(Reason::EniSgRulesMismatch)),
            Wanted::Refused,
            reachable(WantedAnswer::default()),
        ] {
            let report = judge(&wanted, &lost);
            assert_eq!(report.outcome, OutcomeKind::LostWithoutEvidence);
            assert!(!report.problems.is_empty());
        }
    }

    #[test]
    fn a_neighbour_that_does_not_answer_is_no_evidence_either() {
        let lost = measurement(Outcome::NotSent(NotSent::NoNeighbour), Vec::new());
        assert!(!judge(&Wanted::Blocked(None), &lost).problems.is_empty());
    }

    #[test]
    fn silence_with_a_hint_is_explained_by_it() {
        let hint = evidence(false, Reason::GateFloodMissesNode);
        let silent = measurement(Outcome::Silent, vec![hint]);
        let wanted = Wanted::Blocked(Some(Reason::GateFloodMissesNode));
        assert!(judge(&wanted, &silent).problems.is_empty());
    }

    #[test]
    fn a_drop_must_have_the_reason_that_was_expected() {
        let drop = evidence(true, Reason::EniSgRulesMismatch);
        let dropped = measurement(Outcome::Dropped, vec![drop]);
        assert!(judge(&Wanted::Blocked(None), &dropped).problems.is_empty());
        let other = Wanted::Blocked(Some(Reason::BadStateRoute));
        let report = judge(&other, &dropped);
        assert_eq!(
            report.problems,
            ["the reason is ENI_SG_RULES_MISMATCH, expected BAD_STATE_ROUTE"]
        );
        assert_eq!(report.resource.as_deref(), Some("security group web"));
    }

    #[test]
    fn a_filter_that_names_its_rule_is_told_before_a_refused_send() {
        let mut rule = evidence(true, Reason::HostFilter);
        rule.label.resource = "instance/a: nft rule: table inet f, chain out: policy drop".into();
        let wanted = Wanted::Blocked(Some(Reason::HostFilter));
        let named = judge(&wanted, &measurement(Outcome::Dropped, vec![rule.clone()]));
        assert_eq!(named.resource, Some(rule.label.resource));
        let forbidden = Outcome::NotSent(NotSent::Forbidden);
        let unnamed = judge(&wanted, &measurement(forbidden, Vec::new()));
        let resource = unnamed.resource.as_deref();
        assert_eq!(resource, Some("the sender's own network configuration"));
    }

    #[test]
    fn an_answer_is_compared_in_every_respect_that_was_asked_for() {
        let answer = Answer {
            rtt: Duration::from_millis(5),
            ttl: Some(63),
            seen_from: Some(Ipv4Addr::new(100, 64, 0, 4)),
            status: Some(404),
            body: Some("no\n".into()),
            addresses: None,
        };
        let answered = measurement(Outcome::Answered(answer), Vec::new());
        let wanted = WantedAnswer {
            ttl: Some(64),
            rtt_at_least: Some(Duration::from_millis(6)),
            rtt_at_most: Some(Duration::from_millis(4)),
            seen_from: Some("10.0.0.0/8".parse().unwrap()),
            status: Some(200),
            body: Some("yes".into()),
            addresses: Some(vec![Ipv4Addr::new(10, 0, 0, 1)]),
        };
        assert_eq!(judge(&reachable(wanted), &answered).problems.len(), 7);
        let wanted = WantedAnswer {
            seen_from: Some("100.64.0.0/16".parse().unwrap()),
            body: Some("no".into()),
            ..WantedAnswer::default()
        };
        assert!(judge(&reachable(wanted), &answered).problems.is_empty());
    }
}
