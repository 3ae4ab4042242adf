//! `canal-sim check`.

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
                console.error(format!("failed to write: {error}"));
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
