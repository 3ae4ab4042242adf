//! What listens on a node.

mod datagram;
mod dns;
mod echo;
mod http;
mod ntp;
mod stream;

use std::net::SocketAddrV4;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::sockets::Kind;
use super::{Host, script};
use crate::backend::BackendError;
use crate::backend::kernel::shortage::Need;
use crate::network::{Listen, Service, Transport};

/// A service that listens. Dropping it ends it too, a moment later.
#[derive(Debug)]
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends the service; its sockets are closed when this returns.
    pub(super) async fn stop(self) {
        drop(self.stop);
        // A service that panicked has closed its sockets as well.
        let _ = self.task.await;
        // Scripts of other scenarios may be starting beside this.
        script::settled().await;
    }
}

/// Starts a service; it listens when this returns.
pub(super) async fn start(
    host: &Host,
    listen: &Listen,
    service: &Service,
) -> Result<Running, BackendError> {
    let transport = match listen.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let doing = format!("listen on {transport} {}:{}", listen.address, listen.port);
    let failed = |error: std::io::Error| host.refused(&doing, Need::Other, &error);
    let at = SocketAddrV4::new(listen.address, listen.port);
    let witness = host.shared.witness.clone();
    let (stop, stopped) = oneshot::channel();
    let task = match (listen.transport, service) {
        (Transport::Tcp, Service::Http { pages }) => {
            let socket = host.socket(Kind::TcpListener, at).await.map_err(failed)?;
            let talk = http::talk(Arc::new(pages.clone()), witness.clone());
            stream::start(socket, witness, stopped, talk)
        }
        (Transport::Tcp, Service::TcpEcho) => {
            let socket = host.socket(Kind::TcpListener, at).await.map_err(failed)?;
            stream::start(socket, witness, stopped, |stream, _| echo::talk(stream))
        }
        (Transport::Tcp, Service::Dns { records }) => {
            let socket = host.socket(Kind::TcpListener, at).await.map_err(failed)?;
            let talk = dns::talk(Arc::new(records.clone()));
            stream::start(socket, witness, stopped, talk)
        }
        (Transport::Udp, Service::UdpEcho) => {
            let socket = host.socket(Kind::UdpServer, at).await.map_err(failed)?;
            datagram::start(socket, stopped, echo::answer(witness))
        }
        (Transport::Udp, Service::Dns { records }) => {
            let socket = host.socket(Kind::UdpServer, at).await.map_err(failed)?;
            let answer = dns::answer(records.clone(), witness, listen.port);
            datagram::start(socket, stopped, answer)
        }
        (Transport::Udp, Service::Ntp) => {
            let socket = host.socket(Kind::UdpServer, at).await.map_err(failed)?;
            datagram::start(socket, stopped, ntp::answer(witness))
        }
        (Transport::Tcp, Service::UdpEcho | Service::Ntp)
        | (Transport::Udp, Service::Http { .. } | Service::TcpEcho) => {
            return Err(host.failed(&doing, format!("the service does not speak {transport}")));
        }
    };
    let task = task.map_err(failed)?;
    Ok(Running { stop, task })
}
