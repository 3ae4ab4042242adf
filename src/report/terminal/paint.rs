//! Colours, or none.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// Paints where it is told to.
#[derive(Clone, Copy)]
pub(in crate::report) struct Paint(pub(in crate::report) bool);

impl Paint {
    fn with(self, style: Style, text: impl Display) -> String {
        if self.0 {
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }

    pub(in crate::report) fn good(self, text: impl Display) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    pub(in crate::report) fn bad(self, text: impl Display) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    pub(in crate::report) fn aside(self, text: impl Display) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    pub(in crate::report) fn strong(self, text: impl Display) -> String {
        self.with(Style::new().bold(), text)
    }

    pub(in crate::report) fn faint(self, text: impl Display) -> String {
        self.with(Style::new().dimmed(), text)
    }
}
