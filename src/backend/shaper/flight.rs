//! Frames that have been sent and not yet come.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// Frames by the time at which they come.
#[derive(Clone, Debug)]
pub(super) struct Flight<P> {
    /// Those that keep their order: times don't descend.
    column: VecDeque<(Duration, P)>,
    /// Those that come late.
    stragglers: BinaryHeap<Reverse<Straggler<P>>>,
    /// When the last of the column comes; nothing in it comes before.
    last: Duration,
    /// How many have come late so far: of two at the same time, the first sent is the first to come.
    late: u64,
}

impl<P> Flight<P> {
    pub fn new() -> Self {
        Self {
            column: VecDeque::new(),
            stragglers: BinaryHeap::new(),
            last: Duration::ZERO,
            late: 0,
        }
    }

    /// Sends one that comes at `due`, or with the one before it where that comes later.
    pub fn keep(&mut self, due: Duration, parcel: P) {
        self.last = self.last.max(due);
        self.column.push_back((self.last, parcel));
    }

    /// Sends one that comes by so much later than it would in the column: it overtakes none, and holds none up.
    pub fn stray(&mut self, due: Duration, late: Duration, parcel: P) {
        let due = self.in_order(due).saturating_add(late);
        let number = self.late;
        self.late += 1;
        self.stragglers.push(Reverse(Straggler {
            due,
            number,
            parcel,
        }));
    }

    /// When one that would come at `due` comes in the column.
    pub fn in_order(&self, due: Duration) -> Duration {
        self.last.max(due)
    }

    /// When the next one comes.
    pub fn next(&self) -> Option<Duration> {
        let column = self.column.front().map(|(due, _)| *due);
        let straggler = self.stragglers.peek().map(|late| late.0.due);
        match (column, straggler) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The next one that has come by `now`.
    pub fn take(&mut self, now: Duration) -> Option<P> {
        let column = self.column.front().map(|(due, _)| *due);
        let late = self.stragglers.peek().map(|late| late.0.due);
        let straggles = late.is_some_and(|late| column.is_none_or(|due| late < due));
        if straggles {
            late.filter(|due| *due <= now)?;
            return self.stragglers.pop().map(|late| late.0.parcel);
        }
        column.filter(|due| *due <= now)?;
        self.column.pop_front().map(|(_, parcel)| parcel)
    }

    pub fn len(&self) -> usize {
        self.column.len() + self.stragglers.len()
    }

    /// Loses all of them. Nothing is left that others must not overtake.
    pub fn clear(&mut self) {
        self.column.clear();
        self.stragglers.clear();
        self.last = Duration::ZERO;
    }
}

#[derive(Clone, Debug)]
struct Straggler<P> {
    due: Duration,
    number: u64,
    parcel: P,
}

impl<P> Straggler<P> {
    fn key(&self) -> (Duration, u64) {
        (self.due, self.number)
    }
}

impl<P> PartialEq for Straggler<P> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<P> Eq for Straggler<P> {}

impl<P> PartialOrd for Straggler<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> Ord for Straggler<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
