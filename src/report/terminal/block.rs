//! The parts of a scenario's block, as text.

use std::time::Duration;

use super::Style;
use super::paint::Paint;
use crate::report::essence::{self, EVENTS_IN_A_LINE, essence};
use crate::report::failure::{self, LABELS};
use crate::report::kept::Room;
use crate::report::text::{counted, duration, visible};
use crate::run::Signal;
use crate::run::event::{Detail, Status, StepReport};

/// How much of what a scenario's steps say waits for its end. As many scenarios as `--jobs` names may be under
/// way.
const KEPT: usize = 16 << 20;

/// A scenario that has begun.
pub(super) struct Block {
    /// How many steps it has.
    pub(super) steps: usize,
    /// What has not been written yet.
    pub(super) waiting: String,
    /// For what its steps say.
    room: Room,
}

/// Where a step's name begins: after two spaces, the mark, and the step's number with its spaces.
fn indent(digits: usize) -> usize {
    10 + digits
}

impl Block {
    pub(super) fn new(steps: usize) -> Self {
        Self {
            steps,
            waiting: String::new(),
            room: Room::new(KEPT),
        }
    }

    /// Some text waits for the block's end: its first line, which names a step, and as much of the rest as there
    /// is room for.
    pub(super) fn wait(&mut self, text: &str) {
        let first = text.find('\n').map_or(text.len(), |at| at + 1);
        let (first, rest) = text.split_at(first);
        self.waiting.push_str(first);
        self.waiting.push_str(&self.room.keep(rest));
        if !self.waiting.ends_with('\n') {
            self.waiting.push('\n');
        }
    }

    pub(super) fn opening(&self, paint: Paint, title: &str, file: &str) -> String {
        format!(
            "\n{}\n{}\n",
            paint.strong(visible(title)),
            paint.faint(format!(
                "{} · {}",
                visible(file),
                counted(self.steps, "step")
            )),
        )
    }
}

/// `memory backend, seed 1: --backend memory asks for it`.
pub(super) fn backend(paint: Paint, backend: &str, why: &str, seed: Option<u64>) -> String {
    let seed = seed
        .map(|seed| format!(", seed {seed}"))
        .unwrap_or_default();
    let text = visible(&format!("{backend} backend{seed}: {why}"));
    format!("{}\n", paint.faint(text))
}

/// `9 nodes, 11 links in 14 ms, kernel backend`.
pub(super) fn network(
    paint: Paint,
    backend: &str,
    nodes: usize,
    links: usize,
    elapsed: Duration,
) -> String {
    let text = format!(
        "{}, {} in {}, {backend} backend",
        counted(nodes, "node"),
        counted(links, "link"),
        duration(elapsed)
    );
    format!("{}\n", paint.faint(text))
}

/// What stands where the run was interrupted.
pub(super) fn interrupted(paint: Paint, signal: Signal) -> String {
    let text = format!("{}: nothing further is carried out", signal.told());
    format!("{}\n", paint.bad(text))
}

/// What is said of a capture that is not whole.
pub(super) fn cut(paint: Paint, packets: u64, left_out: u64) -> String {
    let text = format!(
        "the capture is full: it ends after {packets} packets, and {left_out} more were left out"
    );
    format!("  {}\n", paint.bad(text))
}

/// A step: one line, and what belongs under it.
pub(super) fn step(paint: Paint, style: Style, steps: usize, step: &StepReport) -> String {
    let mark = match step.status {
        Status::Passed => paint.good("✓ ok  "),
        Status::Failed => paint.bad("✗ FAIL"),
        Status::Skipped => paint.aside("– skip"),
    };
    let digits = steps.to_string().len();
    let number = format!("{:>digits$}", step.step);
    let name = visible(&step.name);
    let indent = indent(digits);
    let before = indent + name.chars().count();
    if step.status == Status::Failed {
        let head = format!("  {mark} {} {}\n", paint.faint(number), paint.bad(name));
        return head + &failed(paint, style, indent, step);
    }
    let mut text = format!("  {mark} {} {name}", paint.faint(number));
    let essence = essence(step).beside(&step.name);
    if before + 2 + essence.chars().count() <= usize::from(style.width) {
        text.push_str("  ");
    } else {
        text.push('\n');
        text.push_str(&" ".repeat(indent));
    }
    text.push_str(&paint.faint(essence));
    text.push('\n');
    if let Detail::Run { skipped, .. } = &step.detail {
        for one in skipped {
            let row = paint.aside(essence::skipped(one));
            text.push_str(&format!("{:indent$}{row}\n", ""));
        }
    }
    if style.verbose > 0 {
        for line in more(&step.detail) {
            text.push_str(&format!("{:indent$}{}\n", "", paint.faint(line)));
        }
    }
    text
}

/// The block under a step that failed.
fn failed(paint: Paint, style: Style, indent: usize, step: &StepReport) -> String {
    let mut text = String::new();
    let width = usize::from(style.width).saturating_sub(indent);
    for field in failure::fields(step) {
        for (at, row) in field.rows(width).iter().enumerate() {
            let label = if at == 0 { field.label } else { "" };
            let label = format!("{label:<LABELS$}");
            let row = match field.label {
                "expected" => paint.good(row),
                "measured" | "answered" | "wrong" | "at fault" => paint.bad(row),
                _ => row.clone(),
            };
            let line = format!("{:indent$}{}{row}", "", paint.faint(label));
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// What `--verbose` adds to a step that passed.
fn more(detail: &Detail) -> Vec<String> {
    match detail {
        Detail::Do {
            error: Some(error), ..
        } => vec![visible(&format!("{} {error}", error.service))],
        Detail::Do {
            events, changes, ..
        }
        | Detail::Wait {
            events, changes, ..
        } => {
            let mut lines = Vec::new();
            if events.len() > EVENTS_IN_A_LINE {
                lines.extend(events.iter().map(essence::event));
            }
            if *changes > 0 {
                lines.push(format!("{} to the network", counted(*changes, "change")));
            }
            lines
        }
        Detail::Expect(probe) => probe.evidence.iter().map(essence::evidence).collect(),
        Detail::Run { stdout, stderr, .. } => [stdout, stderr]
            .iter()
            .flat_map(|output| output.lines())
            .filter(|line| !line.trim().is_empty())
            .map(visible)
            .collect(),
        Detail::Link { changes: 0, .. } => Vec::new(),
        Detail::Link { changes, .. } => {
            vec![format!("{} to the network", counted(*changes, "change"))]
        }
        Detail::Check { .. } | Detail::Impossible { .. } => Vec::new(),
    }
}

/// The last line of a scenario, and what broke it off.
pub(super) fn closing(
    paint: Paint,
    [passed, failed, skipped]: [usize; 3],
    error: Option<&str>,
    elapsed: Duration,
) -> String {
    let mut text = String::new();
    if let Some(error) = error {
        text.push_str(&format!(
            "  {}\n",
            paint.bad("✗ the scenario could not go on")
        ));
        for line in error.lines() {
            text.push_str(&format!("    {}\n", visible(line)));
        }
    }
    let counts = counts(paint, [passed, failed, skipped]);
    text.push_str(&format!(
        "{}: {counts} in {}\n",
        counted(passed + failed + skipped, "step"),
        duration(elapsed)
    ));
    text
}

/// `12 passed, 1 failed`, what is not zero.
pub(super) fn counts(paint: Paint, [passed, failed, skipped]: [usize; 3]) -> String {
    let mut parts = Vec::new();
    if passed > 0 || failed + skipped == 0 {
        parts.push(paint.good(format!("{passed} passed")));
    }
    if failed > 0 {
        parts.push(paint.bad(format!("{failed} failed")));
    }
    if skipped > 0 {
        parts.push(paint.aside(format!("{skipped} skipped")));
    }
    parts.join(", ")
}
