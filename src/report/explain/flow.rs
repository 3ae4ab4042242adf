//! One question: its verdict, its way, what is at fault.

use super::{fate, when};
use crate::explain::{Answer, At, Outcome};
use crate::reach::Stop;
use crate::report::terminal::Paint;
use crate::report::text::{visible, wrap};
use crate::report::way;

/// The column of the labels.
const LABELS: usize = 12;

/// The text.
pub(super) fn text(at: Option<&At>, answer: &Answer, paint: Paint, width: usize) -> String {
    let mut text = format!(
        "{}\n{}\n\n  {}\n",
        paint.strong(question(answer)),
        paint.faint(when(at)),
        fate(&answer.fate, paint)
    );
    text.push('\n');
    text.push_str(&ways(
        [("there", &answer.there), ("back", &answer.back)],
        paint,
        width,
    ));
    let fields = fields(answer, paint, width);
    if !fields.is_empty() {
        text.push('\n');
        text.push_str(&fields);
    }
    text
}

/// `sensor → server (10.0.0.254) tcp/80`.
pub(super) fn question(answer: &Answer) -> String {
    let address = match answer.to_ip {
        Some(ip) if ip.to_string() != answer.to => format!(" ({ip})"),
        _ => String::new(),
    };
    visible(&format!(
        "{} → {}{address} {}",
        answer.from, answer.to, answer.probe
    ))
}

/// Ways under one another, each with its label before its first stop.
pub(super) fn ways<const N: usize>(
    ways: [(&str, &[Stop]); N],
    paint: Paint,
    width: usize,
) -> String {
    const INDENT: usize = 2;
    let labels = ways.map(|(label, _)| label);
    let column = labels.iter().map(|label| label.len()).max().unwrap_or(0);
    let room = width.saturating_sub(INDENT + column + 1);
    let lines = way::lines(ways.map(|(_, way)| way), room);
    let mut text = String::new();
    for (label, lines) in labels.iter().zip(lines) {
        for (i, line) in lines.iter().enumerate() {
            let label = match i {
                0 => paint.faint(format!("{label:<column$}")),
                _ => " ".repeat(column),
            };
            let line = if line.dies {
                paint.bad(line.plain())
            } else {
                line.plain()
            };
            text.push_str(&format!("{:INDENT$}{label} {line}\n", ""));
        }
    }
    text
}

/// What else there is to say, each under its label.
fn fields(answer: &Answer, paint: Paint, width: usize) -> String {
    let room = width.saturating_sub(LABELS + 2).max(20);
    let prose = |text: &str| wrap(text, room);
    let mut fields: Vec<(&str, Vec<String>)> = Vec::new();
    if let Some(resource) = &answer.fate.resource {
        fields.push(("at fault", prose(resource)));
    }
    if let Some(reason) = answer.fate.reason {
        let text = format!("{} {}", reason.meaning(), reason.cause());
        fields.push(("reason", prose(&text)));
    }
    if let Some(mend) = &answer.mend {
        let mut rows = prose(&mend.words);
        // As they are, so that they can be put into a scenario.
        rows.extend(mend.steps.iter().flat_map(|step| step.lines().map(visible)));
        fields.push(("mend", rows));
    }
    if let Some(source) = answer.seen_from {
        fields.push(("seen from", vec![format!("{source}, by the far end")]));
    }
    if let (Some(ttl), Outcome::Reachable | Outcome::Refused) = (answer.ttl, answer.fate.verdict) {
        let text = format!("arrives with TTL {ttl} if it left with 64");
        fields.push(("answer", vec![text]));
    }
    for doubt in &answer.fate.doubts {
        let text = format!(
            "{} has {}; that is not understood here, so the verdict may be wrong",
            doubt.node, doubt.what
        );
        fields.push(("in doubt", prose(&text)));
    }
    let mut text = String::new();
    for (label, rows) in fields {
        for (i, row) in rows.iter().enumerate() {
            let label = match i {
                0 => paint.faint(format!("{label:<LABELS$}")),
                _ => " ".repeat(LABELS),
            };
            text.push_str(&format!("  {label}{row}\n"));
        }
    }
    text
}
