//! The clock of shaped links, and the kernel's time stamps on it.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

/// Time since the network was made. It never goes back, and goes along where the clouds' clock is put on: what was
/// under way then comes at once, and a radio that nobody used sleeps.
#[derive(Clone)]
pub(in crate::backend::kernel) struct Clock(Arc<Shared>);

struct Shared {
    began: Instant,
    /// When it was put on, in real time since it began, and by how much in all.
    skips: RwLock<Vec<Skip>>,
    /// Wakes whoever sleeps by this clock.
    bell: EventFd,
}

#[derive(Clone, Copy, Debug)]
struct Skip {
    at: Duration,
    total: Duration,
}

/// A moment, to read the time stamps by that the kernel gives frames on the machine's clock.
#[derive(Debug)]
pub(super) struct Moment<'a> {
    skips: RwLockReadGuard<'a, Vec<Skip>>,
    /// Real time since our clock began.
    real: Duration,
    machine: Duration,
}

/// What no frame waits for the relay. An older stamp was made before somebody set the machine's clock.
const OLDEST: Duration = Duration::from_secs(1);

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Result<Self, Errno> {
        Ok(Self(Arc::new(Shared {
            began: Instant::now(),
            skips: RwLock::default(),
            bell: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
        })))
    }

    /// How long since it began.
    pub fn now(&self) -> Duration {
        let skips = self.skips();
        ours(&skips, self.0.began.elapsed())
    }

    /// Puts it on.
    pub fn skip(&self, time: Duration) {
        let mut skips = self.0.skips.write().unwrap_or_else(PoisonError::into_inner);
        let before = skips.last().map_or(Duration::ZERO, |skip| skip.total);
        skips.push(Skip {
            at: self.0.began.elapsed(),
            total: before.saturating_add(time),
        });
        drop(skips);
        self.ring();
    }

    /// The present.
    pub(super) fn moment(&self) -> Moment<'_> {
        Moment {
            skips: self.skips(),
            real: self.0.began.elapsed(),
            // A machine that thinks it is before 1970 has stamps that say nothing.
            machine: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// A panic elsewhere leaves them whole: each change is one insertion.
    fn skips(&self) -> RwLockReadGuard<'_, Vec<Skip>> {
        self.0.skips.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever sleeps by this clock. A bell that can't be rung has rung already.
    pub(super) fn ring(&self) {
        let _ = self.0.bell.write(1);
    }

    /// Readable when the bell has rung.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.0.bell.as_fd()
    }

    /// Lets the bell ring anew; several rings are one.
    pub(super) fn hush(&self) {
        let _ = self.0.bell.read();
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

impl Moment<'_> {
    /// When a frame came that bears this stamp and is there by now: now, where the stamp can't be right.
    pub fn arrival(&self, stamp: Option<Duration>) -> Duration {
        let age = stamp.and_then(|stamp| self.machine.checked_sub(stamp));
        let age = age.filter(|age| *age < OLDEST).unwrap_or_default();
        ours(&self.skips, self.real.saturating_sub(age))
    }
}

/// What our clock showed at a moment in real time since it began.
fn ours(skips: &[Skip], real: Duration) -> Duration {
    let last = skips.iter().rev().find(|skip| skip.at <= real);
    real.saturating_add(last.map_or(Duration::ZERO, |skip| skip.total))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_counts_unless_it_cannot_be_right() {
        let seconds = Duration::from_secs;
        let clock = Clock::start().unwrap();
        let moment = Moment {
            real: seconds(100),
            machine: seconds(1_000_000),
            ..clock.moment()
        };
        let shortly = Duration::from_micros(30);
        let before = moment.machine - shortly;
        assert_eq!(moment.arrival(Some(before)), seconds(100) - shortly);
        for wrong in [None, Some(seconds(999_000)), Some(seconds(1_000_001))] {
            assert_eq!(moment.arrival(wrong), seconds(100), "{wrong:?}");
        }
    }

    #[test]
    fn what_came_before_the_clock_was_put_on_came_before() {
        let seconds = Duration::from_secs;
        let skip = |at, total| Skip {
            at: seconds(at),
            total: seconds(total),
        };
        let skips = [skip(10, 60), skip(20, 3_660)];
        for (real, shown) in [(9, 9), (10, 70), (19, 79), (20, 3_680), (30, 3_690)] {
            assert_eq!(ours(&skips, seconds(real)), seconds(shown));
        }
    }

    #[test]
    fn what_is_skipped_has_passed_for_every_holder() {
        let clock = Clock::start().unwrap();
        let other = clock.clone();
        other.skip(Duration::from_secs(60));
        assert!(clock.now() >= Duration::from_secs(60));
        clock.skip(Duration::MAX);
        let late = clock.now();
        clock.skip(Duration::from_secs(1));
        assert!(clock.now() >= late, "it does not turn over");
    }
}
