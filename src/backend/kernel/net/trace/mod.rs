//! The rules of a machine's own packet filter: what somebody's script loaded on a node, and which rule
//! of it dropped a packet (nf_tables' trace).
//!
//! A packet is traced where it passes a rule that says so. Such rules are put on a node when it has
//! tables of its own, and only then, since each traced packet costs the kernel some microseconds:
//!
//! ```text
//! a script ran ──▶ the tables there are ──▶ somebody else's? ──▶ tables that let packets be traced
//!                                                                        │
//! TracedDrop ◀── follow: which drop, which packet ◀── message ◀── gate ◀─┘
//!                   └──▶ rulebook: the rule's text
//! ```
//!
//! Rules that a process in the background loads later are found after the next script. Tables of the
//! families `netdev` and `bridge` are not traced: their hooks come before those that can be had without
//! knowing the interfaces.

mod follow;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod gate;
mod message;
mod rulebook;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use self::follow::Follower;
use self::rulebook::Rulebook;
use super::counters::Counting;
use super::error::Refusal;
use super::nflog;
use super::nft::{TABLE, TRACE_GROUP, TRACE_TABLE, install_tracing};
use super::reader::{Listener, Reader};
use super::socket::{NetlinkSocket, Subsystem};
use crate::backend::kernel::features::Feature;
use crate::network::{Family, NodeId};

/// A packet that a rule of a node's own dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::backend::kernel) struct TracedDrop {
    /// The node.
    pub node: NodeId,
    /// The rule: `table inet f, chain input: tcp dport 80 drop`.
    pub rule: String,
    /// Whether `packet` is an IPv4 or an ARP packet.
    pub family: Family,
    /// The packet from its network header on, as far as it is known.
    pub packet: Vec<u8>,
    /// Whether it may be one of several copies, any of which will do: a question by ARP goes to all.
    pub is_copy: bool,
    /// When it was read.
    pub at: Instant,
}

/// Where such packets are reported. Called on the reading thread.
pub(in crate::backend::kernel) type ReportDrop = Arc<dyn Fn(TracedDrop) + Send + Sync>;

/// What a node needs whose scripts may have loaded rules.
pub(super) struct Tracing {
    rules: Arc<Mutex<Rulebook>>,
    /// While somebody else's tables are there.
    watch: Option<Watch>,
}

/// What keeps the trace going.
struct Watch {
    /// Our tables belong to this socket, and go with it.
    _tables: NetlinkSocket,
    _listener: Listener,
}

/// `NFPROTO_…`: the families of tables that can drop what can be traced.
const INET: u8 = 1;
const IP: u8 = 2;
const ARP: u8 = 3;

impl Tracing {
    /// Looks at nothing yet. The calling thread must be in the node's namespace.
    pub fn new(counting: &Counting) -> Result<Self, Refusal> {
        Ok(Self {
            rules: Arc::new(Mutex::new(Rulebook::open(counting)?)),
            watch: None,
        })
    }

    /// Looks at the node's tables, and starts or ends the trace; whether there is one now. The calling
    /// thread must be in the node's namespace.
    pub fn look(
        &mut self,
        node: &NodeId,
        reader: &mut Reader,
        report: &ReportDrop,
        counting: &Counting,
    ) -> Result<bool, Refusal> {
        let tables = {
            let mut rules = lock(&self.rules);
            rules.forget();
            rules.tables()?
        };
        if !tables
            .iter()
            .any(|(family, name)| is_foreign(*family, name))
        {
            self.watch = None;
        } else if self.watch.is_none() {
            // Bound before the first packet is traced, for without a listener none is.
            let socket = listener(counting)?;
            let report = Arc::clone(report);
            let mut follower = Follower::new(node.clone(), Arc::clone(&self.rules));
            let follow = move |message: &super::wire::Message<'_>, at| {
                if let Some(drop) = follower.take(message, at) {
                    report(drop);
                }
            };
            let listener = reader.listen(node, socket, Box::new(follow))?;
            let mut tables = NetlinkSocket::open(Subsystem::Netfilter, counting)?;
            install_tracing(&mut tables)?;
            self.watch = Some(Watch {
                _tables: tables,
                _listener: listener,
            });
        }
        Ok(self.watch.is_some())
    }
}

/// Whether a table is none of ours, and one that can drop what can be traced.
fn is_foreign(family: u8, name: &str) -> bool {
    match family {
        IP | ARP => name != TABLE && name != TRACE_TABLE,
        INET => true,
        _ => false,
    }
}

/// A socket in the calling thread's namespace that receives traces, and the copies that go with them:
/// one queue, so that a copy comes before what is said of it.
fn listener(counting: &Counting) -> Result<NetlinkSocket, Refusal> {
    /// `NFNLGRP_NFTRACE`.
    const NFTRACE: u32 = 9;
    Feature::Trace.there()?;
    let socket = nflog::bind(TRACE_GROUP, counting)?;
    gate::close(socket.as_socket())?;
    socket.as_socket().add_membership(NFTRACE)?;
    Ok(socket)
}

/// Listens for a moment in the calling thread's namespace.
pub(super) fn try_out(counting: &Counting) -> Result<(), Refusal> {
    listener(counting).map(drop)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a rulebook knows is looked up again after the next script.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
