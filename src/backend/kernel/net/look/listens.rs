//! What listens.
//!
//! The kernel is asked for sockets that listen, and no others (`sock_diag(7)`). A kernel that was built
//! without that still shows all of them in `/proc/net`, which takes it a hundred times as long: it walks
//! through the tables of the whole machine.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::backend::kernel::features::Feature;
use crate::backend::kernel::net::counters::Counting;
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::rtnl;
use crate::backend::kernel::net::socket::{Batch, NetlinkSocket, Subsystem};
use crate::backend::kernel::net::wire;
use crate::guest::{Guest, Listen, Transport};

/// What listens for IPv4, by protocol and family: `IPPROTO_…`, `AF_…`, the state of a socket that
/// listens (TCP's own; UDP's without a peer, include/net/tcp_states.h), and its file.
const TABLES: [(Transport, u8, u8, u8, &str); 4] = [
    (Transport::Tcp, 6, 2, 10, "tcp"),
    (Transport::Tcp, 6, 10, 10, "tcp6"),
    (Transport::Udp, 17, 2, 7, "udp"),
    (Transport::Udp, 17, 10, 7, "udp6"),
];

/// Reads the sockets of the calling thread's namespace.
pub(super) fn read(counting: &Counting, guest: &mut Guest) {
    guest.listens = asked(counting).unwrap_or_else(|refusal| {
        tracing::debug!(errno = ?refusal.errno, "what listens is read from /proc/net");
        shown()
    });
    // A tunnel receives by a socket of the kernel's, which isn't a service.
    let vxlans = guest.interfaces.values().filter_map(|i| i.vxlan.as_ref());
    let ports: BTreeSet<u16> = vxlans.map(|vxlan| vxlan.port).collect();
    guest.listens.retain(|listen| {
        let tunnel = listen.transport == Transport::Udp
            && listen.address.is_unspecified()
            && ports.contains(&listen.port);
        !tunnel
    });
}

/// What the kernel answers.
pub(super) fn asked(counting: &Counting) -> Result<BTreeSet<Listen>, Refusal> {
    /// `SOCK_DIAG_BY_FAMILY`.
    const BY_FAMILY: u16 = 20;
    Feature::SocketDiagnosis.there()?;
    let mut socket = NetlinkSocket::open(Subsystem::Sockets, counting)?;
    let mut listens = BTreeSet::new();
    for (transport, protocol, family, state, _) in TABLES {
        // `struct inet_diag_req_v2`: any address and port.
        let mut request = vec![family, protocol, 0, 0];
        request.extend((1_u32 << state).to_ne_bytes());
        request.extend([0; 48]);
        let mut batch = Batch::default();
        rtnl::push_raw_dump(&mut batch, BY_FAMILY, &request);
        for (address, port) in socket.list(batch, answered)? {
            listens.insert(Listen {
                transport,
                address,
                port,
            });
        }
    }
    Ok(listens)
}

/// `struct inet_diag_msg`, and whether it is for IPv6 alone.
fn answered(payload: &[u8]) -> Option<(Ipv4Addr, u16)> {
    const HEADER: usize = 72;
    /// `INET_DIAG_SKV6ONLY`.
    const ONLY_IPV6: u16 = 11;
    let port = wire::take(payload, 4).map(u16::from_be_bytes)?;
    let peer = wire::take(payload, 6).map(u16::from_be_bytes)?;
    if port == 0 || peer != 0 {
        return None;
    }
    let address = match payload.first()? {
        2 => wire::take::<4>(payload, 8)?.into(),
        _ => {
            let mut attributes = wire::attributes(payload.get(HEADER..)?);
            if attributes.any(|(kind, value)| kind == ONLY_IPV6 && value != [0]) {
                return None;
            }
            mapped(wire::take::<16>(payload, 8)?.into())?
        }
    };
    Some((address, port))
}

/// What `/proc/net` shows. A table that isn't there has none.
fn shown() -> BTreeSet<Listen> {
    let mut listens = BTreeSet::new();
    for (transport, _, _, state, file) in TABLES {
        // A thread's own entry: /proc/self would be the main thread's.
        let table = fs::read_to_string(format!("/proc/thread-self/net/{file}"));
        for line in table.unwrap_or_default().lines().skip(1) {
            if let Some((address, port)) = listener(line, state) {
                listens.insert(Listen {
                    transport,
                    address,
                    port,
                });
            }
        }
    }
    listens
}

/// Where a line's socket listens for IPv4, if it does.
fn listener(line: &str, state: u8) -> Option<(Ipv4Addr, u16)> {
    let mut columns = line.split_ascii_whitespace().skip(1);
    let (local, remote) = (columns.next()?, columns.next()?);
    let is_in = u8::from_str_radix(columns.next()?, 16).ok()?;
    if is_in != state || !remote.ends_with(":0000") {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((ipv4(address)?, port))
}

/// An address in words of 32 bits, each in the machine's order.
fn ipv4(hex: &str) -> Option<Ipv4Addr> {
    let word = |at: usize| {
        let digits = hex.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(word(0)?.into()),
        32 => {
            let mut bytes = [0; 16];
            for at in 0..4 {
                bytes[at * 4..at * 4 + 4].copy_from_slice(&word(at)?);
            }
            mapped(bytes.into())
        }
        _ => None,
    }
}

/// What an address of IPv6 means for IPv4: all addresses, or the one that it stands for.
fn mapped(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    if ip.is_unspecified() {
        return Some(Ipv4Addr::UNSPECIFIED);
    }
    ip.to_ipv4_mapped()
}

/// Any bytes, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzzing(bytes: &[u8]) {
    let heard = answered(bytes);
    assert!(heard.is_none_or(|(_, port)| port != 0));
    for line in String::from_utf8_lossy(bytes).lines() {
        let _ = listener(line, 10);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TCP_LISTEN: u8 = 10;
    const UDP_OPEN: u8 = 7;

    /// As a machine that stores the lowest byte first writes them.
    #[cfg(target_endian = "little")]
    #[test]
    fn what_listens_is_read_and_what_is_connected_is_not() {
        let rest = "00000000:00000000 00:00000000 00000000 0 0 1 2";
        let line = |local: &str, remote: &str, state: &str| {
            format!("   0: {local} {remote} {state} {rest}")
        };
        let all = line("00000000:0050", "00000000:0000", "0A");
        let found = listener(&all, TCP_LISTEN);
        assert_eq!(found, Some((Ipv4Addr::UNSPECIFIED, 80)));
        let one = line("FE00000A:0050", "00000000:0000", "0A");
        let found = listener(&one, TCP_LISTEN);
        assert_eq!(found, Some((Ipv4Addr::new(10, 0, 0, 254), 80)));
        let both = line(
            &format!("{}:0050", "0".repeat(32)),
            &format!("{}:0000", "0".repeat(32)),
            "0A",
        );
        let found = listener(&both, TCP_LISTEN);
        assert_eq!(found, Some((Ipv4Addr::UNSPECIFIED, 80)));
        let mapped = format!("{}FFFF0000FE00000A:0050", "0".repeat(16));
        let found = listener(&line(&mapped, "0:0000", "0A"), TCP_LISTEN);
        assert_eq!(found, Some((Ipv4Addr::new(10, 0, 0, 254), 80)));
        let local = format!("{}01000000:0050", "0".repeat(24));
        assert_eq!(listener(&line(&local, "0:0000", "0A"), TCP_LISTEN), None);
        let connected = line("FE00000A:0050", "FD00000A:1234", "01");
        assert_eq!(listener(&connected, TCP_LISTEN), None);
        let client = line("FE00000A:0050", "FD00000A:0035", "07");
        assert_eq!(listener(&client, UDP_OPEN), None);
    }

    proptest! {
        #[test]
        fn any_line_is_taken(line in any::<String>()) {
            let _ = listener(&line, UDP_OPEN);
            let _ = ipv4(&line);
            let _ = answered(line.as_bytes());
        }
    }
}
