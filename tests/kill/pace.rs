//! How much of the machine a run had while it ended: on a busy one, what the clock says is not its own.

use std::fs;
use std::time::{Duration, Instant};

/// What has been spent until a time, in the kernel's ticks (proc(5)).
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    at: Instant,
    /// Of all processors.
    passed: f64,
    /// In which they were not idle.
    busy: f64,
    /// By the process itself.
    own: f64,
}

/// How long something took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Took {
    /// On the clock.
    pub clock: Duration,
    /// The same, less the share of the machine that others had meanwhile: all of it on a machine that does nothing else.
    pub own: Duration,
}

impl Reading {
    /// Looks at this child, which may have ended if nobody has waited for it yet.
    pub fn now(child: u32) -> Self {
        let at = Instant::now();
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let first = stat.lines().next().unwrap().split_whitespace().skip(1);
        // What guests take is a part of what users take.
        let times: Vec<f64> = first.take(8).map(|text| text.parse().unwrap()).collect();
        let passed: f64 = times.iter().sum();
        // idle and iowait
        let idle: f64 = times[3..5].iter().sum();
        // utime and stime; its name may hold anything.
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let own = fields.split_whitespace().skip(11).take(2);
        Self {
            at,
            passed,
            busy: passed - idle,
            own: own.map(|text| text.parse::<f64>().unwrap()).sum(),
        }
    }

    /// From then to this.
    pub fn since(&self, then: &Self) -> Took {
        let clock = self.at.saturating_duration_since(then.at);
        let passed = self.passed - then.passed;
        let others = (self.busy - then.busy) - (self.own - then.own);
        let share = if passed > 0.0 { others / passed } else { 0.0 };
        Took {
            clock,
            own: clock.mul_f64(1.0 - share.clamp(0.0, 1.0)),
        }
    }
}
