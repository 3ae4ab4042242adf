//! How long a frame takes to leave the queue.

use std::sync::Arc;
use std::time::Duration;

use crate::network::{OPPORTUNITY, Rate, Trace};

/// What mahimahi counts of a packet beside its bytes: the header of its TUN interface.
const TUN_HEADER: u64 = 4;

const NANOS: u64 = 1_000_000_000;

/// A rate, and how far it has come.
#[derive(Clone, Debug)]
pub(super) enum Pace {
    /// At once.
    Free,
    /// Bits a second.
    Constant(u64),
    /// By opportunities.
    Trace(Schedule),
}

/// A trace that began at some time.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    trace: Arc<Trace>,
    origin: Duration,
    /// The opportunity at which the frame before was done, and what it left of it in bytes.
    rest: Option<(u64, u64)>,
}

impl Pace {
    /// A pace that begins now.
    pub fn new(rate: &Rate, now: Duration) -> Self {
        match rate {
            Rate::Unlimited => Self::Free,
            Rate::Constant(rate) => Self::Constant(rate.get()),
            Rate::Trace(trace) => Self::Trace(Schedule {
                trace: Arc::clone(trace),
                origin: now,
                rest: None,
            }),
        }
    }

    /// Whether it says the same as a rate.
    pub fn is(&self, rate: &Rate) -> bool {
        match (self, rate) {
            (Self::Free, Rate::Unlimited) => true,
            (Self::Constant(bits), Rate::Constant(rate)) => *bits == rate.get(),
            (Self::Trace(schedule), Rate::Trace(trace)) => schedule.trace == *trace,
            _ => false,
        }
    }

    /// When the last bit of a packet has left that begins at `start`. In a row of packets each begins when the
    /// one before is done; [`Pace::rest`] ends the row. Rounded up to a nanosecond: never early.
    pub fn finish(&mut self, start: Duration, packet: u64) -> Duration {
        match self {
            Self::Free => start,
            Self::Constant(rate) => start.saturating_add(time_of(packet.saturating_mul(8), *rate)),
            Self::Trace(schedule) => schedule.finish(start, packet),
        }
    }

    /// Nothing waits any more: what is left of an opportunity goes unused.
    pub fn rest(&mut self) {
        if let Self::Trace(schedule) = self {
            schedule.rest = None;
        }
    }

    /// How much of a packet has left by `now` that began at `start` in a row of its own, in bytes, rounded
    /// down. Called before the end of the packet only.
    pub fn sent(&self, start: Duration, now: Duration) -> u64 {
        let passed = now.saturating_sub(start);
        match self {
            Self::Free => 0,
            Self::Constant(rate) => {
                let bits = passed.as_nanos() * u128::from(*rate) / u128::from(NANOS);
                u64::try_from(bits / 8).unwrap_or(u64::MAX)
            }
            Self::Trace(schedule) => {
                let since =
                    |time: Duration| schedule.trace.after(time.saturating_sub(schedule.origin));
                let used = since(now) - since(start.min(now));
                used.saturating_mul(OPPORTUNITY)
            }
        }
    }
}

impl Schedule {
    fn finish(&mut self, start: Duration, packet: u64) -> Duration {
        let mut need = packet.saturating_add(TUN_HEADER);
        let (mut at, mut left) = match self.rest {
            Some(rest) => rest,
            None => {
                let first = self.trace.after(start.saturating_sub(self.origin));
                (first, OPPORTUNITY)
            }
        };
        // Whole opportunities at once: a packet may be of any length.
        if need > left {
            need -= left;
            let more = need.div_ceil(OPPORTUNITY);
            at = at.saturating_add(more);
            left = more * OPPORTUNITY - need;
        } else {
            left -= need;
        }
        // An opportunity that is used up is not the next packet's.
        self.rest = Some(if left == 0 {
            (at + 1, OPPORTUNITY)
        } else {
            (at, left)
        });
        self.origin.saturating_add(self.trace.time(at)).max(start)
    }
}

/// How long so many bits take, rounded up.
fn time_of(bits: u64, rate: u64) -> Duration {
    // Whole seconds apart, so that no length of a packet overflows.
    let (seconds, rest) = (bits / rate, bits % rate);
    match rest.checked_mul(NANOS) {
        Some(scaled) => Duration::new(seconds, 0) + Duration::from_nanos(scaled.div_ceil(rate)),
        None => {
            let nanos = (u128::from(rest) * u128::from(NANOS)).div_ceil(u128::from(rate));
            // `rest` is less than `rate`, so this is at most a second.
            Duration::new(seconds, 0) + Duration::from_nanos(nanos as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::network::BitRate;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_packet_takes_its_bits_over_the_rate() {
        let mut pace = Pace::Constant(32_000);
        assert_eq!(pace.finish(ms(10), 1_000), ms(260));
        assert_eq!(pace.sent(ms(10), ms(11)), 4);
        let mut pace = Pace::Constant(3);
        assert_eq!(
            pace.finish(Duration::ZERO, 1),
            Duration::from_nanos(2_666_666_667)
        );
    }

    #[test]
    fn no_length_and_no_rate_overflows() {
        for rate in [1, 3, BitRate::MOST] {
            let time = time_of(u64::MAX, rate);
            assert!(time.as_secs() >= u64::MAX / rate);
        }
    }

    #[test]
    fn a_full_packet_takes_one_opportunity_and_two_small_ones_share_it() {
        let trace = Arc::new(Trace::parse("5\n10\n").unwrap());
        let mut pace = Pace::new(&Rate::Trace(trace), Duration::ZERO);
        assert_eq!(pace.finish(ms(0), 1_500), ms(5));
        assert_eq!(pace.finish(ms(5), 746), ms(10));
        assert_eq!(pace.finish(ms(10), 750), ms(10));
        // Two whole ones and a part of a third.
        assert_eq!(pace.finish(ms(10), 3_500), ms(25));
        pace.rest();
        assert_eq!(pace.finish(ms(25), 100), ms(30));
    }

    #[test]
    fn an_opportunity_without_a_packet_is_gone() {
        let trace = Arc::new(Trace::parse("5\n10\n").unwrap());
        let mut pace = Pace::new(&Rate::Trace(trace), ms(100));
        assert_eq!(pace.finish(ms(105), 100), ms(110));
        pace.rest();
        assert_eq!(pace.finish(ms(131), 100), ms(135));
    }
}
