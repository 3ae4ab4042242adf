//! What the services saw of the probes: the source address that arrived.

use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub(super) use crate::backend::protocol::mark::{Mark, PROBE_HEADER};

#[derive(Debug)]
struct Note {
    mark: Mark,
    source: Ipv4Addr,
    at: Instant,
}

/// How many notes are kept: far more than probes are ever under way at once.
const KEPT: usize = 1024;

/// The services' notes, shared by all nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    notes: Mutex<VecDeque<Note>>,
    /// Why a service could not let somebody in.
    closed: Mutex<Option<io::Error>>,
    changed: Notify,
}

impl Witness {
    /// A probe with this mark came from there.
    pub(super) fn note(&self, mark: Mark, source: Ipv4Addr) {
        let at = Instant::now();
        let mut notes = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() == KEPT {
            notes.pop_front();
        }
        notes.push_back(Note { mark, source, at });
        drop(notes);
        self.0.changed.notify_waiters();
    }

    /// A service could not let somebody in: whoever asks now gets no answer through no fault of the network.
    pub(super) fn could_not_accept(&self, error: io::Error) {
        *self.closed() = Some(error);
    }

    /// Why a service could not, since this was last asked.
    pub(super) fn take_closed(&self) -> Option<io::Error> {
        self.closed().take()
    }

    fn closed(&self) -> MutexGuard<'_, Option<io::Error>> {
        let closed = &self.0.closed;
        closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the probe that began at `since` came from; none if nobody saw it, or two sources bear
    /// the same mark.
    pub(super) fn source(&self, mark: Mark, since: Instant) -> Option<Ipv4Addr> {
        let notes = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sources = notes
            .iter()
            .filter(|note| note.mark == mark && note.at >= since)
            .map(|note| note.source);
        let first = sources.next()?;
        sources.all(|other| other == first).then_some(first)
    }

    /// The same, but gives the service that long to write its note: a client's connection stands
    /// before the server has accepted it.
    pub(super) async fn wait(
        &self,
        mark: Mark,
        since: Instant,
        patience: Duration,
    ) -> Option<Ipv4Addr> {
        let noted = async {
            loop {
                let mut changed = std::pin::pin!(self.0.changed.notified());
                changed.as_mut().enable();
                if let Some(source) = self.source(mark, since) {
                    return source;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, noted).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::evidence::Token;

    #[test]
    fn two_sources_with_one_mark_are_no_answer() {
        let witness = Witness::default();
        let since = Instant::now();
        let mark = Mark::Token(Token([1; 8]));
        assert_eq!(witness.source(mark, since), None);
        witness.note(mark, Ipv4Addr::new(127, 0, 0, 1));
        assert_eq!(
            witness.source(mark, since),
            Some(Ipv4Addr::new(127, 0, 0, 1))
        );
        witness.note(mark, Ipv4Addr::new(127, 0, 0, 2));
        assert_eq!(witness.source(mark, since), None);
    }
}
