//! What a run is carried out on.

use std::time::Duration;

use super::stop::Stop;

/// What a run is carried out on.
#[derive(Clone)]
pub struct Means<'a> {
    /// The backend's name.
    pub backend: &'static str,
    /// Why it was taken.
    pub why: String,
    /// What chance is drawn from; none where nothing repeats it.
    pub seed: Option<u64>,
    /// How long the run has been going on. None where each network has a time of its own: then the run takes as
    /// long as all its scenarios together.
    pub clock: Option<&'a dyn Fn() -> Duration>,
    /// Asks it to end before its time.
    pub stop: Stop,
}
