//! What the kernel backend asks of a Linux kernel: one list, which `doctor`, every run and `docs/kernel.md` go by.
//!
//! Each feature can be turned off for this process, as if the kernel had been built without it. Whoever uses one
//! asks `Feature::there` right before, so what a test turns off is really not used, not only said to be missing.

use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;

/// Something that a kernel may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// `CLONE_NEWNET`.
    NetworkNamespaces,
    /// `CONFIG_VETH`.
    Veth,
    /// `CONFIG_VXLAN`.
    Vxlan,
    /// `CONFIG_NF_TABLES`.
    NfTables,
    /// `CONFIG_NETFILTER_NETLINK_LOG`.
    PacketLog,
    /// `CONFIG_NF_NAT`.
    Nat,
    /// `AF_PACKET`.
    PacketSockets,
    /// Raw ICMP sockets, which take `CAP_NET_RAW`.
    RawSockets,
    /// `/proc/sys/net` that can be written to.
    Switches,
    /// What scripts run in: namespaces, read-only mounts, seccomp.
    Cage,
    /// `CONFIG_SECURITY_LANDLOCK`.
    Landlock,
    /// nf_tables' trace.
    Trace,
    /// BPF on the tracepoint `kfree_skb`.
    DropReasons,
    /// `sock_diag(7)`.
    SocketDiagnosis,
}

/// What there is to know of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What `CANAL_SIM_WITHOUT` calls it.
    pub key: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// The first Linux that has it as it is needed here.
    pub since: &'static str,
    /// Whether nothing can be done without it.
    pub required: bool,
    /// What is lost without it.
    pub costs: &'static str,
    /// What mends its lack.
    pub mend: &'static str,
}

/// The features that are turned off, one bit each.
static OFF: AtomicU32 = AtomicU32::new(0);

impl Feature {
    /// All, in the order in which they build on one another.
    pub const ALL: [Self; 14] = [
        Self::NetworkNamespaces,
        Self::Veth,
        Self::Vxlan,
        Self::NfTables,
        Self::PacketLog,
        Self::Nat,
        Self::PacketSockets,
        Self::RawSockets,
        Self::Switches,
        Self::Cage,
        Self::Landlock,
        Self::Trace,
        Self::DropReasons,
        Self::SocketDiagnosis,
    ];

    /// What there is to know of it.
    pub const fn facts(self) -> Facts {
        match self {
            Self::NetworkNamespaces => Facts {
                key: "netns",
                name: "network namespaces",
                since: "3.8",
                required: true,
                costs: "nothing runs on this machine's kernel",
                mend: "run as root, or allow user namespaces: sysctl -w user.max_user_namespaces=15000",
            },
            Self::Veth => Facts {
                key: "veth",
                name: "veth",
                since: "2.6.24",
                required: true,
                costs: "nodes can't be joined",
                mend: "modprobe veth, or a kernel with CONFIG_VETH",
            },
            Self::Vxlan => Facts {
                key: "vxlan",
                name: "VXLAN",
                since: "3.7",
                required: false,
                costs: "scenarios with Gate break off",
                mend: "modprobe vxlan, or a kernel with CONFIG_VXLAN",
            },
            Self::NfTables => Facts {
                key: "nftables",
                name: "nf_tables",
                since: "5.2",
                required: true,
                costs: "no security groups, network ACLs or verdicts",
                mend: "modprobe nf_tables, or a kernel with CONFIG_NF_TABLES and CONFIG_NF_TABLES_IPV4",
            },
            Self::PacketLog => Facts {
                key: "nflog",
                name: "packet log",
                since: "3.17",
                required: true,
                costs: "no drop can be explained",
                mend: "modprobe nfnetlink_log nft_log, or a kernel with CONFIG_NETFILTER_NETLINK_LOG",
            },
            Self::Nat => Facts {
                key: "nat",
                name: "connection tracking and NAT",
                since: "3.13",
                required: true,
                costs: "no stateful rules, no address translation",
                mend: "modprobe nf_conntrack nft_ct nft_nat, or a kernel with CONFIG_NF_CONNTRACK and CONFIG_NF_NAT",
            },
            Self::PacketSockets => Facts {
                key: "packet",
                name: "packet sockets",
                since: "4.20",
                required: false,
                costs: "scenarios that shape links break off",
                mend: "modprobe af_packet, or a kernel with CONFIG_PACKET",
            },
            Self::RawSockets => Facts {
                key: "raw",
                name: "raw sockets",
                since: "2.2",
                required: true,
                costs: "no pings",
                mend: "run as root; in a container, with --cap-add NET_RAW",
            },
            Self::Switches => Facts {
                key: "sysctl",
                name: "network switches",
                since: "2.6.24",
                required: true,
                costs: "nodes can't be kept from the machine's own settings",
                mend: "run as root, or mount /proc/sys writable",
            },
            Self::Cage => Facts {
                key: "cage",
                name: "a cage for scripts",
                since: "5.12",
                required: false,
                costs: "scenarios break off at their first run step",
                mend: "Linux 5.12 or later with PID namespaces and seccomp, and sh and cat; in a container, the \
                       capability SYS_CHROOT besides",
            },
            Self::Landlock => Facts {
                key: "landlock",
                name: "Landlock",
                since: "5.13",
                required: false,
                costs: "scripts are kept from writing to the machine by read-only mounts alone, not twice",
                mend: "Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK, and landlock among the modules of the \
                       boot option lsm=",
            },
            Self::Trace => Facts {
                key: "nftrace",
                name: "trace of packet filters",
                since: "4.6",
                required: false,
                costs: "what an instance's own filter drops is lost without evidence, or by no rule's name",
                mend: "a kernel with CONFIG_NF_TABLES and CONFIG_NETFILTER_NETLINK, 4.6 or later",
            },
            Self::DropReasons => Facts {
                key: "bpf",
                name: "the kernel's own drop reasons",
                since: "5.17",
                required: false,
                costs: "mistakes that the kernel alone notices stay nameless: a wrong VNI or outer address, an \
                        instance's own filter, an instance that does not forward",
                mend: "run as root, on a kernel with CONFIG_DEBUG_INFO_BTF and CONFIG_BPF_EVENTS, 5.17 or later",
            },
            Self::SocketDiagnosis => Facts {
                key: "sockdiag",
                name: "socket diagnosis",
                since: "3.3",
                required: false,
                costs: "nothing but time: /proc/net is read in its place, which takes a hundred times as long",
                mend: "modprobe inet_diag tcp_diag udp_diag, or a kernel with CONFIG_INET_DIAG",
            },
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Whether it is turned off.
    pub(super) fn is_off(self) -> bool {
        OFF.load(Ordering::Relaxed) & self.bit() != 0
    }

    /// Asked right before it is used.
    ///
    /// # Errors
    ///
    /// Where it is turned off: what a kernel says that was built without.
    pub(super) fn there(self) -> Result<(), Errno> {
        if self.is_off() {
            Err(Errno::EOPNOTSUPP)
        } else {
            Ok(())
        }
    }
}

/// Turns features off for this process, for good: their keys, with commas between them.
///
/// # Errors
///
/// A key that is none, with those that there are.
pub fn turn_off(keys: &str) -> Result<(), String> {
    let mut bits = 0;
    for key in keys.split(',').map(str::trim).filter(|key| !key.is_empty()) {
        let known = Feature::ALL
            .into_iter()
            .find(|feature| feature.facts().key == key);
        let Some(feature) = known else {
            let all = Feature::ALL.map(|feature| feature.facts().key).join(", ");
            return Err(format!("there is no feature {key:?}; there are {all}"));
        };
        bits |= feature.bit();
    }
    OFF.fetch_or(bits, Ordering::Relaxed);
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_key_and_a_bit_of_its_own() {
        let keys: BTreeSet<_> = Feature::ALL.iter().map(|f| f.facts().key).collect();
        let bits: BTreeSet<_> = Feature::ALL.iter().map(|f| f.bit()).collect();
        assert_eq!((keys.len(), bits.len()), (14, 14));
    }

    #[test]
    fn an_unknown_key_turns_nothing_off() {
        let said = turn_off("bpf,bfp").unwrap_err();
        assert!(
            said.contains("\"bfp\"") && said.contains("nftrace"),
            "{said}"
        );
        assert!(!Feature::DropReasons.is_off());
        assert_eq!(turn_off(" , "), Ok(()));
    }
}
