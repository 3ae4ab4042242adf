//! What listens, from `/proc/net`.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::guest::{Guest, Listen, Transport};

/// The states of a socket that listens: TCP's, and UDP's without a peer (include/net/tcp_states.h).
const TCP_LISTEN: &str = "0A";
const UDP_OPEN: &str = "07";

/// Reads the sockets of the calling thread's namespace. A table that isn't there has none.
pub(super) fn read(guest: &mut Guest) {
    // A thread's own entry: /proc/self would be the main thread's.
    for (file, transport, state) in [
        ("tcp", Transport::Tcp, TCP_LISTEN),
        ("tcp6", Transport::Tcp, TCP_LISTEN),
        ("udp", Transport::Udp, UDP_OPEN),
        ("udp6", Transport::Udp, UDP_OPEN),
    ] {
        let table = fs::read_to_string(format!("/proc/thread-self/net/{file}"));
        for line in table.unwrap_or_default().lines().skip(1) {
            if let Some((address, port)) = listener(line, state) {
                guest.listens.insert(Listen {
                    transport,
                    address,
                    port,
                });
            }
        }
    }
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

/// Where a line's socket listens for IPv4, if it does.
fn listener(line: &str, state: &str) -> Option<(Ipv4Addr, u16)> {
    let mut columns = line.split_ascii_whitespace().skip(1);
    let (local, remote) = (columns.next()?, columns.next()?);
    if columns.next()? != state || !remote.ends_with(":0000") {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((ipv4(address)?, port))
}

/// An address in words of 32 bits, each in the machine's order. One of IPv6 counts where it takes IPv4
/// too: all addresses, or one that stands for an IPv4 address.
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
            let ip = Ipv6Addr::from(bytes);
            if ip.is_unspecified() {
                return Some(Ipv4Addr::UNSPECIFIED);
            }
            ip.to_ipv4_mapped()
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        }
    }
}
