//! What is generated. Names and addresses come out of small pools, so that things meet.

pub mod action;
pub mod cloud;
pub mod flow;
pub mod network;
mod pool;

use proptest::test_runner::Config;

/// How many cases a law gets: `PROPTEST_CASES` where that is set, else as many as fit into a run of the
/// whole test suite.
pub fn cases(usual: u32) -> Config {
    let mut config = Config::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = usual;
    }
    config
}
