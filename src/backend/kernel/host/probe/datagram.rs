//! One packet out, the fitting packet in: the common part of ping, UDP, DNS and SNTP probes.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Halt;
use super::judge::{self, Ends};
use crate::backend::evidence::Token;
use crate::backend::evidence::{Flow, Footprint};
use crate::backend::kernel::host::Host;
use crate::backend::kernel::host::sockets::Kind;
use crate::backend::kernel::shortage::Need;
use crate::backend::kernel::sys;
use crate::backend::probe::Outcome;

/// A connected datagram socket, for one question.
pub(super) struct Line {
    socket: AsyncFd<Socket>,
    pub(super) ends: Ends,
    /// The source port; 0 for ICMP.
    pub(super) port: u16,
}

/// The longest packet that IP can carry.
const LONGEST: usize = 65_535;

impl Host {
    /// A UDP socket with a source port of its own, connected to this address.
    pub(super) async fn udp_line(&self, to: SocketAddrV4) -> Result<Line, Halt> {
        let (socket, port) = self
            .socket_with_own_port(Kind::Udp)
            .await
            .map_err(|error| {
                Halt::Broken(self.refused("make a UDP socket", Need::Other, &error))
            })?;
        self.line(socket, port, to)
    }

    /// A raw ICMP socket, connected to this address.
    pub(super) async fn icmp_line(&self, to: Ipv4Addr, whole: bool) -> Result<Line, Halt> {
        let broken =
            |error| Halt::Broken(self.refused("make a raw ICMP socket", Need::Other, &error));
        let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let socket = self.socket(Kind::Icmp, any).await.map_err(broken)?;
        sys::set_dont_fragment(&socket, whole).map_err(broken)?;
        self.line(socket, 0, SocketAddrV4::new(to, 0))
    }

    fn line(&self, socket: Socket, port: u16, to: SocketAddrV4) -> Result<Line, Halt> {
        let broken =
            |error: io::Error| Halt::Broken(self.refused("prepare a socket", Need::Other, &error));
        setsockopt(&socket, sockopt::Ipv4RecvErr, &true).map_err(|e| broken(e.into()))?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).map_err(|e| broken(e.into()))?;
        socket
            .connect(&to.into())
            .map_err(|error| judge::halt(self, "connect a socket", &error))?;
        let own = own_address(&socket).map_err(broken)?;
        let socket = sys::watch(socket, Interest::READABLE | Interest::ERROR).map_err(broken)?;
        let ends = Ends { own, to: *to.ip() };
        Ok(Line { socket, ends, port })
    }
}

/// The address that the kernel chose as this socket's source.
pub(super) fn own_address(socket: &Socket) -> io::Result<Ipv4Addr> {
    let address = socket.local_addr()?.as_socket_ipv4();
    address
        .map(|address| *address.ip())
        .ok_or_else(|| io::Error::other("the socket is not an IPv4 socket"))
}

impl Line {
    /// What the packets of a question over UDP look like.
    pub(super) fn udp_footprint(&self, token: Token, port: u16) -> Footprint {
        Footprint {
            flow: Flow::Udp {
                source: self.port,
                destination: port,
            },
            token,
            from: self.ends.own,
            to: self.ends.to,
        }
    }

    /// Sends the question and waits for the first packet that `read` makes something of. Raw sockets
    /// hand it the IP header too. The duration runs from the send to the kernel's receive time stamp.
    pub(super) async fn ask<T>(
        self,
        question: &[u8],
        mut read: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<(T, Duration), Outcome> {
        let clock = SystemTime::now();
        let sent = Instant::now();
        if let Err(error) = self.socket.get_ref().send(question) {
            if let Some(why) = judge::not_sent(&error) {
                return Err(Outcome::NotSent(why));
            }
            // The kernel reports earlier trouble here, or had no room: the packet counts as lost.
            tracing::debug!(%error, "a probe's packet was not sent");
        }
        let mut buffer = vec![0; LONGEST];
        loop {
            // The socket is registered with the runtime; this fails only while that shuts down.
            let Ok(mut guard) = self
                .socket
                .ready(Interest::READABLE | Interest::ERROR)
                .await
            else {
                return std::future::pending().await;
            };
            match receive(self.socket.get_ref(), &mut buffer) {
                Ok((length, stamp)) => {
                    if let Some(answer) = read(&buffer[..length]) {
                        let stamped = stamp.and_then(|at| at.duration_since(clock).ok());
                        let rtt = stamped.unwrap_or_else(|| sent.elapsed());
                        return Ok((answer, rtt));
                    }
                }
                Err(error) => {
                    while let Some(complaint) = judge::next_complaint(self.socket.get_ref().as_fd())
                    {
                        if let Some(outcome) = self.ends.judge(complaint) {
                            return Err(outcome);
                        }
                    }
                    if error.kind() == io::ErrorKind::WouldBlock {
                        guard.clear_ready();
                    }
                }
            }
        }
    }
}

/// Reads one packet and the kernel's time stamp of its arrival (`SO_TIMESTAMPNS`, socket(7)).
fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<(usize, Option<SystemTime>)> {
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrIn>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let stamp = message
        .cmsgs()
        .ok()
        .into_iter()
        .flatten()
        .find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(at) => {
                SystemTime::UNIX_EPOCH.checked_add(Duration::from(at))
            }
            _ => None,
        });
    Ok((message.bytes, stamp))
}
