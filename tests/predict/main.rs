//! The predictor, the kernel and the network in memory held against one another, on topologies made by
//! chance.
//!
//! A case is a [`plan::Plan`] drawn from a seed and a number, written as a scenario and run on a backend
//! with `predicted = true` in every probe. Where measurement and prediction differ, one of the two states
//! the clouds' rules wrongly. The case is made as small as it still differs, and kept as a file of
//! `tests/regressions`. What runs on the kernel also runs in memory, and the two are compared.
//!
//! | module | what it holds |
//! |---|---|
//! | `plan` | a topology and what is asked in it |
//! | `draw` | plans by chance |
//! | `case` | plans by number |
//! | `write` | plan → text of a scenario |
//! | `hold` | one scenario on a backend |
//! | `both` | what two backends say of one question |
//! | `difference` | what is held against what |
//! | `minimal` | a plan that still differs, as small as may be |
//! | `run` | many of them, side by side |
//! | `tally` | how many of each |
//! | `settings` | how much is done |
//!
//! The process enters the airlock before anything else, so no packet can leave the machine. Where the
//! machine forbids namespaces, the test is listed as ignored.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod both;
mod case;
mod difference;
mod draw;
mod hold;
mod minimal;
mod plan;
mod run;
mod settings;
mod tally;
mod write;

use canal_sim::backend::kernel::airlock;
use libtest_mimic::{Arguments, Trial};

fn main() {
    let airlock = airlock::enter();
    let arguments = Arguments::from_args();
    if let Err(error) = &airlock {
        eprintln!("not run: {error}");
    }
    let ignored = airlock.is_err();
    let kernel = Trial::test("what_is_predicted_is_measured", run::on_the_kernel);
    let memory = Trial::test("what_is_predicted_is_measured_in_memory", run::in_memory);
    let trials = vec![kernel.with_ignored_flag(ignored), memory];
    libtest_mimic::run(&arguments, trials).exit();
}
