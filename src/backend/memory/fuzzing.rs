//! What the fuzzer runs: packets as the network in memory reads and rewrites them, and frames that somebody
//! else's machine would put on its links.

use std::sync::OnceLock;
use std::time::Duration;

use smoltcp::wire::{Ipv4Packet, TcpPacket, UdpPacket};

use super::core::Event;
use super::fabric::Fabric;
use super::frame::{BROADCAST, Frame, HEADER};
pub use super::host::fuzzing::stream;
use super::net::fragment::{Fragments, divide};
use super::packet::{Fragment, Packet, TCP, UDP};
use super::time::Time;
use crate::fuzzing::Bytes;
use crate::guest::shell;
use crate::lower::lower;
use crate::network::{Change, Family, HostFiles, Mac, Network, diff};
use crate::run::world;
use crate::scenario::{Moment, read, replay};

/// Any bytes as a packet, with what is to be changed in it before them.
pub fn packet(bytes: &[u8]) {
    if let Some(frame) = Frame::read(bytes) {
        let mut written = vec![0; frame.len()];
        frame.write(&mut written);
        assert_eq!(written, bytes);
    }
    let mut bytes = Bytes(bytes);
    let mut ip = || -> [u8; 4] { std::array::from_fn(|_| bytes.byte()) };
    let (source, destination) = (ip(), ip());
    let mut number = || u16::from_be_bytes([bytes.byte(), bytes.byte()]);
    let (ports, mtu) = ((number(), number()), number());
    let ttl = bytes.byte();
    // Nearly no checksum is right by chance.
    let mut bytes = bytes.0.to_vec();
    if bytes.len() >= 20 && Ipv4Packet::new_checked(&bytes).is_ok() {
        Ipv4Packet::new_unchecked(&mut bytes).fill_checksum();
    }
    let Ok(mut packet) = Packet::read(bytes) else {
        return;
    };
    let sound = is_sound(&packet);
    packet.set_source(source.into());
    packet.set_destination(destination.into());
    packet.set_source_port(ports.0);
    packet.set_destination_port(ports.1);
    packet.set_ttl(ttl);
    let again = Packet::read(packet.bytes.clone());
    let again = again.unwrap_or_else(|why| panic!("what was rewritten is {why:?}"));
    assert_eq!(
        (again.meta.source, again.meta.destination, again.meta.ttl),
        (packet.meta.source, packet.meta.destination, ttl)
    );
    if sound {
        assert!(is_sound(&packet), "a checksum was lost: {:?}", packet.meta);
    }
    parts(&packet, u32::from(mtu));
}

/// Whether its transport checksum is right, where it has one that can be checked.
fn is_sound(packet: &Packet) -> bool {
    let ends = (packet.meta.source.into(), packet.meta.destination.into());
    match packet.meta.protocol {
        UDP => UdpPacket::new_checked(packet.payload()).is_ok_and(|udp| {
            usize::from(udp.len()) == packet.payload().len()
                && udp.checksum() != 0
                && udp.verify_checksum(&ends.0, &ends.1)
        }),
        TCP => TcpPacket::new_checked(packet.payload())
            .is_ok_and(|tcp| tcp.verify_checksum(&ends.0, &ends.1)),
        _ => false,
    }
}

/// Parts are packets, no larger than they may be, and come together again.
fn parts(packet: &Packet, mtu: u32) {
    let parts = divide(packet, mtu, 7);
    let mut fragments = Fragments::default();
    let mut whole = None;
    let most = parts.len();
    for part in parts {
        assert!(part.len() <= mtu as usize || most == 1);
        let part = Packet::read(part.bytes);
        let part = part.unwrap_or_else(|why| panic!("a part is {why:?}"));
        whole = fragments.collect(part, Time::default());
    }
    if most > 1 && packet.meta.fragment == Fragment::Whole {
        let whole = whole.unwrap_or_else(|| panic!("its parts don't come together"));
        assert_eq!(whole.payload(), packet.payload());
    }
}

/// Frames that arrive at interfaces of the network of `scenarios/gate.toml`, one after another. Each has
/// the node, the interface and what it begins with before it.
pub fn frames(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let mut fabric = network();
    let nodes = changes().iter();
    let nodes = nodes
        .filter(|change| matches!(change, Change::AddNode(..)))
        .count();
    for _ in 0..64 {
        if !bytes.has_more() {
            break;
        }
        let (at, dev, kind) = (bytes.byte(), bytes.byte(), bytes.byte());
        let (family, length) = (
            if kind & 1 == 0 {
                Family::Ip
            } else {
                Family::Arp
            },
            usize::from(bytes.byte()) << (kind >> 6),
        );
        let frame = bytes.take(length);
        let node = usize::from(at) % nodes;
        let Some((there, _)) = fabric.node_at(node) else {
            continue;
        };
        let devices: Vec<_> = there.devices().map(|(dev, own)| (dev, own.mac)).collect();
        let Some((dev, mac)) = devices.get(usize::from(dev) % devices.len().max(1)) else {
            continue;
        };
        let frame = Frame {
            destination: if kind & 2 == 0 { *mac } else { BROADCAST },
            source: Mac([2, 0, 0, 0, 0, at]),
            family,
            bytes: mended(frame, family, kind & 4 == 0),
        };
        assert!(frame.len() >= HEADER);
        let (node, dev) = (node, *dev);
        fabric.core.soon(Event::Arrive { node, dev, frame });
        let until = fabric.core.now + Duration::from_millis(u64::from(kind >> 3 & 7));
        fabric.pass(until);
    }
    let until = fabric.core.now + Duration::from_secs(90);
    fabric.pass(until);
    // A frame has few consequences: a question, an answer, a copy for each node of the VPG. More would be a storm.
    assert!(fabric.core.events < 50_000, "{} events", fabric.core.events);
}

/// The network, with the tunnel that the walk-through's user types on the instance.
fn network() -> Fabric {
    const TUNNEL: &str = "ip link add vxlan0 type vxlan id 10 dstport 4789\n\
        ip link set vxlan0 up\nip addr add 10.128.0.254/16 dev vxlan0\n\
        bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.4\n\
        bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.5\n";
    let mut fabric = Fabric::new(1);
    let built = fabric.apply(changes());
    built.unwrap_or_else(|why| panic!("the network can't be built: {why}"));
    let node = changes().iter().find_map(|change| match change {
        Change::AddNode(id, ..) if id.as_str() == "instance/server" => Some(id),
        _ => None,
    });
    let node = node.and_then(|id| fabric.node(id).ok());
    let (node, core) = node.unwrap_or_else(|| panic!("there is no server"));
    let before = node.guest(core);
    let mut after = before.clone();
    let done = shell::execute(&mut after, &HostFiles::default(), TUNNEL);
    assert_eq!((done.exit, done.skipped.len()), (0, 0), "{done:?}");
    node.become_guest(core, &before, &after);
    fabric
}

/// The bytes with the checksum and the length that they should have, or as they are.
fn mended(bytes: &[u8], family: Family, mend: bool) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if mend && family == Family::Ip && bytes.len() >= 20 {
        bytes[0] = 0x45;
        let length = bytes.len();
        let mut packet = Ipv4Packet::new_unchecked(&mut bytes);
        // At most 2 KB.
        packet.set_total_len(length as u16);
        packet.fill_checksum();
    }
    bytes
}

/// What makes the network of the Gate walk-through, with all of its settings made.
fn changes() -> &'static [Change] {
    static CHANGES: OnceLock<Vec<Change>> = OnceLock::new();
    CHANGES.get_or_init(|| {
        let text = include_bytes!("../../../scenarios/gate.toml");
        let scenario = read("gate.toml", text).unwrap_or_else(|why| panic!("{why}"));
        let all = replay(&scenario, Moment::After(scenario.steps.len()));
        let all = all.unwrap_or_else(|why| panic!("{why}"));
        let network = lower(&all.course.cloud, &world(&scenario));
        diff(&Network::default(), &network)
    })
}
