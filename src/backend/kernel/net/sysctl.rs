//! The kernel's switches, pinned in each namespace.
//!
//! A new namespace takes its IPv4 settings from the machine's own (Documentation/networking/ip-sysctl,
//! `net.core.devconf_inherit_init_net`), so a result would depend on the host. Each switch that
//! matters has its value here. Only what differs from a fresh namespace of this machine is written:
//! [`Pins::fresh`] finds out once, at the start.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};

use super::error::Refusal;
use crate::backend::kernel::features::Feature;

/// Where the switches are. `/proc/sys/net` shows the namespace of the thread that opens it.
const ROOT: &str = "/proc/sys/net/";

/// What turns forwarding on and off. It resets other switches, so it comes first.
const FORWARD: &str = "ipv4/ip_forward";

/// Switches that forwarding resets; they are always written after it.
const RESET_BY_FORWARDING: [&str; 1] = ["ipv4/conf/all/accept_redirects"];

/// Switches under `conf/all` and `conf/default`; interfaces made later copy `default`.
const EACH: [(&str, &str); 21] = [
    ("accept_local", "0"),
    ("accept_redirects", "0"),
    ("accept_source_route", "0"),
    ("arp_accept", "0"),
    ("arp_announce", "0"),
    ("arp_filter", "0"),
    ("arp_ignore", "0"),
    ("arp_notify", "0"),
    ("bc_forwarding", "0"),
    ("disable_policy", "0"),
    ("drop_gratuitous_arp", "0"),
    ("drop_unicast_in_l2_multicast", "0"),
    ("ignore_routes_with_linkdown", "0"),
    // Or an interface's first address would take the others of its prefix along when it goes.
    ("promote_secondaries", "1"),
    ("proxy_arp", "0"),
    ("proxy_arp_pvlan", "0"),
    ("route_localnet", "0"),
    ("rp_filter", "0"),
    ("send_redirects", "0"),
    ("shared_media", "1"),
    ("src_valid_mark", "0"),
];

/// Switches that stand alone.
const SINGLE: [(&str, &str); 8] = [
    // `lo` is there before `default` can be set.
    ("ipv4/conf/lo/rp_filter", "0"),
    ("ipv4/conf/lo/accept_local", "0"),
    // No rate limit on any type of ICMP error.
    ("ipv4/icmp_ratemask", "0"),
    ("ipv4/icmp_echo_ignore_all", "0"),
    ("ipv4/ip_unprivileged_port_start", "0"),
    // The one group that a user namespace has in any case.
    ("ipv4/ping_group_range", "0\t0"),
    // A connection that its program has left holds the namespace until the far end has acknowledged all, and the far end
    // may be gone. Eight attempts, the kernel's own number, take over a slow link more than three minutes.
    ("ipv4/tcp_orphan_retries", "4"),
    ("ipv6/conf/all/disable_ipv6", "1"),
];

/// What has to be written into a fresh namespace of this machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Pins {
    forwards: bool,
    writes: Vec<(String, &'static str)>,
}

impl Pins {
    /// Compares with a namespace that is made for it. The calling thread stays in that one.
    pub fn fresh() -> Result<Self, Refusal> {
        super::namespace::make()?;
        Ok(Self::compare())
    }

    /// Compares with the calling thread's namespace.
    fn compare() -> Self {
        let mut pins = Self {
            forwards: read(FORWARD).as_deref() == Some("1"),
            writes: Vec::new(),
        };
        let each = EACH.iter().flat_map(|(key, value)| {
            ["all", "default"].map(|place| (format!("ipv4/conf/{place}/{key}"), *value))
        });
        let single = SINGLE
            .iter()
            .map(|(key, value)| ((*key).to_owned(), *value));
        for (key, value) in each.chain(single) {
            let Some(have) = read(&key) else {
                // A switch that this kernel lacks has no effect to pin.
                continue;
            };
            if have != value {
                pins.writes.push((key, value));
            }
        }
        pins
    }

    /// Sets the calling thread's namespace, which must be fresh.
    pub fn write(&self, forwarding: bool) -> Result<(), (String, Refusal)> {
        let turn = forwarding != self.forwards;
        if turn {
            write(FORWARD, if forwarding { "1" } else { "0" })?;
            for key in RESET_BY_FORWARDING {
                write(key, "0")?;
            }
        }
        for (key, value) in &self.writes {
            let done = turn && RESET_BY_FORWARDING.contains(&key.as_str());
            if !done {
                write(key, value)?;
            }
        }
        Ok(())
    }
}

/// Writes a switch of the calling thread's namespace as it stands, to see whether that is allowed.
pub(super) fn try_write() -> Result<(), (String, Refusal)> {
    let value = read(FORWARD).unwrap_or_else(|| "0".to_owned());
    write(FORWARD, &value)
}

fn read(key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("{ROOT}{key}")).ok()?;
    Some(text.trim().to_owned())
}

fn write(key: &str, value: &str) -> Result<(), (String, Refusal)> {
    let put = || -> io::Result<()> {
        Feature::Switches.there()?;
        let mut file = OpenOptions::new()
            .write(true)
            .open(format!("{ROOT}{key}"))?;
        file.write_all(value.as_bytes())
    };
    put().map_err(|error| (format!("net.{}", key.replace('/', ".")), error.into()))
}
