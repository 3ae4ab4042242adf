//! The kernel backend on real namespaces: each test builds a network, sends packets through it and
//! looks at what arrives.
//!
//! The process enters the airlock before anything else, so no packet can leave the machine. Where the
//! machine forbids namespaces, the tests are listed as ignored.

#![allow(clippy::unwrap_used, clippy::expect_used)]
// In the airlock, and inside the namespaces that the tests made.
#![allow(clippy::disallowed_methods)]

mod bench;
mod clouds;
mod drops;
mod filters;
mod guests;
mod links;
mod machine;
mod nat;
mod rootless;
mod routing;
mod shaped;
mod tunnels;

use libtest_mimic::{Arguments, Failed, Trial};

use canal_sim::backend::kernel::airlock;
use canal_sim::backend::kernel::drops::missing;

/// A test: its name and what it does.
type Test = (&'static str, fn() -> Result<(), Failed>);

fn main() {
    let airlock = airlock::enter();
    let arguments = Arguments::from_args();
    if let Err(error) = &airlock {
        eprintln!("not run: {error}");
    }
    let tests: Vec<Test> = [
        links::TESTS,
        guests::TESTS,
        routing::TESTS,
        filters::TESTS,
        nat::TESTS,
        tunnels::TESTS,
        shaped::TESTS,
        clouds::TESTS,
        machine::TESTS,
    ]
    .concat();
    let mut trials: Vec<Trial> = tests
        .iter()
        .map(|(name, test)| Trial::test(*name, *test))
        .collect();
    if !rootless::is_inner() {
        trials.push(Trial::test(
            "rootless::everything_works_in_a_user_namespace",
            rootless::everything_works_in_a_user_namespace,
        ));
    }
    let mut trials: Vec<Trial> = trials
        .into_iter()
        .map(|trial| trial.with_ignored_flag(airlock.is_err()))
        .collect();
    let deaf = missing();
    trials.extend(drops::TESTS.iter().map(|(name, test)| {
        Trial::test(*name, *test)
            .with_ignored_flag(airlock.is_err() || deaf.is_some())
            .with_kind(deaf.unwrap_or_default())
    }));
    libtest_mimic::run(&arguments, trials).exit();
}
