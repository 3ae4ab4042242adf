//! Everybody asks everybody: a table and its legend.

use std::collections::BTreeMap;

use super::when;
use crate::cloud::Reason;
use crate::explain::{At, Fate, Matrix, Outcome};
use crate::report::terminal::Paint;
use crate::report::text::{visible, wrap};

/// Before each row: two spaces.
const INDENT: usize = 2;

/// What stands before the numbers of the columns: rows ask columns.
const HEAD: &str = "↓ asks →";

/// The text. Columns are numbered as the rows are, so that names may be long.
pub(super) fn text(at: Option<&At>, matrix: &Matrix, paint: Paint, width: usize) -> String {
    let mut text = format!(
        "{}\n{}\n\n",
        paint.strong(format!("who reaches whom, {}", matrix.probe)),
        paint.faint(when(at)),
    );
    let marks = Marks::new(matrix);
    let digits = matrix.nodes.len().to_string().len();
    let names: Vec<String> = matrix.nodes.iter().map(|name| visible(name)).collect();
    let longest = names.iter().map(|name| name.chars().count()).max();
    let label = digits + 1 + longest.unwrap_or(0).max(HEAD.chars().count());
    let cell = marks.width().max(digits) + 2;
    // As many columns as a line has room for; the others follow in tables of their own.
    let fit = (width.saturating_sub(INDENT + label) / cell).max(1);
    let fates = matrix.by_pair();
    let numbers: Vec<usize> = (1..=names.len()).collect();
    for columns in numbers.chunks(fit) {
        let head: String = columns.iter().map(|n| format!("{n:>cell$}")).collect();
        let head = paint.faint(format!("{HEAD:>label$}{head}"));
        text.push_str(&format!("{:INDENT$}{head}\n", ""));
        for (row, name) in (1..).zip(&names) {
            let number = paint.faint(format!("{row:>digits$}"));
            let room = label - digits - 1;
            text.push_str(&format!("{:INDENT$}{number} {name:<room$}", ""));
            for column in columns {
                let pair = (
                    matrix.nodes[row - 1].as_str(),
                    matrix.nodes[column - 1].as_str(),
                );
                let fate = fates.get(&pair).map(|cell| &cell.fate);
                text.push_str(&marks.cell(fate, cell, paint));
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text.push_str(&marks.legend(matrix, paint, width));
    text
}

/// The letters that stand for reasons, and what else there is to explain.
struct Marks {
    reasons: BTreeMap<Reason, String>,
    answers: bool,
    doubts: bool,
}

impl Marks {
    /// Letters in the order in which the table, read row by row, shows the reasons.
    fn new(matrix: &Matrix) -> Self {
        let mut reasons = BTreeMap::new();
        for reason in matrix.cells.iter().filter_map(|cell| cell.fate.reason) {
            let next = reasons.len();
            reasons.entry(reason).or_insert_with(|| letters(next));
        }
        let fates = || matrix.cells.iter().map(|cell| &cell.fate);
        Self {
            reasons,
            answers: fates().any(|fate| fate.answer),
            doubts: fates().any(|fate| !fate.doubts.is_empty()),
        }
    }

    fn mark(&self, fate: &Fate) -> String {
        let mut mark = match fate.verdict {
            Outcome::Reachable => "✓".to_owned(),
            Outcome::Refused => "r".to_owned(),
            Outcome::Impossible => "–".to_owned(),
            Outcome::Blocked => {
                let letter = fate.reason.and_then(|reason| self.reasons.get(&reason));
                letter.cloned().unwrap_or_default()
            }
        };
        if fate.answer {
            mark.push('←');
        }
        if !fate.doubts.is_empty() {
            mark.push('?');
        }
        mark
    }

    fn width(&self) -> usize {
        let letters = self.reasons.values().map(String::len).max().unwrap_or(1);
        letters + usize::from(self.answers) + usize::from(self.doubts)
    }

    fn cell(&self, fate: Option<&Fate>, width: usize, paint: Paint) -> String {
        let Some(fate) = fate else {
            return paint.faint(format!("{:>width$}", "·"));
        };
        let mark = format!("{:>width$}", self.mark(fate));
        match fate.verdict {
            Outcome::Reachable => paint.good(mark),
            Outcome::Refused => paint.aside(mark),
            Outcome::Blocked => paint.bad(mark),
            Outcome::Impossible => paint.faint(mark),
        }
    }

    /// What the marks mean, those that the table has.
    fn legend(&self, matrix: &Matrix, paint: Paint, width: usize) -> String {
        let mut rows: Vec<(String, String)> = Vec::new();
        let has = |outcome| matrix.cells.iter().any(|cell| cell.fate.verdict == outcome);
        if has(Outcome::Reachable) {
            rows.push((paint.good("✓"), "reachable".to_owned()));
        }
        if has(Outcome::Refused) {
            let says = "refused: the packet gets there, and nothing listens";
            rows.push((paint.aside("r"), says.to_owned()));
        }
        let mut letters: Vec<(&Reason, &String)> = self.reasons.iter().collect();
        letters.sort_by_key(|(_, letter)| (letter.len(), letter.as_str()));
        for (reason, letter) in letters {
            let says = format!("{}: {}", reason.code(), reason.meaning());
            rows.push((paint.bad(letter), says));
        }
        if self.answers {
            rows.push(("←".to_owned(), "it is the answer that dies".to_owned()));
        }
        if self.doubts {
            let says = "in doubt: a machine on the way has something that is not understood";
            rows.push(("?".to_owned(), says.to_owned()));
        }
        for why in self.impossible(matrix) {
            rows.push((paint.faint("–"), why));
        }
        let mut text = String::new();
        for (mark, says) in rows {
            // No mark is wider than two characters.
            let room = width.saturating_sub(INDENT + 4).max(20);
            for (i, row) in wrap(&says, room).iter().enumerate() {
                let mark = if i == 0 { mark.as_str() } else { " " };
                text.push_str(&format!("{:INDENT$}{mark}   {row}\n", ""));
            }
        }
        text
    }

    /// Why some can't be asked, each reason once.
    fn impossible(&self, matrix: &Matrix) -> Vec<String> {
        let mut list: Vec<String> = Vec::new();
        for why in matrix
            .cells
            .iter()
            .filter_map(|cell| cell.fate.why.as_ref())
        {
            if !list.contains(why) {
                list.push(why.clone());
            }
        }
        list
    }
}

/// `A` to `Z`, then `AA`, `AB` and so on.
fn letters(index: usize) -> String {
    const COUNT: usize = 26;
    let letter = |i: usize| char::from(b'A' + u8::try_from(i % COUNT).unwrap_or(0));
    match index.checked_sub(COUNT) {
        None => letter(index).to_string(),
        Some(beyond) => format!("{}{}", letter(beyond / COUNT), letter(beyond)),
    }
}
