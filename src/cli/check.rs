//! `canal-sim check`.

use crate::plain::plain;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::Serialize;

use super::args::{CheckArguments, Format};
use super::console::Console;
use super::exit::Exit;
use super::files;
use super::reading::{Problem, Reading, read_file};
use crate::report::text::{counted, visible};

/// What is said of one file, for programs.
#[derive(Serialize)]
struct Checked {
    file: String,
    ok: bool,
    title: Option<String>,
    steps: Option<usize>,
    problems: Vec<Problem>,
}

/// Reads the scenarios and says what is wrong with them. Runs nothing.
pub fn check_command(
    arguments: &CheckArguments,
    console: &mut Console<'_>,
    read: impl Fn(&str, &[u8], bool) -> Reading,
) -> Exit {
    let files = match files::find(&arguments.paths) {
        Ok(files) => files,
        Err(error) => {
            console.error(error);
            return Exit::Usage;
        }
    };
    let mut exit = Exit::AsExpected;
    for file in files {
        let reading = match read_file(&file, console.err_color, &read) {
            Ok(reading) => reading,
            Err(message) => {
                console.error(message);
                exit = Exit::Usage;
                continue;
            }
        };
        if reading.scenario.is_none() {
            exit = Exit::Usage;
        }
        match say(arguments.format, console, &file, reading) {
            Ok(()) => {}
            // Whoever read the pipe has read enough; the exit status counts all the same.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) => {
                console.error(format!("failed to write: {}", plain(error)));
                return Exit::Machine;
            }
        }
    }
    exit
}

fn say(format: Format, console: &mut Console<'_>, file: &Path, reading: Reading) -> io::Result<()> {
    let file = file.display().to_string();
    let scenario = reading.scenario.as_ref();
    match format {
        Format::Human => {
            console.err.write_all(reading.text.as_bytes())?;
            if let Some(scenario) = scenario {
                writeln!(
                    console.err,
                    "{}: ok: {}, {}",
                    visible(&file),
                    visible(&scenario.title),
                    counted(scenario.steps.len(), "step")
                )?;
            }
            console.err.flush()
        }
        Format::Json => {
            let checked = Checked {
                file,
                ok: scenario.is_some(),
                title: scenario.map(|scenario| scenario.title.clone()),
                steps: scenario.map(|scenario| scenario.steps.len()),
                problems: reading.problems,
            };
            writeln!(console.out, "{}", serde_json::to_string(&checked)?)?;
            console.out.flush()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Says that a file is wrong where it says so itself, and names the problem.
    fn read(file: &str, bytes: &[u8], _color: bool) -> Reading {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Reading {
            scenario: None,
            problems: vec![Problem {
                severity: "error",
                line: 3,
                column: 7,
                message: text.clone(),
                label: String::new(),
                notes: Vec::new(),
                help: vec!["mend it".to_owned()],
            }],
            text: format!("error: {text}\n  --> {file}:3:7\n"),
        }
    }

    fn checked(format: Format) -> (Exit, String, String) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.toml", "b.toml"] {
            std::fs::write(folder.path().join(name), format!("{name} is wrong")).unwrap();
        }
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console {
            out: &mut out,
            err: &mut err,
            out_color: false,
            err_color: false,
            width: 100,
        };
        let arguments = CheckArguments {
            paths: vec![folder.path().to_owned()],
            format,
            color: crate::cli::args::ColorChoice::Never,
        };
        let exit = check_command(&arguments, &mut console, read);
        let root = folder.path().display().to_string();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&root, "$");
        (exit, text(out), text(err))
    }

    #[test]
    fn every_file_is_checked_even_after_a_wrong_one() {
        let (exit, out, err) = checked(Format::Human);
        assert_eq!(exit, Exit::Usage);
        assert_eq!(out, "");
        assert_eq!(
            err,
            "error: a.toml is wrong\n  --> $/a.toml:3:7\nerror: b.toml is wrong\n  --> $/b.toml:3:7\n"
        );
    }

    #[test]
    fn programs_get_an_object_for_each_file() {
        let (exit, out, err) = checked(Format::Json);
        assert_eq!(exit, Exit::Usage);
        assert_eq!(err, "");
        assert_eq!(
            out.lines().next(),
            Some(
                r#"{"file":"$/a.toml","ok":false,"title":null,"steps":null,"problems":[{"severity":"error","line":3,"column":7,"message":"a.toml is wrong","label":"","notes":[],"help":["mend it"]}]}"#
            )
        );
        assert_eq!(out.lines().count(), 2);
    }
}
