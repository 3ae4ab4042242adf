//! What a rule looks at: the name, and how its values are written.

use std::net::Ipv4Addr;

use netlink_bindings::nftables::{CmpOps, CtKeys, MetaKeys, PayloadBase};

use crate::backend::kernel::net::wire;

/// `NFPROTO_IPV4`.
pub(super) const IPV4: u8 = 2;

/// `IFNAMSIZ`.
const NAME_LENGTH: usize = 16;

/// What the rule has said already about the packet.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub is_ipv4: bool,
    /// The protocol above IP.
    pub protocol: Option<u8>,
}

/// What a rule looks at.
#[derive(Clone)]
pub(super) struct Key {
    /// `tcp dport`.
    pub name: String,
    kind: Kind,
    /// How many bytes a value has at most; more belong to several keys in a row.
    length: usize,
    pub is_family: bool,
    pub is_protocol: bool,
    /// What it is part of is IPv4's, so nobody need say that the packet is.
    pub is_ipv4_only: bool,
    /// The name says which protocol it is part of.
    pub is_of_protocol: bool,
}

/// How values are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// In network order.
    Number,
    /// In the machine's order.
    HostNumber,
    /// Bits, in the machine's order.
    HostBits,
    Address,
    Family,
    Protocol,
    IcmpType,
    Name,
    /// The number of an interface.
    Interface,
    CtState,
    CtDirection,
}

fn key(name: impl Into<String>, kind: Kind) -> Key {
    Key {
        name: name.into(),
        kind,
        length: match kind {
            Kind::Name => NAME_LENGTH,
            Kind::HostNumber | Kind::HostBits | Kind::Interface | Kind::CtState | Kind::Address => {
                4
            }
            Kind::Number => 2,
            Kind::Family | Kind::Protocol | Kind::IcmpType | Kind::CtDirection => 1,
        },
        is_family: false,
        is_protocol: kind == Kind::Protocol,
        is_ipv4_only: false,
        is_of_protocol: false,
    }
}

/// Something about a packet.
pub(super) fn meta(number: u32) -> Option<Key> {
    Some(match MetaKeys::from_value(number.into())? {
        MetaKeys::Len => key("meta length", Kind::HostNumber),
        MetaKeys::Mark => key("meta mark", Kind::HostBits),
        MetaKeys::Iif => key("iif", Kind::Interface),
        MetaKeys::Oif => key("oif", Kind::Interface),
        MetaKeys::Iifname => key("iifname", Kind::Name),
        MetaKeys::Oifname => key("oifname", Kind::Name),
        MetaKeys::Skuid => key("meta skuid", Kind::HostNumber),
        MetaKeys::Skgid => key("meta skgid", Kind::HostNumber),
        MetaKeys::L4Proto => key("meta l4proto", Kind::Protocol),
        MetaKeys::Nfproto => Key {
            is_family: true,
            ..key("meta nfproto", Kind::Family)
        },
        _ => return None,
    })
}

/// Something about a packet's connection.
pub(super) fn ct(number: u32) -> Option<Key> {
    Some(match CtKeys::from_value(number.into())? {
        CtKeys::State => key("ct state", Kind::CtState),
        CtKeys::Direction => key("ct direction", Kind::CtDirection),
        CtKeys::Mark => key("ct mark", Kind::HostBits),
        _ => return None,
    })
}

/// Bytes of a packet: base, offset, length.
pub(super) fn payload([base, offset, length]: [u32; 3], context: Context) -> Option<Key> {
    const ICMP: u8 = 1;
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    if base == PayloadBase::NetworkHeader as u32 && context.is_ipv4 {
        let found = match (offset, length) {
            (2, 2) => key("ip length", Kind::Number),
            (4, 2) => key("ip id", Kind::Number),
            (8, 1) => key("ip ttl", Kind::Number),
            (9, 1) => key("ip protocol", Kind::Protocol),
            // Of an address that is compared by whole bytes, only those are loaded.
            (12, 1..=4) => key("ip saddr", Kind::Address),
            (16, 1..=4) => key("ip daddr", Kind::Address),
            _ => return None,
        };
        return Some(Key {
            is_ipv4_only: true,
            ..found
        });
    }
    if base != PayloadBase::TransportHeader as u32 {
        return None;
    }
    let found = match (context.protocol, offset, length) {
        (Some(ICMP), 0, 1) => key("icmp type", Kind::IcmpType),
        (Some(ICMP), 1, 1) => key("icmp code", Kind::Number),
        (Some(TCP), 13, 1) => key("tcp flags", Kind::Number),
        (protocol, 0 | 2, 2) => {
            let port = if offset == 0 { "sport" } else { "dport" };
            match protocol {
                Some(TCP) => key(format!("tcp {port}"), Kind::Number),
                Some(UDP) => key(format!("udp {port}"), Kind::Number),
                _ => {
                    // What was said of the protocol stays.
                    return Some(key(format!("th {port}"), Kind::Number));
                }
            }
        }
        _ => return None,
    };
    Some(Key {
        is_ipv4_only: context.protocol == Some(ICMP),
        is_of_protocol: true,
        ..found
    })
}

impl Key {
    /// A value.
    pub fn value(&self, bytes: &[u8]) -> Option<String> {
        if bytes.len() > self.length {
            return None;
        }
        Some(match self.kind {
            Kind::Number => network_number(bytes)?.to_string(),
            Kind::HostNumber => host_number(bytes)?.to_string(),
            Kind::HostBits => format!("{:#x}", host_number(bytes)?),
            Kind::Address => {
                let whole = address(bytes)?;
                match bytes.len() {
                    4 => whole.to_string(),
                    part => format!("{whole}/{}", part * 8),
                }
            }
            Kind::Family => match bytes {
                [IPV4] => "ipv4".to_owned(),
                [10] => "ipv6".to_owned(),
                _ => return None,
            },
            Kind::Protocol => match bytes {
                [1] => "icmp".to_owned(),
                [6] => "tcp".to_owned(),
                [17] => "udp".to_owned(),
                [other] => other.to_string(),
                _ => return None,
            },
            Kind::IcmpType => match bytes {
                [0] => "echo-reply".to_owned(),
                [3] => "destination-unreachable".to_owned(),
                [8] => "echo-request".to_owned(),
                [11] => "time-exceeded".to_owned(),
                [other] => other.to_string(),
                _ => return None,
            },
            Kind::Name => {
                let name = wire::string(bytes);
                // Compared as far as it goes.
                let is_start = !bytes.contains(&0) && bytes.len() < NAME_LENGTH;
                format!("\"{name}{}\"", if is_start { "*" } else { "" })
            }
            Kind::Interface => match host_number(bytes)? {
                1 => "\"lo\"".to_owned(),
                other => other.to_string(),
            },
            Kind::CtState => states(host_number(bytes)?)?,
            Kind::CtDirection => match bytes {
                [0] => "original".to_owned(),
                [1] => "reply".to_owned(),
                _ => return None,
            },
        })
    }

    /// The words for `key & mask`, compared with a value.
    pub fn masked(&self, mask: &[u8], op: u32, value: &[u8]) -> Option<String> {
        let name = &self.name;
        let is_equal = match CmpOps::from_value(op.into())? {
            CmpOps::Eq => true,
            CmpOps::Neq => false,
            _ => return None,
        };
        let sign = if is_equal { "" } else { "!= " };
        Some(match self.kind {
            Kind::Address => {
                let (mask, net) = (u32::from(address(mask)?), address(value)?);
                let length = mask.leading_ones();
                if mask.count_ones() != length {
                    return None;
                }
                format!("{name} {sign}{net}/{length}")
            }
            // "Not none of these bits".
            Kind::CtState if value.iter().all(|byte| *byte == 0) => {
                let not = if is_equal { "! " } else { "" };
                format!("{name} {not}{}", states(host_number(mask)?)?)
            }
            kind => {
                let bits = match kind {
                    Kind::HostBits | Kind::CtState => host_number,
                    _ => network_number,
                };
                let sign = if is_equal { "==" } else { "!=" };
                format!("{name} & {:#x} {sign} {:#x}", bits(mask)?, bits(value)?)
            }
        })
    }

    /// The first and the last value of an interval, as one where it is a prefix.
    pub fn interval(&self, first: &[u8], last: &[u8]) -> Option<String> {
        if first == last {
            return self.value(first);
        }
        if self.kind == Kind::Address && first.len() == 4 {
            let (a, b) = (u32::from(address(first)?), u32::from(address(last)?));
            let size = u64::from(b.checked_sub(a)?) + 1;
            if size.is_power_of_two() && u64::from(a) % size == 0 {
                return Some(format!(
                    "{}/{}",
                    address(first)?,
                    32 - size.trailing_zeros()
                ));
            }
        }
        Some(format!("{}-{}", self.value(first)?, self.value(last)?))
    }
}

/// An address of which the first bytes are known.
fn address(bytes: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    octets.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(octets.into())
}

fn network_number(bytes: &[u8]) -> Option<u64> {
    let mut whole = [0; 8];
    let from = whole.len().checked_sub(bytes.len())?;
    whole[from..].copy_from_slice(bytes);
    Some(u64::from_be_bytes(whole))
}

fn host_number(bytes: &[u8]) -> Option<u64> {
    wire::native_u32(bytes, 0).map(u64::from)
}

/// States of a connection (`NF_CT_STATE_BIT`).
fn states(bits: u64) -> Option<String> {
    const NAMES: [(u64, &str); 5] = [
        (1, "invalid"),
        (2, "established"),
        (4, "related"),
        (8, "new"),
        (64, "untracked"),
    ];
    let known: u64 = NAMES.iter().map(|(bit, _)| bit).sum();
    if bits == 0 || bits & !known != 0 {
        return None;
    }
    let names: Vec<&str> = NAMES
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    Some(names.join(","))
}
