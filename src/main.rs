//! The program `canal-sim`: see [`canal_sim::cli`].

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use canal_sim::backend::BackendError;
use canal_sim::backend::kernel::{Kernel, airlock, capabilities};
use canal_sim::cli::args::Arguments;
use canal_sim::cli::console::{Console, WIDTH, use_color};
use canal_sim::cli::doctor::{Finding, State};
use canal_sim::cli::reading::Reading;
use canal_sim::cli::run::RunPlan;
use canal_sim::cli::{self, beside, exit::Exit};
use canal_sim::run::{self, event::Event};
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
    cli::execute(&arguments, &mut console, read, run_plan, examine).into()
}

fn read(file: &str, bytes: &[u8], color: bool) -> Reading {
    let beside = |name: &str| beside::read(Path::new(file), name);
    let (scenario, diagnostics) = scenario::examine_with(file, bytes, &beside);
    Reading::new(scenario, &diagnostics, color)
}

/// Leaves the caller's network, then carries the plan out.
fn run_plan(plan: RunPlan, sink: &mut dyn FnMut(Event)) -> Result<(), BackendError> {
    // No thread has been started yet.
    airlock::enter()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| BackendError::Failed {
            doing: "start the runtime".into(),
            why: error.to_string(),
        })?;
    let options = run::Options {
        fail_fast: plan.fail_fast,
    };
    let make = || Kernel::new();
    runtime.block_on(run::run_all(
        &plan.scenarios,
        plan.jobs,
        options,
        make,
        sink,
    ))
}

/// What the kernel backend finds here.
fn examine() -> Vec<Finding> {
    let entered = airlock::enter();
    if let Err(error) = entered {
        return vec![Finding {
            name: "network namespaces".to_owned(),
            state: State::Missing,
            detail: error.what(),
            cost: "nothing runs on this machine's kernel".to_owned(),
            mend: error.mend(),
        }];
    }
    let found = capabilities::probe().list.into_iter();
    found
        .map(|one| Finding {
            name: one.name.to_owned(),
            state: match (one.available, one.required) {
                (true, _) => State::Good,
                (false, false) => State::Degraded,
                (false, true) => State::Missing,
            },
            detail: if one.available {
                "works".to_owned()
            } else {
                one.why
            },
            cost: if one.available {
                String::new()
            } else {
                one.costs.to_owned()
            },
            mend: one.mend,
        })
        .collect()
}
