//! Virtual time.

use std::ops::Add;
use std::time::Duration;

/// The day on which every network is made: 2026-01-01, counted from 1970.
pub(super) const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// A moment, in nanoseconds since the network was made. It only moves when an event is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(u64);

impl Time {
    /// How long after another moment; nothing where it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// How long after the network was made.
    pub fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The moment that long after the network was made; five centuries at most.
    pub fn from_duration(time: Duration) -> Self {
        Self(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(Self::from_duration(time).0))
    }
}

impl From<Time> for smoltcp::time::Instant {
    fn from(time: Time) -> Self {
        Self::from_micros(i64::try_from(time.0 / 1_000).unwrap_or(i64::MAX))
    }
}

impl From<smoltcp::time::Instant> for Time {
    fn from(time: smoltcp::time::Instant) -> Self {
        Self(
            u64::try_from(time.total_micros())
                .unwrap_or(0)
                .saturating_mul(1_000),
        )
    }
}
