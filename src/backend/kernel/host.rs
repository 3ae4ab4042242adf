//! One node, seen from inside its network namespace.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use socket2::Socket;
use tokio::sync::Mutex;

use super::script::Init;
use super::serve::{self, Running};
use super::shared::Shared;
use super::sockets::Kind;
use crate::backend::BackendError;
use crate::network::{Listen, NodeId, Service};

/// One node, seen from inside: its sockets, services, probes and scripts.
///
/// Dropping it stops the services and ends every process that its scripts left.
#[derive(Debug)]
pub struct Host {
    pub(super) id: NodeId,
    pub(super) netns: Arc<OwnedFd>,
    pub(super) shared: Arc<Shared>,
    services: Mutex<BTreeMap<Listen, Running>>,
    pub(super) init: Mutex<Option<Init>>,
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
    pub(super) async fn socket(&self, kind: Kind, bind: SocketAddrV4) -> io::Result<Socket> {
        self.shared.sockets.make(&self.netns, kind, bind).await
    }

    /// A socket with a source port that no other probe of this process has.
    pub(super) async fn socket_with_own_port(&self, kind: Kind) -> io::Result<(Socket, u16)> {
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

    /// What failed here, in words.
    pub(super) fn failed(&self, doing: &str, why: impl ToString) -> BackendError {
        BackendError::Failed {
            doing: format!("{doing} on {}", self.id),
            why: why.to_string(),
        }
    }
}
