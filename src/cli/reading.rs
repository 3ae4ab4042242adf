//! Reads scenario files, and says what is wrong with them.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::console::Console;
use crate::scenario::{Diagnostic, Diagnostics, Scenario, Severity};

/// What came of reading a file.
pub struct Reading {
    /// The scenario; none where the file holds none that could be run.
    pub scenario: Option<Scenario>,
    /// What is wrong with it, in the file's order.
    pub problems: Vec<Problem>,
    /// The same for people, with the places in the file; ends with a line feed unless it is empty.
    pub text: String,
}

impl Reading {
    /// A file that holds no scenario.
    pub fn refused(diagnostics: &Diagnostics, color: bool) -> Self {
        let problem = |diagnostic: &Diagnostic| {
            let (start, _) = diagnostics.positions(diagnostic);
            Problem {
                severity: match diagnostic.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                },
                line: start.line,
                column: start.column,
                message: diagnostic.message.clone(),
                label: diagnostic.primary.text.clone(),
                notes: diagnostic.notes.clone(),
                help: diagnostic.help.clone(),
            }
        };
        Self {
            scenario: None,
            problems: diagnostics.list.iter().map(problem).collect(),
            text: diagnostics.render(color),
        }
    }

    /// A file that could be read, and what was found when its actions were tried out: an error in
    /// that makes it one that can't be run, a warning does not.
    pub fn checked(scenario: Scenario, found: Vec<Diagnostic>, color: bool) -> Self {
        let diagnostics = Diagnostics::new(scenario.source.clone(), found);
        let fits = diagnostics
            .list
            .iter()
            .all(|diagnostic| diagnostic.severity != Severity::Error);
        Self {
            scenario: fits.then_some(scenario),
            ..Self::refused(&diagnostics, color)
        }
    }
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is: `error`, or `warning` where the scenario can be run all the same.
    pub severity: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What there is to say about the place itself; may be empty.
    pub label: String,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// What mends it.
    pub help: Vec<String>,
}

/// Reads one file.
///
/// # Errors
///
/// Where the file itself could not be read.
pub fn read_file(
    path: &Path,
    color: bool,
    read: impl Fn(&str, &[u8], bool) -> Reading,
) -> Result<Reading, String> {
    let name = path.display().to_string();
    match fs::read(path) {
        Ok(bytes) => Ok(read(&name, &bytes, color)),
        Err(error) => Err(format!("failed to read {name}: {error}")),
    }
}

/// Reads all files and shows what is wrong with them. None where one of them can't be run: a run that
/// leaves something out on the quiet could be taken for one that passed.
pub fn read_all(
    paths: &[impl AsRef<Path>],
    console: &mut Console<'_>,
    read: impl Fn(&str, &[u8], bool) -> Reading,
) -> Option<Vec<Scenario>> {
    let mut scenarios = Some(Vec::new());
    for path in paths {
        match read_file(path.as_ref(), console.err_color, &read) {
            Err(message) => {
                console.error(message);
                scenarios = None;
            }
            Ok(reading) => {
                // Where stderr is closed, nobody is left to be told; the exit status tells.
                write!(console.err, "{}", reading.text).ok();
                match (reading.scenario, &mut scenarios) {
                    (Some(scenario), Some(list)) => list.push(scenario),
                    (None, _) => scenarios = None,
                    (Some(_), None) => {}
                }
            }
        }
    }
    scenarios
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scenario;

    const FILE: &str = "title = \"x\"\n";

    #[test]
    fn a_file_that_is_no_scenario_is_refused_with_the_place() {
        let diagnostics = scenario::read("x.toml", b"title = \"x\"\nsteps = 1\n").unwrap_err();
        let reading = Reading::refused(&diagnostics, false);
        assert!(reading.scenario.is_none());
        assert_eq!(
            (reading.problems[0].line, reading.problems[0].column),
            (2, 1)
        );
        assert!(reading.text.contains("x.toml:2:1"), "{}", reading.text);
    }

    #[test]
    fn a_warning_stops_nothing_and_an_error_does() {
        let read = || scenario::read("x.toml", FILE.as_bytes()).unwrap();
        let mut diagnostic = Diagnostic::error(0..5, "hardly means what it says");
        let reading = Reading::checked(read(), vec![diagnostic.clone()], false);
        assert!(reading.scenario.is_none());
        diagnostic.severity = Severity::Warning;
        let reading = Reading::checked(read(), vec![diagnostic], false);
        assert!(reading.scenario.is_some());
        assert_eq!(reading.problems[0].severity, "warning");
        assert!(reading.text.starts_with("warning"), "{}", reading.text);
        let reading = Reading::checked(read(), Vec::new(), false);
        assert_eq!((reading.problems.len(), reading.text.as_str()), (0, ""));
    }
}
