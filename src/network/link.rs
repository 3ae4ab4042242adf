//! Links: pairs of Ethernet interfaces, one end in each of two nodes.

use std::fmt;

use super::{NodeId, Shapes};

/// The name of a link, unique within a network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(String);

impl LinkId {
    /// A link of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of an interface: 1 to 15 bytes, unique within its node (Linux: `IFNAMSIZ`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfName(String);

/// The longest interface name in bytes: `IFNAMSIZ` less the terminating zero.
const LONGEST: usize = 15;

impl IfName {
    /// The loopback interface, which every node has.
    pub fn lo() -> Self {
        Self("lo".into())
    }

    /// `kind`-`name` where that fits and holds nothing that Linux refuses; otherwise as much of it as
    /// fits, made distinct by a hash of the whole.
    pub fn fit(kind: &str, name: &str) -> Self {
        let whole = if name.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind}-{name}")
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if whole.len() <= LONGEST && !whole.is_empty() && whole.chars().all(plain) {
            return Self(whole);
        }
        let hash = fnv1a(whole.as_bytes());
        let head: String = whole.chars().filter(|c| plain(*c)).take(8).collect();
        Self(format!("{head}.{:06x}", hash & 0xff_ffff))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// A locally administered unicast address that depends on nothing but `seed`.
    pub fn derived(seed: &str) -> Self {
        let b = fnv1a(seed.as_bytes()).to_be_bytes();
        Self([0x02, b[3], b[4], b[5], b[6], b[7]])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// FNV-1a, 64 bits: short, stable across builds and machines, and enough for telling names apart.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// One end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The node that holds the interface.
    pub node: NodeId,
    /// Its name there.
    pub name: IfName,
    /// Its Ethernet address.
    pub mac: Mac,
}

impl End {
    /// An end whose Ethernet address follows from its place.
    pub fn new(node: NodeId, name: IfName) -> Self {
        let mac = Mac::derived(&format!("{node}/{name}"));
        Self { node, name, mac }
    }
}

/// A pair of interfaces; what enters one end leaves the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The two ends. The order has no meaning beyond being stable.
    pub ends: [End; 2],
    /// The largest IP packet in bytes, both ways.
    pub mtu: u32,
    /// What it does to frames, for each direction. None is a plain link: it has no delay, no limit and no
    /// loss, and costs the backend nothing.
    pub shapes: Option<Shapes>,
}

impl Link {
    /// Whether nothing but the shapes, which can change on a living link, tells the two apart. A link that is plain
    /// and one that is shaped are made differently.
    pub fn same_but_shapes(&self, other: &Self) -> bool {
        self.ends == other.ends
            && self.mtu == other.mtu
            && self.shapes.is_some() == other.shapes.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_stays_and_a_long_one_stays_distinct() {
        assert_eq!(IfName::fit("eni", "server").as_str(), "eni-server");
        let a = IfName::fit("eni", "production-server-1");
        let b = IfName::fit("eni", "production-server-2");
        assert!(a.as_str().len() <= LONGEST && b.as_str().len() <= LONGEST);
        assert_ne!(a, b);
    }

    #[test]
    fn what_linux_refuses_never_reaches_a_name() {
        assert!(!IfName::fit("eni", "a/b c").as_str().contains(['/', ' ']));
    }
}
