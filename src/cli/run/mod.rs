//! `canal-sim run`.

pub mod choose;
pub mod determinism;
mod no_exec;

use crate::plain::plain;
use std::num::NonZeroUsize;
use std::path::Path;

use super::args::{BackendChoice, Format, RunArguments};
use super::console::Console;
use super::exit::Exit;
use super::files;
use super::logging;
use super::output::{Outputs, Tally};
use super::pattern::Pattern;
use super::reading::{Reading, read_all};
use crate::backend::BackendError;
use crate::report::captures::Captures;
use crate::report::json::Json;
use crate::report::junit::Junit;
use crate::report::terminal::{Style, Terminal};
use crate::run::event::Event;
use crate::scenario::Scenario;
use determinism::Check;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// The scenarios, in their order; at least one.
    pub scenarios: Vec<Scenario>,
    /// How many may run at a time.
    pub jobs: NonZeroUsize,
    /// Whether to stop at the first step that fails.
    pub fail_fast: bool,
    /// What carries the network out.
    pub backend: BackendChoice,
    /// Why that one, where it is not left to the machine.
    pub asked: &'static str,
    /// What chance is drawn from, where it can be repeated.
    pub seed: u64,
    /// Whether what passes the links is captured.
    pub capture: bool,
}

/// Reads the scenarios, has the runner carry them out, reports, and says how it went.
pub fn run_command(
    arguments: &RunArguments,
    console: &mut Console<'_>,
    read: impl Fn(&str, &[u8], bool) -> Reading,
    runner: impl Fn(&RunPlan, &mut dyn FnMut(Event)) -> Result<(), BackendError>,
) -> Exit {
    if arguments.check_determinism && arguments.backend == BackendChoice::Kernel {
        console.error(NOT_ON_THE_KERNEL);
        return Exit::Usage;
    }
    if arguments.capture.is_some() && arguments.backend == BackendChoice::Kernel {
        console.error(NO_CAPTURE_OF_THE_KERNEL);
        return Exit::Usage;
    }
    let log = arguments.log.as_deref();
    if let Err(error) = logging::start(arguments.verbose, log, console.err_color) {
        let file = log.unwrap_or(Path::new("the log")).display();
        console.error(format!("failed to make {file}: {}", plain(error)));
        return Exit::Usage;
    }
    let files = match files::find(&arguments.paths) {
        Ok(files) => files,
        Err(error) => {
            console.error(error);
            return Exit::Usage;
        }
    };
    let Some(scenarios) = read_all(&files, console, read) else {
        return Exit::Usage;
    };
    let scenarios = match filtered(scenarios, arguments.filter.as_deref()) {
        Ok(scenarios) => scenarios,
        Err(message) => {
            console.error(message);
            return Exit::Usage;
        }
    };
    let (backend, asked) = backend(arguments);
    if arguments.no_exec
        && backend != BackendChoice::Memory
        && let Some(message) = no_exec::refusal(&scenarios)
    {
        console.error(message);
        return Exit::Usage;
    }
    let junit = match arguments.junit.as_deref() {
        None => None,
        Some(file) => match Junit::create(file) {
            Ok(junit) => Some((format!("{}", file.display()), junit)),
            Err(error) => {
                console.error(format!(
                    "failed to make {}: {}",
                    file.display(),
                    plain(error)
                ));
                return Exit::Usage;
            }
        },
    };
    let captures = match arguments.capture.as_deref() {
        None => None,
        Some(folder) => match Captures::create(folder) {
            Ok(captures) => Some((format!("{}", folder.display()), captures)),
            Err(error) => {
                let folder = folder.display();
                console.error(format!("failed to make {folder}: {}", plain(error)));
                return Exit::Usage;
            }
        },
    };
    let planned = scenarios.len();
    let plan = RunPlan {
        scenarios,
        jobs: arguments.jobs,
        fail_fast: arguments.fail_fast,
        backend,
        asked,
        seed: arguments.seed,
        capture: arguments.capture.is_some() || arguments.check_determinism,
    };

    let style = Style {
        color: console.err_color,
        width: console.width,
        verbose: arguments.verbose,
        whole: arguments.jobs.get() > 1 && planned > 1,
    };
    let mut outputs = Outputs::default();
    match arguments.format {
        Format::Human => outputs.add("the report", Terminal::new(&mut *console.err, style)),
        Format::Json => outputs.add("the events", Json::new(&mut *console.out)),
    }
    if let Some((name, junit)) = junit {
        outputs.add(name, junit);
    }
    if let Some((name, captures)) = captures {
        outputs.add(name, captures);
    }
    let mut tally = Tally::default();
    let mut check = arguments.check_determinism.then(Check::default);
    let mut interrupted = None;
    let result = runner(&plan, &mut |event| {
        tally.event(&event);
        if let Event::Interrupted { signal } = &event {
            interrupted = Some(*signal);
        }
        outputs.event(&event);
        if let Some(check) = &mut check {
            check.first(&event);
        }
    });
    let unwritten = outputs.finish();
    for message in &unwritten {
        console.error(message);
    }
    if let Err(error) = &result {
        console.error(error);
    }
    if let Some(signal) = interrupted {
        return Exit::Interrupted(signal);
    }
    let broken = result.is_err() || tally.broken > 0 || !unwritten.is_empty();
    let exit = verdict(tally, planned, broken);
    if exit == Exit::Machine && !broken {
        console.error("the run ended before all scenarios had been run");
    }
    match check {
        Some(check) if exit != Exit::Machine => {
            exit.or(check.again(arguments.format, console, |sink| runner(&plan, sink)))
        }
        Some(_) | None => exit,
    }
}

/// Why there is nothing to check on the kernel backend.
const NOT_ON_THE_KERNEL: &str = "--check-determinism is for the memory backend: the kernel's runs take \
    real time, and no two take the same\n  to mend it: leave --backend kernel out";

/// Why there is nothing to capture on the kernel backend.
const NO_CAPTURE_OF_THE_KERNEL: &str = "--capture is for the memory backend\n  to mend it: leave --backend \
    kernel out";

/// What carries the network out, and why where that is known beforehand.
fn backend(arguments: &RunArguments) -> (BackendChoice, &'static str) {
    match arguments.backend {
        BackendChoice::Auto if arguments.check_determinism => {
            (BackendChoice::Memory, "--check-determinism needs it")
        }
        BackendChoice::Auto if arguments.capture.is_some() => {
            (BackendChoice::Memory, "--capture needs it")
        }
        BackendChoice::Auto => (BackendChoice::Auto, ""),
        BackendChoice::Kernel => (BackendChoice::Kernel, "--backend kernel asks for it"),
        BackendChoice::Memory => (BackendChoice::Memory, "--backend memory asks for it"),
    }
}

/// The scenarios whose title or file matches.
fn filtered(scenarios: Vec<Scenario>, filter: Option<&str>) -> Result<Vec<Scenario>, String> {
    let Some(text) = filter else {
        return Ok(scenarios);
    };
    let pattern = Pattern::new(text);
    let all = scenarios.len();
    let left: Vec<Scenario> = scenarios
        .into_iter()
        .filter(|scenario| {
            pattern.matches(&scenario.title) || pattern.matches(&scenario.source.file)
        })
        .collect();
    if left.is_empty() {
        return Err(format!(
            "--filter {text:?} matches neither the title nor the file of any of {all} scenarios"
        ));
    }
    Ok(left)
}

/// Nothing but scenarios that all ran, and in which nothing failed, is a pass. What was skipped is shown.
fn verdict(tally: Tally, planned: usize, broken: bool) -> Exit {
    if broken {
        Exit::Machine
    } else if tally.failed > 0 {
        Exit::Unexpected
    } else if tally.passed + tally.skipped < planned {
        Exit::Machine
    } else {
        Exit::AsExpected
    }
}

#[cfg(test)]
mod tests;
