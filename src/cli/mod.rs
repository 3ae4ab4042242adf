//! The command line: arguments → work → exit status.
//!
//! | module | what it does |
//! |---|---|
//! | [`args`] | what can be said on the command line |
//! | [`exit`] | what the exit status says |
//! | [`console`] | where output goes, and how it looks there |
//! | [`files`] | which scenario files are meant |
//! | [`pattern`] | `--filter` |
//! | [`reading`] | reads them, and says what is wrong with them |
//! | [`run`] | `canal-sim run` |
//! | [`check`] | `canal-sim check` |
//! | [`explain`] | `canal-sim explain` |
//! | [`doctor`] | `canal-sim doctor` |
//! | [`signals`] | SIGINT and SIGTERM |
//! | [`output`] | hands the events of a run to the reports |
//! | [`logging`] | `-v` and `--log` |
//!
//! What reads a scenario, what runs it and what examines the machine are handed in, so that all of
//! this can be tested without a network.

pub mod args;
pub mod beside;
pub mod check;
pub mod console;
pub mod doctor;
pub mod exit;
pub mod explain;
pub mod files;
pub mod logging;
pub mod output;
pub mod pattern;
pub mod reading;
pub mod run;
pub mod signals;

use crate::backend::BackendError;
use crate::run::event::Event;
use args::{Arguments, Command};
use console::Console;
use doctor::Finding;
use exit::Exit;
use reading::Reading;
use run::RunPlan;

/// Does what the arguments say.
///
/// `read` gets a file's name, its bytes and whether to use colours. `runner` carries the plan out and
/// hands every event on. `examine` says what the kernel backend finds on this machine.
pub fn execute(
    arguments: &Arguments,
    console: &mut Console<'_>,
    read: impl Fn(&str, &[u8], bool) -> Reading,
    runner: impl Fn(&RunPlan, &mut dyn FnMut(Event)) -> Result<(), BackendError>,
    examine: impl FnOnce() -> Vec<Finding>,
) -> Exit {
    match &arguments.command {
        Command::Run(arguments) => run::run_command(arguments, console, read, runner),
        Command::Check(arguments) => check::check_command(arguments, console, read),
        Command::Explain(arguments) => explain::explain_command(arguments, console, read),
        Command::Doctor(arguments) => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let health = doctor::Health::new(examine(), doctor::programs(&path));
            doctor::doctor_command(arguments, console, &health)
        }
    }
}
