//! Where output goes, and how it looks there.

use std::ffi::OsStr;
use std::io::Write;

use super::args::ColorChoice;

/// The two streams of a process.
pub struct Console<'a> {
    /// What was asked for, in a form for programs.
    pub out: &'a mut dyn Write,
    /// What people read: progress, reports, errors.
    pub err: &'a mut dyn Write,
    /// Whether `out` takes colours.
    pub out_color: bool,
    /// Whether `err` takes colours.
    pub err_color: bool,
    /// How many characters a line of `err` has.
    pub width: u16,
}

/// How wide text is where no terminal says so.
pub const WIDTH: u16 = 100;

impl Console<'_> {
    /// Writes `error: …` to `err`. Where that can't be written to, nobody is left to be told.
    pub fn error(&mut self, message: impl std::fmt::Display) {
        let label = if self.err_color {
            "\u{1b}[1;31merror:\u{1b}[0m"
        } else {
            "error:"
        };
        writeln!(self.err, "{label} {message}").ok();
    }
}

/// Whether a stream takes colours. `no_color` and `term` are the values of `NO_COLOR` and `TERM`
/// (<https://no-color.org>: any value but the empty one counts).
pub fn use_color(
    choice: ColorChoice,
    is_terminal: bool,
    no_color: Option<&OsStr>,
    term: Option<&OsStr>,
) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            is_terminal
                && no_color.is_none_or(OsStr::is_empty)
                && term.is_none_or(|term| term != "dumb")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_only_where_they_are_wanted() {
        let set = Some(OsStr::new("1"));
        let empty = Some(OsStr::new(""));
        let dumb = Some(OsStr::new("dumb"));
        assert!(use_color(ColorChoice::Auto, true, None, None));
        assert!(use_color(ColorChoice::Auto, true, empty, None));
        assert!(!use_color(ColorChoice::Auto, true, set, None));
        assert!(!use_color(ColorChoice::Auto, true, None, dumb));
        assert!(!use_color(ColorChoice::Auto, false, None, None));
        assert!(use_color(ColorChoice::Always, false, set, dumb));
        assert!(!use_color(ColorChoice::Never, true, None, None));
    }
}
