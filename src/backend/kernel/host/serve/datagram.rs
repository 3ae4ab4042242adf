//! Services on UDP. Each answer leaves from the address that was asked: on a node with several, the
//! kernel would otherwise choose by route, and the client would not know the answer for its own.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;

use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use socket2::Socket;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The longest datagram.
const LONGEST: usize = 65_535;

/// Answers datagrams until it is told to stop. `answer` gives the answer to a payload from a client,
/// if there is one.
pub(super) fn start(
    socket: Socket,
    mut stop: oneshot::Receiver<()>,
    mut answer: impl FnMut(&[u8], SocketAddrV4) -> Option<Vec<u8>> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    let socket = UdpSocket::from_std(socket.into())?;
    Ok(tokio::spawn(async move {
        let mut buffer = vec![0; LONGEST];
        loop {
            let received = tokio::select! {
                _ = &mut stop => return,
                received = socket.async_io(Interest::READABLE, || receive(&socket, &mut buffer)) => received,
            };
            let Ok(Some(asked)) = received else {
                // An error that a previous answer met; the socket itself is well.
                continue;
            };
            let Some(reply) = answer(&buffer[..asked.length], asked.client) else {
                continue;
            };
            let sent = socket.async_io(Interest::WRITABLE, || send(&socket, &reply, &asked));
            if let Err(error) = sent.await {
                tracing::debug!(%error, client = %asked.client, "a service could not answer");
            }
        }
    }))
}

/// A datagram that came in.
struct Received {
    length: usize,
    client: SocketAddrV4,
    info: libc::in_pktinfo,
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<Received>> {
    let mut control = nix::cmsg_space!(libc::in_pktinfo);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrIn>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let info = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(info),
        _ => None,
    });
    let (Some(info), Some(client)) = (info, message.address) else {
        return Ok(None);
    };
    Ok(Some(Received {
        length: message.bytes,
        client: SocketAddrV4::new(client.ip(), client.port()),
        info,
    }))
}

fn send(socket: &UdpSocket, reply: &[u8], asked: &Received) -> io::Result<()> {
    let from = libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: asked.info.ipi_spec_dst,
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(reply)],
        &[ControlMessage::Ipv4PacketInfo(&from)],
        MsgFlags::MSG_DONTWAIT,
        Some(&SockaddrIn::from(asked.client)),
    )?;
    Ok(())
}
