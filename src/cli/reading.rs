//! Reads scenario files, and says what is wrong with them.

use crate::plain::plain;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;

use super::console::Console;
use crate::scenario::{Diagnostic, Diagnostics, Scenario, Severity, limits};

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
    /// What came of [`examine`](crate::scenario::examine).
    pub fn new(scenario: Option<Scenario>, diagnostics: &Diagnostics, color: bool) -> Self {
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
            scenario,
            problems: diagnostics.list.iter().map(problem).collect(),
            text: diagnostics.render(color),
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
    match bounded(path) {
        Ok(bytes) => Ok(read(&name, &bytes, color)),
        Err(error) => Err(format!("failed to read {name}: {}", plain(error))),
    }
}

/// The bytes of a file, or one more than a scenario may have: what is endless is not read to its end.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = limits::FILE_BYTES as u64 + 1;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
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

    #[test]
    fn problems_tell_their_places() {
        let file = b"title = \"x\"\nsteps = 1\n";
        let (scenario, diagnostics) = scenario::examine("x.toml", file);
        let reading = Reading::new(scenario, &diagnostics, false);
        assert!(reading.scenario.is_none());
        assert_eq!(
            (reading.problems[0].line, reading.problems[0].column),
            (2, 1)
        );
        assert!(reading.text.contains("x.toml:2:1"), "{}", reading.text);
    }

    #[test]
    fn a_warning_says_so_and_nothing_wrong_is_no_text() {
        let (scenario, mut diagnostics) = scenario::examine("x.toml", b"title = \"x\"\n");
        let reading = Reading::new(scenario.clone(), &diagnostics, false);
        assert!(reading.scenario.is_some());
        assert_eq!((reading.problems.len(), reading.text.as_str()), (0, ""));
        let mut warning = Diagnostic::error(0..5, "hardly means what it says");
        warning.severity = Severity::Warning;
        diagnostics.list.push(warning);
        let reading = Reading::new(scenario, &diagnostics, false);
        assert!(reading.scenario.is_some());
        assert_eq!(reading.problems[0].severity, "warning");
        assert!(reading.text.starts_with("warning"), "{}", reading.text);
    }
}
