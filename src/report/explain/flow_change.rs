//! One question at two moments.

use super::flow::{question, ways};
use super::{fate, when};
use crate::explain::{Answer, At, Difference};
use crate::report::terminal::Paint;
use crate::report::text::visible;

/// The text.
pub(super) fn text(
    sides: [(Option<&At>, &Answer); 2],
    difference: Option<&Difference>,
    paint: Paint,
    width: usize,
) -> String {
    let [(_, before), (_, after)] = sides;
    let asked = if before.to_ip.is_some() && after.to_ip.is_some() && before.to_ip != after.to_ip {
        // The address that the name stands for has changed.
        visible(&format!("{} → {} {}", after.from, after.to, after.probe))
    } else if after.to_ip.is_some() {
        question(after)
    } else {
        question(before)
    };
    let mut text = format!("{}\n\n", paint.strong(asked));
    for (at, answer) in sides {
        text.push_str(&format!(
            "  {}\n    {}\n",
            paint.faint(when(at)),
            fate(&answer.fate, paint)
        ));
    }
    text.push('\n');
    let Some(difference) = difference else {
        let same = if before.fate == after.fate {
            "Nothing has changed: the way is the same, stop by stop."
        } else {
            "The way is the same, stop by stop."
        };
        text.push_str(&format!("  {same}\n"));
        return text;
    };
    let way = if difference.answer {
        "the answer's way back"
    } else {
        "the way there"
    };
    text.push_str(&format!(
        "  The first difference is at stop {} of {way}:\n",
        difference.stop
    ));
    let side = |stop| Option::as_slice(stop);
    text.push_str(&ways(
        [
            ("before", side(&difference.before)),
            ("after", side(&difference.after)),
        ],
        paint,
        width,
    ));
    for (label, stop) in [("before", &difference.before), ("after", &difference.after)] {
        if stop.is_none() {
            let label = paint.faint(format!("{label:<6}"));
            text.push_str(&format!("  {label}   the way had no such stop\n"));
        }
    }
    text
}
