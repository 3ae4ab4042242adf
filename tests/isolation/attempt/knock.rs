//! Sends everything that can be sent from where one is.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, sendto, socket,
};
use socket2::{Domain, Protocol, Socket, Type};
use std::os::fd::AsRawFd;

use super::tell;
use crate::host::{ADDRESSES, NEIGHBOUR};
use crate::witness::{TCP, UDP};

/// How long to wait for a TCP connection: on the host it takes far less.
const PATIENCE: Duration = Duration::from_millis(100);

/// TCP, UDP, ping and packets with headers of their own to every address of the host, to its neighbour and
/// to the world behind it; frames on every interface.
pub fn everywhere() {
    let targets = ADDRESSES
        .iter()
        .chain([&NEIGHBOUR, &"127.0.0.1", &"203.0.113.99"]);
    for target in targets {
        let ip: Ipv4Addr = target.parse().unwrap();
        let to = |port| SocketAddr::new(IpAddr::V4(ip), port);
        tell(
            &format!("tcp {ip}"),
            TcpStream::connect_timeout(&to(TCP), PATIENCE),
        );
        let udp = UdpSocket::bind("0.0.0.0:0").and_then(|udp| udp.send_to(b"out", to(UDP)));
        tell(&format!("udp {ip}"), udp);
        tell(&format!("ping {ip}"), ping(to(0)));
        tell(&format!("raw {ip}"), raw(ip, to(0)));
    }
    frames();
}

/// An echo request.
fn ping(to: SocketAddr) -> std::io::Result<usize> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    // Type 8, code 0, checksum, identifier 1, sequence 1.
    socket.send_to(&[8, 0, 0xf7, 0xfd, 0, 1, 0, 1], &to.into())
}

/// A packet with a header of one's own and somebody else's source address.
fn raw(ip: Ipv4Addr, to: SocketAddr) -> std::io::Result<usize> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255)))?;
    socket.send_to(&packet(ip), &to.into())
}

/// An IPv4 packet from 192.0.2.99, protocol 253, which is for experiments (RFC 3692); the kernel fills in
/// length and checksum (raw(7)).
fn packet(to: Ipv4Addr) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 24, 0, 1, 0, 0, 64, 253, 0, 0, 192, 0, 2, 99];
    packet.extend(to.octets());
    packet.extend(b"out!");
    packet
}

/// A frame to everybody on every interface.
pub fn frames() {
    // One entry for each address; those of the link are one for each interface.
    let Ok(interfaces) = getifaddrs() else {
        return println!("interfaces can't be listed");
    };
    let mut done = BTreeSet::new();
    for interface in interfaces {
        let link = interface
            .address
            .as_ref()
            .and_then(|one| one.as_link_addr().copied());
        let Some(link) = link else { continue };
        if done.insert(link.ifindex()) {
            let name = interface.interface_name;
            tell(&format!("frame on {name}"), frame(&link));
        }
    }
}

fn frame(on: &LinkAddr) -> nix::Result<usize> {
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::EthAll,
    )?;
    let mut frame = vec![0xff; 6];
    frame.extend(on.addr().unwrap_or_default());
    frame.extend([0x08, 0x00]);
    frame.extend(packet(NEIGHBOUR.parse().unwrap()));
    sendto(socket.as_raw_fd(), &frame, on, MsgFlags::empty())
}
