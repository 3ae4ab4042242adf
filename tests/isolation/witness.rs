//! Who sees whether anything has arrived: everything that crosses an interface of the host or of its
//! neighbour, every change to their networks, and whoever listens there.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use socket2::Socket;

use crate::host::{NEIGHBOUR, in_neighbour};

/// The name of the host's abstract UNIX socket.
pub const ABSTRACT: &str = "canal-sim-isolation";

/// The host's UNIX socket in the file system, where services have theirs.
pub const PATH_SOCKET: &str = "/run/host.sock";

/// Where TCP and UDP services listen, on all addresses of host and neighbour.
pub const TCP: u16 = 80;
pub const UDP: u16 = 53;

/// Where the neighbour takes what shows that all before it has been seen.
const MARKS: u16 = 9;

/// The witnesses on the host and on its neighbour.
pub struct Witness {
    host: Place,
    neighbour: Place,
    abstract_socket: UnixListener,
    path_socket: UnixListener,
    marks: u32,
    _taker: UdpSocket,
}

/// The witnesses in one network.
struct Place {
    name: &'static str,
    /// Every frame on every interface.
    capture: Socket,
    /// Every change to links, addresses, routes, rules and neighbours.
    changes: OwnedFd,
    tcp: TcpListener,
    udp: UdpSocket,
}

/// What has been seen, in words; empty where nothing was.
#[derive(Debug, Default)]
pub struct Seen(pub Vec<String>);

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        let mut shown = self.0.iter().take(SHOWN);
        shown.try_for_each(|one| writeln!(f, "  {one}"))?;
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}

impl Witness {
    /// Takes up its places. The calling thread must be on the host.
    pub fn new() -> Self {
        let taker = in_neighbour(|| UdpSocket::bind(("0.0.0.0", MARKS)).unwrap());
        let address = SocketAddr::from_abstract_name(ABSTRACT).unwrap();
        let abstract_socket = UnixListener::bind_addr(&address).unwrap();
        let path_socket = UnixListener::bind(PATH_SOCKET).unwrap();
        crate::program::open(Path::new(PATH_SOCKET), 0o666);
        for listener in [&abstract_socket, &path_socket] {
            listener.set_nonblocking(true).unwrap();
        }
        Self {
            host: Place::new("host"),
            neighbour: in_neighbour(|| Place::new("neighbour")),
            abstract_socket,
            path_socket,
            marks: 0,
            _taker: taker,
        }
    }

    /// What has been seen since the last time. It sends a mark of its own to the neighbour and waits for
    /// it on both sides: captures keep the order, so what came before the mark has been seen.
    pub fn look(&mut self) -> Seen {
        self.marks += 1;
        let mark = format!("mark {} of the witness", self.marks);
        let socket = UdpSocket::bind("198.51.100.7:0").unwrap();
        socket.send_to(mark.as_bytes(), (NEIGHBOUR, MARKS)).unwrap();
        let mut seen = Seen::default();
        for place in [&self.host, &self.neighbour] {
            place.frames_until(mark.as_bytes(), &mut seen);
            place.rest(&mut seen);
        }
        for (name, listener) in [
            ("abstract", &self.abstract_socket),
            ("path", &self.path_socket),
        ] {
            while nothing_more(listener.accept()).is_some() {
                seen.0
                    .push(format!("host: a caller on the {name} UNIX socket"));
            }
        }
        seen
    }
}

impl Place {
    fn new(name: &'static str) -> Self {
        let capture = Socket::new(
            socket2::Domain::PACKET,
            socket2::Type::RAW.nonblocking(),
            Some((SockProtocol::EthAll as i32).into()),
        );
        let changes = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )
        .unwrap();
        // RTMGRP_LINK, _NEIGH, _IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE (rtnetlink(7)).
        let groups = 0x1 | 0x4 | 0x10 | 0x40 | 0x80;
        bind(changes.as_raw_fd(), &NetlinkAddr::new(0, groups)).unwrap();
        let place = Self {
            name,
            capture: capture.unwrap(),
            changes,
            tcp: TcpListener::bind(("0.0.0.0", TCP)).unwrap(),
            udp: UdpSocket::bind(("0.0.0.0", UDP)).unwrap(),
        };
        place.tcp.set_nonblocking(true).unwrap();
        place.udp.set_nonblocking(true).unwrap();
        place
    }

    /// Notes all frames up to one that has this text in it.
    fn frames_until(&self, mark: &[u8], seen: &mut Seen) {
        let began = Instant::now();
        let mut frame = [0; 2048];
        loop {
            match (&self.capture).read(&mut frame) {
                Ok(length) => {
                    let frame = &frame[..length];
                    if frame.windows(mark.len()).any(|part| part == mark) {
                        return;
                    }
                    let (name, start) = (self.name, &frame[..length.min(54)]);
                    seen.0
                        .push(format!("{name}: a frame of {length}: {start:02x?}"));
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                    let waited = began.elapsed();
                    assert!(waited < Duration::from_secs(20), "the mark never came");
                    std::thread::yield_now();
                }
            }
        }
    }

    /// Notes what else has come.
    fn rest(&self, seen: &mut Seen) {
        let mut buffer = [0; 16384];
        loop {
            let name = self.name;
            match recv(self.changes.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(_) => {
                    let kind = u16::from_ne_bytes([buffer[4], buffer[5]]);
                    seen.0
                        .push(format!("{name}: a change, message type {kind}"));
                }
                Err(Errno::EAGAIN) => break,
                // ENOBUFS: more than there was room for.
                Err(errno) => seen.0.push(format!("{name}: changes: {errno}")),
            }
        }
        while let Some((_, from)) = nothing_more(self.tcp.accept()) {
            seen.0.push(format!("{}: TCP from {from}", self.name));
        }
        while let Some((_, from)) = nothing_more(self.udp.recv_from(&mut buffer)) {
            seen.0.push(format!("{}: UDP from {from}", self.name));
        }
    }
}

/// None where there is nothing more to take.
fn nothing_more<T>(taken: std::io::Result<T>) -> Option<T> {
    match taken {
        Ok(one) => Some(one),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("{error}"),
    }
}
