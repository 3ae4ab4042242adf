//! A run that is asked to end before its time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use serde::Serialize;
use tokio::sync::watch;

/// Who asked a run to end: the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Signal {
    /// From a keyboard, as a rule.
    #[serde(rename = "SIGINT")]
    Interrupt,
    /// From a supervisor, as a rule.
    #[serde(rename = "SIGTERM")]
    Terminate,
}

impl Signal {
    /// Those that end a run in order.
    pub const ALL: [Self; 2] = [Self::Interrupt, Self::Terminate];

    /// Its number, the same on every system (signal(7), POSIX's kill(1)).
    pub const fn number(self) -> u8 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }

    /// What it does to a scenario: `interrupted by SIGINT`.
    pub fn told(self) -> String {
        format!("interrupted by {self}")
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Asks a run to end, from any thread. Its clones ask the same run.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<Option<Signal>>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Stop {
    /// Asks; whoever asked first is named.
    pub fn ask(&self, signal: Signal) {
        self.0.send_if_modified(|asked| {
            let is_first = asked.is_none();
            asked.get_or_insert(signal);
            is_first
        });
    }

    /// Who has asked so far.
    pub fn asked(&self) -> Option<Signal> {
        *self.0.borrow()
    }

    /// Does the work, or as much of it as is done when the run is asked to end.
    ///
    /// # Errors
    ///
    /// Who asked; the work is dropped then, or has not begun.
    pub(super) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, Signal> {
        let mut receiver = self.0.subscribe();
        let mut work = pin!(work);
        // An error would mean that nobody can ask any more, but this holds the sender.
        let mut woken = pin!(receiver.wait_for(Option::is_some));
        let mut is_over = false;
        poll_fn(|context| {
            // For the wake-up only: what was asked is looked up, since a task that has done much is told to
            // come again by whatever of the runtime it asks.
            if !is_over {
                is_over = woken.as_mut().poll(context).is_ready();
            }
            match self.asked() {
                Some(signal) => Poll::Ready(Err(signal)),
                None => work.as_mut().poll(context).map(Ok),
            }
        })
        .await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.build().unwrap().block_on(work)
    }

    #[test]
    fn work_ends_where_nobody_asks() {
        let stop = Stop::default();
        assert_eq!(block_on(stop.or(async { 7 })), Ok(7));
        assert_eq!(stop.asked(), None);
    }

    #[test]
    fn what_never_ends_is_left_once_somebody_asks() {
        let stop = Stop::default();
        let other = stop.clone();
        let asking = std::thread::spawn(move || {
            other.ask(Signal::Terminate);
            other.ask(Signal::Interrupt);
        });
        let left = block_on(stop.or(std::future::pending::<()>()));
        assert_eq!(left, Err(Signal::Terminate));
        asking.join().unwrap();
        assert_eq!(stop.asked(), Some(Signal::Terminate));
    }

    #[test]
    fn nothing_begins_after_somebody_has_asked() {
        let stop = Stop::default();
        stop.ask(Signal::Interrupt);
        let began = block_on(stop.or(async { panic!("it began") }));
        assert_eq!(began, Err(Signal::Interrupt));
    }
}
