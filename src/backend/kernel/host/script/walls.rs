//! What a script may not do, on top of what it does not see: three walls, each of which holds where
//! another should not.
//!
//! | wall | what it keeps from the script |
//! |---|---|
//! | capabilities | everything over the machine: mounts, modules, clocks, devices, other processes |
//! | Landlock | writing anywhere but to the node's own files and `/proc/sys/net`, whatever is mounted |
//! | seccomp (`calls.rs`) | what no namespace divides: keys, BPF, io_uring, perf, sockets of other families and protocols; other processes' memory; children that nobody reaps |

mod calls;

use std::io;
use std::sync::Once;

use caps::{CapSet, Capability, CapsHashSet};
use landlock::{
    ABI, AccessFs, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules,
};
use nix::sys::prctl::set_no_new_privs;

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
    calls::refuse()
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
