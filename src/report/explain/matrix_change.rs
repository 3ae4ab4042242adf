//! Everybody asks everybody at two moments: what has changed.

use super::{fate, when};
use crate::explain::{At, Fate, MatrixChange};
use crate::report::terminal::Paint;
use crate::report::text::{counted, visible};

/// The text.
pub(super) fn text(ends: [Option<&At>; 2], change: &MatrixChange, paint: Paint) -> String {
    let [before, after] = ends.map(when);
    let mut text = format!(
        "{}\n{}\n\n",
        paint.strong(format!("what has changed, {}", change.probe)),
        paint.faint(format!("from {before} to {after}")),
    );
    for pair in &change.changes {
        let names = visible(&format!("{} → {}", pair.from, pair.to));
        text.push_str(&format!("  {}\n", paint.strong(names)));
        let sides = [("before", &pair.before), ("after", &pair.after)];
        for (label, side) in sides {
            let label = paint.faint(format!("{label:<6}"));
            text.push_str(&format!(
                "    {label}  {}\n",
                side_text(side.as_ref(), paint)
            ));
        }
    }
    if !change.changes.is_empty() {
        text.push('\n');
    }
    let changed = match change.changes.len() {
        0 => "nothing has changed".to_owned(),
        1 => "1 pair has changed".to_owned(),
        count => format!("{count} pairs have changed"),
    };
    let same = match change.unchanged {
        1 => "1 pair is as before".to_owned(),
        count => format!("{} are as before", counted(count, "pair")),
    };
    text.push_str(&format!("  {changed}; {same}\n"));
    text
}

fn side_text(side: Option<&Fate>, paint: Paint) -> String {
    match side {
        Some(side) => fate(side, paint),
        None => paint.aside("one of the two is not there"),
    }
}
