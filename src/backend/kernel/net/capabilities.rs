//! What this machine can do: the findings behind `doctor`.

use std::net::Ipv4Addr;
use std::os::fd::AsFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

use super::counters::Counting;
use super::error::Refusal;
use super::namespace;
use super::nflog;
use super::nft::Tables;
use super::rtnl::{self, Request};
use super::socket::{Batch, NetlinkSocket, Subsystem};
use super::{link, sysctl, tunnel};
use crate::backend::BackendError;
use crate::backend::kernel::airlock::Obstacles;
use crate::backend::kernel::drops;
use crate::backend::kernel::host;
use crate::network::{
    Chain, ChainId, Change, End, Hook, HookPoint, IfName, Label, Mac, NodeId, Rule, Statement,
    Test, Vxlan,
};

/// All findings, in the order in which they build on one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// One finding each.
    pub list: Vec<Capability>,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// What was tried: `network namespaces`.
    pub name: &'static str,
    /// Whether it works here.
    pub available: bool,
    /// Whether nothing can be done without it.
    pub required: bool,
    /// What is lost without it.
    pub costs: &'static str,
    /// Why it does not work; empty where it does.
    pub why: String,
    /// What would mend it; empty where it works.
    pub mend: String,
}

/// Tries everything on a thread of its own, in namespaces that are gone afterwards. The process should
/// be in the airlock.
pub fn probe() -> Capabilities {
    let thread = std::thread::spawn(|| {
        let mut list = probe_network();
        list.push(kernel_reasons());
        list.extend(scripts());
        list
    });
    let list = thread.join().unwrap_or_default();
    Capabilities { list }
}

/// Tries all that nothing can be done without, as [`probe`] does.
///
/// # Errors
///
/// The first that does not work here.
pub fn required() -> Result<(), BackendError> {
    let thread = std::thread::spawn(probe_network);
    let list = thread.join().unwrap_or_default();
    let lacks = |one: &Capability| one.required && !one.available;
    match list.into_iter().find(lacks) {
        Some(one) => Err(BackendError::Machine {
            what: format!("{}: {}", one.name, one.why),
            mend: one.mend,
        }),
        None => Ok(()),
    }
}

fn probe_network() -> Vec<Capability> {
    let counting = Counting::default();
    let mut list = Vec::new();
    let entered = namespace::make();
    let obstacle = entered
        .as_ref()
        .err()
        .map(|r| Obstacles::look().explain(r.errno));
    list.push(finding(
        "network namespaces",
        true,
        "nothing runs on this machine's kernel",
        "run as root, or allow user namespaces: sysctl -w user.max_user_namespaces=15000",
        obstacle.map_or(Ok(()), Err),
    ));
    let refused = |done: Result<(), Refusal>, doing: &str| done.map_err(|r| r.of(doing));
    list.push(finding(
        "veth",
        true,
        "nodes can't be joined",
        "modprobe veth, or a kernel with CONFIG_VETH",
        refused(veth(&counting), "make a pair of interfaces"),
    ));
    list.push(finding(
        "VXLAN",
        false,
        "scenarios with Gate can't run",
        "modprobe vxlan, or a kernel with CONFIG_VXLAN",
        refused(vxlan(&counting), "make a VXLAN interface"),
    ));
    list.push(finding(
        "nf_tables",
        true,
        "no security groups, network ACLs or verdicts",
        "modprobe nf_tables, or a kernel with CONFIG_NF_TABLES and CONFIG_NF_TABLES_IPV4",
        refused(filter(&counting, &plain()), "load a filter"),
    ));
    list.push(finding(
        "packet log",
        true,
        "no drop can be explained",
        "modprobe nfnetlink_log nft_log, or a kernel with CONFIG_NETFILTER_NETLINK_LOG",
        refused(packet_log(&counting), "listen to the packet log"),
    ));
    list.push(finding(
        "connection tracking and NAT",
        true,
        "no stateful rules, no address translation",
        "modprobe nf_conntrack nft_ct nft_nat, or a kernel with CONFIG_NF_CONNTRACK and CONFIG_NF_NAT",
        refused(filter(&counting, &translation()), "load a filter with NAT"),
    ));
    list.push(finding(
        "raw sockets",
        true,
        "no pings, and links can't be shaped",
        "run as root; in a container, with --cap-add NET_RAW",
        raw_sockets().map_err(|errno| BackendError::Failed {
            doing: "make raw sockets".into(),
            why: errno.desc().to_lowercase(),
        }),
    ));
    list.push(finding(
        "network switches",
        true,
        "nodes can't be kept from the machine's own settings",
        "run as root, or mount /proc/sys writable",
        sysctl::try_write().map_err(|(key, refusal)| refusal.of(format!("set {key}"))),
    ));
    list
}

fn finding(
    name: &'static str,
    required: bool,
    costs: &'static str,
    mend: &str,
    done: Result<(), BackendError>,
) -> Capability {
    let (why, mend) = match done {
        Ok(()) => (String::new(), String::new()),
        Err(BackendError::Machine { what, mend }) => (what, mend),
        Err(error @ BackendError::Failed { .. }) => (error.to_string(), mend.to_owned()),
    };
    Capability {
        name,
        available: why.is_empty(),
        required,
        costs,
        why,
        mend,
    }
}

fn requests(counting: &Counting, requests: Vec<Request>) -> Result<(), Refusal> {
    let mut socket = NetlinkSocket::open(Subsystem::Route, counting)?;
    let mut batch = Batch::default();
    for request in requests {
        rtnl::push(&mut batch, request);
    }
    let refusals = socket.exchange(batch)?;
    refusals.into_iter().next().map_or(Ok(()), |(_, r)| Err(r))
}

fn veth(counting: &Counting) -> Result<(), Refusal> {
    let here = namespace::current()?;
    let end = |name| End::new(NodeId::new("doctor"), IfName::fit(name, ""));
    let pair = link::pair((&end("a"), 10), (&end("b"), 11), here.as_fd(), 1500);
    requests(counting, vec![pair])
}

fn vxlan(counting: &Counting) -> Result<(), Refusal> {
    let vxlan = Vxlan {
        vni: 10,
        local: Ipv4Addr::LOCALHOST,
        port: 4789,
        mac: Mac::derived("doctor"),
        mtu: 1450,
        flood: [Ipv4Addr::LOCALHOST].into(),
    };
    let add = tunnel::add(&IfName::fit("vxlan0", ""), 12, &vxlan);
    let flood = tunnel::add_flood(12, Ipv4Addr::LOCALHOST);
    requests(counting, vec![add, flood])
}

fn plain() -> Chain {
    let source = Test::Source(ipnet::Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8));
    let label = Label {
        is_final: true,
        reason: "DOCTOR".into(),
        resource: "doctor".into(),
    };
    Chain {
        hook: Some(Hook {
            point: HookPoint::Forward,
            priority: 0,
        }),
        rules: vec![
            Rule::new([source.into()], [Statement::Log(label), Statement::Drop]),
            Rule::new([], [Statement::KeepTtl]),
        ],
    }
}

fn translation() -> Chain {
    let mark = Test::CtMark { mask: 1, value: 1 };
    Chain {
        hook: Some(Hook {
            point: HookPoint::NatPostrouting,
            priority: 100,
        }),
        rules: vec![Rule::new(
            [mark.into()],
            [Statement::Snat(Ipv4Addr::LOCALHOST)],
        )],
    }
}

fn filter(counting: &Counting, chain: &Chain) -> Result<(), Refusal> {
    let mut socket = NetlinkSocket::open(Subsystem::Netfilter, counting)?;
    let id = ChainId::ip("doctor");
    let change = Change::SetChain(NodeId::new("doctor"), id.clone(), chain.clone());
    let mut tables = Tables::default();
    let set = tables.change(&mut socket, &[change]).map_err(|(_, r)| r);
    let remove = Change::DelChain(NodeId::new("doctor"), id);
    set.and_then(|()| tables.change(&mut socket, &[remove]).map_err(|(_, r)| r))
}

/// One as pings need it and one as shaped links do.
fn raw_sockets() -> nix::Result<()> {
    let make = |family, protocol| socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol);
    make(AddressFamily::Inet, SockProtocol::Icmp)?;
    make(AddressFamily::Packet, SockProtocol::EthAll)?;
    Ok(())
}

fn packet_log(counting: &Counting) -> Result<(), Refusal> {
    nflog::bind(nflog::NFLOG_GROUP, counting).map(drop)
}

/// The kernel's own reasons for drops come by a BPF program, which is loaded here for a moment: a kernel
/// that is locked down refuses it though nothing else is missing.
fn kernel_reasons() -> Capability {
    let tried = drops::missing().map_or_else(drops::try_out, |why| Err(why.to_owned()));
    finding(
        "the kernel's own drop reasons",
        false,
        "mistakes that the kernel alone notices stay nameless: a wrong VNI or outer address, an \
         instance's own filter, an instance that does not forward",
        "run as root, on a kernel with CONFIG_DEBUG_INFO_BTF and CONFIG_BPF_EVENTS, 5.17 or later",
        tried.map_err(|why| BackendError::Failed {
            doing: "ask for the kernel's reasons".into(),
            why,
        }),
    )
}

/// What `run` steps need, beside the programs that they call.
fn scripts() -> [Capability; 2] {
    let net = namespace::current().map_err(|r| r.of("open the network namespace"));
    let run = net.and_then(|net| {
        host::try_script(net).map_err(|error| BackendError::Failed {
            doing: "run a script".into(),
            why: error.to_string(),
        })
    });
    let landlock = host::try_landlock().map_err(|why| BackendError::Failed {
        doing: "restrict writing".into(),
        why,
    });
    [
        finding(
            "a cage for scripts",
            false,
            "scenarios with run steps can't run",
            "Linux 5.12 or later with seccomp, and sh and cat; in a container, the capability \
             SYS_CHROOT besides",
            run,
        ),
        finding(
            "Landlock",
            false,
            "scripts are kept from writing to the machine by read-only mounts alone, not twice",
            "Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK, and landlock among the modules of \
             the boot option lsm=",
            landlock,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn a_finding_that_fails_says_how_to_mend_it() {
        let refusal = Refusal::from(Errno::ENODEV).of("make a pair of interfaces");
        let found = finding("veth", true, "nothing", "modprobe veth", Err(refusal));
        assert!(!found.available);
        assert_eq!(found.mend, "modprobe veth");
    }
}
