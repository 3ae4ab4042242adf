//! Hands the events of a run to the reports, and keeps count.

use crate::plain::plain;
use std::io;

use crate::report::Report;
use crate::run::event::Event;

/// The reports of a run.
#[derive(Default)]
pub struct Outputs<'a> {
    open: Vec<(String, Box<dyn Report + 'a>)>,
    errors: Vec<String>,
}

impl<'a> Outputs<'a> {
    /// Adds a report; `what` names it in an error.
    pub fn add(&mut self, what: impl Into<String>, report: impl Report + 'a) {
        self.open.push((what.into(), Box::new(report)));
    }

    /// Hands an event to all of them.
    pub fn event(&mut self, event: &Event) {
        self.each(|report| report.event(event));
    }

    /// Finishes all of them and gives the errors: one line for each report that could not be written.
    pub fn finish(mut self) -> Vec<String> {
        self.each(|report| report.finish());
        self.errors
    }

    /// A report that can't be written gets nothing more. Where the reader of a pipe has gone, that is
    /// no error: it has read enough. The others go on, and so does the run.
    fn each(&mut self, mut give: impl FnMut(&mut dyn Report) -> io::Result<()>) {
        let errors = &mut self.errors;
        self.open
            .retain_mut(|(what, report)| match give(report.as_mut()) {
                Ok(()) => true,
                Err(error) => {
                    if error.kind() != io::ErrorKind::BrokenPipe {
                        errors.push(unwritten(what, &error));
                    }
                    false
                }
            });
    }
}

/// The line for a report that could not be written.
fn unwritten(what: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!(
            "failed to write {what}: no space left on device\n  to mend it: make room there, or write it \
             elsewhere"
        ),
        _ => format!("failed to write {what}: {}", plain(error)),
    }
}

/// Counts the scenarios of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those in which everything came out as expected.
    pub passed: usize,
    /// Those in which something did not.
    pub failed: usize,
    /// Those in which nothing failed, and something was skipped.
    pub skipped: usize,
    /// Those that could not go on.
    pub broken: usize,
}

impl Tally {
    /// Counts an event.
    pub fn event(&mut self, event: &Event) {
        if let Event::ScenarioFinished {
            failed,
            skipped,
            error,
            ..
        } = event
        {
            let count = match (error, failed, skipped) {
                (Some(_), ..) => &mut self.broken,
                (None, 0, 0) => &mut self.passed,
                (None, 0, _) => &mut self.skipped,
                (None, ..) => &mut self.failed,
            };
            *count += 1;
        }
    }
}
