//! What a script may not do, on top of what it does not see: three walls, each of which holds where
//! another should not.
//!
//! | wall | what it keeps from the script |
//! |---|---|
//! | capabilities | everything over the machine: mounts, modules, clocks, devices, other processes |
//! | Landlock | writing anywhere but to the node's own files and `/proc/sys/net`, whatever is mounted |
//! | seccomp | what no namespace divides: keys, BPF, io_uring, perf, and sockets of other families |

use std::collections::BTreeMap;
use std::io;
use std::sync::{Once, OnceLock};

use caps::{CapSet, Capability, CapsHashSet};
use landlock::{
    ABI, AccessFs, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules,
};
use nix::libc;
use nix::sys::prctl::set_no_new_privs;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::told;
use crate::backend::kernel::features::Feature;

/// What a script keeps, over the node's own network, processes and files: what `ip`, `nft`, `iptables`,
/// `tcpdump` and servers that become another user need.
const KEPT: [Capability; 7] = [
    Capability::CAP_CHOWN,
    Capability::CAP_KILL,
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_NET_RAW,
    Capability::CAP_SETGID,
    Capability::CAP_SETUID,
];

/// Where a script may write.
const WRITABLE: [&str; 8] = [
    "/dev",
    "/etc",
    "/home",
    "/root",
    "/run",
    "/tmp",
    "/var",
    "/proc/sys/net",
];

/// The families of sockets that network namespaces divide, and files. `AF_VSOCK`, above all, leads from
/// any of them to the machine's own host.
const FAMILIES: [i32; 5] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
    libc::AF_PACKET,
];

/// System calls that are refused whatever they ask for. With io_uring, sockets could be made past
/// the filter.
const REFUSED: [i64; 9] = [
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_keyctl,
    libc::SYS_perf_event_open,
    libc::SYS_request_key,
    libc::SYS_userfaultfd,
];

/// Puts up the walls around the calling thread and what it starts from now on. The thread must be in the
/// node's file tree already: nobody can mount anything behind them.
///
/// # Errors
///
/// Where a wall could not be put up; Landlock alone may be missing.
pub(super) fn put_up() -> io::Result<()> {
    set_no_new_privs()?;
    tell(restrict_writing().map_err(|error| told("restrict writing with Landlock", error))?);
    drop_capabilities().map_err(|error| told("drop capabilities", error))?;
    let filter = filter().map_err(|error| told("make a seccomp filter", error))?;
    let refused =
        |error: seccompiler::Error| told("load a seccomp filter", io::Error::other(error));
    seccompiler::apply_filter(filter).map_err(refused)
}

/// Tries Landlock out, on a thread that ends after it.
///
/// # Errors
///
/// Why this kernel restricts nothing.
pub(in crate::backend::kernel) fn try_landlock() -> Result<(), String> {
    let tried = std::thread::spawn(restrict_writing).join();
    match tried.unwrap_or_else(|_| Err(io::Error::other("the thread panicked"))) {
        Ok(LandlockStatus::NotEnabled) => Err("the kernel has it, but it is not enabled".into()),
        Ok(LandlockStatus::NotImplemented) => Err("the kernel has none".into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Says so once where there is no Landlock.
fn tell(status: LandlockStatus) {
    static TOLD: Once = Once::new();
    if !matches!(status, LandlockStatus::Available { .. }) {
        TOLD.call_once(|| {
            tracing::warn!(
                "this kernel has no Landlock: scripts are kept from writing by mounts alone"
            );
        });
    }
}

fn restrict_writing() -> io::Result<LandlockStatus> {
    if Feature::Landlock.is_off() {
        return Ok(LandlockStatus::NotImplemented);
    }
    // The newest that is known here; an older kernel restricts what it can.
    let writing = AccessFs::from_write(ABI::V9);
    let restricted = Ruleset::default()
        .handle_access(writing)
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(WRITABLE, writing)))
        .and_then(landlock::RulesetCreated::restrict_self);
    Ok(restricted.map_err(io::Error::other)?.landlock)
}

fn drop_capabilities() -> io::Result<()> {
    let has = caps::read(None, CapSet::Permitted).map_err(io::Error::other)?;
    let bounding = caps::read(None, CapSet::Bounding).map_err(io::Error::other)?;
    let kept: CapsHashSet = KEPT.into_iter().filter(|one| has.contains(one)).collect();
    let drop = || {
        // Where a container has taken this right away, what is dropped below does not come back all the
        // same: no new privileges are had by exec.
        if has.contains(&Capability::CAP_SETPCAP) {
            for capability in bounding.difference(&kept) {
                caps::drop(None, CapSet::Bounding, *capability)?;
            }
        }
        caps::clear(None, CapSet::Ambient)?;
        caps::clear(None, CapSet::Inheritable)?;
        caps::set(None, CapSet::Effective, &kept)?;
        caps::set(None, CapSet::Permitted, &kept)
    };
    drop().map_err(io::Error::other)
}

/// The filter, made once.
fn filter() -> io::Result<&'static BpfProgram> {
    static FILTER: OnceLock<Result<BpfProgram, String>> = OnceLock::new();
    let made = FILTER.get_or_init(|| make_filter().map_err(|error| error.to_string()));
    made.as_ref()
        .map_err(|error| io::Error::other(error.as_str()))
}

/// On x86-64 a program may also call by the numbers of x32, which are the same with this bit set
/// (syscall(2)).
#[cfg(target_arch = "x86_64")]
const NUMBERS: [i64; 2] = [0, 0x4000_0000];
#[cfg(not(target_arch = "x86_64"))]
const NUMBERS: [i64; 1] = [0];

fn make_filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let other_family = || {
        let conditions = FAMILIES.iter().map(|family| {
            let (length, family) = (SeccompCmpArgLen::Dword, u64::from(family.unsigned_abs()));
            SeccompCondition::new(0, length, SeccompCmpOp::Ne, family)
        });
        SeccompRule::new(conditions.collect::<Result<_, _>>()?)
    };
    let mut rules = BTreeMap::new();
    for bit in NUMBERS {
        for call in REFUSED {
            // No rule: always.
            rules.insert(call | bit, Vec::new());
        }
        for call in [libc::SYS_socket, libc::SYS_socketpair] {
            rules.insert(call | bit, vec![other_family()?]);
        }
    }
    // A number of another architecture ends the process.
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()
}
