//! A link's varying rate as it was measured: mahimahi's trace format.
//!
//! One line for each opportunity to send: the time in milliseconds at which 1,504 bytes may pass. The
//! same number may stand several times. At the end the trace begins again; its last time is its length
//! (mahimahi 1.4, `mm-link`, README of its `traces`).

use std::fmt;
use std::time::Duration;

/// How many bytes pass at each opportunity: an IP packet of 1,500 bytes with the header of 4 that
/// mahimahi's TUN interface puts before it.
pub const OPPORTUNITY: u64 = 1_504;

/// Times at which a link may send.
#[derive(Clone, PartialEq, Eq)]
pub struct Trace {
    /// Milliseconds, ascending; not empty, and the last is not 0.
    times: Vec<u32>,
}

/// What is wrong with a trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// There is no opportunity at all.
    #[error("there is no line with a time in it")]
    Empty,
    /// Something that is no number of milliseconds.
    #[error("line {line}: `{text}` is not a whole number of milliseconds below 2^32")]
    Number {
        /// The line, from 1.
        line: usize,
        /// The start of what stands there.
        text: String,
    },
    /// A time before the one above it.
    #[error("line {line}: {time} ms comes after {before} ms; times must not descend")]
    Order {
        /// The line, from 1.
        line: usize,
        /// Its time.
        time: u32,
        /// The time before.
        before: u32,
    },
    /// Every opportunity is at 0.
    #[error("all times are 0; the last one is the length of the trace, and must be more")]
    NoLength,
}

impl Trace {
    /// Reads a trace: one whole number of milliseconds on each line; empty lines don't count.
    ///
    /// # Errors
    ///
    /// What is wrong, and on which line.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut times = Vec::new();
        for (at, written) in text.lines().enumerate() {
            let (line, written) = (at + 1, written.trim());
            if written.is_empty() {
                continue;
            }
            let time: u32 = written.parse().map_err(|_| TraceError::Number {
                line,
                text: written.chars().take(20).collect(),
            })?;
            if let Some(before) = times.last().copied().filter(|before| time < *before) {
                return Err(TraceError::Order { line, time, before });
            }
            times.push(time);
        }
        match times.last() {
            None => Err(TraceError::Empty),
            Some(0) => Err(TraceError::NoLength),
            Some(_) => Ok(Self { times }),
        }
    }

    /// After how long it begins again.
    pub fn length(&self) -> Duration {
        Duration::from_millis(self.period())
    }

    /// The time of an opportunity since the trace's beginning. The count goes on over repetitions.
    pub fn time(&self, opportunity: u64) -> Duration {
        let count = self.times.len() as u64;
        let (round, place) = (opportunity / count, opportunity % count);
        // `place` is less than the length of a vector.
        let within = u64::from(self.times[place as usize]);
        Duration::from_millis(round.saturating_mul(self.period()).saturating_add(within))
    }

    /// The first opportunity after a time since the trace's beginning.
    pub fn after(&self, time: Duration) -> u64 {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let round = millis / self.period();
        let within = millis % self.period();
        // An opportunity in the very millisecond has passed: it was at its beginning.
        let passed = self.times.partition_point(|at| u64::from(*at) <= within);
        round
            .saturating_mul(self.times.len() as u64)
            .saturating_add(passed as u64)
    }

    fn period(&self) -> u64 {
        self.times.last().map_or(1, |last| u64::from(*last))
    }
}

impl fmt::Debug for Trace {
    /// A trace has thousands of lines: its measure is enough.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Trace({} opportunities in {} ms)",
            self.times.len(),
            self.period()
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_trace_begins_again_at_its_last_time() {
        let trace = Trace::parse("0\n2\n\n2\n5\n").unwrap();
        assert_eq!(trace.length(), ms(5));
        let times: Vec<u64> = (0..9).map(|n| trace.time(n).as_millis() as u64).collect();
        assert_eq!(times, [0, 2, 2, 5, 5, 7, 7, 10, 10]);
    }

    #[test]
    fn the_next_opportunity_is_the_first_that_has_not_passed() {
        let trace = Trace::parse("0\n2\n2\n5\n").unwrap();
        for now in 0..40 {
            let first = (0..).find(|n| trace.time(*n) > ms(now)).unwrap();
            assert_eq!(trace.after(ms(now)), first, "after {now} ms");
            assert_eq!(trace.after(ms(now) + Duration::from_nanos(1)), first);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = |text| Trace::parse(text).unwrap_err().to_string();
        assert_eq!(wrong("\n\n"), "there is no line with a time in it");
        assert_eq!(
            wrong("1\n2ms\n"),
            "line 2: `2ms` is not a whole number of milliseconds below 2^32"
        );
        assert_eq!(
            wrong("1\n\n7\n3\n"),
            "line 4: 3 ms comes after 7 ms; times must not descend"
        );
        assert_eq!(
            wrong("0\n0\n"),
            "all times are 0; the last one is the length of the trace, and must be more"
        );
    }
}
