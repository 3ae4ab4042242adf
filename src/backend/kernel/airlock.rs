//! The airlock: before its first thread starts, the process leaves the caller's network for an empty
//! one. A socket made in the wrong place then finds no route at all instead of the real network.
//!
//! Root needs nothing for it. Anybody else enters a user namespace of their own on the way, in which
//! they are root over what they make there and nowhere else (`user_namespaces(7)`).

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{getegid, geteuid};

use super::shortage::{Need, Space, shortage};
use crate::backend::BackendError;

/// Proof that the process is in the airlock.
#[derive(Debug)]
pub struct Airlock {
    rootless: bool,
}

impl Airlock {
    /// Whether a user namespace was needed. Then the kernel keeps to itself what concerns the machine
    /// as a whole: the reasons for its own drops, above all.
    pub fn rootless(&self) -> bool {
        self.rootless
    }
}

/// Leaves the caller's network, and makes mounts private, for the whole process. Must be called at the
/// very start of `main`: threads that exist already would stay behind.
///
/// # Errors
///
/// Where this machine forbids it, with what forbids it and how to allow it.
pub fn enter() -> Result<Airlock, BackendError> {
    let apart = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
    let rootless = if geteuid().is_root() {
        match unshare(apart) {
            Ok(()) => false,
            // Root of a container, without the capability for it.
            Err(Errno::EPERM) => {
                own_user_namespace(apart)?;
                true
            }
            Err(errno) => return Err(Obstacles::look().explain(errno)),
        }
    } else {
        own_user_namespace(apart)?;
        true
    };
    // What is mounted from here on must not show outside.
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )
    .map_err(|errno| Obstacles::look().explain(errno))?;
    make_sysctls_writable();
    keep_to_itself()?;
    Ok(Airlock { rootless })
}

/// Keeps the process's memory, environment and descriptors from others of the same user, and so those of the
/// copies of it that a script's shell is until exec, which undoes it (`PR_SET_DUMPABLE`, prctl(2)). Only now:
/// the files of a user namespace's maps are not the caller's after it.
///
/// Neither it nor what it starts is told of to a handler of crashes, which would run outside: 1 is the limit that
/// says so (core(5)). Above a lower one of the caller's only root gets.
fn keep_to_itself() -> Result<(), BackendError> {
    set_dumpable(false).map_err(|errno| BackendError::Failed {
        doing: "keep this process's memory to itself".into(),
        why: errno.desc().to_lowercase(),
    })?;
    if let Err(errno) = setrlimit(Resource::RLIMIT_CORE, 1, 1) {
        tracing::debug!("crashes may be told to the machine: ulimit -c: {errno}");
    }
    Ok(())
}

/// Enters a user namespace in which the caller is root, and new namespaces that belong to it.
fn own_user_namespace(apart: CloneFlags) -> Result<(), BackendError> {
    // Asked before: afterwards both are "nobody" until they are mapped.
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | apart).map_err(|errno| Obstacles::look().explain(errno))?;
    let map = || -> io::Result<()> {
        // A group map without privileges needs this first (user_namespaces(7)).
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
    };
    map().map_err(|error| {
        let number = error.raw_os_error().unwrap_or(Errno::EIO as i32);
        Obstacles::look().explain(Errno::from_raw(number))
    })
}

/// Containers see `/proc/sys` read-only, which root can undo for itself in its own mounts. Where that
/// fails, the first switch that has to be written says so.
fn make_sysctls_writable() {
    let read_only = fs::OpenOptions::new()
        .write(true)
        .open("/proc/sys/net/ipv4/ip_forward")
        .is_err_and(|error| error.raw_os_error() == Some(Errno::EROFS as i32));
    if read_only {
        let again = MsFlags::MS_BIND | MsFlags::MS_REMOUNT;
        let _ = mount(None::<&str>, "/proc/sys", None::<&str>, again, None::<&str>);
    }
}

/// What may stand in the way of user namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Obstacles {
    /// Whether `/proc` is missing.
    pub blind: bool,
    /// `user.max_user_namespaces`.
    pub most: Option<String>,
    /// `kernel.unprivileged_userns_clone`, a switch of Debian's.
    pub clone: Option<String>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, a switch of Ubuntu's.
    pub apparmor: Option<String>,
    /// Whether the process is under a seccomp filter.
    pub seccomp: bool,
    /// Whether the process has more than one thread.
    pub threads: bool,
}

impl Obstacles {
    /// Looks at the machine.
    pub fn look() -> Self {
        let sysctl = |path: &str| {
            let text = fs::read_to_string(format!("/proc/sys/{path}")).ok()?;
            Some(text.trim().to_owned())
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim).unwrap_or_default().to_owned()
        };
        Self {
            blind: !fs::exists("/proc/self/status").unwrap_or(false),
            most: sysctl("user/max_user_namespaces"),
            clone: sysctl("kernel/unprivileged_userns_clone"),
            apparmor: sysctl("kernel/apparmor_restrict_unprivileged_userns"),
            seccomp: field("Seccomp:") == "2",
            threads: field("Threads:").parse().is_ok_and(|n: u32| n > 1),
        }
    }

    /// The error for a refusal, by what stands in the way most likely.
    pub fn explain(&self, errno: Errno) -> BackendError {
        let machine = |why: &str, mend: &str| BackendError::Machine {
            what: format!("failed to enter namespaces of our own: {why}"),
            mend: mend.to_owned(),
        };
        let is = |switch: &Option<String>, value: &str| switch.as_deref() == Some(value);
        if errno == Errno::EINVAL && self.threads {
            return BackendError::Failed {
                doing: "enter namespaces of our own".into(),
                why: "the process has started threads already".into(),
            };
        }
        if self.blind {
            return machine("/proc is not mounted", "mount it: mount -t proc proc /proc");
        }
        if is(&self.most, "0") {
            return machine(
                "user.max_user_namespaces is 0",
                "sysctl -w user.max_user_namespaces=15000, or run as root",
            );
        }
        const KINDS: &[Space] = &[Space::User, Space::Net, Space::Mount];
        if let Some((what, mend)) = shortage(errno, Need::Spaces(KINDS)) {
            return machine(&what, &mend);
        }
        if is(&self.clone, "0") {
            return machine(
                "kernel.unprivileged_userns_clone is 0",
                "sysctl -w kernel.unprivileged_userns_clone=1, or run as root",
            );
        }
        if is(&self.apparmor, "1") {
            return machine(
                "AppArmor keeps user namespaces from programs without a profile",
                "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run as root",
            );
        }
        if self.seccomp {
            return machine(
                "a seccomp filter forbids it, as in most containers",
                "start the container with --cap-add SYS_ADMIN --cap-add NET_ADMIN, and with \
                 --security-opt apparmor=unconfined where the machine has AppArmor",
            );
        }
        match errno {
            Errno::EINVAL => machine(
                "this kernel has no user or network namespaces",
                "use a kernel with CONFIG_USER_NS and CONFIG_NET_NS, or run as root",
            ),
            Errno::EPERM | Errno::EACCES => machine("not permitted", "run as root"),
            other => machine(&other.desc().to_lowercase(), "run as root"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_is_named_with_its_mend() {
        let cases = [
            (
                Obstacles {
                    most: Some("0".into()),
                    ..Obstacles::default()
                },
                Errno::ENOSPC,
                "user.max_user_namespaces=15000",
            ),
            (
                Obstacles {
                    apparmor: Some("1".into()),
                    ..Obstacles::default()
                },
                Errno::EACCES,
                "apparmor_restrict_unprivileged_userns=0",
            ),
            (
                Obstacles {
                    seccomp: true,
                    ..Obstacles::default()
                },
                Errno::EPERM,
                "--cap-add SYS_ADMIN",
            ),
            (
                Obstacles {
                    blind: true,
                    ..Obstacles::default()
                },
                Errno::ENOENT,
                "mount -t proc proc /proc",
            ),
            (
                Obstacles {
                    threads: true,
                    ..Obstacles::default()
                },
                Errno::EINVAL,
                "threads",
            ),
        ];
        for (obstacles, errno, part) in cases {
            let text = obstacles.explain(errno).to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
