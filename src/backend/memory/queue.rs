//! What happens next: events in order of time, and of the order in which they were planned.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use super::time::Time;

/// Events of a kind `E`.
#[derive(Debug)]
pub(super) struct Queue<E> {
    /// Those that take the same time from when they are planned to when they are due: they come in order
    /// by themselves.
    steady: VecDeque<Entry<E>>,
    /// All others.
    others: BinaryHeap<Reverse<Entry<E>>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Time,
    number: u64,
    event: E,
}

impl<E> Queue<E> {
    pub fn new() -> Self {
        Self {
            steady: VecDeque::new(),
            others: BinaryHeap::new(),
            planned: 0,
        }
    }

    /// Plans an event that is due no earlier than those planned this way before.
    pub fn plan_steady(&mut self, at: Time, event: E) {
        let entry = self.entry(at, event);
        match self.steady.back() {
            Some(last) if last.at > at => self.others.push(Reverse(entry)),
            _ => self.steady.push_back(entry),
        }
    }

    /// Plans an event.
    pub fn plan(&mut self, at: Time, event: E) {
        let entry = self.entry(at, event);
        self.others.push(Reverse(entry));
    }

    fn entry(&mut self, at: Time, event: E) -> Entry<E> {
        self.planned += 1;
        Entry {
            at,
            number: self.planned,
            event,
        }
    }

    /// Takes the next event if it is due by then.
    pub fn next(&mut self, until: Time) -> Option<(Time, E)> {
        let steady = self.steady.front();
        let other = self.others.peek().map(|Reverse(entry)| entry);
        let from_steady = match (steady, other) {
            (Some(steady), Some(other)) => steady < other,
            (steady, _) => steady.is_some(),
        };
        let first = if from_steady { steady } else { other };
        first.filter(|entry| entry.at <= until)?;
        let entry = if from_steady {
            self.steady.pop_front()
        } else {
            self.others.pop().map(|Reverse(entry)| entry)
        }?;
        Some((entry.at, entry.event))
    }
}

impl<E> Entry<E> {
    fn key(&self) -> (Time, u64) {
        (self.at, self.number)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_of_planning() {
        let at = |ms| Time::default() + Duration::from_millis(ms);
        let mut queue = Queue::new();
        queue.plan(at(2), "c");
        queue.plan_steady(at(1), "a");
        queue.plan(at(1), "b");
        queue.plan_steady(at(2), "d");
        queue.plan_steady(at(1), "late to plan, early to come");
        let mut order = Vec::new();
        while let Some((_, event)) = queue.next(at(1)) {
            order.push(event);
        }
        assert_eq!(order, ["a", "b", "late to plan, early to come"]);
        assert_eq!(queue.next(at(2)), Some((at(2), "c")));
        assert_eq!(queue.next(at(2)), Some((at(2), "d")));
        assert_eq!(queue.next(at(9)), None);
    }
}
