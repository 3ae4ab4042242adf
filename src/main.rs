//! The program `canal-sim`: see [`canal_sim::cli`].

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use canal_sim::backend::BackendError;
use canal_sim::cli::args::Arguments;
use canal_sim::cli::console::{Console, WIDTH, use_color};
use canal_sim::cli::doctor::{Finding, State};
use canal_sim::cli::reading::Reading;
use canal_sim::cli::run::RunPlan;
use canal_sim::cli::{self, exit::Exit};
use canal_sim::run::event::Event;
use canal_sim::scenario;
use clap::Parser;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => {
            // Where it can't be shown, the status still tells.
            message.print().ok();
            let asked_for = !message.use_stderr();
            return if asked_for {
                Exit::AsExpected
            } else {
                Exit::Usage
            }
            .into();
        }
    };
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let no_color = std::env::var_os("NO_COLOR");
    let term = std::env::var_os("TERM");
    let color = |is_terminal| {
        use_color(
            arguments.command.color(),
            is_terminal,
            no_color.as_deref(),
            term.as_deref(),
        )
    };
    let width = terminal_size::terminal_size_of(&err).map_or(WIDTH, |(width, _)| width.0);
    let (out_color, err_color) = (color(out.is_terminal()), color(err.is_terminal()));
    let mut console = Console {
        out: &mut out,
        err: &mut err,
        out_color,
        err_color,
        width,
    };
    cli::execute(&arguments, &mut console, read, run, examine).into()
}

fn read(file: &str, bytes: &[u8], color: bool) -> Reading {
    match scenario::read(file, bytes) {
        Ok(scenario) => Reading::checked(scenario, Vec::new(), color),
        Err(diagnostics) => Reading::refused(&diagnostics, color),
    }
}

/// Why this build can do no more than read scenarios.
const MISSING: &str = "this build of canal-sim has no backend";
const MEND: &str = "build it from a revision that has one";

fn run(_plan: RunPlan, _sink: &mut dyn FnMut(Event)) -> Result<(), BackendError> {
    Err(BackendError::Machine {
        what: MISSING.to_owned(),
        mend: MEND.to_owned(),
    })
}

fn examine() -> Vec<Finding> {
    vec![Finding {
        name: "kernel backend".to_owned(),
        state: State::Missing,
        detail: MISSING.to_owned(),
        cost: "nothing can be run".to_owned(),
        mend: MEND.to_owned(),
    }]
}
