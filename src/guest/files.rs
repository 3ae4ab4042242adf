//! The files of name resolution, and what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// The files that name resolution reads, as a process on the node sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFiles {
    /// `/etc/hostname`, and the first name in `/etc/hosts`.
    pub hostname: String,
    /// Further lines of `/etc/hosts`.
    pub hosts: BTreeMap<Ipv4Addr, BTreeSet<String>>,
    /// The `nameserver` lines of `/etc/resolv.conf`.
    pub nameservers: Vec<Ipv4Addr>,
}

impl HostFiles {
    /// The files: their names in `/etc`, and what they hold.
    pub fn texts(&self) -> [(&'static str, String); 3] {
        let hostname = format!("{}\n", self.hostname);
        let mut hosts = String::from("127.0.0.1");
        if !self.hostname.is_empty() {
            // Writing to a string can't fail.
            let _ = write!(hosts, " {}", self.hostname);
        }
        hosts.push_str(" localhost\n");
        for (address, names) in &self.hosts {
            let _ = write!(hosts, "{address}");
            for name in names {
                let _ = write!(hosts, " {name}");
            }
            hosts.push('\n');
        }
        let mut resolv = String::new();
        for server in &self.nameservers {
            let _ = writeln!(resolv, "nameserver {server}");
        }
        [
            ("hostname", hostname),
            ("hosts", hosts),
            ("resolv.conf", resolv),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_s_own_name_comes_first() {
        let names = BTreeSet::from(["server".to_owned(), "www".to_owned()]);
        let files = HostFiles {
            hostname: "sensor".into(),
            hosts: BTreeMap::from([(Ipv4Addr::new(10, 0, 0, 254), names)]),
            nameservers: vec![Ipv4Addr::new(100, 127, 0, 53)],
        };
        let [hostname, hosts, resolv] = files.texts().map(|(_, text)| text);
        assert_eq!(hostname, "sensor\n");
        assert_eq!(hosts, "127.0.0.1 sensor localhost\n10.0.0.254 server www\n");
        assert_eq!(resolv, "nameserver 100.127.0.53\n");
    }
}
