//! Compound commands: where they begin and end, so that what is in them is not taken for commands that
//! run once.

use super::lex::{Piece, Simple};

/// How deep in compound commands the script is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Compound {
    /// Of those that end with a word: `if … fi`.
    words: u32,
    /// Of those in parentheses.
    parentheses: u32,
}

impl Compound {
    /// Whether the next command of the script belongs to a compound one.
    pub fn holds(&mut self, simple: &Simple) -> bool {
        let before = self.words + self.parentheses > 0;
        let opens = u32::try_from(simple.opens).unwrap_or(0);
        let closes = u32::try_from(-simple.opens).unwrap_or(0);
        self.parentheses = (self.parentheses + opens).saturating_sub(closes);
        let mut words = simple.words.iter().map(|word| match word.as_slice() {
            [Piece::Bare(text)] => text.as_str(),
            _ => "",
        });
        let mut any = false;
        // Several may stand one behind the other: `else if`.
        for word in words.by_ref() {
            match word {
                "if" | "for" | "while" | "until" | "case" | "{" => self.words += 1,
                "fi" | "done" | "esac" | "}" => self.words = self.words.saturating_sub(1),
                "then" | "do" | "else" | "elif" | "!" => {}
                _ => break,
            }
            any = true;
        }
        // A function's name and its parentheses stand before its `{`.
        if !any && simple.strange.is_some() && words.any(|word| word == "{") {
            self.words += 1;
        }
        any || before
    }
}
