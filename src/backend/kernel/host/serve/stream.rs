//! Services on TCP: accept, note who came, talk.

use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr, SocketAddrV4};
use std::time::Duration;

use socket2::{SockRef, Socket};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::backend::kernel::host::witness::{Mark, Witness};
use crate::network::Transport;

/// How long to wait after a failed accept (no descriptors left) before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Serves connections until it is told to stop; then ends those that are open.
pub(super) fn start<T, F>(
    socket: Socket,
    witness: Witness,
    mut stop: oneshot::Receiver<()>,
    talk: T,
) -> io::Result<JoinHandle<()>>
where
    T: Fn(TcpStream, SocketAddrV4) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::from_std(socket.into())?;
    let server = listener.local_addr()?.port();
    Ok(tokio::spawn(async move {
        let mut talks = JoinSet::new();
        loop {
            tokio::select! {
                _ = &mut stop => break,
                Some(_) = talks.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, SocketAddr::V4(client))) => {
                        let mark = Mark::Ports {
                            transport: Transport::Tcp,
                            client: client.port(),
                            server,
                            id: 0,
                        };
                        witness.note(mark, *client.ip());
                        talks.spawn(talk(stream, client));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "a service could not accept a connection");
                        witness.could_not_accept(error);
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        // Closing is not enough: a process that is just being started has a copy of the descriptor until
        // it executes its program, and would keep the port open that long.
        if let Err(error) = SockRef::from(&listener).shutdown(Shutdown::Both) {
            tracing::warn!(%error, "a service could not stop listening");
        }
        drop(listener);
        talks.shutdown().await;
    }))
}
