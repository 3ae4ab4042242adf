//! What the tests share: a network under test, and packets to send through it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use canal_sim::backend::BackendError;
use canal_sim::backend::kernel::Kernel;
use canal_sim::backend::kernel::drops::DropCounts;
use canal_sim::backend::kernel::namespace::Namespace;
use canal_sim::backend::kernel::nflog::LoggedPacket;
use canal_sim::network::{
    Address, Chain, ChainId, End, Hook, HookPoint, IfName, Label, Link, LinkId, Network, NodeId,
    Route, Rule, Shape, Table, diff,
};
use ipnet::Ipv4Net;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

/// Longer than any packet takes here.
pub const SOON: Duration = Duration::from_secs(3);

/// Long enough for a packet that doesn't come: those that do take 0.1 ms.
pub const NEVER: Duration = Duration::from_millis(150);

/// A network in the kernel, and the description that it was made from.
pub struct Bench {
    pub kernel: Kernel,
    pub network: Network,
    pub wanted: Network,
    runtime: Runtime,
}

pub fn node(name: &str) -> NodeId {
    NodeId::new(name)
}

pub fn dev(name: &str) -> IfName {
    IfName::fit(name, "")
}

pub fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

pub fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub fn label(reason: &str) -> Label {
    Label {
        is_final: true,
        reason: reason.into(),
        resource: "under test".into(),
    }
}

pub fn chain(point: HookPoint, priority: i32, rules: impl IntoIterator<Item = Rule>) -> Chain {
    Chain {
        hook: Some(Hook { point, priority }),
        rules: rules.into_iter().collect(),
    }
}

impl Bench {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            kernel: runtime.block_on(Kernel::new()).unwrap(),
            network: Network::default(),
            wanted: Network::default(),
            runtime,
        }
    }

    /// How many drops of its own the kernel has reported, once it is listened to.
    pub fn drops(&self) -> Option<DropCounts> {
        self.runtime.block_on(self.kernel.drops(SOON))
    }

    /// Carries out whatever has been changed in `wanted`.
    pub fn apply(&mut self) {
        self.try_apply().unwrap();
    }

    pub fn try_apply(&mut self) -> Result<(), BackendError> {
        let changes = diff(&self.network, &self.wanted);
        let done = self.runtime.block_on(self.kernel.apply_network(&changes));
        self.network = self.wanted.clone();
        done
    }

    pub fn host(&mut self, name: &str, forwarding: bool) {
        let host = self.wanted.nodes.entry(node(name)).or_default();
        host.forwarding = forwarding;
    }

    /// Joins two nodes by interfaces that carry the other's name.
    pub fn join(&mut self, a: (&str, &str), b: (&str, &str)) {
        let end = |of: &str, to: &str| End::new(node(of), dev(to));
        let link = Link {
            ends: [end(a.0, b.0), end(b.0, a.0)],
            mtu: 1500,
            shapes: None,
        };
        let id = LinkId::new(format!("{}-{}", a.0, b.0));
        self.wanted.links.insert(id, link);
        self.address(a.0, b.0, a.1);
        self.address(b.0, a.0, b.1);
    }

    /// Lets the link between two nodes that were joined in this order do this to frames, there and back.
    pub fn shape(&mut self, a: &str, b: &str, there: Shape, back: Shape) {
        let id = LinkId::new(format!("{a}-{b}"));
        let link = self.wanted.links.get_mut(&id).unwrap();
        link.shapes = Some(Box::new([there, back]));
    }

    pub fn address(&mut self, at: &str, on: &str, address: &str) {
        let address = Address {
            dev: dev(on),
            net: net(address),
        };
        let host = self.wanted.nodes.entry(node(at)).or_default();
        host.addresses.insert(address);
    }

    pub fn route(&mut self, at: &str, prefix: &str, on: &str, via: Option<&str>) {
        self.route_in(at, Table::MAIN, prefix, on, via);
    }

    pub fn route_in(&mut self, at: &str, table: Table, prefix: &str, on: &str, via: Option<&str>) {
        let route = Route {
            dev: dev(on),
            via: via.map(ip),
            source: None,
        };
        let host = self.wanted.nodes.entry(node(at)).or_default();
        host.routes.insert((table, net(prefix)), route);
    }

    pub fn chain(&mut self, at: &str, id: ChainId, chain: Chain) {
        let host = self.wanted.nodes.entry(node(at)).or_default();
        host.filter.chains.insert(id, chain);
    }

    /// `a ── r ── b`: two hosts, and a router between them.
    pub fn routed() -> Self {
        let mut bench = Self::new();
        bench.host("r", true);
        bench.join(("a", "10.1.0.1/24"), ("r", "10.1.0.254/24"));
        bench.join(("b", "10.2.0.1/24"), ("r", "10.2.0.254/24"));
        bench.route("a", "0.0.0.0/0", "r", Some("10.1.0.254"));
        bench.route("b", "0.0.0.0/0", "r", Some("10.2.0.254"));
        bench
    }

    pub fn space(&self, name: &str) -> Arc<Namespace> {
        Arc::clone(self.kernel.node(&node(name)).unwrap())
    }

    /// Runs something inside a node.
    pub fn within<T: Send + 'static>(
        &self,
        at: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        self.space(at).run(work).unwrap()
    }

    /// A file under `/proc/thread-self/net` or `/proc/sys/net`, as a node sees it.
    pub fn read(&self, at: &str, path: &str) -> String {
        let path = path.to_owned();
        self.within(at, move || std::fs::read_to_string(path).unwrap())
    }

    /// The names of a node's interfaces.
    pub fn interfaces(&self, at: &str) -> Vec<String> {
        let table = self.read(at, "/proc/thread-self/net/dev");
        let lines = table.lines().skip(2);
        lines
            .filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()))
            .collect()
    }

    pub fn udp(&self, at: &str, address: &str) -> UdpSocket {
        let address: SocketAddr = address.parse().unwrap();
        self.within(at, move || {
            let socket = UdpSocket::bind(address).unwrap();
            socket.set_read_timeout(Some(SOON)).unwrap();
            socket
        })
    }

    /// Sends a datagram from one node to another; where it came from, as the other saw it.
    pub fn send(&self, from: &str, to: (&str, &str)) -> Option<SocketAddr> {
        let receiver = self.udp(to.0, "0.0.0.0:7000");
        let sender = self.udp(from, "0.0.0.0:0");
        let target = format!("{}:7000", to.1);
        sender.send_to(b"question", target).ok()?;
        receiver.set_read_timeout(Some(NEVER)).unwrap();
        let mut buffer = [0; 64];
        receiver.recv_from(&mut buffer).ok().map(|(_, from)| from)
    }

    /// Pings an address; the TTL of the reply.
    pub fn ping(&self, from: &str, to: &str, patience: Duration) -> Option<u8> {
        let socket = self.within(from, || {
            Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).unwrap()
        });
        let mut request = [8, 0, 0, 0, 0x12, 0x34, 0, 1];
        let sum = !(0x0800_u16 + 0x1234 + 1);
        request[2..4].copy_from_slice(&sum.to_be_bytes());
        let target = SockAddr::from(SocketAddr::new(ip(to).into(), 0));
        socket.send_to(&request, &target).ok()?;
        let end = Instant::now() + patience;
        loop {
            let left = end.checked_duration_since(Instant::now())?;
            socket
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                .unwrap();
            let mut buffer = [0; 256];
            let length = io::Read::read(&mut &socket, &mut buffer).ok()?;
            let header = usize::from(buffer[0] & 15) * 4;
            let reply = buffer[..length].get(header..header + 6)?;
            if reply[0] == 0 && reply[4..6] == [0x12, 0x34] {
                return Some(buffer[8]);
            }
        }
    }

    /// The next packet that the log reports.
    pub fn logged(&self, log: &mut broadcast::Receiver<LoggedPacket>) -> LoggedPacket {
        self.runtime
            .block_on(async { tokio::time::timeout(SOON, log.recv()).await })
            .expect("a packet is logged")
            .unwrap()
    }
}
