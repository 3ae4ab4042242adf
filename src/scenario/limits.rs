//! What a scenario may ask for at most. A file may come from anybody, so none may keep the reader busy for
//! long, or take much memory, before it is refused.
//!
//! What counts is looked at before the file is taken apart, by its tokens alone: in one pass, without keeping
//! any of them.

use std::time::Duration;

use toml_parser::Source as Tokens;
use toml_parser::lexer::TokenKind;

use super::{Diagnostic, Span};

/// Bytes of a file: some 200,000 SIMs' worth.
pub const FILE_BYTES: usize = 8 << 20;

/// Bytes of a string, as it is written: `sh` takes a script as one argument, which Linux holds to 128 KiB.
pub const TEXT_BYTES: usize = 64 << 10;

/// Bytes of a line: a message shows the line that it is about.
pub const LINE_BYTES: usize = 64 << 10;

/// Tables, keys and items of lists in a file, all together.
pub const ENTRIES: usize = 400_000;

/// Lists and tables within one another.
pub const DEPTH: usize = 16;

/// Parts of a key, as in `aws.vpc.customer`.
pub const KEY_PARTS: usize = 16;

/// Resources, those of all kinds together.
pub const RESOURCES: usize = 100_000;

/// Steps.
pub const STEPS: usize = 10_000;

/// How often a step may be repeated.
pub const REPEATS: u32 = 10_000;

/// How often steps are carried out, with their repetitions and [`attempts`], all together.
pub const REPEATS_IN_ALL: u64 = 100_000;

/// Seconds of real time that a step may wait: `timeout`, and `eventually` but for `check`.
pub const PATIENCE_SECONDS: u64 = 3_600;

/// How far the clouds' clock goes by `wait`, all together: the clock in memory counts nanoseconds, and ends after
/// 584 years.
pub const WAITS: Duration = Duration::from_secs(100 * 366 * 24 * 3_600);

/// The shortest pause between two attempts of a step that may pass eventually.
const PAUSE: Duration = Duration::from_millis(50);

/// The pause before the next attempt of a step that may pass eventually, after that much time: a twentieth of
/// it, so that an hour has some two hundred attempts and not 72,000.
pub fn pause(elapsed: Duration) -> Duration {
    PAUSE.max(elapsed / 20)
}

/// How many attempts a step has within a time, at most.
pub fn attempts(eventually: Duration) -> u64 {
    let mut elapsed = Duration::ZERO;
    let mut attempts = 1;
    while elapsed + pause(elapsed) <= eventually {
        elapsed += pause(elapsed);
        attempts += 1;
    }
    attempts
}

/// Bytes of the traces that a scenario names, together: some three million opportunities.
pub const TRACE_BYTES: usize = 16 << 20;

/// How many things that are wrong with a file are told.
pub const TOLD: usize = 100;

/// Above this size, in bytes, only the first fault of syntax is told: each one takes memory.
pub(super) const MANY_FAULTS: usize = 1 << 20;

/// What is more than may be: nothing where the file is within the limits.
pub(super) fn exceeded(text: &str) -> Option<Diagnostic> {
    if text.len() > FILE_BYTES {
        return Some(
            Diagnostic::error(
                0..0,
                format!("the file is larger than {}", bytes(FILE_BYTES)),
            )
            .help("make several scenarios of it"),
        );
    }
    if let Some(line) = long_line(text) {
        return Some(
            Diagnostic::error(
                line.start..line.start,
                format!("the line is longer than {}", bytes(LINE_BYTES)),
            )
            .help("break it: a list and a text between ''' may have many lines"),
        );
    }
    let mut count = Count::default();
    Tokens::new(text)
        .lex()
        .find_map(|token| count.next(token.kind(), token.span().start()..token.span().end()))
}

/// The first line that is too long.
fn long_line(text: &str) -> Option<Span> {
    let mut start = 0;
    for line in text.as_bytes().split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        if line.len() > LINE_BYTES {
            return Some(start..end);
        }
        start = end;
    }
    None
}

/// What there has been so far.
#[derive(Default)]
struct Count {
    entries: usize,
    depth: usize,
    parts: usize,
}

impl Count {
    fn next(&mut self, kind: TokenKind, span: Span) -> Option<Diagnostic> {
        let too_many = |what: &str, most: usize, mend: &str| {
            let message = format!("{what} than {}", grouped(most));
            Some(Diagnostic::error(span.clone(), message).help(mend))
        };
        match kind {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                self.depth += 1;
                self.entries += 1;
                self.parts = 0;
                // A header, as in `[[step]]`, has two at most.
                if self.depth > DEPTH {
                    let what = "lists and tables lie deeper within one another";
                    return too_many(what, DEPTH, "nothing in a scenario lies deeper than five");
                }
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                self.depth = self.depth.saturating_sub(1);
            }
            TokenKind::Equals | TokenKind::Comma => {
                self.entries += 1;
                self.parts = 0;
            }
            TokenKind::Newline => self.parts = 0,
            TokenKind::Dot => {
                self.parts += 1;
                if self.parts >= KEY_PARTS {
                    let what = "the key has more parts";
                    return too_many(what, KEY_PARTS, "no key of a scenario has more than four");
                }
            }
            TokenKind::BasicString
            | TokenKind::LiteralString
            | TokenKind::MlBasicString
            | TokenKind::MlLiteralString
                if span.len() > TEXT_BYTES =>
            {
                let message = format!("the string is longer than {}", bytes(TEXT_BYTES));
                return Some(
                    Diagnostic::error(span.start..span.start + 1, message)
                        .help("make two steps of a long script"),
                );
            }
            _ => {}
        }
        if self.entries > ENTRIES {
            let what = "the file has more tables, keys and items";
            return too_many(what, ENTRIES, "make several scenarios of it");
        }
        None
    }
}

/// A size for people.
fn bytes(count: usize) -> String {
    if count >= 1 << 20 {
        format!("{} MiB", count >> 20)
    } else {
        format!("{} KiB", count >> 10)
    }
}

/// A number for people: `400,000`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        exceeded(text).map(|diagnostic| diagnostic.message)
    }

    /// `text` is within the limits, and with `more` no longer.
    #[track_caller]
    fn ends(text: &str, more: &str, part: &str) {
        assert_eq!(said(text), None);
        let said = said(&format!("{text}{more}")).unwrap_or_default();
        assert!(said.contains(part), "{said:?}");
    }

    #[test]
    fn each_limit_lets_pass_what_reaches_it_and_nothing_above() {
        let line = format!("#{}\n", "x".repeat(998));
        let file = line.repeat(FILE_BYTES / 1_000);
        let rest = "#".repeat(FILE_BYTES - file.len());
        ends(&format!("{file}{rest}"), "#", "larger than 8 MiB");
        ends(
            &format!("#{}", "x".repeat(LINE_BYTES - 1)),
            "x",
            "longer than 64 KiB",
        );
        let half = format!("{}\n", "y".repeat(LINE_BYTES / 2 - 1));
        let text = format!("a='''{half}{}'''", "y".repeat(TEXT_BYTES - half.len() - 6));
        assert_eq!(said(&text), None);
        let text = text.replace("y'''", "yy'''");
        assert!(
            said(&text).is_some_and(|said| said.contains("string is longer")),
            "{:?}",
            said(&text)
        );
        ends(&format!("a = {}", "[".repeat(DEPTH)), "[", "deeper");
        ends(
            &format!("a{}", ".a".repeat(KEY_PARTS - 1)),
            ".a",
            "more parts than 16",
        );
        ends(
            &"[a]\n".repeat(ENTRIES),
            "[a]\n",
            "more tables, keys and items than 400,000",
        );
        ends(
            &"a=1\n".repeat(ENTRIES),
            "a=1\n",
            "more tables, keys and items than 400,000",
        );
    }

    #[test]
    fn attempts_grow_rare() {
        for (milliseconds, most) in [(1, 1), (49, 1), (50, 2), (1_000, 21), (10_000, 68)] {
            assert_eq!(attempts(Duration::from_millis(milliseconds)), most);
        }
        let hour = attempts(Duration::from_secs(PATIENCE_SECONDS));
        assert!((150..250).contains(&hour), "{hour}");
    }

    #[test]
    fn what_stands_in_strings_and_comments_does_not_count() {
        let brackets = "[".repeat(100);
        assert_eq!(
            said(&format!(
                "# {brackets}\na = '{brackets}'\nb = \"{brackets}\"\n"
            )),
            None
        );
        assert_eq!(
            said("[[a]]\nb = [[1, 2], [3]]\n[c.d.e]\n".repeat(100).as_str()),
            None
        );
    }
}
