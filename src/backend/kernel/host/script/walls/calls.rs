//! The system calls that scripts are refused, and what they are told: one filter an answer (seccomp(2)).

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;

use nix::libc;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::told;

/// The families of sockets that network namespaces divide, and files. `AF_VSOCK`, above all, leads from
/// any of them to the machine's own host.
const FAMILIES: [i32; 5] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
    libc::AF_PACKET,
];

/// What `ip`, `bridge`, `ss`, `nft`, `conntrack`, `tc`, `ethtool` and `wg` speak. Others are about the machine
/// (uevents, audit, its ciphers), whatever network namespace they are opened in.
const PROTOCOLS: [i32; 5] = [
    libc::NETLINK_ROUTE,
    libc::NETLINK_SOCK_DIAG,
    libc::NETLINK_XFRM,
    libc::NETLINK_NETFILTER,
    libc::NETLINK_GENERIC,
];

/// System calls that are refused whatever they ask for. With io_uring, sockets could be made past
/// the filter. Those that look into other processes are refused on each kernel, though Landlock would keep
/// scripts from one another's: what a scenario may do does not go by the kernel.
const REFUSED: [i64; 14] = [
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_keyctl,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_request_key,
    libc::SYS_userfaultfd,
];

/// Flags that no new process may have. A child of the shell's parent would be this program's, in the node's PID
/// namespace, and reaped by nobody: the namespace's end would wait for it for ever (pid_namespaces(7)).
/// User namespaces give rights over what else is made in them.
const FLAGS: [i32; 2] = [libc::CLONE_PARENT, libc::CLONE_NEWUSER];

/// On x86-64 a program may also call by the numbers of x32, which are the same with this bit set
/// (syscall(2)).
#[cfg(target_arch = "x86_64")]
const NUMBERS: [i64; 2] = [0, 0x4000_0000];
#[cfg(not(target_arch = "x86_64"))]
const NUMBERS: [i64; 1] = [0];

/// For each system call the cases in which it is refused; none of them: always.
type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses them to the calling thread and what it starts from now on.
pub(super) fn refuse() -> io::Result<()> {
    let broken = |error: &str| told("make a seccomp filter", io::Error::other(error.to_owned()));
    let filters = filters().map_err(broken)?;
    for filter in filters {
        let refused = |error| told("load a seccomp filter", io::Error::other(error));
        seccompiler::apply_filter(filter).map_err(refused)?;
    }
    Ok(())
}

/// The filters, made once.
fn filters() -> Result<&'static [BpfProgram], &'static str> {
    static FILTERS: OnceLock<Result<Vec<BpfProgram>, String>> = OnceLock::new();
    let make = || {
        let answers = answers().map_err(|error| error.to_string())?;
        let made = answers
            .into_iter()
            .map(|(errno, calls)| filter(errno, calls));
        made.collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    };
    let made = FILTERS.get_or_init(make);
    made.as_deref().map_err(String::as_str)
}

fn filter(errno: i32, calls: Calls) -> Result<BpfProgram, BackendError> {
    let mut rules = BTreeMap::new();
    for (call, cases) in calls {
        for bit in NUMBERS {
            rules.insert(call | bit, cases.clone());
        }
    }
    // A number of another architecture ends the process.
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()
}

fn answers() -> Result<[(i32, Calls); 3], BackendError> {
    // A filter can't see what clone3's flags are, which are in memory; after this answer the C library asks clone.
    let unknown = Calls::from([(libc::SYS_clone3, Vec::new())]);
    // As where the kernel has no such protocol: `su` and `useradd` do without audit then, but after EPERM they end.
    let missing = protocols()?;
    Ok([
        (libc::EPERM, forbidden()?),
        (libc::ENOSYS, unknown),
        (libc::EPROTONOSUPPORT, missing),
    ])
}

fn forbidden() -> Result<Calls, BackendError> {
    let mut calls: Calls = REFUSED.map(|call| (call, Vec::new())).into();
    let other_family =
        all(FAMILIES.map(|family| SeccompCondition::new(0, Dword, Ne, wide(family))))?;
    for call in [libc::SYS_socket, libc::SYS_socketpair] {
        calls.insert(call, vec![other_family.clone()]);
    }
    // The flags are the first argument on each architecture that there are filters for (clone(2)).
    let with = |flag| {
        let flag = wide(flag);
        all([SeccompCondition::new(0, Dword, MaskedEq(flag), flag)])
    };
    let flags = FLAGS.into_iter().map(with).collect::<Result<_, _>>()?;
    calls.insert(libc::SYS_clone, flags);
    calls.insert(libc::SYS_unshare, vec![with(libc::CLONE_NEWUSER)?]);
    // It is set to what keeps crashes from the machine's handler; to set it to 0 would undo that (core(5)).
    let core = u64::from(libc::RLIMIT_CORE);
    let limit = |argument| SeccompCondition::new(argument, Dword, Eq, core);
    let is_set = SeccompCondition::new(2, Qword, Ne, 0);
    calls.insert(libc::SYS_setrlimit, vec![all([limit(0)])?]);
    calls.insert(libc::SYS_prlimit64, vec![all([limit(1), is_set])?]);
    Ok(calls)
}

fn protocols() -> Result<Calls, BackendError> {
    let other = |protocol| SeccompCondition::new(2, Dword, Ne, wide(protocol));
    let mut conditions = vec![SeccompCondition::new(0, Dword, Eq, wide(libc::AF_NETLINK))];
    conditions.extend(PROTOCOLS.map(other));
    Ok(Calls::from([(libc::SYS_socket, vec![all(conditions)?])]))
}

/// The case that all of this is so.
fn all(
    conditions: impl IntoIterator<Item = Result<SeccompCondition, BackendError>>,
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

fn wide(number: i32) -> u64 {
    u64::from(number.unsigned_abs())
}
