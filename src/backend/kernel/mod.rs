//! The kernel backend: the network as network namespaces, veth pairs, routes, nf_tables and VXLAN.
//!
//! ```text
//! apply_network ──▶ maker ──▶ world, place ──▶ link · tunnel · address · route · neighbour ─┐
//!                  (thread)     │                                              rtnl, socket ├─▶ kernel
//!                               ├─▶ sysctl: switches pinned in each namespace               │
//!                               └─▶ nft: filters ───────────────────────────────────────────┘
//! log ◀── nflog (thread) ◀── packets that a log rule reported
//! ```
//!
//! Nothing here has a name outside the process: namespaces are held by descriptor, so that when the
//! process ends, however it ends, the kernel removes the whole network.

mod address;
pub mod airlock;
pub mod capabilities;
mod counters;
mod describe;
mod error;
mod link;
mod maker;
pub mod namespace;
mod neighbour;
pub mod nflog;
pub mod nft;
mod place;
mod route;
mod rtnl;
mod socket;
mod sys;
mod sysctl;
mod tunnel;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::broadcast;

use self::maker::Maker;
use self::namespace::Namespace;
use self::nflog::LoggedPacket;
use crate::backend::BackendError;
use crate::network::{Change, NodeId};

pub use self::counters::{Counters, Counting};

/// How many logged packets a slow listener may be behind before it loses the oldest.
const LOG_LENGTH: usize = 16_384;

/// A network in the kernel. When this is dropped, the network is gone.
#[derive(Debug)]
pub struct Kernel {
    /// The namespaces.
    nodes: BTreeMap<NodeId, Arc<Namespace>>,
    log: broadcast::Sender<LoggedPacket>,
    counting: Counting,
    maker: Maker,
}

impl Kernel {
    /// An empty network. The process should be in the [`airlock`].
    ///
    /// # Errors
    ///
    /// Where this machine allows no network namespaces.
    pub async fn new() -> Result<Self, BackendError> {
        raise_file_limit();
        let (log, _) = broadcast::channel(LOG_LENGTH);
        let counting = Counting::default();
        let maker = Maker::start(counting.clone(), log.clone()).await?;
        Ok(Self {
            nodes: BTreeMap::new(),
            log,
            counting,
            maker,
        })
    }

    /// Makes changes to the network, in their order: when this returns, links are up and filters in
    /// force. Passes over `SetService`, `DelService` and `SetFiles`, which concern processes.
    ///
    /// # Errors
    ///
    /// The first change that the kernel refuses, in words that name the node; the changes before it,
    /// and some of those that went to the kernel along with it, stay made.
    pub async fn apply_network(&mut self, changes: &[Change]) -> Result<(), BackendError> {
        let (nodes, done) = self.maker.apply(changes.to_vec()).await?;
        self.nodes = nodes;
        done
    }

    /// The namespaces, by node.
    pub fn nodes(&self) -> &BTreeMap<NodeId, Arc<Namespace>> {
        &self.nodes
    }

    /// A node's namespace.
    pub fn node(&self, id: &NodeId) -> Option<&Arc<Namespace>> {
        self.nodes.get(id)
    }

    /// Packets that log rules report from now on.
    pub fn log(&self) -> broadcast::Receiver<LoggedPacket> {
        self.log.subscribe()
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        self.counting.read()
    }

    /// The counters, for those who start processes.
    pub fn counting(&self) -> &Counting {
        &self.counting
    }
}

/// Each node takes a few descriptors, and 1,024 are allowed by default; the process may raise that by
/// itself.
fn raise_file_limit() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}
