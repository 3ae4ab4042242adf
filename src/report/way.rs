//! A packet's way as people read it: a line for each stop, in columns.

use super::text::{visible, wrap};
use crate::reach::Stop;

/// A line of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whether the packet dies here.
    pub dies: bool,
    /// The mark before the stop: `✗` where the packet dies.
    pub mark: &'static str,
    /// Where it is, padded; empty where a stop goes on.
    pub place: String,
    /// What was decided there.
    pub says: String,
}

/// The column of the places is no wider.
const WIDEST: usize = 44;

/// What is before the place of a stop in a tunnel.
const TUNNEL: &str = "│ ";

/// The lines of ways that stand under one another, each in lines of at most `width` characters; the
/// places of all of them make one column.
pub fn lines<const N: usize>(ways: [&[Stop]; N], width: usize) -> [Vec<Line>; N] {
    let places = ways.iter().flat_map(|way| way.iter().map(place));
    let column = places.map(|place| place.chars().count()).max().unwrap_or(0);
    let column = column.min(WIDEST);
    ways.map(|way| {
        way.iter()
            .flat_map(|stop| stop_lines(stop, column, width))
            .collect()
    })
}

fn place(stop: &Stop) -> String {
    let indent = if stop.tunnelled { TUNNEL } else { "" };
    visible(&format!("{indent}{}", stop.place))
}

fn stop_lines(stop: &Stop, column: usize, width: usize) -> Vec<Line> {
    let dies = !stop.passes;
    let place = place(stop);
    // Mark and gap come before the place, a gap after it.
    let room = width.saturating_sub(column + 4).max(20);
    let mut rows = wrap(&stop.says, room).into_iter().peekable();
    let mut lines = Vec::new();
    let fits = place.chars().count() <= column;
    let first = if fits { rows.next() } else { None };
    lines.push(Line {
        dies,
        mark: if dies { "✗" } else { " " },
        place: format!("{place:<column$}"),
        says: first.unwrap_or_default(),
    });
    let rest = if stop.tunnelled { TUNNEL } else { "" };
    lines.extend(rows.map(|says| Line {
        dies,
        mark: " ",
        place: format!("{rest:<column$}"),
        says,
    }));
    lines
}

impl Line {
    /// The line as plain text.
    pub fn plain(&self) -> String {
        let text = format!("{} {}  {}", self.mark, self.place, self.says);
        text.trim_end().to_owned()
    }
}
