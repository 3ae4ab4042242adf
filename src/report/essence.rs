//! What a step showed, in one line.

use super::text::{counted, duration, lines, visible};
use crate::backend::Skipped;
use crate::backend::probe::Evidence;
use crate::cloud;
use crate::run::event::{Detail, OutcomeKind, ProbeReport, Status, StepReport};

/// What was done, and what came of it.
pub struct Essence {
    /// What was done: `sensor → server tcp/80`, an operation's name, a node's name.
    pub done: String,
    /// What came of it: `reachable, 0.4 ms, seen from 100.64.0.4`.
    pub result: String,
}

impl Essence {
    /// Both, or only the result where the step's name says already what was done.
    pub fn beside(&self, name: &str) -> String {
        if self.done.is_empty() || name.contains(&self.done) {
            self.result.clone()
        } else {
            format!("{}: {}", self.done, self.result)
        }
    }
}

/// What a step showed, in one line.
pub fn essence(step: &StepReport) -> Essence {
    let (done, mut result) = match &step.detail {
        Detail::Impossible { why } => (String::new(), visible(why)),
        Detail::Run { node, skipped, .. }
            if step.status == Status::Skipped && !skipped.is_empty() =>
        {
            let count = counted(skipped.len(), "command");
            (visible(node), format!("{count} skipped"))
        }
        _ if step.status == Status::Skipped => (String::new(), "not carried out".to_owned()),
        Detail::Do {
            operation,
            error,
            events,
            changes,
            ..
        } => {
            let result = match error {
                Some(error) if step.status == Status::Passed => {
                    format!("refused as expected: {}", visible(error.code))
                }
                Some(error) => format!("refused: {}", visible(&error.to_string())),
                None => happened(events, *changes),
            };
            (visible(operation), result)
        }
        Detail::Expect(probe) => (question(probe), answer(probe, step.status)),
        Detail::Run {
            node, end, stdout, ..
        } => {
            let said = lines(stdout, usize::MAX)
                .into_iter()
                .find(|line| !line.trim().is_empty())
                .map(|line| format!(", {}", shortened(line.trim())))
                .unwrap_or_default();
            (visible(node), format!("{}{said}", visible(end)))
        }
        Detail::Wait {
            waited,
            events,
            changes,
        } => (
            String::new(),
            format!(
                "{} later: {}",
                duration(*waited),
                happened(events, *changes)
            ),
        ),
        Detail::Link { link, became, .. } => (visible(link), visible(became)),
        Detail::Check { problems } => {
            let result = match problems.first() {
                None => "as expected".to_owned(),
                Some(problem) => visible(problem),
            };
            (String::new(), result)
        }
    };
    if step.attempts > 1 {
        result.push_str(&format!(", carried out {} times", step.attempts));
    }
    Essence { done, result }
}

/// `sensor → server tcp/80`.
pub fn question(probe: &ProbeReport) -> String {
    visible(&format!("{} → {} {}", probe.from, probe.to, probe.probe))
}

fn answer(probe: &ProbeReport, status: Status) -> String {
    let expected = if status == Status::Passed {
        " as expected"
    } else {
        ""
    };
    let after = duration(probe.decided_after);
    match probe.outcome {
        OutcomeKind::Reachable => {
            let details = seen(probe);
            if details.is_empty() {
                "reachable".to_owned()
            } else {
                format!("reachable, {details}")
            }
        }
        OutcomeKind::Refused => format!("refused{expected}, after {after}"),
        OutcomeKind::Blocked => {
            let reason = probe.reason.as_deref().unwrap_or("no reason was given");
            let place = match &probe.resource {
                Some(resource) => format!(" at {resource}"),
                None => String::new(),
            };
            visible(&format!(
                "blocked{expected}: {reason}{place}, after {after}"
            ))
        }
        OutcomeKind::LostWithoutEvidence => format!("lost without evidence, after {after}"),
    }
}

/// What was seen of an answer: `0.4 ms, ttl 64, seen from 100.64.0.4, status 200`.
pub fn seen(probe: &ProbeReport) -> String {
    let mut parts = Vec::new();
    parts.extend(probe.rtt.map(duration));
    parts.extend(probe.ttl.map(|ttl| format!("ttl {ttl}")));
    parts.extend(probe.seen_from.map(|ip| format!("seen from {ip}")));
    parts.extend(probe.status.map(|status| format!("status {status}")));
    parts.extend(probe.addresses.as_ref().map(|addresses| {
        if addresses.is_empty() {
            return "no address".to_owned();
        }
        let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        list.join(", ")
    }));
    parts.join(", ")
}

/// How many events one line holds; it counts the rest.
pub const EVENTS_IN_A_LINE: usize = 3;

fn happened(events: &[cloud::Event], changes: usize) -> String {
    if events.is_empty() && changes == 0 {
        return "nothing changed".to_owned();
    }
    if events.is_empty() {
        return format!("{} to the network", counted(changes, "change"));
    }
    let shown: Vec<String> = events.iter().take(EVENTS_IN_A_LINE).map(event).collect();
    let more = events.len().saturating_sub(EVENTS_IN_A_LINE);
    if more == 0 {
        shown.join("; ")
    } else {
        format!("{}; and {more} more", shown.join("; "))
    }
}

/// `peering pcx: pending-acceptance → active`.
pub fn event(event: &cloud::Event) -> String {
    visible(&format!("{} {}", event.resource, event.what))
}

/// `0.3 ms  vpc/customer  ENI_SG_RULES_MISMATCH (security group web)  100.64.0.4:40001 > …`.
pub fn evidence(evidence: &Evidence) -> String {
    let hint = if evidence.label.is_final {
        ""
    } else {
        "hint: "
    };
    visible(&format!(
        "{:<7}  {}  {hint}{}  {}",
        duration(evidence.after),
        evidence.node,
        evidence.label,
        evidence.packet
    ))
}

/// ``skipped `ip rule add table 7`: this form of `ip` is not understood``.
pub fn skipped(skipped: &Skipped) -> String {
    visible(&format!(
        "skipped `{}`: {}",
        skipped.command, skipped.reason
    ))
}

/// At most 60 characters of a line.
fn shortened(line: &str) -> String {
    const MOST: usize = 60;
    if line.chars().count() <= MOST {
        return line.to_owned();
    }
    let mut kept: String = line.chars().take(MOST - 1).collect();
    kept.push('…');
    kept
}
