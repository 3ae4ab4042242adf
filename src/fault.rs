//! Named points of a run at which a test has the process end: it panics there, or sends itself a signal.
//!
//! Nothing of this can harm anybody. A build without debug assertions, as every release build is, holds none of it:
//! [`point`] does nothing there, and nobody reads the variable. In a debug build the variable concerns this
//! process alone, and makes it do what whoever sets it could do from outside: end.
//!
//! `CANAL_SIM_FAULT=SIGKILL@maker:3` ends it the third time that the point called `maker` is passed; `panic`,
//! `SIGINT` and `SIGTERM` stand in the same place. `CANAL_SIM_FAULT=list` writes each point that is passed to
//! stderr.

/// The variable that says what shall happen where.
pub const VARIABLE: &str = "CANAL_SIM_FAULT";

/// Before each line that tells of a point on stderr.
pub const MARK: &str = "fault point: ";

/// Takes the variable's value. Does nothing in a build without debug assertions.
///
/// # Errors
///
/// Where it says nothing that is understood.
pub fn arm(value: &str) -> Result<(), String> {
    armed::arm(value)
}

/// This point is passed.
#[inline(always)]
pub fn point(name: &str) {
    armed::point(name);
}

#[cfg(not(debug_assertions))]
mod armed {
    pub fn arm(_: &str) -> Result<(), String> {
        Ok(())
    }

    #[inline(always)]
    pub fn point(_: &str) {}
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::MARK;

    /// Unset where nothing shall happen, as always but in tests.
    static PLAN: OnceLock<Plan> = OnceLock::new();

    #[derive(Debug)]
    enum Plan {
        List,
        End {
            act: Act,
            at: String,
            /// How many times the point is passed before, and that once.
            left: AtomicUsize,
        },
    }

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Panic,
        Signal(i32, &'static str),
    }

    const ACTS: [(&str, Act); 4] = [
        ("panic", Act::Panic),
        ("SIGINT", Act::Signal(2, "SIGINT")),
        ("SIGKILL", Act::Signal(9, "SIGKILL")),
        ("SIGTERM", Act::Signal(15, "SIGTERM")),
    ];

    fn read(value: &str) -> Option<Plan> {
        if value == "list" {
            return Some(Plan::List);
        }
        let (act, place) = value.split_once('@')?;
        let (at, times) = place.rsplit_once(':')?;
        let act = ACTS.into_iter().find(|(name, _)| *name == act)?.1;
        let times: usize = times.parse().ok().filter(|times| *times > 0)?;
        Some(Plan::End {
            act,
            at: at.to_owned(),
            left: AtomicUsize::new(times),
        })
    }

    pub fn arm(value: &str) -> Result<(), String> {
        let plan = read(value).ok_or_else(|| format!("{value:?} names no fault"))?;
        PLAN.set(plan).map_err(|_| "armed before".to_owned())
    }

    pub fn point(name: &str) {
        match PLAN.get() {
            None => {}
            Some(Plan::List) => eprintln!("{MARK}{name}"),
            Some(Plan::End { act, at, left }) => {
                if at != name {
                    return;
                }
                // Below zero it stays: 1 is seen once.
                let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                });
                if before == Ok(1) {
                    end(*act, name);
                }
            }
        }
    }

    fn end(act: Act, name: &str) {
        match act {
            Act::Panic => {
                eprintln!("{MARK}panic at {name}");
                panic!("as asked, at {name}");
            }
            Act::Signal(number, signal) => {
                eprintln!("{MARK}{signal} at {name}");
                raise(number);
            }
        }
    }

    #[cfg(unix)]
    fn raise(signal: i32) {
        // Nothing but a number that is no signal would be an error.
        let _ = signal_hook::low_level::raise(signal);
    }

    #[cfg(not(unix))]
    fn raise(_: i32) {}

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_is_not_understood_is_refused() {
            for value in [
                "",
                "SIGKILL",
                "SIGKILL@maker",
                "SIGKILL@maker:0",
                "SIGHUP@a:1",
            ] {
                assert!(read(value).is_none(), "{value:?}");
            }
            let plan = read("panic@namespace:made:2");
            let Some(Plan::End { act, at, left }) = plan else {
                panic!("{plan:?}")
            };
            assert!(matches!(act, Act::Panic));
            assert_eq!((&*at, left.into_inner()), ("namespace:made", 2));
        }
    }
}
