//! The relay's clock, and the kernel's time stamps on it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time since the relay began. It never goes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

/// A moment on both clocks: the relay's, and the machine's, which the kernel stamps frames by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    relay: Duration,
    machine: Duration,
}

/// What no frame waits for the relay. An older stamp was made before somebody set the machine's clock.
const OLDEST: Duration = Duration::from_secs(1);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(&self) -> Duration {
        self.0.elapsed()
    }

    /// The present, to read time stamps by.
    pub fn moment(&self) -> Moment {
        Moment {
            relay: self.now(),
            // A machine that thinks it is before 1970 has stamps that say nothing.
            machine: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }
}

impl Moment {
    /// When a frame came that bears this stamp and is there by now: now, where the stamp can't be right.
    pub fn arrival(&self, stamp: Option<Duration>) -> Duration {
        let age = stamp.and_then(|stamp| self.machine.checked_sub(stamp));
        match age {
            Some(age) if age < OLDEST => self.relay.saturating_sub(age),
            _ => self.relay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_counts_unless_it_cannot_be_right() {
        let seconds = Duration::from_secs;
        let moment = Moment {
            relay: seconds(100),
            machine: seconds(1_000_000),
        };
        let shortly = Duration::from_micros(30);
        let before = moment.machine - shortly;
        assert_eq!(moment.arrival(Some(before)), seconds(100) - shortly);
        for wrong in [None, Some(seconds(999_000)), Some(seconds(1_000_001))] {
            assert_eq!(moment.arrival(wrong), seconds(100), "{wrong:?}");
        }
    }
}
