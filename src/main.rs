//! The program `canal-sim`: see [`canal_sim::cli`].

use std::cell::OnceCell;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use canal_sim::backend::memory::Memory;
use canal_sim::backend::{Backend, BackendError};
use canal_sim::cli::args::Arguments;
use canal_sim::cli::console::{Console, WIDTH, use_color};
use canal_sim::cli::reading::Reading;
use canal_sim::cli::run::RunPlan;
use canal_sim::cli::run::choose::{Ground, choose};
use canal_sim::cli::{self, beside, exit::Exit};
use canal_sim::fault;
use canal_sim::run::{self, Means, Stop, event::Event};
use canal_sim::scenario;
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

/// Where memory ends, that is a lack of the machine's like any other.
#[cfg(all(feature = "kernel", target_os = "linux"))]
#[global_allocator]
static HEAP: canal_sim::backend::kernel::room::Heap =
    canal_sim::backend::kernel::room::Heap::new(Exit::Machine.code());

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
    if let Some(value) = std::env::var_os(fault::VARIABLE)
        && let Err(message) = fault::arm(&value.to_string_lossy())
    {
        eprintln!("error: {}: {message}", fault::VARIABLE);
        return Exit::Usage.into();
    }
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
    let signals = Signals::default();
    let run_plan = |plan: &RunPlan, sink: &mut dyn FnMut(Event)| run_plan(plan, &signals, sink);
    match cli::execute(&arguments, &mut console, read, run_plan, kernel::examine) {
        Exit::Interrupted(signal) => cli::signals::end_by(signal),
        exit => exit.into(),
    }
}

fn read(file: &str, bytes: &[u8], color: bool) -> Reading {
    let beside = |name: &str| beside::read(Path::new(file), name);
    let (scenario, diagnostics) = scenario::examine_with(file, bytes, &beside);
    Reading::new(scenario, &diagnostics, color)
}

/// Carries the plan out on the backend that it asks for, or that this machine allows.
fn run_plan(
    plan: &RunPlan,
    signals: &Signals,
    sink: &mut dyn FnMut(Event),
) -> Result<(), BackendError> {
    fault::point("run");
    kernel::turn_off()?;
    let chosen = choose(plan, || kernel::ready(signals))?;
    fault::point("chosen");
    // Whatever was chosen; the kernel's readiness took them already.
    let stop = signals.stop()?;
    match chosen.ground {
        Ground::Kernel => kernel::run(plan, chosen.why, stop, sink),
        Ground::Memory => memory(plan, chosen.why, stop, sink),
    }
}

/// SIGINT and SIGTERM, once they have been asked for.
#[derive(Default)]
struct Signals(OnceCell<Stop>);

impl Signals {
    /// What they ask to stop. From the first time on they end a run in order; until then they end the process, which
    /// has made nothing yet. That starts a thread, so the process must be where it is to stay.
    fn stop(&self) -> Result<Stop, BackendError> {
        if let Some(stop) = self.0.get() {
            return Ok(stop.clone());
        }
        let stop = Stop::default();
        cli::signals::listen(&stop).map_err(|error| BackendError::Failed {
            doing: "take SIGINT and SIGTERM".into(),
            why: error.to_string(),
        })?;
        Ok(self.0.get_or_init(|| stop).clone())
    }
}

/// Runs the scenarios, each on a backend of its own.
fn run_on<B: Backend>(
    runtime: io::Result<Runtime>,
    plan: &RunPlan,
    means: &Means<'_>,
    make: impl AsyncFn() -> Result<B, BackendError>,
    sink: &mut dyn FnMut(Event),
) -> Result<(), BackendError> {
    let runtime = runtime.map_err(|error| BackendError::Failed {
        doing: "start the runtime".into(),
        why: error.to_string(),
    })?;
    let options = run::Options {
        fail_fast: plan.fail_fast,
    };
    runtime.block_on(run::run_all(
        &plan.scenarios,
        plan.jobs,
        options,
        means,
        make,
        sink,
    ))
}

/// In memory, on this thread, on virtual time.
fn memory(
    plan: &RunPlan,
    why: String,
    stop: Stop,
    sink: &mut dyn FnMut(Event),
) -> Result<(), BackendError> {
    let seed = plan.seed;
    let means = Means {
        backend: Ground::Memory.name(),
        why,
        seed: Some(seed),
        clock: None,
        stop,
    };
    let runtime = Builder::new_current_thread().build();
    let make = async || {
        Ok(if plan.capture {
            Memory::capturing(seed)
        } else {
            Memory::new(seed)
        })
    };
    run_on(runtime, plan, &means, make, sink)
}

/// The kernel backend.
#[cfg(all(feature = "kernel", target_os = "linux"))]
mod kernel {
    use std::time::Instant;

    use canal_sim::backend::BackendError;
    use canal_sim::backend::kernel::capabilities::{self, Capability};
    use canal_sim::backend::kernel::{Kernel, airlock, features, room};
    use canal_sim::cli::doctor::{Finding, State};
    use canal_sim::cli::run::RunPlan;
    use canal_sim::cli::run::choose::Ground;
    use canal_sim::run::{Means, Stop, event::Event};
    use tokio::runtime::Builder;

    /// Turns off what tests want to see missing. An unknown name is no wish that can be met.
    pub fn turn_off() -> Result<(), BackendError> {
        let keys = std::env::var("CANAL_SIM_WITHOUT").unwrap_or_default();
        features::turn_off(&keys).map_err(|why| BackendError::Machine {
            what: format!("CANAL_SIM_WITHOUT: {why}"),
            mend: "unset it".into(),
        })
    }

    /// Leaves the caller's network, and sees to it that networks can be built here; what there has to be done
    /// without, and why.
    pub fn ready(signals: &super::Signals) -> Result<Vec<String>, BackendError> {
        // No thread has been started yet.
        airlock::enter()?;
        super::fault::point("airlock");
        room::sufficient()?;
        signals.stop()?;
        super::fault::point("signals");
        let missing = capabilities::required()?;
        let said = |one: Capability| format!("{} ({})", one.name, one.why);
        Ok(missing.into_iter().map(said).collect())
    }

    /// Carries the plan out; the process must be [`ready`].
    pub fn run(
        plan: &RunPlan,
        why: String,
        stop: Stop,
        sink: &mut dyn FnMut(Event),
    ) -> Result<(), BackendError> {
        let began = Instant::now();
        let clock = || began.elapsed();
        let means = Means {
            backend: Ground::Kernel.name(),
            why,
            seed: None,
            clock: Some(&clock),
            stop,
        };
        let runtime = Builder::new_multi_thread().enable_all().build();
        let make = async || Kernel::seeded(plan.seed).await;
        super::run_on(runtime, plan, &means, make, sink)
    }

    /// What it finds on this machine.
    pub fn examine() -> Vec<Finding> {
        let missing = |name: &str, error: BackendError| {
            vec![Finding {
                name: name.to_owned(),
                state: State::Missing,
                detail: error.what(),
                cost: "nothing runs on this machine's kernel".to_owned(),
                mend: error.mend(),
            }]
        };
        if let Err(error) = turn_off() {
            return missing("features", error);
        }
        if let Err(error) = airlock::enter() {
            return missing("network namespaces", error);
        }
        if let Err(error) = room::sufficient() {
            return missing("room", error);
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
}

/// No kernel backend: this is no Linux, or it was left out.
#[cfg(not(all(feature = "kernel", target_os = "linux")))]
mod kernel {
    use canal_sim::backend::BackendError;
    use canal_sim::cli::doctor::{Finding, State};
    use canal_sim::cli::run::RunPlan;
    use canal_sim::run::{Stop, event::Event};

    const WHAT: &str = "this program was built without the kernel backend";
    const MEND: &str = "build it for Linux, with the feature `kernel`; or use --backend memory";

    fn missing() -> BackendError {
        BackendError::Machine {
            what: WHAT.into(),
            mend: MEND.into(),
        }
    }

    /// Nothing is on.
    pub fn turn_off() -> Result<(), BackendError> {
        Ok(())
    }

    /// Never is.
    pub fn ready(_: &super::Signals) -> Result<Vec<String>, BackendError> {
        Err(missing())
    }

    /// Never does.
    pub fn run(
        _: &RunPlan,
        _: String,
        _: Stop,
        _: &mut dyn FnMut(Event),
    ) -> Result<(), BackendError> {
        Err(missing())
    }

    /// That it isn't there.
    pub fn examine() -> Vec<Finding> {
        vec![Finding {
            name: "kernel backend".to_owned(),
            state: State::Missing,
            detail: WHAT.to_owned(),
            cost: "nothing runs on this machine's kernel".to_owned(),
            mend: MEND.to_owned(),
        }]
    }
}
