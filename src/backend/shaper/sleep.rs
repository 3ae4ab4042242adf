//! A cellular radio's sleep.

use std::time::Duration;

use super::dice::Dice;
use crate::network::Radio;

/// Until when a radio is awake, and from when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sleep {
    /// Nothing is sent before.
    ready: Duration,
    /// It sleeps from here on, unless there is something to send.
    until: Duration,
}

impl Sleep {
    /// A radio that has just been used: the session has come up.
    pub fn new(radio: Option<&Radio>, now: Duration) -> Self {
        Self {
            ready: now,
            until: now.saturating_add(radio.map_or(Duration::ZERO, |radio| radio.idle)),
        }
    }

    /// When a frame that has come at `now` can be sent. Wakes the radio where it sleeps.
    pub fn wake(&mut self, radio: &Radio, now: Duration, dice: &mut Dice) -> Duration {
        if now >= self.until {
            self.ready = now.saturating_add(dice.between(radio.wake_least, radio.wake_most));
        }
        let start = self.ready.max(now);
        self.used(radio, start);
        start
    }

    /// There is something to send until then.
    pub fn used(&mut self, radio: &Radio, until: Duration) {
        self.until = self.until.max(until.saturating_add(radio.idle));
    }

    /// What both directions know together.
    pub fn join(&mut self, other: &mut Self) {
        let both = Self {
            ready: self.ready.max(other.ready),
            until: self.until.max(other.until),
        };
        (*self, *other) = (both, both);
    }
}
