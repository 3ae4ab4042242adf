//! A TCP connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;

use super::datagram::own_address;
use super::judge::{self, Ends};
use super::{Asked, Halt};
use crate::backend::evidence::Token;
use crate::backend::evidence::{Flow, Footprint};
use crate::backend::kernel::host::Host;
use crate::backend::kernel::host::sockets::Kind;
use crate::backend::kernel::host::witness::Mark;
use crate::backend::kernel::shortage::Need;
use crate::backend::kernel::sys;
use crate::backend::probe::{Answer, Outcome};
use crate::network::Transport;

/// How long a service may take from the end of the handshake to its note, beyond the packet's way.
const ACCEPT_DELAY: Duration = Duration::from_millis(20);

/// A connection whose SYN is out.
pub(super) struct Dialling {
    socket: AsyncFd<Socket>,
    ends: Ends,
    pub(super) began: Instant,
    pub(super) port: u16,
}

impl Host {
    pub(super) async fn ask_tcp(&self, to: Ipv4Addr, port: u16) -> Result<Asked, Halt> {
        let (token, _) = self.shared.tickets.next();
        let dialling = self.dial(SocketAddrV4::new(to, port)).await?;
        let footprint = dialling.footprint(token, port);
        let witness = self.shared.witness.clone();
        let fate = async move {
            let began = dialling.began;
            let mark = Mark::Ports {
                transport: Transport::Tcp,
                client: dialling.port,
                server: port,
                id: 0,
            };
            match dialling.connected().await {
                Ok((_open, rtt)) => Outcome::Answered(Answer {
                    rtt,
                    seen_from: witness.wait(mark, began, rtt + ACCEPT_DELAY).await,
                    ..Answer::default()
                }),
                Err(outcome) => outcome,
            }
        };
        Ok(Asked {
            footprint,
            fate: Box::pin(fate),
        })
    }

    /// Sends the SYN.
    pub(super) async fn dial(&self, to: SocketAddrV4) -> Result<Dialling, Halt> {
        let broken =
            |error: io::Error| Halt::Broken(self.refused("make a TCP socket", Need::Other, &error));
        let made = self.socket_with_own_port(Kind::TcpStream).await;
        let (socket, port) = made.map_err(broken)?;
        setsockopt(&socket, sockopt::Ipv4RecvErr, &true).map_err(|e| broken(e.into()))?;
        let began = Instant::now();
        match socket.connect(&to.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
                return Err(judge::halt(self, "connect a TCP socket", &error));
            }
            _ => {}
        }
        let own = own_address(&socket).map_err(broken)?;
        let socket = sys::watch(socket, Interest::READABLE | Interest::WRITABLE).map_err(broken)?;
        let ends = Ends { own, to: *to.ip() };
        Ok(Dialling {
            socket,
            ends,
            began,
            port,
        })
    }
}

impl Dialling {
    pub(super) fn footprint(&self, token: Token, port: u16) -> Footprint {
        Footprint {
            flow: Flow::Tcp {
                source: self.port,
                destination: port,
            },
            token,
            from: self.ends.own,
            to: self.ends.to,
        }
    }

    /// Waits for the end of the handshake, and says how long it took.
    pub(super) async fn connected(self) -> Result<(TcpStream, Duration), Outcome> {
        loop {
            // The socket is registered with the runtime; this fails only while that shuts down.
            let Ok(mut guard) = self.socket.ready(Interest::WRITABLE).await else {
                return std::future::pending().await;
            };
            let rtt = self.began.elapsed();
            let socket = self.socket.get_ref();
            let failure = socket.take_error().ok().flatten();
            let mut complained = false;
            while let Some(complaint) = judge::next_complaint(socket.as_fd()) {
                complained = true;
                if let Some(outcome) = self.ends.judge(complaint) {
                    return Err(outcome);
                }
            }
            match failure {
                // An ICMP error made the kernel give up, but proves nothing: evidence may yet come.
                Some(_) if complained => return std::future::pending().await,
                Some(error) => match error.raw_os_error() {
                    Some(libc::ECONNREFUSED | libc::ECONNRESET) => return Err(Outcome::Refused),
                    _ => return std::future::pending().await,
                },
                None if socket.peer_addr().is_ok() => {
                    drop(guard);
                    let stream = TcpStream::from_std(self.socket.into_inner().into());
                    return match stream {
                        Ok(stream) => Ok((stream, rtt)),
                        Err(_) => std::future::pending().await,
                    };
                }
                None => guard.clear_ready(),
            }
        }
    }
}
