//! The kernel's own drops: packets that die by no rule of ours, and the kernel's reason for each.
//!
//! A BPF program on the tracepoint `kfree_skb` reports every IPv4 or ARP packet that dies in one of our
//! namespaces. Only root may load it. Loading takes some 20 ms; a thread does it as soon as the first
//! network stands, while the first steps run. A probe that ends without an explanation before that is done
//! is asked once more (`Kernel::probe`), so nothing waits that has one. What a reason means in the clouds' words
//! is the business of `backend::evidence`.
//!
//! | file | subject |
//! |---|---|
//! | `btf.rs`, `layout.rs` | where the running kernel keeps what the program needs |
//! | `assembler.rs`, `program.rs` | the program, and the records that it writes |
//! | `listener.rs` | loading it, reading its records |
//! | `symbols.rs` | places in the kernel's code by name |

mod assembler;
mod btf;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod layout;
mod listener;
mod permission;
mod program;
mod symbols;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::stat::fstat;
use tokio::sync::watch;

use self::listener::Loaded;
pub use self::permission::missing;
use super::host::Sightings;
use super::sys::bpf::Map;
use crate::backend::evidence::scene::Scene;
use crate::network::{Network, NodeId};

/// How the listener fares.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Loading,
    Listening,
    /// It can't be loaded, or has ended.
    Deaf,
}

/// The listener to the kernel's drops. When this is dropped, it ends.
#[derive(Debug)]
pub(super) struct Drops {
    shared: Arc<Shared>,
    state: watch::Receiver<State>,
}

/// What the listener's thread and its users share.
#[derive(Debug)]
struct Shared {
    namespaces: Mutex<Namespaces>,
    scene: RwLock<Scene>,
    stop: EventFd,
    seen: AtomicU64,
    lost: AtomicU64,
}

/// How many drops there were in our namespaces since they are listened to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DropCounts {
    /// Reported.
    pub seen: u64,
    /// Not reported, because there were too many at once.
    pub lost: u64,
}

/// The namespaces that are listened to.
#[derive(Debug, Default)]
struct Namespaces {
    nodes: BTreeMap<u32, NodeId>,
    /// The program's own list of them, once it is loaded.
    map: Option<Map>,
}

impl Namespaces {
    /// Hands the program its list.
    fn hand_over(&mut self, map: Map) -> io::Result<()> {
        for number in self.nodes.keys() {
            map.set(&number.to_ne_bytes(), &[1])?;
        }
        self.map = Some(map);
        Ok(())
    }
}

impl Drops {
    /// Begins to load the listener; none where this process may not.
    pub fn start(to: Sightings) -> Option<Self> {
        if let Some(why) = missing() {
            tracing::debug!(why, "the kernel's own drop reasons are not available");
            return None;
        }
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let shared = Arc::new(Shared {
            namespaces: Mutex::default(),
            scene: RwLock::default(),
            stop: EventFd::from_flags(flags).ok()?,
            seen: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let (tell, state) = watch::channel(State::Loading);
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("canal-drops".into())
            .spawn(move || {
                crate::fault::point("listener");
                listener::run(&for_thread, &tell, &to)
            });
        match thread {
            Ok(_) => Some(Self { shared, state }),
            Err(error) => {
                tracing::warn!(%error, "the kernel's own drops are not listened to");
                None
            }
        }
    }

    /// Listens to a node's namespace too.
    pub fn add(&self, node: &NodeId, namespace: &OwnedFd) {
        let Ok(stat) = fstat(namespace) else { return };
        // Namespaces have numbers of 32 bits.
        let Ok(number) = u32::try_from(stat.st_ino) else {
            return;
        };
        let mut namespaces = self.shared.namespaces();
        if let Some(map) = &namespaces.map
            && let Err(error) = map.set(&number.to_ne_bytes(), &[1])
        {
            tracing::warn!(%node, %error, "the kernel's drops on this node are not listened to");
        }
        namespaces.nodes.insert(number, node.clone());
    }

    /// Listens to a node no longer. Its number may be another's soon.
    pub fn remove(&self, node: &NodeId) {
        let mut namespaces = self.shared.namespaces();
        let Namespaces { nodes, map } = &mut *namespaces;
        nodes.retain(|number, known| {
            let goes = known == node;
            if goes && let Some(map) = map {
                let _ = map.remove(&number.to_ne_bytes());
            }
            !goes
        });
    }

    /// The network around the drops has changed.
    pub fn follow(&self, network: &Network) {
        let scene = Scene::of(network);
        *self
            .shared
            .scene
            .write()
            .unwrap_or_else(PoisonError::into_inner) = scene;
    }

    /// Whether drops are reported from now on.
    pub fn is_listening(&self) -> bool {
        *self.state.borrow() == State::Listening
    }

    /// How many there have been.
    pub fn counts(&self) -> DropCounts {
        DropCounts {
            seen: self.shared.seen.load(Ordering::Relaxed),
            lost: self.shared.lost.load(Ordering::Relaxed),
        }
    }

    /// Waits until drops are reported, at most so long; whether they are.
    pub async fn ready(&self, patience: Duration) -> bool {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| *state != State::Loading);
        match tokio::time::timeout(patience, settled).await {
            Ok(Ok(state)) => *state == State::Listening,
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

impl Drop for Drops {
    fn drop(&mut self) {
        // The thread takes its leave by itself: to unload the program takes the kernel a while.
        let _ = self.shared.stop.write(1);
    }
}

impl Shared {
    /// The namespaces. A panic elsewhere leaves them whole enough: at worst one is listened to in vain.
    fn namespaces(&self) -> MutexGuard<'_, Namespaces> {
        self.namespaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Loads the listener and lets go of it again.
///
/// # Errors
///
/// Why it can't be loaded here, in words.
pub fn try_out() -> Result<(), String> {
    Loaded::load().map(drop)
}
