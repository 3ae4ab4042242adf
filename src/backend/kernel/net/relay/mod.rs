//! The relay: carries the frames of shaped links, in a namespace of its own.
//!
//! ```text
//! node a ── veth ─┐ relay ┌─ veth ── node b
//!                 └─▶ Duplex ▶┘
//! ```
//!
//! One thread and one packet socket carry all of them: the socket sees the interfaces' frames in the order in
//! which they came, and the number of descriptors doesn't grow with that of links.
//!
//! | file | subject |
//! |---|---|
//! | `mod.rs` | the way to the thread: [`Relay`] |
//! | `lanes.rs` | what is under way on which link |
//! | `carry.rs` | the thread's work |
//! | `clock.rs` | time |

mod carry;
mod clock;
mod lanes;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

pub(in crate::backend::kernel) use self::clock::Clock;
use self::lanes::Lanes;
use super::error::Refusal;
use crate::backend::BackendError;
use crate::backend::kernel::features::Feature;
use crate::backend::kernel::shortage::{Need, refused};
use crate::backend::kernel::sys::packet::PacketSocket;
use crate::backend::shaper::Lost;
use crate::network::{Family, LinkId, NodeId, Shapes};

/// Room for frames that have not been read yet, in bytes, where the kernel allows it.
const ROOM: usize = 64 << 20;

/// The relay's end of a pair whose other end is in a node.
#[derive(Clone, Debug)]
pub(super) struct Port {
    /// The node.
    pub node: NodeId,
    /// The number of the relay's own interface.
    pub interface: u32,
}

/// A frame that a link has lost.
#[derive(Debug)]
pub(in crate::backend::kernel) struct Loss<'a> {
    /// The node that it came from.
    pub node: &'a NodeId,
    /// The link.
    pub link: &'a LinkId,
    /// Why.
    pub why: Lost,
    /// Whether `packet` is an IPv4 or an ARP packet.
    pub family: Family,
    /// The packet from its network header on.
    pub packet: &'a [u8],
}

/// Who is told of what links lose.
pub(in crate::backend::kernel) type ReportLoss = Arc<dyn Fn(Loss<'_>) + Send + Sync>;

/// What shaped links need of the backend.
#[derive(Clone)]
pub(in crate::backend::kernel) struct Surroundings {
    /// What they draw chance from.
    pub seed: u64,
    /// What they keep time by.
    pub clock: Clock,
    /// Who is told of what they lose.
    pub report: ReportLoss,
}

/// What the thread and its users share.
struct Shared {
    lanes: Mutex<Lanes>,
    clock: Clock,
    ends: AtomicBool,
}

/// The way to the thread, which ends with this.
pub(super) struct Relay {
    shared: Arc<Shared>,
    seed: u64,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts the thread. It carries what comes in at the interfaces of the calling thread's namespace.
    pub fn start(surroundings: Surroundings) -> Result<Self, BackendError> {
        const DOING: &str = "start the relay of shaped links";
        let Surroundings {
            seed,
            clock,
            report,
        } = surroundings;
        Feature::PacketSockets
            .there()
            .map_err(|errno| Refusal::from(errno).of(DOING))?;
        let socket = PacketSocket::open(ROOM).map_err(|error| Refusal::from(error).of(DOING))?;
        let shared = Arc::new(Shared {
            lanes: Mutex::default(),
            clock,
            ends: AtomicBool::new(false),
        });
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("canal-relay".into())
            .spawn(move || {
                crate::fault::point("relay");
                carry::carry(&for_thread, &socket, &*report)
            })
            .map_err(|error| refused(DOING, Need::Thread, &error))?;
        Ok(Self {
            shared,
            seed,
            thread: Some(thread),
        })
    }

    /// Carries a link's frames from now on.
    pub fn add(&self, id: &LinkId, ports: [Port; 2], shapes: Shapes) {
        self.change(|lanes, clock| lanes.add(id, ports, shapes, self.seed, clock.now()));
    }

    /// Carries them no longer; what is under way is lost.
    pub fn remove(&self, id: &LinkId) {
        self.change(|lanes, _| lanes.remove(id));
    }

    /// Gives a link other shapes. They are in force when this returns.
    pub fn set_shapes(&self, id: &LinkId, shapes: Shapes) {
        self.change(|lanes, clock| lanes.set_shapes(id, shapes, clock.now()));
    }

    /// Changes the lanes, and lets the thread look when to wake next.
    fn change(&self, change: impl FnOnce(&mut Lanes, &Clock)) {
        let Shared { clock, .. } = &*self.shared;
        change(&mut self.shared.lanes(), clock);
        clock.ring();
    }
}

impl Shared {
    /// The lanes. A panic elsewhere leaves them whole enough: at worst a frame is lost.
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Release);
        self.shared.clock.ring();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
