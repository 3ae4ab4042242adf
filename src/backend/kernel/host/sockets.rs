//! The one place where sockets are made.
//!
//! A socket stays in the network namespace of the thread that made it, whichever thread uses it later.
//! So one thread goes into a node's namespace, makes the socket and comes back, some ten microseconds
//! each, and everything else runs on ordinary threads that never leave home.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;

use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::oneshot;

use crate::backend::kernel::features::Feature;

/// What sort of socket to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A TCP socket that listens.
    TcpListener,
    /// A TCP socket that will connect.
    TcpStream,
    /// A UDP socket.
    Udp,
    /// A UDP socket for a service.
    UdpServer,
    /// A raw socket that carries ICMP; it reads whole IP packets.
    Icmp,
}

/// One socket to make.
struct Order {
    netns: Arc<OwnedFd>,
    kind: Kind,
    bind: SocketAddrV4,
    reply: oneshot::Sender<io::Result<Socket>>,
}

/// The thread that makes sockets. It ends with the last handle.
#[derive(Clone, Debug)]
pub(super) struct Sockets {
    orders: mpsc::Sender<Order>,
}

impl Sockets {
    /// Starts the thread in the caller's network namespace.
    pub(super) fn start() -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let (ready, started) = mpsc::channel();
        thread::Builder::new()
            .name("canal-sockets".into())
            .spawn(move || match File::open("/proc/thread-self/ns/net") {
                Ok(home) => {
                    // Nobody waits for it only if the start was given up; then the inbox is closed too.
                    let _ = ready.send(Ok(()));
                    serve(&home, &inbox);
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            })?;
        started
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the socket thread ended at its start")))?;
        Ok(Self { orders })
    }

    /// Makes a non-blocking socket in this namespace, bound to this address (port 0: any).
    pub(super) async fn make(
        &self,
        netns: &Arc<OwnedFd>,
        kind: Kind,
        bind: SocketAddrV4,
    ) -> io::Result<Socket> {
        let gone = || io::Error::other("the socket thread has ended");
        let (reply, answer) = oneshot::channel();
        let order = Order {
            netns: Arc::clone(netns),
            kind,
            bind,
            reply,
        };
        self.orders.send(order).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Fills orders until the last handle is gone, or the way home is barred.
fn serve(home: &File, inbox: &mpsc::Receiver<Order>) {
    for order in inbox {
        let made = setns(&*order.netns, CloneFlags::CLONE_NEWNET)
            .map_err(io::Error::from)
            .and_then(|()| {
                // The thread must come home whatever happens in here.
                catch_unwind(AssertUnwindSafe(|| make(order.kind, order.bind)))
                    .unwrap_or_else(|_| Err(io::Error::other("making the socket panicked")))
            });
        let back = setns(home, CloneFlags::CLONE_NEWNET);
        // A caller that stopped waiting wants no socket: it is closed here.
        let _ = order.reply.send(made);
        if let Err(error) = back {
            tracing::error!(%error, "the socket thread could not return to its own namespace and ends");
            return;
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this is the place where sockets are made"
)]
fn make(kind: Kind, bind: SocketAddrV4) -> io::Result<Socket> {
    let socket = match kind {
        Kind::TcpListener | Kind::TcpStream => {
            Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?
        }
        Kind::Udp | Kind::UdpServer => Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?,
        Kind::Icmp => {
            Feature::RawSockets.there()?;
            Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?
        }
    };
    socket.set_nonblocking(true)?;
    if matches!(kind, Kind::TcpListener | Kind::UdpServer) {
        // A service that is replaced must not wait for its old connections' TIME_WAIT, nor for copies
        // of its socket in processes that are just being started (socket(7)). Of two UDP sockets, the
        // one that was bound last gets the datagrams.
        socket.set_reuse_address(true)?;
    }
    if bind.port() != 0 || *bind.ip() != Ipv4Addr::UNSPECIFIED {
        socket.bind(&bind.into())?;
    }
    if kind == Kind::TcpListener {
        socket.listen(1024)?;
    }
    Ok(socket)
}
