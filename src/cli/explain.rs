//! `canal-sim explain`.

use crate::plain::plain;
use std::io::{self, ErrorKind};

use serde::Serialize;

use super::args::{ExplainArguments, Format};
use super::console::Console;
use super::exit::Exit;
use super::reading::{Reading, read_all};
use crate::explain::{ExplainError, Explained, Request, When, Who, explain};
use crate::reach::Ask;
use crate::report::explain::{Look, text};
use crate::scenario::{Moment, MomentError, Scenario};

/// What is said, for programs.
#[derive(Serialize)]
struct Said<'a> {
    file: String,
    title: &'a str,
    #[serde(flatten)]
    explained: &'a Explained,
}

/// Says what would become of packets at a moment of a scenario. Runs nothing.
pub fn explain_command(
    arguments: &ExplainArguments,
    console: &mut Console<'_>,
    read: impl Fn(&str, &[u8], bool) -> Reading,
) -> Exit {
    if arguments.file.is_dir() {
        let folder = arguments.file.display();
        console.error(format!(
            "{folder} is a folder; name one scenario file in it"
        ));
        return Exit::Usage;
    }
    let scenarios = read_all(&[&arguments.file], console, read).unwrap_or_default();
    let Some(scenario) = scenarios.first() else {
        return Exit::Usage;
    };
    let explained = request(arguments, scenario)
        .and_then(|request| explain(scenario, &request).map_err(|error| complaint(&error)));
    let explained = match explained {
        Ok(explained) => explained,
        Err(message) => {
            console.error(message);
            return Exit::Usage;
        }
    };
    match say(arguments, console, scenario, &explained) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            console.error(format!("failed to write: {}", plain(error)));
            Exit::Machine
        }
        // Whoever read the pipe has read enough.
        _ => Exit::AsExpected,
    }
}

/// What the arguments ask for, in this scenario.
fn request(arguments: &ExplainArguments, scenario: &Scenario) -> Result<Request, String> {
    let who = match (&arguments.from, &arguments.to) {
        (Some(from), Some(to)) => Who::One {
            from: from.clone(),
            to: to.clone(),
        },
        // One without the other, the command line does not let pass.
        _ => Who::All,
    };
    let find = |option: &str, text: &str| {
        let found = Moment::find(text, scenario);
        found.map_err(|error: MomentError| format!("{option}: {error}"))
    };
    let when = match (&arguments.diff[..], &arguments.after) {
        ([before, after], _) => When::Between(find("--diff", before)?, find("--diff", after)?),
        (_, Some(step)) => When::At(find("--after", step)?),
        (_, None) => When::At(Moment::Start),
    };
    let ask = ask(arguments);
    Ok(Request { who, ask, when })
}

fn ask(arguments: &ExplainArguments) -> Ask {
    let how = &arguments.how;
    match (how.tcp, how.udp) {
        (Some(port), _) => Ask::Tcp(port),
        (_, Some(port)) => Ask::Udp(port),
        (None, None) => Ask::Ping {
            size: arguments.size,
            dont_fragment: arguments.df,
        },
    }
}

fn complaint(error: &ExplainError) -> String {
    match error {
        ExplainError::Replay(_) => error.to_string(),
        ExplainError::TooMany { .. } => format!("--all: {error} with --from and --to"),
        ExplainError::Mistaken(mistaken) => {
            let option = if mistaken.asking { "--from" } else { "--to" };
            format!("{option}: {error}")
        }
    }
}

fn say(
    arguments: &ExplainArguments,
    console: &mut Console<'_>,
    scenario: &Scenario,
    explained: &Explained,
) -> io::Result<()> {
    match arguments.format {
        // On stdout, for people too: it is what was asked for.
        Format::Human => {
            let look = Look {
                color: console.out_color,
                width: usize::from(console.width),
            };
            console.out.write_all(text(explained, look).as_bytes())?;
        }
        Format::Json => {
            let said = Said {
                file: arguments.file.display().to_string(),
                title: &scenario.title,
                explained,
            };
            writeln!(console.out, "{}", serde_json::to_string(&said)?)?;
        }
    }
    console.out.flush()
}
