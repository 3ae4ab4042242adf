//! How well the kernel backend keeps to what a link shall do: how exact a delay is, how fast TCP gets through a
//! shaped link, and that a plain link next to it loses nothing.
//!
//! ```text
//! a ════ r ──── b      ═══ is shaped
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use canal_sim::backend::kernel::{Kernel, airlock};
use canal_sim::network::{
    Address, End, IfName, Link, LinkId, Network, NodeId, Route, Shape, Table, diff,
};
use tokio::runtime::{Builder, Runtime};

/// The delay that is measured.
const DELAY: Duration = Duration::from_millis(50);
const PACKETS: usize = 2_000;
const BETWEEN: Duration = Duration::from_micros(1_700);

/// How long a throughput is measured, and how often.
const WHILE: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;

/// How many packets a plain link carries while the shaped one is full.
const PLAIN: usize = 100_000;

fn main() {
    if let Err(error) = airlock::enter() {
        eprintln!("not measured: {error}");
        return;
    }
    println!("{}", machine());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let slow = Shape {
        latency: DELAY,
        ..Shape::default()
    };
    delay(&Bench::new(&runtime, Some(slow)));
    println!("TCP, a to b, {ROUNDS} rounds of {WHILE:?}");
    throughput("a plain link", &Bench::new(&runtime, None));
    let shaped = Bench::new(&runtime, Some(Shape::default()));
    throughput("a shaped link", &shaped);
    plain_beside(&shaped);
}

/// What a figure depends on.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let field = |line: &str| {
        Some(
            line.strip_prefix("model name")?
                .split_once(':')?
                .1
                .trim()
                .to_owned(),
        )
    };
    let names: Vec<String> = processors.lines().filter_map(field).collect();
    format!(
        "{} × {}, Linux {}, load {}",
        thread::available_parallelism().map_or(1, usize::from),
        names.first().map_or("an unknown processor", String::as_str),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").split(' ').next().unwrap_or_default(),
    )
}

struct Bench {
    kernel: Kernel,
}

impl Bench {
    /// `a ═ r ─ b`, with that shape in both directions.
    fn new(runtime: &Runtime, shape: Option<Shape>) -> Self {
        let mut network = Network::default();
        let shapes = shape.map(|shape| Box::new([shape.clone(), shape]));
        for (leaf, net, shapes) in [("a", 1, shapes), ("b", 2, None)] {
            let (leaf, router) = (NodeId::new(leaf), NodeId::new("r"));
            let (up, down) = (IfName::fit("r", ""), IfName::fit(leaf.as_str(), ""));
            let link = Link {
                ends: [
                    End::new(leaf.clone(), up.clone()),
                    End::new(router.clone(), down.clone()),
                ],
                mtu: 1_500,
                shapes,
            };
            network.links.insert(LinkId::new(leaf.as_str()), link);
            let address = |dev: &IfName, last| Address {
                dev: dev.clone(),
                net: format!("10.{net}.0.{last}/24").parse().unwrap(),
            };
            let node = network.nodes.entry(leaf).or_default();
            node.addresses.insert(address(&up, 1));
            let route = Route {
                dev: up,
                via: Some(format!("10.{net}.0.254").parse().unwrap()),
                source: None,
            };
            let everywhere = "0.0.0.0/0".parse().unwrap();
            node.routes.insert((Table::MAIN, everywhere), route);
            let node = network.nodes.entry(router).or_default();
            node.forwarding = true;
            node.addresses.insert(address(&down, 254));
        }
        let changes = diff(&Network::default(), &network);
        let kernel = runtime.block_on(async {
            let mut kernel = Kernel::deaf().await.unwrap();
            kernel.apply_network(&changes).await.unwrap();
            kernel
        });
        Self { kernel }
    }

    fn within<T: Send + 'static>(&self, at: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.kernel
            .node(&NodeId::new(at))
            .unwrap()
            .run(work)
            .unwrap()
    }

    fn udp(&self, at: &str, address: &'static str) -> UdpSocket {
        let socket = self.within(at, move || UdpSocket::bind(address).unwrap());
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        socket
    }
}

/// How late packets are that a link holds for [`DELAY`], by the stamps that the kernel gives them as they arrive, from
/// just before they were sent.
fn delay(bench: &Bench) {
    let receiver = bench.udp("r", "10.1.0.254:7000");
    let sender = bench.udp("a", "10.1.0.1:0");
    sender.connect("10.1.0.254:7000").unwrap();
    // So that both know each other.
    sender.send(&[0; 16]).unwrap();
    receiver.recv(&mut [0; 16]).unwrap();
    stamp_arrivals(&receiver);
    let mut late: Vec<i128> = thread::scope(|scope| {
        let arrived = scope.spawn(|| (0..PACKETS).map(|_| receive(&receiver)).collect::<Vec<_>>());
        for _ in 0..PACKETS {
            let now = real_time();
            sender.send(&now.as_nanos().to_be_bytes()).unwrap();
            thread::sleep(BETWEEN);
        }
        let took = arrived.join().unwrap().into_iter();
        took.map(|took| took - DELAY.as_nanos() as i128).collect()
    });
    late.sort_unstable();
    let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    println!(
        "a delay of {DELAY:?}, {PACKETS} packets, one every {BETWEEN:?}: late by {:.0} µs at least, {:.0} µs in the \
         median, {:.0} µs at the 99th percentile, {:.0} µs at most",
        at(0.0),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn real_time() -> Duration {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap()
}

fn stamp_arrivals(socket: &UdpSocket) {
    use nix::sys::socket::{setsockopt, sockopt};
    setsockopt(socket, sockopt::ReceiveTimestampns, &true).unwrap();
}

/// How many nanoseconds the next packet took from its sender to here.
fn receive(socket: &UdpSocket) -> i128 {
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg};
    use std::io::IoSliceMut;
    use std::os::fd::AsRawFd;
    let mut sent = [0; 16];
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let mut parts = [IoSliceMut::new(&mut sent)];
    let fd = socket.as_raw_fd();
    let message =
        recvmsg::<SockaddrIn>(fd, &mut parts, Some(&mut control), MsgFlags::empty()).unwrap();
    let stamp = message.cmsgs().unwrap().find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
        _ => None,
    });
    stamp.unwrap().as_nanos() as i128 - u128::from_be_bytes(sent) as i128
}

/// How fast one TCP connection is.
fn throughput(what: &str, bench: &Bench) {
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| transfer(bench, WHILE)).collect();
    rates.sort_unstable_by(f64::total_cmp);
    println!(
        "  over {what}: {:.2} Gbit/s in the median, {:.2} to {:.2}",
        rates[ROUNDS / 2],
        rates[0],
        rates[ROUNDS - 1]
    );
}

/// Sends from `a` to `b` for so long; how many Gbit of payload arrive in a second.
fn transfer(bench: &Bench, time: Duration) -> f64 {
    let listener = bench.within("b", || TcpListener::bind("10.2.0.1:0").unwrap());
    let to = listener.local_addr().unwrap();
    let mut sender = bench.within("a", move || TcpStream::connect(to).unwrap());
    let (mut receiver, _) = listener.accept().unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let data = vec![0; 128 << 10];
            while !stop.load(Ordering::Acquire) {
                sender.write_all(&data).unwrap();
            }
            drop(sender);
        });
        let mut buffer = vec![0; 256 << 10];
        let (began, mut bytes) = (Instant::now(), 0);
        while began.elapsed() < time {
            bytes += receiver.read(&mut buffer).unwrap();
        }
        let took = began.elapsed();
        stop.store(true, Ordering::Release);
        while receiver.read(&mut buffer).unwrap() > 0 {}
        bytes as f64 * 8e-9 / took.as_secs_f64()
    })
}

/// Counts what a plain link loses while the shaped one is full: as many packets as the receiver has room for are under
/// way, so that only the link could lose one.
fn plain_beside(bench: &Bench) {
    /// Less than a socket's receive buffer has room for.
    const UNDER_WAY: usize = 64;
    let receiver = bench.udp("b", "10.2.0.1:7000");
    let sender = bench.udp("r", "10.2.0.254:0");
    sender.connect("10.2.0.1:7000").unwrap();
    let stop = AtomicBool::new(false);
    let (rate, lost) = thread::scope(|scope| {
        let busy = scope.spawn(|| {
            let mut rates = Vec::new();
            while !stop.load(Ordering::Acquire) {
                rates.push(transfer(bench, Duration::from_millis(200)));
            }
            rates.iter().sum::<f64>() / rates.len() as f64
        });
        let mut lost = 0;
        let mut buffer = [0; 8];
        for first in (0..PLAIN).step_by(UNDER_WAY) {
            for number in first..first + UNDER_WAY {
                sender.send(&number.to_be_bytes()).unwrap();
            }
            for number in first..first + UNDER_WAY {
                match receiver.recv(&mut buffer) {
                    Ok(_) => assert_eq!(usize::from_be_bytes(buffer), number),
                    Err(_) => lost += 1,
                }
            }
        }
        stop.store(true, Ordering::Release);
        (busy.join().unwrap(), lost)
    });
    println!(
        "{PLAIN} packets over a plain link, {rate:.2} Gbit/s over the shaped one meanwhile: {lost} lost"
    );
    assert_eq!(lost, 0, "a plain link loses nothing");
}
