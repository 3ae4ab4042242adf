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
use super::{link, look, sysctl, trace, tunnel};
use crate::backend::BackendError;
use crate::backend::kernel::airlock::Obstacles;
use crate::backend::kernel::drops;
use crate::backend::kernel::features::{Facts, Feature};
use crate::backend::kernel::host;
use crate::backend::kernel::shortage::{Need, refused};
use crate::backend::kernel::sys::packet::PacketSocket;
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
    let list = apart(|| try_all(drop_reasons, cage));
    Capabilities {
        list: list.unwrap_or_default(),
    }
}

/// Tries what [`probe`] does, but loads no program into the kernel and starts none; what can be done without and isn't there.
///
/// # Errors
///
/// The first that nothing can be done without, and does not work here.
pub fn required() -> Result<Vec<Capability>, BackendError> {
    let permitted = || drops::missing().map_or(Ok(()), |why| Err(reasons_refused(why.to_owned())));
    // A script that can't run ends the run by itself, with what is missing.
    let cage = || {
        let there = Feature::Cage.there().map_err(Refusal::from);
        there.map_err(|refusal| refusal.of("make namespaces"))
    };
    let list = apart(move || try_all(permitted, cage))?;
    let missing: Vec<Capability> = list.into_iter().filter(|one| !one.available).collect();
    match missing.iter().find(|one| one.required) {
        Some(one) => Err(BackendError::Machine {
            what: format!("{}: {}", one.name, one.why),
            mend: one.mend.clone(),
        }),
        None => Ok(missing),
    }
}

/// Does it on a thread of its own, which may go where it wants.
fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, BackendError> {
    let doing = "try out what the kernel can do";
    let thread = std::thread::Builder::new().spawn(work);
    let thread = thread.map_err(|error| refused(doing, Need::Thread, &error))?;
    thread.join().map_err(|_| BackendError::Failed {
        doing: doing.into(),
        why: "the thread panicked".into(),
    })
}

fn try_all(
    drop_reasons: impl Fn() -> Result<(), BackendError>,
    cage: impl Fn() -> Result<(), BackendError>,
) -> Vec<Capability> {
    let counting = Counting::default();
    let each = Feature::ALL.into_iter();
    each.map(|feature| {
        let said = |done: Result<(), Refusal>, doing: &str| done.map_err(|r| r.of(doing));
        let done = match feature {
            Feature::NetworkNamespaces => own_network(),
            Feature::Veth => said(veth(&counting), "make a pair of interfaces"),
            Feature::Vxlan => said(vxlan(&counting), "make a VXLAN interface"),
            Feature::NfTables => said(filter(&counting, &plain()), "load a filter"),
            Feature::PacketLog => said(packet_log(&counting), "listen to the packet log"),
            Feature::Nat => said(filter(&counting, &translation()), "load a filter with NAT"),
            Feature::PacketSockets => said(packet_socket(), "open a packet socket"),
            Feature::RawSockets => raw_socket().map_err(|errno| BackendError::Failed {
                doing: "make a raw socket".into(),
                why: errno.desc().to_lowercase(),
            }),
            Feature::Switches => {
                sysctl::try_write().map_err(|(key, refusal)| refusal.of(format!("set {key}")))
            }
            Feature::Cage => cage(),
            Feature::Landlock => host::try_landlock().map_err(|why| BackendError::Failed {
                doing: "restrict writing".into(),
                why,
            }),
            Feature::Trace => said(trace::try_out(&counting), "listen to the trace"),
            Feature::DropReasons => drop_reasons(),
            Feature::SocketDiagnosis => said(look::try_out(&counting), "ask for what listens"),
        };
        finding(feature, done)
    })
    .collect()
}

fn finding(feature: Feature, done: Result<(), BackendError>) -> Capability {
    let Facts {
        name,
        required,
        costs,
        mend,
        ..
    } = feature.facts();
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

fn own_network() -> Result<(), BackendError> {
    let made = namespace::make();
    made.map(drop)
        .map_err(|refusal| Obstacles::look().explain(refusal.errno))
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
    Feature::Veth.there()?;
    let here = namespace::current()?;
    let end = |name| End::new(NodeId::new("doctor"), IfName::fit(name, ""));
    let pair = link::pair((&end("a"), 10), (&end("b"), 11), here.as_fd(), 1500);
    requests(counting, vec![pair])
}

fn vxlan(counting: &Counting) -> Result<(), Refusal> {
    Feature::Vxlan.there()?;
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

/// As pings need it.
fn raw_socket() -> nix::Result<()> {
    Feature::RawSockets.there()?;
    let flags = SockFlag::SOCK_CLOEXEC;
    socket(
        AddressFamily::Inet,
        SockType::Raw,
        flags,
        SockProtocol::Icmp,
    )?;
    Ok(())
}

fn packet_log(counting: &Counting) -> Result<(), Refusal> {
    nflog::bind(nflog::NFLOG_GROUP, counting).map(drop)
}

/// As a shaped link's relay opens it, with room for next to nothing.
fn packet_socket() -> Result<(), Refusal> {
    Feature::PacketSockets.there()?;
    PacketSocket::open(4096).map(drop).map_err(Refusal::from)
}

/// What `run` steps need, beside the programs that they call.
fn cage() -> Result<(), BackendError> {
    let net = namespace::current().map_err(|r| r.of("open the network namespace"))?;
    apart(|| host::try_script(net))?
}

/// The kernel's own reasons for drops come by a BPF program, which is loaded here for a moment: a kernel
/// that is locked down refuses it though nothing else is missing.
fn drop_reasons() -> Result<(), BackendError> {
    let tried = drops::missing().map_or_else(drops::try_out, |why| Err(why.to_owned()));
    tried.map_err(reasons_refused)
}

fn reasons_refused(why: String) -> BackendError {
    BackendError::Failed {
        doing: "ask for the kernel's reasons".into(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn a_finding_that_fails_says_how_to_mend_it() {
        let refusal = Refusal::from(Errno::ENODEV).of("make a pair of interfaces");
        let found = finding(Feature::Veth, Err(refusal));
        assert!(!found.available);
        assert_eq!(found.mend, Feature::Veth.facts().mend);
    }
}
