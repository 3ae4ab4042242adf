//! What a command asks for, once it has been read.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Changes nothing and shows nothing.
    Nothing,
    /// Changes nothing. What it shows, and whether it succeeds, is known from a real machine alone.
    Look,
    /// Fails, and changes nothing.
    Fail,
    /// Changes nothing, and shows what is not imitated; of one device it fails where there is none: `ip
    /// link show`, `ip address show`.
    Show(Option<String>),
    /// Changes nothing, and writes to stdout.
    Say(Say),
    /// `ip link add NAME type vxlan`.
    AddVxlan(AddVxlan),
    /// `ip link set`.
    SetLink(SetLink),
    /// `ip link delete`.
    RemoveLink(String),
    /// `ip address add`, and `replace` or `change`, for which it may be there already.
    AddAddress {
        dev: String,
        net: Ipv4Net,
        replace: bool,
    },
    /// `ip address delete`; without a length the first that fits.
    RemoveAddress {
        dev: String,
        ip: Ipv4Addr,
        length: Option<u8>,
    },
    /// `ip address flush dev`.
    FlushAddresses(String),
    /// `ip route add` and its like.
    SetRoute(Mode, RouteWords),
    /// `ip route delete`.
    RemoveRoute(RouteWords),
    /// `ip route flush dev`.
    FlushRoutes(String),
    /// `ip neighbour flush`, on one device or on all.
    FlushNeighbours(Option<String>),
    /// `ip neighbour delete`.
    RemoveNeighbour { dev: String, ip: Ipv4Addr },
    /// `bridge fdb`, on the entry of the all-zero address.
    Flood {
        mode: FloodMode,
        dev: String,
        dst: Option<Ipv4Addr>,
        port: Option<u16>,
    },
    /// `sysctl`, or what is written to `/proc/sys`.
    Switch(Vec<Switch>),
}

/// What a command writes to stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// `echo`.
    Text(String),
    /// `hostname`.
    Hostname,
    /// `cat`.
    Files(Vec<String>),
    /// `grep`.
    Lines(Grep),
}

/// `grep`, on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grep {
    pub pattern: String,
    /// `-F`: every character of the pattern stands for itself.
    pub fixed: bool,
    /// `-q`: it shows nothing.
    pub quiet: bool,
    pub file: String,
}

/// One argument of `sysctl`, all of which mean `net.ipv4.ip_forward`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    /// What it becomes; none where it is shown.
    pub set: Option<bool>,
    /// What is shown before the value.
    pub label: String,
    pub quiet: bool,
}

/// `ip link add NAME type vxlan`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AddVxlan {
    pub name: String,
    pub vni: u32,
    pub port: u16,
    /// Whether no port was said, not even 0.
    pub warns: bool,
    pub local: Option<Ipv4Addr>,
    pub remote: Option<Ipv4Addr>,
    /// The interface below.
    pub below: Option<String>,
    pub mtu: Option<u32>,
    pub up: bool,
}

/// `ip link set`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SetLink {
    pub dev: String,
    pub up: Option<bool>,
    pub mtu: Option<u32>,
}

/// What becomes of a route for the same prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// There must be none.
    Add,
    /// There must be one, which goes.
    Change,
    /// One that there is goes.
    Replace,
    /// One that there is stays, and comes first or last.
    Beside,
}

/// The words of `ip route`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RouteWords {
    pub destination: Ipv4Net,
    pub via: Option<Ipv4Addr>,
    pub dev: Option<String>,
    pub source: Option<Ipv4Addr>,
    pub onlink: bool,
    /// `blackhole` and its like.
    pub nowhere: bool,
    /// Whether it has a metric besides 0.
    pub metric: bool,
}

/// What `bridge fdb` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FloodMode {
    Add,
    Append,
    Replace,
    Remove,
}
