//! How much is done: from the environment.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// What a run does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `CANAL_SIM_PREDICT_SEED`: the cases follow from it.
    pub seed: u64,
    /// `CANAL_SIM_PREDICT_TOPOLOGIES`: how many.
    pub topologies: u64,
    /// `CANAL_SIM_PREDICT_FIRST`: the number of the first.
    pub first: u64,
    /// `CANAL_SIM_PREDICT_SECONDS`: when to begin no further ones.
    pub time: Option<Duration>,
    /// `CANAL_SIM_PREDICT_JOBS`: how many at a time.
    pub jobs: usize,
    /// `CANAL_SIM_PREDICT_STOP`: 1 to begin no further ones when one differs.
    pub stop: bool,
    /// `CANAL_SIM_PREDICT_SHRINKING`: how long a case may take to be made small, in milliseconds.
    pub shrinking: u32,
    /// `CANAL_SIM_PREDICT_FINDINGS`: where cases that differ are kept.
    pub findings: PathBuf,
}

impl Settings {
    /// # Panics
    ///
    /// Where a variable is no number: the run would not be what was asked for.
    pub fn read() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
        Self {
            seed: number("CANAL_SIM_PREDICT_SEED").unwrap_or(1),
            topologies: number("CANAL_SIM_PREDICT_TOPOLOGIES").unwrap_or(300),
            first: number("CANAL_SIM_PREDICT_FIRST").unwrap_or(0),
            time: number("CANAL_SIM_PREDICT_SECONDS").map(Duration::from_secs),
            // Most of a worker's time is waiting for packets that never come.
            jobs: number("CANAL_SIM_PREDICT_JOBS").unwrap_or(3 * cores),
            stop: number::<u8>("CANAL_SIM_PREDICT_STOP").is_some_and(|one| one != 0),
            shrinking: number("CANAL_SIM_PREDICT_SHRINKING").unwrap_or(20_000),
            findings: std::env::var_os("CANAL_SIM_PREDICT_FINDINGS").map_or_else(
                || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions"),
                PathBuf::from,
            ),
        }
    }

    /// The same for the network in memory, where more can be done: `CANAL_SIM_PREDICT_MEMORY` topologies.
    ///
    /// # Panics
    ///
    /// Where a variable is no number.
    pub fn in_memory() -> Self {
        let settings = Self::read();
        let cores = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
        Self {
            topologies: number("CANAL_SIM_PREDICT_MEMORY").unwrap_or(20_000),
            // Nothing waits there.
            jobs: number("CANAL_SIM_PREDICT_JOBS").unwrap_or(cores),
            ..settings
        }
    }
}

fn number<T: FromStr<Err: std::fmt::Debug>>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|why| panic!("{name}={text}: {why:?}")),
    )
}
