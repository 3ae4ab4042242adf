//! All that is known about a step that failed, as labelled fields: the terminal and the JUnit file
//! show the same.

use super::essence::{self, essence, seen};
use super::text::{duration, lines, visible, wrap};
use crate::backend::Skipped;
use crate::explain::Proposal;
use crate::network::NodeId;
use crate::run::event::{Detail, OutcomeKind, ProbeReport, StepReport};

/// The most lines of a script's output that a block shows.
const MOST_OUTPUT: usize = 60;

/// The most lines of a page's body, or of one problem, that a block shows.
const MOST_LINES: usize = 12;

/// What neither an answer nor evidence means. Every place where a cloud's rules discard a packet
/// reports it, so the cause lies elsewhere.
const LOST: &str = "Neither an answer nor a drop was seen before the time limit. This is a finding, \
    not a verdict: every rule of the two clouds that discards a packet reports it, so the packet died \
    where none of them looks. Look at what the nodes themselves do: a firewall on the device or the \
    instance (nft list ruleset), a VXLAN interface with another VNI, local address or FDB entry than it \
    should have (ip -d link, bridge fdb show), an inner address that nothing answers for (ip neigh), a \
    service that accepts and never answers. If the answer may only be late, raise the step's timeout.";

/// A labelled part of the block.
pub struct Field {
    /// What it is.
    pub label: &'static str,
    /// What it says.
    pub body: Body,
}

/// What a field says.
pub enum Body {
    /// Lines as they are.
    Lines(Vec<String>),
    /// Sentences, to be wrapped.
    Prose(String),
}

/// How wide the column of the labels is, the gap after it included.
pub const LABELS: usize = 10;

impl Field {
    fn line(label: &'static str, text: impl AsRef<str>) -> Self {
        Self::lines(label, vec![visible(text.as_ref())])
    }

    fn lines(label: &'static str, lines: Vec<String>) -> Self {
        Self {
            label,
            body: Body::Lines(lines),
        }
    }

    fn prose(label: &'static str, text: impl Into<String>) -> Self {
        Self {
            label,
            body: Body::Prose(text.into()),
        }
    }

    /// The lines of the field, prose wrapped so that the line with its label keeps `width`.
    pub fn rows(&self, width: usize) -> Vec<String> {
        match &self.body {
            Body::Lines(lines) => lines.clone(),
            Body::Prose(text) => wrap(text, width.saturating_sub(LABELS).max(20)),
        }
    }
}

/// The block as plain text.
pub fn plain(step: &StepReport, width: usize) -> String {
    let mut text = String::new();
    for field in fields(step) {
        for (at, row) in field.rows(width).iter().enumerate() {
            let label = if at == 0 { field.label } else { "" };
            let line = format!("{label:<LABELS$}{row}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// What went wrong, in one line.
pub fn headline(step: &StepReport) -> String {
    let problems = match &step.detail {
        Detail::Expect(probe) => {
            if let Some(difference) = only_difference(probe) {
                return visible(difference);
            }
            return visible(&format!(
                "expected {}, measured {}",
                probe.expected, probe.measured
            ));
        }
        Detail::Do {
            expected_error: Some(expected),
            error: None,
            ..
        } => {
            return visible(&format!("expected the error {expected}, but it succeeded"));
        }
        Detail::Run { problems, .. } | Detail::Check { problems } => problems,
        Detail::Do { .. }
        | Detail::Wait { .. }
        | Detail::Link { .. }
        | Detail::Impossible { .. } => {
            return essence(step).result;
        }
    };
    match problems.first() {
        Some(problem) => visible(problem),
        None => essence(step).result,
    }
}

/// The block, field by field.
pub fn fields(step: &StepReport) -> Vec<Field> {
    let mut fields = match &step.detail {
        Detail::Expect(probe) => probe_fields(probe),
        Detail::Do {
            operation,
            expected_error,
            error,
            events,
            ..
        } => {
            let expected = match expected_error {
                Some(code) => format!("the error {code}"),
                None => "success".to_owned(),
            };
            let mut fields = vec![
                Field::line("operation", operation),
                Field::line("expected", expected),
            ];
            match error {
                Some(error) => fields.push(Field::prose(
                    "answered",
                    format!("{} {error}", error.service),
                )),
                None => fields.push(Field::line("answered", "success")),
            }
            if !events.is_empty() {
                fields.push(Field::lines(
                    "events",
                    events.iter().map(essence::event).collect(),
                ));
            }
            fields
        }
        Detail::Run {
            node,
            end,
            stdout,
            stderr,
            problems,
            skipped,
        } => {
            let mut fields = vec![Field::line("node", node), Field::line("ended", end)];
            fields.extend(wrong(problems));
            if !skipped.is_empty() {
                let row = |one: &Skipped| visible(&format!("`{}`: {}", one.command, one.reason));
                fields.push(Field::lines("skipped", skipped.iter().map(row).collect()));
            }
            for (label, output) in [("stdout", stdout), ("stderr", stderr)] {
                let mut rows = lines(output, MOST_OUTPUT);
                if rows.is_empty() {
                    rows.push("(empty)".to_owned());
                }
                fields.push(Field::lines(label, rows));
            }
            fields
        }
        Detail::Wait { .. } => vec![Field::line("waited", essence(step).result)],
        Detail::Link { link, became, .. } => {
            vec![Field::line("link", link), Field::line("became", became)]
        }
        Detail::Check { problems } => wrong(problems).into_iter().collect(),
        Detail::Impossible { why } => vec![Field::prose("why", why.as_str())],
    };
    if step.attempts > 1 {
        fields.push(Field::line(
            "tried",
            format!("{} times in {}", step.attempts, duration(step.elapsed)),
        ));
    }
    fields.push(Field::line("where", format!("{}:{}", step.file, step.line)));
    if let Detail::Expect(probe) = &step.detail
        && let Some(question) = question(probe)
    {
        let (file, moment) = (quoted(&step.file), step.step);
        let command = format!("canal-sim explain {file} {question} --after '#{moment}'");
        fields.push(Field::line("more", command));
    }
    fields
}

/// The same question on the command line of `explain`.
fn question(probe: &ProbeReport) -> Option<String> {
    let ask = match probe.probe.split(['/', ' ']).collect::<Vec<_>>()[..] {
        ["tcp" | "http", port, ..] => format!("--tcp {port}"),
        ["udp", port] => format!("--udp {port}"),
        ["dns", ..] => "--udp 53".to_owned(),
        ["ntp"] => "--udp 123".to_owned(),
        ["ping", "of", size, ..] => {
            let fragment = if probe.probe.contains("don't fragment") {
                " --df"
            } else {
                ""
            };
            format!("--ping --size {size}{fragment}")
        }
        ["ping"] => "--ping".to_owned(),
        ["ping,", ..] => "--ping --df".to_owned(),
        _ => return None,
    };
    let (from, to) = (quoted(&probe.from), quoted(&probe.to));
    Some(format!("--from {from} --to {to} {ask}"))
}

/// A word for a shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// How the measurement differs from the prediction, where nothing else is wrong.
fn only_difference(probe: &ProbeReport) -> Option<&str> {
    let difference = probe.prediction.as_ref()?.difference.as_deref()?;
    (probe.problems == [difference]).then_some(difference)
}

fn wrong(problems: &[String]) -> Option<Field> {
    (!problems.is_empty()).then(|| {
        let rows = problems.iter().flat_map(|p| lines(p, MOST_LINES)).collect();
        Field::lines("wrong", rows)
    })
}

fn probe_fields(probe: &ProbeReport) -> Vec<Field> {
    let ip = probe.to_ip.to_string();
    let address = if probe.to == ip {
        String::new()
    } else {
        format!(" ({ip})")
    };
    let asked = format!("{} → {}{address} {}", probe.from, probe.to, probe.probe);
    let mut fields = vec![
        Field::line("asked", asked),
        Field::line("expected", &probe.expected),
        Field::line("measured", &probe.measured),
    ];
    if let Some(prediction) = &probe.prediction {
        fields.push(Field::line("predicted", &prediction.predicted));
        if !prediction.doubts.is_empty() {
            let rows = prediction.doubts.iter().map(|doubt| visible(doubt));
            fields.push(Field::lines("doubts", rows.collect()));
        }
    }
    fields.extend(wrong(&probe.problems));
    if probe.outcome == OutcomeKind::Reachable {
        let answer = seen(probe);
        if !answer.is_empty() {
            fields.push(Field::line("answer", answer));
        }
        if let Some(body) = &probe.body {
            fields.push(Field::lines("body", lines(body, MOST_LINES)));
        }
    } else {
        fields.push(Field::line(
            "decided",
            format!("after {}", duration(probe.decided_after)),
        ));
    }
    if !probe.path.is_empty() {
        fields.push(Field::line("path", path(&probe.path, probe.outcome)));
    }
    if let Some(resource) = &probe.resource {
        fields.push(Field::line("at fault", resource));
    }
    if let Some(reason) = &probe.reason {
        fields.push(Field::line("reason", reason));
    }
    if let Some(explanation) = &probe.explanation {
        let label = if probe.reason.is_some() { "" } else { "reason" };
        fields.push(Field::prose(label, explanation.as_str()));
    }
    if let Some(mend) = mend(probe) {
        fields.push(Field::prose("mend", mend.words.as_str()));
        let rows = mend.steps.iter().flat_map(|step| step.lines().map(visible));
        fields.push(Field::lines("", rows.collect()));
    }
    if probe.outcome == OutcomeKind::LostWithoutEvidence {
        fields.push(Field::prose("finding", LOST));
    }
    if !probe.evidence.is_empty() {
        let rows = probe.evidence.iter().map(essence::evidence).collect();
        fields.push(Field::lines("evidence", rows));
    }
    fields
}

/// What would mend the fault, where the measurement is what was predicted, or is no verdict at all.
fn mend(probe: &ProbeReport) -> Option<&Proposal> {
    let prediction = probe.prediction.as_ref()?;
    let agrees = match probe.outcome {
        OutcomeKind::Blocked => prediction.reason == probe.reason,
        OutcomeKind::LostWithoutEvidence => true,
        OutcomeKind::Reachable | OutcomeKind::Refused => false,
    };
    prediction.mend.as_ref().filter(|_| agrees)
}

/// `sensor → vpg/vpg/a → pcx/pcx → vpc/customer ✗`.
fn path(nodes: &[NodeId], outcome: OutcomeKind) -> String {
    let names: Vec<&str> = nodes.iter().map(NodeId::as_str).collect();
    let end = match outcome {
        OutcomeKind::Reachable | OutcomeKind::Refused => "",
        OutcomeKind::Blocked => " ✗",
        OutcomeKind::LostWithoutEvidence => " → ?",
    };
    format!("{}{end}", names.join(" → "))
}
