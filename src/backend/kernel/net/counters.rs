//! What the backend has done so far, in numbers that tests can hold it to. Processes are counted where
//! scripts start them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A reading of the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Namespaces made.
    pub nodes: u64,
    /// Pairs of interfaces made.
    pub links: u64,
    /// Interfaces moved from one namespace to another; a move costs some fifty times a birth in place,
    /// so this stays 0.
    pub links_moved: u64,
    /// Messages sent over netlink.
    pub netlink_requests: u64,
}

/// The counters themselves, shared by all that counts.
#[derive(Clone, Debug, Default)]
pub(in crate::backend::kernel) struct Counting(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    nodes: AtomicU64,
    links: AtomicU64,
    links_moved: AtomicU64,
    netlink_requests: AtomicU64,
}

impl Counting {
    /// The numbers as they stand.
    pub fn read(&self) -> Counters {
        Counters {
            nodes: self.0.nodes.load(Relaxed),
            links: self.0.links.load(Relaxed),
            links_moved: self.0.links_moved.load(Relaxed),
            netlink_requests: self.0.netlink_requests.load(Relaxed),
        }
    }

    pub(super) fn node(&self) {
        self.0.nodes.fetch_add(1, Relaxed);
    }

    pub(super) fn link(&self) {
        self.0.links.fetch_add(1, Relaxed);
    }

    pub(super) fn link_moved(&self) {
        self.0.links_moved.fetch_add(1, Relaxed);
    }

    pub(super) fn requests(&self, count: usize) {
        // A usize fits into 64 bits on every machine that Linux runs on.
        self.0.netlink_requests.fetch_add(count as u64, Relaxed);
    }
}
