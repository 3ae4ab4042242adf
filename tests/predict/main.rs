//! The predictor held against the kernel, on topologies made by chance.
//!
//! A case is a [`plan::Plan`] drawn from a seed and a number, written as a scenario and run on the kernel
//! with `predicted = true` in every probe. Where measurement and prediction differ, one of the two states
//! the clouds' rules wrongly. The case is made as small as it still differs, and kept as a file of
//! `tests/regressions`.
//!
//! | module | what it holds |
//! |---|---|
//! | `plan` | a topology and what is asked in it |
//! | `draw` | plans by chance |
//! | `case` | plans by number |
//! | `write` | plan → text of a scenario |
//! | `hold` | one scenario on the kernel |
//! | `difference` | what is held against what |
//! | `minimal` | a plan that still differs, as small as may be |
//! | `run` | many of them, side by side |
//! | `tally` | how many of each |
//! | `settings` | how much is done |
//!
//! The process enters the airlock before anything else, so no packet can leave the machine. Where the
//! machine forbids namespaces, the test is listed as ignored.

#![allow(clippy::unwrap_used, clippy::expect_used)]

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
    let trial = Trial::test("what_is_predicted_is_measured", run::all);
    libtest_mimic::run(&arguments, vec![trial.with_ignored_flag(ignored)]).exit();
}
