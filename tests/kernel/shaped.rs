//! Links that behave like links.
//!
//! ```text
//! a ════ r ──── b      ═══ is shaped
//! ```

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use canal_sim::backend::Backend;
use canal_sim::network::{BitRate, Chance, LinkId, Loss, Network, Radio, Rate, Shape};
use libtest_mimic::Failed;
use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};
use socket2::{Domain, Protocol, Socket, Type};

use crate::Test;
use crate::bench::{Bench, NEVER, SOON, node};

pub const TESTS: &[Test] = &[
    ("shaped::frames_take_their_time", frames_take_their_time),
    ("shaped::a_link_is_cut_and_restored", cut_and_restored),
    ("shaped::what_is_under_way_stays_so", under_way),
    ("shaped::a_rate_is_kept", a_rate_is_kept),
    ("shaped::chance_is_the_seeds", chance),
    ("shaped::frames_are_what_a_wire_would_carry", frames),
    ("shaped::time_that_is_skipped_has_passed", skipped),
    ("shaped::a_link_goes_and_comes", a_link_goes),
    ("shaped::a_node_starts_again", a_node_starts_again),
    ("shaped::plain_and_shaped_are_told_apart", plain_and_shaped),
    ("shaped::many_are_made_and_gone", many),
];

const TIME: Duration = Duration::from_millis(50);

fn slow() -> Shape {
    Shape {
        latency: TIME,
        ..Shape::default()
    }
}

fn cut() -> Shape {
    Shape {
        cut: true,
        ..Shape::default()
    }
}

/// `a ════ r ──── b`.
fn shaped(there: Shape, back: Shape) -> Bench {
    let mut bench = Bench::routed();
    bench.shape("a", "r", there, back);
    bench.apply();
    bench
}

/// How long a ping takes; `a` knows its neighbour afterwards.
fn round_trip(bench: &Bench, from: &str, to: &str) -> Duration {
    let began = Instant::now();
    bench.ping(from, to, SOON).expect("it is answered");
    began.elapsed()
}

fn frames_take_their_time() -> Result<(), Failed> {
    let bench = shaped(slow(), Shape::default());
    // ARP asks first.
    assert!(round_trip(&bench, "a", "10.2.0.1") >= 2 * TIME);
    let times: Vec<Duration> = (0..10)
        .map(|_| round_trip(&bench, "a", "10.2.0.1"))
        .collect();
    let best = times.iter().min().unwrap();
    assert!(times.iter().all(|time| *time >= TIME), "{times:?}");
    // Others work on the machine meanwhile; how exact it is on an idle one is for the benchmark to say.
    assert!(*best < TIME + Duration::from_millis(10), "{times:?}");
    // The other end of the router is a plain link.
    assert!((0..10).any(|_| round_trip(&bench, "b", "10.2.0.254") < TIME / 5));
    Ok(())
}

fn cut_and_restored() -> Result<(), Failed> {
    let mut bench = shaped(Shape::default(), Shape::default());
    assert_eq!(bench.ping("a", "10.2.0.1", SOON), Some(63));
    bench.shape("a", "r", Shape::default(), cut());
    bench.apply();
    assert_eq!(bench.ping("a", "10.2.0.1", NEVER), None);
    bench.shape("a", "r", Shape::default(), Shape::default());
    bench.apply();
    assert_eq!(bench.ping("a", "10.2.0.1", SOON), Some(63));
    Ok(())
}

fn under_way() -> Result<(), Failed> {
    let mut bench = shaped(Shape::default(), Shape::default());
    // So that both know each other.
    bench.ping("a", "10.2.0.1", SOON).expect("it is answered");
    let mut hour = slow();
    hour.latency = Duration::from_secs(3_600);
    bench.shape("a", "r", hour, Shape::default());
    bench.apply();
    let receiver = bench.udp("b", "10.2.0.1:7000");
    let sender = bench.udp("a", "10.1.0.1:0");
    sender.send_to(b"an hour", "10.2.0.1:7000")?;
    receiver.set_read_timeout(Some(NEVER))?;
    let mut buffer = [0; 64];
    assert!(receiver.recv(&mut buffer).is_err(), "it takes an hour");
    bench.shape("a", "r", Shape::default(), Shape::default());
    bench.apply();
    sender.send_to(b"at once", "10.2.0.1:7000")?;
    // The order is kept: nothing overtakes what is under way, and a cut loses it.
    assert!(
        receiver.recv(&mut buffer).is_err(),
        "nor does that overtake it"
    );
    bench.shape("a", "r", cut(), Shape::default());
    bench.apply();
    bench.shape("a", "r", Shape::default(), Shape::default());
    bench.apply();
    sender.send_to(b"after the cut", "10.2.0.1:7000")?;
    receiver.set_read_timeout(Some(SOON))?;
    let length = receiver.recv(&mut buffer)?;
    assert_eq!(&buffer[..length], b"after the cut");
    Ok(())
}

fn a_rate_is_kept() -> Result<(), Failed> {
    /// Of an IP packet: 28 bytes of headers, and the rest.
    const PACKET: usize = 1_000;
    const COUNT: usize = 100;
    // A packet a millisecond.
    let rate = BitRate::new(8 * PACKET as u64 * 1_000).unwrap();
    let limited = Shape {
        rate: Rate::Constant(rate),
        ..Shape::default()
    };
    let mut bench = shaped(limited.clone(), Shape::default());
    bench.ping("a", "10.2.0.1", SOON).expect("it is answered");
    let time = |bench: &Bench| -> Result<Duration, Failed> {
        let receiver = bench.udp("b", "10.2.0.1:7000");
        let sender = bench.udp("a", "10.1.0.1:0");
        let began = Instant::now();
        for _ in 0..COUNT {
            sender.send_to(&[0; PACKET - 28], "10.2.0.1:7000")?;
        }
        for _ in 0..COUNT {
            receiver.recv(&mut [0; PACKET])?;
        }
        Ok(began.elapsed())
    };
    let took = time(&bench)?;
    let least = Duration::from_millis(COUNT as u64);
    assert!(took >= least, "{took:?}");
    assert!(took < 3 * least, "{took:?}");
    // Another rate on the running link, as a speed class that changes.
    let mut doubled = limited;
    doubled.rate = Rate::Constant(BitRate::new(rate.get() / 4).unwrap());
    bench.shape("a", "r", doubled, Shape::default());
    bench.apply();
    let took = time(&bench)?;
    assert!(took >= 4 * least, "{took:?}");
    Ok(())
}

fn chance() -> Result<(), Failed> {
    const COUNT: u8 = 100;
    let lossy = Shape {
        loss: Loss::Independent(Chance::percent(50)),
        ..Shape::default()
    };
    // Which of the datagrams arrive. Nothing else is on the link: the neighbours are known, and the loss begins with
    // the first of them.
    let arrived = || -> Result<Vec<u8>, Failed> {
        let mut bench = shaped(Shape::default(), Shape::default());
        bench.ping("a", "10.2.0.1", SOON).expect("it is answered");
        bench.shape("a", "r", lossy.clone(), Shape::default());
        bench.apply();
        let receiver = bench.udp("b", "10.2.0.1:7000");
        let sender = bench.udp("a", "10.1.0.1:0");
        for number in 0..COUNT {
            sender.send_to(&[number], "10.2.0.1:7000")?;
        }
        bench.shape("a", "r", Shape::default(), Shape::default());
        bench.apply();
        sender.send_to(&[COUNT], "10.2.0.1:7000")?;
        let mut numbers = Vec::new();
        let mut buffer = [0];
        while numbers.last() != Some(&COUNT) {
            receiver.recv(&mut buffer)?;
            numbers.push(buffer[0]);
        }
        Ok(numbers)
    };
    let first = arrived()?;
    assert!((20..80).contains(&first.len()), "{first:?}");
    assert_eq!(first, arrived()?);
    Ok(())
}

/// What passes a node's interfaces, in and out, until told to stop.
fn sniff(bench: &Bench, at: &str, stop: &AtomicBool) -> Vec<Vec<u8>> {
    let socket = bench.within(at, || {
        // Every protocol, in the network's order of bytes (packet(7)).
        let all = Protocol::from(i32::from(3_u16.to_be()));
        Socket::new(Domain::PACKET, Type::RAW, Some(all)).unwrap()
    });
    socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut frames = Vec::new();
    let mut buffer = vec![0; 70_000];
    while !stop.load(Ordering::Acquire) {
        if let Ok(length) = (&socket).read(&mut buffer) {
            frames.push(buffer[..length].to_vec());
        }
    }
    frames
}

fn frames() -> Result<(), Failed> {
    const LENGTH: usize = 3 << 20;
    /// An Ethernet header, and the link's MTU.
    const LONGEST: usize = 14 + 1_500;
    let bench = shaped(Shape::default(), Shape::default());
    let listener = bench.within("b", || TcpListener::bind("10.2.0.1:7000").unwrap());
    let stop = AtomicBool::new(false);
    let sent: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
    let (bench, stop, data) = (&bench, &stop, &sent);
    let (received, sniffed) = thread::scope(|scope| {
        let at_a = scope.spawn(move || sniff(bench, "a", stop));
        let server = scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).unwrap();
            // The same back: segments that came together from a plain link are taken apart again.
            stream.write_all(&received).unwrap();
            received
        });
        let mut client = bench.within("a", || TcpStream::connect("10.2.0.1:7000").unwrap());
        client.write_all(data).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        stop.store(true, Ordering::Release);
        assert!(&back == data, "what comes back is what was sent");
        (server.join().unwrap(), at_a.join().unwrap())
    });
    assert!(received == sent, "what arrives is what was sent");
    let mut segments = 0;
    for frame in &sniffed {
        assert!(frame.len() <= LONGEST, "a frame of {}", frame.len());
        let frame = EthernetFrame::new_checked(frame.as_slice())?;
        if frame.ethertype() != EthernetProtocol::Ipv4 {
            continue;
        }
        let packet = Ipv4Packet::new_checked(frame.payload())?;
        if packet.next_header() != IpProtocol::Tcp {
            continue;
        }
        let (from, to) = (packet.src_addr().into(), packet.dst_addr().into());
        let segment = TcpPacket::new_checked(packet.payload())?;
        assert!(segment.verify_checksum(&from, &to), "{segment}");
        segments += 1;
    }
    assert!(segments > 500, "{segments} of {}", sniffed.len());
    Ok(())
}

fn skipped() -> Result<(), Failed> {
    let wake = Duration::from_millis(300);
    let radio = Shape {
        radio: Some(Radio {
            idle: Duration::from_secs(3_000),
            wake_least: wake,
            wake_most: wake,
        }),
        ..Shape::default()
    };
    let mut bench = shaped(radio.clone(), radio);
    bench.ping("a", "10.2.0.1", SOON).expect("it is answered");
    assert!(
        (0..10).any(|_| round_trip(&bench, "a", "10.2.0.1") < wake),
        "it is awake"
    );
    bench.kernel.skip(Duration::from_secs(3_600));
    assert!(round_trip(&bench, "a", "10.2.0.1") >= wake, "it sleeps");

    let mut hour = slow();
    hour.latency = Duration::from_secs(3_600);
    bench.shape("a", "r", hour, Shape::default());
    bench.apply();
    let receiver = bench.udp("b", "10.2.0.1:7000");
    let sender = bench.udp("a", "10.1.0.1:0");
    sender.send_to(b"an hour", "10.2.0.1:7000")?;
    receiver.set_read_timeout(Some(NEVER))?;
    assert!(receiver.recv(&mut [0; 64]).is_err(), "it takes an hour");
    bench.kernel.skip(Duration::from_secs(3_600));
    receiver.set_read_timeout(Some(SOON))?;
    receiver.recv(&mut [0; 64])?;
    Ok(())
}

fn a_link_goes() -> Result<(), Failed> {
    let mut bench = shaped(Shape::default(), Shape::default());
    let id = LinkId::new("a-r");
    let whole = bench.wanted.clone();
    bench.wanted.links.remove(&id).unwrap();
    for name in ["a", "r"] {
        let host = bench.wanted.nodes.get_mut(&node(name)).unwrap();
        host.addresses
            .retain(|a| !["a", "r"].contains(&a.dev.as_str()));
        host.routes.retain(|_, route| route.dev.as_str() == "b");
    }
    bench.apply();
    assert_eq!(bench.interfaces("r"), ["lo", "b"]);
    assert_eq!(bench.interfaces("a"), ["lo"]);
    bench.wanted = whole;
    bench.apply();
    assert_eq!(bench.ping("a", "10.2.0.1", SOON), Some(63));
    Ok(())
}

fn a_node_starts_again() -> Result<(), Failed> {
    let mut bench = shaped(Shape::default(), Shape::default());
    let old = bench.space("a");
    bench.wanted.nodes.get_mut(&node("a")).unwrap().boot += 1;
    bench.apply();
    assert_eq!(bench.interfaces("a"), ["lo", "r"]);
    assert_eq!(bench.interfaces("r"), ["lo", "b", "a"]);
    assert!(bench.send("a", ("b", "10.2.0.1")).is_some());
    let left = old.run(|| std::fs::read_to_string("/proc/thread-self/net/dev"))??;
    assert_eq!(left.lines().count(), 3, "{left}");
    Ok(())
}

fn plain_and_shaped() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.apply();
    let plain = bench.kernel.counters();
    assert_eq!((plain.nodes, plain.links), (3, 2), "no relay without need");
    bench.shape("a", "r", Shape::default(), Shape::default());
    bench.apply();
    let both = bench.kernel.counters();
    // The relay's namespace, and a pair for each end.
    assert_eq!((both.nodes, both.links), (4, 4));
    assert_eq!(both.links_moved, 0);
    // As for a plain link: names, addresses and MTU are the node's own.
    let link = &bench.wanted.links[&LinkId::new("a-r")];
    let mac = bench.read("a", "/proc/thread-self/net/arp");
    assert!(!mac.contains("relay"), "{mac}");
    assert_eq!(bench.ping("a", "10.2.0.1", SOON), Some(63));
    let neighbours = bench.read("a", "/proc/thread-self/net/arp");
    assert!(
        neighbours.contains(&link.ends[1].mac.to_string()),
        "{neighbours}"
    );
    Ok(())
}

fn many() -> Result<(), Failed> {
    let mut bench = Bench::new();
    bench.host("hub", true);
    for n in 0..30 {
        let (leaf, hub) = (format!("10.9.{n}.1/24"), format!("10.9.{n}.254/24"));
        let name = format!("leaf{n}");
        bench.join((&name, &leaf), ("hub", &hub));
        bench.shape(&name, "hub", slow(), Shape::default());
        bench.route(&name, "0.0.0.0/0", "hub", Some(&format!("10.9.{n}.254")));
    }
    bench.apply();
    let receiver = bench.udp("hub", "0.0.0.0:7000");
    let senders: Vec<UdpSocket> = (0..30)
        .map(|n| bench.udp(&format!("leaf{n}"), "0.0.0.0:0"))
        .collect();
    for (n, sender) in senders.iter().enumerate() {
        sender.send_to(&[0], format!("10.9.{n}.254:7000"))?;
    }
    for _ in &senders {
        receiver.recv(&mut [0; 64])?;
    }
    bench.wanted = Network::default();
    bench.apply();
    assert!(bench.kernel.nodes().is_empty());
    Ok(())
}
