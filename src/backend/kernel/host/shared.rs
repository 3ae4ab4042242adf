//! What all nodes have in common.

use std::sync::Arc;

use super::sightings::Sightings;
use super::sockets::Sockets;
use super::witness::Witness;
use crate::backend::BackendError;
use crate::backend::evidence::ticket::Tickets;
use crate::backend::kernel::shortage::{Need, refused};

/// What all nodes have in common: the thread that makes sockets, the hub of labelled packets, the
/// services' notes, and the numbers that tell probes apart.
#[derive(Debug)]
pub struct Shared {
    pub(super) sockets: Sockets,
    pub(super) sightings: Sightings,
    pub(super) witness: Witness,
    pub(super) tickets: Tickets,
}

impl Shared {
    /// Starts the socket thread in the caller's network namespace. `nonce` tells this process's
    /// probes from another's.
    ///
    /// # Errors
    ///
    /// If the thread can't be started or /proc isn't mounted.
    pub fn start(nonce: u32) -> Result<Arc<Self>, BackendError> {
        let doing = "start the thread that makes sockets";
        let sockets = Sockets::start().map_err(|error| refused(doing, Need::Thread, &error))?;
        Ok(Arc::new(Self {
            sockets,
            sightings: Sightings::new(),
            witness: Witness::default(),
            tickets: Tickets::new(nonce),
        }))
    }

    /// Where the nodes' filters report the packets that they label.
    pub fn sightings(&self) -> &Sightings {
        &self.sightings
    }
}
