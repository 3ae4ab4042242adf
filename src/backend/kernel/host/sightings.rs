//! Labelled packets, on their way from the nodes' filters to the probes that wait for them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

pub use crate::backend::evidence::Source;
use crate::backend::kernel::catch_up::CatchUp;
use crate::network::{Family, Label, NodeId};

/// A packet that a filter or the kernel itself put a label on.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The node where that was.
    pub node: NodeId,
    /// The label.
    pub label: Label,
    /// Who put it there.
    pub source: Source,
    /// Whether `packet` is an IPv4 or an ARP packet.
    pub family: Family,
    /// The packet from its network header on; it may be cut short.
    pub packet: Vec<u8>,
    /// When it was seen.
    pub at: Instant,
}

/// How many sightings a probe may be behind before it loses the oldest.
const BACKLOG: usize = 4096;

/// Where filters report and probes listen.
#[derive(Clone, Debug)]
pub struct Sightings {
    reports: broadcast::Sender<Arc<Sighting>>,
    traced: Arc<Mutex<BTreeSet<NodeId>>>,
    /// Those who read what the kernel reports, while they do.
    readers: Arc<Mutex<Vec<Weak<CatchUp>>>>,
}

impl Sightings {
    /// A hub without listeners.
    pub fn new() -> Self {
        Self {
            reports: broadcast::Sender::new(BACKLOG),
            traced: Arc::default(),
            readers: Arc::default(),
        }
    }

    /// Tells all probes under way.
    pub fn report(&self, sighting: Sighting) {
        // Without a probe under way nobody asks for evidence.
        let _ = self.reports.send(Arc::new(sighting));
    }

    /// Somebody reads what the kernel reports, for as long as this bell is held.
    pub fn add_reader(&self, bell: &Arc<CatchUp>) {
        self.readers().push(Arc::downgrade(bell));
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Weak<CatchUp>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until what the kernel has reported before this call is told to the probes, at most that long.
    pub(super) async fn catch_up(&self, patience: Duration) {
        let readers: Vec<Arc<CatchUp>> = {
            let mut readers = self.readers();
            readers.retain(|bell| bell.strong_count() > 0);
            readers.iter().filter_map(Weak::upgrade).collect()
        };
        // All are rung for before one is waited for: each is a thread of its own.
        let bells: Vec<_> = readers
            .iter()
            .map(|bell| bell.caught_up(patience))
            .collect();
        let mut in_time = true;
        for caught_up in bells {
            in_time &= caught_up.await;
        }
        if !in_time {
            tracing::warn!("what the kernel reports is read too late to be told to this probe");
        }
    }

    /// Whether this node has rules of its own, whose drops are reported with the rule.
    pub fn set_traced(&self, node: &NodeId, traced: bool) {
        let mut nodes = self.traced.lock().unwrap_or_else(PoisonError::into_inner);
        if traced {
            nodes.insert(node.clone());
        } else {
            nodes.remove(node);
        }
    }

    /// Whether this node has. Whoever reports a drop there that may be such a rule's, and can't name the
    /// rule, gives a label that is not final: the rule's own report comes a moment later and decides.
    pub fn is_traced(&self, node: &NodeId) -> bool {
        let nodes = self.traced.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.contains(node)
    }

    /// Whether any node has.
    pub fn has_traced(&self) -> bool {
        let nodes = self.traced.lock().unwrap_or_else(PoisonError::into_inner);
        !nodes.is_empty()
    }

    /// Whether a probe is under way.
    pub fn is_watched(&self) -> bool {
        self.reports.receiver_count() > 0
    }

    /// All that is reported from now on.
    pub(super) fn watch(&self) -> Watch {
        Watch(self.reports.subscribe())
    }
}

impl Default for Sightings {
    fn default() -> Self {
        Self::new()
    }
}

/// One listener.
pub(super) struct Watch(broadcast::Receiver<Arc<Sighting>>);

impl Watch {
    /// The next sighting; waits for ever once the hub is gone. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Arc<Sighting> {
        loop {
            match self.0.recv().await {
                Ok(sighting) => return sighting,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "more labelled packets than a probe could look at");
                }
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// The next sighting that is already there.
    pub(super) fn try_next(&mut self) -> Option<Arc<Sighting>> {
        loop {
            match self.0.try_recv() {
                Ok(sighting) => return Some(sighting),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => return None,
            }
        }
    }
}
