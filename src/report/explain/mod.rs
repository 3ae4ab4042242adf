//! What `canal-sim explain` found, as text for people.
//!
//! | file | subject |
//! |---|---|
//! | `flow.rs` | one question: its verdict, its way, what is at fault |
//! | `flow_change.rs` | one question at two moments |
//! | `matrix.rs` | everybody asks everybody: a table and its legend |
//! | `matrix_change.rs` | the same at two moments |

mod flow;
mod flow_change;
mod matrix;
mod matrix_change;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use super::terminal::Paint;
use super::text::visible;
use crate::explain::{At, Explained, Fate, Outcome};

/// How the text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether to use colours.
    pub color: bool,
    /// How many characters a line has.
    pub width: usize,
}

/// The text, whole lines.
pub fn text(explained: &Explained, look: Look) -> String {
    let paint = Paint(look.color);
    match explained {
        Explained::Flow { at, answer } => flow::text(at.as_ref(), answer, paint, look.width),
        Explained::FlowChange {
            before_at,
            after_at,
            before,
            after,
            difference,
        } => {
            let sides = [
                (before_at.as_ref(), &**before),
                (after_at.as_ref(), &**after),
            ];
            flow_change::text(sides, difference.as_deref(), paint, look.width)
        }
        Explained::Matrix { at, matrix } => matrix::text(at.as_ref(), matrix, paint, look.width),
        Explained::MatrixChange {
            before_at,
            after_at,
            change,
        } => matrix_change::text([before_at.as_ref(), after_at.as_ref()], change, paint),
    }
}

/// `after step 7, "openGate"`, `before the first step`.
fn when(at: Option<&At>) -> String {
    match at {
        None => "before the first step".to_owned(),
        Some(At { step, name }) => visible(&format!("after step {step}, {name:?}")),
    }
}

/// What became of a question in one line: `blocked: SUBNET_ACL_RESTRICTION at network ACL guard, …`.
fn fate(fate: &Fate, paint: Paint) -> String {
    let mut text = match fate.verdict {
        Outcome::Reachable => paint.good("reachable"),
        Outcome::Refused => paint.aside("refused: nothing listens there"),
        Outcome::Blocked => {
            let reason = fate.reason.map(|reason| reason.code()).unwrap_or_default();
            let back = if fate.answer {
                "the answer is blocked"
            } else {
                "blocked"
            };
            let mut text = paint.bad(format!("{back}: {reason}"));
            if let Some(resource) = &fate.resource {
                text.push_str(&visible(&format!(" at {resource}")));
            }
            text
        }
        Outcome::Impossible => {
            let why = fate.why.as_deref().unwrap_or_default();
            paint.aside(visible(&format!("can't be asked: {why}")))
        }
    };
    if !fate.doubts.is_empty() {
        text.push_str(&format!(" {}", paint.aside("(in doubt)")));
    }
    text
}
