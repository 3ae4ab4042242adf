//! One end of a TCP connection: a smoltcp stack of its own, with one socket.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpListenEndpoint};

use super::super::time::Time;
use super::Ends;
use super::talk::Talk;

/// How much may be under way to whoever called, and to whoever listens, in bytes: questions are short.
const WINDOW: usize = 4_096;
const SHORT_WINDOW: usize = 1_024;

/// How long a peer that says nothing is waited for.
const SILENCE: Duration = Duration::from_secs(120);

/// One end of a TCP connection.
pub(super) struct Connection {
    pub ends: Ends,
    pub talk: Talk,
    /// When it has something to do next, as far as that is planned.
    pub wake: Option<Time>,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    line: Line,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("ends", &self.ends)
            .field("talk", &self.talk)
            .finish_non_exhaustive()
    }
}

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// With a SYN from here.
    Calls,
    /// With one from the peer.
    Listens,
}

impl Connection {
    /// An end of a connection. `mtu` bounds its segments, in bytes with all headers.
    pub fn new(
        ends: Ends,
        beginning: Beginning,
        talk: Talk,
        mtu: u32,
        seed: u64,
        now: Time,
    ) -> Self {
        let mut line = Line {
            mtu: mtu as usize,
            inbox: VecDeque::new(),
            outbox: Vec::new(),
        };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut line, now.into());
        let ((own, own_port), (peer, peer_port)) = ends;
        interface.update_ip_addrs(|addresses| {
            // There is room for two.
            let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(own), 32));
        });
        // There is room for two of these as well.
        let _ = interface
            .routes_mut()
            .add_default_ipv4_route(Ipv4Addr::UNSPECIFIED);
        let buffer = |size: usize| SocketBuffer::new(vec![0; size]);
        let (receive, send) = match beginning {
            Beginning::Calls => (WINDOW, SHORT_WINDOW),
            Beginning::Listens => (SHORT_WINDOW, WINDOW),
        };
        let mut socket = Socket::new(buffer(receive), buffer(send));
        socket.set_ack_delay(None);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(SILENCE.into()));
        let local = IpListenEndpoint {
            addr: Some(IpAddress::Ipv4(own)),
            port: own_port,
        };
        // Both refuse a port of 0 and an open socket only; a connection that never was is closed.
        let begun = match beginning {
            Beginning::Calls => {
                let remote = (IpAddress::Ipv4(peer), peer_port);
                socket.connect(interface.context(), remote, local).is_ok()
            }
            Beginning::Listens => socket.listen(local).is_ok(),
        };
        tracing::trace!(?ends, begun, "a connection begins");
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let socket = sockets.add(socket);
        Self {
            ends,
            talk,
            wake: None,
            interface,
            sockets,
            socket,
            line,
        }
    }

    /// The socket.
    pub fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.socket)
    }

    /// The socket and what is said on it.
    pub fn parts(&mut self) -> (&mut Socket<'static>, &mut Talk) {
        (self.sockets.get_mut(self.socket), &mut self.talk)
    }

    /// The state that the connection is in.
    pub fn state(&self) -> State {
        self.sockets.get::<Socket<'_>>(self.socket).state()
    }

    /// Gives it a packet.
    pub fn push(&mut self, packet: Vec<u8>) {
        self.line.inbox.push_back(packet);
    }

    /// Lets the stack do what there is to do now; the packets that it sends.
    pub fn poll(&mut self, now: Time) -> Vec<Vec<u8>> {
        self.interface
            .poll(now.into(), &mut self.line, &mut self.sockets);
        std::mem::take(&mut self.line.outbox)
    }

    /// When it has something to do by itself.
    pub fn due(&mut self, now: Time) -> Option<Time> {
        let due = self.interface.poll_at(now.into(), &self.sockets);
        due.map(Time::from)
    }
}

/// The stack's interface: packets in, packets out.
#[derive(Debug)]
struct Line {
    mtu: usize,
    inbox: VecDeque<Vec<u8>>,
    outbox: Vec<Vec<u8>>,
}

struct Received(Vec<u8>);

struct Sent<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Line {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sent<'_>)> {
        let packet = self.inbox.pop_front()?;
        Some((Received(packet), Sent(&mut self.outbox)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.outbox))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}
