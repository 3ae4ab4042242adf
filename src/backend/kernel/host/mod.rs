//! One node, seen from inside its network namespace: its sockets, services, probes and scripts.
//!
//! | file | subject |
//! |---|---|
//! | `sockets.rs` | the one thread that makes sockets in namespaces |
//! | `serve/` | what listens |
//! | `witness.rs` | the source addresses that services saw |
//! | `probe/` | one question to the network |
//! | `sightings.rs` | packets that filters, or the kernel itself, put a label on |
//! | `script/` | the user's own commands: the only place that forks |

mod probe;
mod script;
mod serve;
mod shared;
mod sightings;
mod sockets;
mod witness;

pub use script::forks;
pub(super) use script::{try_landlock, try_out as try_script};
pub use shared::Shared;
pub use sightings::{Sighting, Sightings, Source};

use crate::plain::plain;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use socket2::Socket;
use tokio::sync::Mutex;

use crate::backend::BackendError;
use crate::backend::kernel::shortage::{Need, refused};
use crate::network::{Listen, NodeId, Service};
use script::Init;
use serve::Running;
use sockets::Kind;

/// One node, seen from inside: its sockets, services, probes and scripts.
///
/// Dropping it stops the services and ends every process that its scripts left.
#[derive(Debug)]
pub struct Host {
    id: NodeId,
    netns: Arc<OwnedFd>,
    shared: Arc<Shared>,
    services: Mutex<BTreeMap<Listen, Running>>,
    init: Mutex<Option<Init>>,
}

/// How many source ports are tried before the node is said to have none left.
const TRIES: usize = 200;

impl Host {
    /// The node of this name, in this network namespace.
    pub fn new(id: NodeId, netns: Arc<OwnedFd>, shared: Arc<Shared>) -> Self {
        Self {
            id,
            netns,
            shared,
            services: Mutex::default(),
            init: Mutex::default(),
        }
    }

    /// Starts a service, or puts it in the place of the one that listens there. When this returns,
    /// the new one listens and the old one's connections are closed.
    ///
    /// # Errors
    ///
    /// If the address and port can't be had, or the service doesn't speak that transport.
    pub async fn serve(&self, listen: &Listen, service: &Service) -> Result<(), BackendError> {
        let mut services = self.services.lock().await;
        if let Some(old) = services.remove(listen) {
            old.stop().await;
        }
        let running = serve::start(self, listen, service).await?;
        crate::fault::point("service");
        services.insert(listen.clone(), running);
        Ok(())
    }

    /// Stops a service; when this returns, its port is closed and its connections are gone.
    pub async fn stop(&self, listen: &Listen) {
        let old = self.services.lock().await.remove(listen);
        if let Some(old) = old {
            old.stop().await;
        }
    }

    /// A socket in this node's namespace.
    async fn socket(&self, kind: Kind, bind: SocketAddrV4) -> io::Result<Socket> {
        self.shared.sockets.make(&self.netns, kind, bind).await
    }

    /// A socket with a source port that no other probe of this process has.
    async fn socket_with_own_port(&self, kind: Kind) -> io::Result<(Socket, u16)> {
        let mut last = io::ErrorKind::AddrInUse.into();
        for _ in 0..TRIES {
            let port = self.shared.tickets.next_port();
            let bind = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
            match self.socket(kind, bind).await {
                Ok(socket) => return Ok((socket, port)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// What the kernel refused here, in words.
    fn refused(&self, doing: &str, need: Need, error: &io::Error) -> BackendError {
        refused(&format!("{doing} on {}", self.id), need, error)
    }

    /// What failed here, in words.
    fn failed(&self, doing: &str, why: impl ToString) -> BackendError {
        BackendError::Failed {
            doing: format!("{doing} on {}", self.id),
            why: plain(why),
        }
    }
}
