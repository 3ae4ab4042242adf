//! What a machine can run out of, in words: what ran out, where its limit is set, and how to raise it.
//!
//! One number of the kernel's has several meanings: EAGAIN is a limit where a thread starts and a lack of an
//! answer where netlink is read, ENOSPC a limit where a namespace is made and a full disk elsewhere. So whoever
//! was refused says what it needed.

use std::fs;
use std::io;

use nix::errno::Errno;

use super::features::Feature;
use crate::backend::BackendError;
use crate::plain::plain;

/// What was asked of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A thread of this process.
    Thread,
    /// A process that executes this program, and the package of Debian and Ubuntu that brings it.
    Program(&'static str, &'static str),
    /// Namespaces of these kinds at once.
    Spaces(&'static [Space]),
    /// Anything else: a descriptor, a socket, a mount.
    Other,
}

/// A kind of namespace (`namespaces(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    User,
    Net,
    Mount,
    Pid,
    Uts,
    Ipc,
}

impl Space {
    /// The kind in words, and the middle of its switch's name, `user.max_…_namespaces`.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::User => ("user", "user"),
            Self::Net => ("network", "net"),
            Self::Mount => ("mount", "mnt"),
            Self::Pid => ("PID", "pid"),
            Self::Uts => ("UTS", "uts"),
            Self::Ipc => ("IPC", "ipc"),
        }
    }

    /// The limit of this process's user namespace. Inside a fresh one it is as good as none, whatever holds
    /// outside (`namespaces(7)`, "The /proc/sys/user directory").
    fn limit(self) -> Option<u32> {
        let (_, key) = self.words();
        let text = fs::read_to_string(format!("/proc/sys/user/max_{key}_namespaces")).ok()?;
        text.trim().parse().ok().filter(|most| *most < u32::MAX / 2)
    }
}

/// The error for a refusal of `doing`, an infinitive with its object.
pub(super) fn refused(doing: &str, need: Need, error: &io::Error) -> BackendError {
    let short = error
        .raw_os_error()
        .and_then(|number| shortage(Errno::from_raw(number), need));
    match short {
        Some((what, mend)) => BackendError::Machine {
            what: format!("failed to {doing}: {what}"),
            mend,
        },
        None => BackendError::Failed {
            doing: doing.to_owned(),
            why: plain(error),
        },
    }
}

/// What has run out, and what mends it; none where the number says something else.
pub(super) fn shortage(errno: Errno, need: Need) -> Option<(String, String)> {
    let said = |what: &str, mend: &str| Some((what.to_owned(), mend.to_owned()));
    match (errno, need) {
        (Errno::EMFILE, _) => said(
            "too many open files (each node needs three or four)",
            "raise the limit: ulimit -n 65536",
        ),
        (Errno::ENFILE, _) => said(
            "the machine has too many open files",
            "raise the limit: sysctl -w fs.file-max=1000000",
        ),
        (Errno::EAGAIN, Need::Thread | Need::Program(..)) => said(
            "no more processes or threads may be started",
            "raise the user's limit (ulimit -u), the cgroup's (pids.max), or that of memory (ulimit -v, \
             ulimit -d), of which each thread takes 2 MiB",
        ),
        (Errno::ENOENT, Need::Program(name, package)) => Some((
            format!("there is no {name} in the folders of PATH"),
            format!("set PATH, or: apt-get install {package}"),
        )),
        (Errno::EOPNOTSUPP | Errno::EINVAL, Need::Spaces(kinds)) if kinds.contains(&Space::Pid) => {
            said(
                "the kernel lacks a kind of namespace",
                Feature::Cage.facts().mend,
            )
        }
        (Errno::ENOSPC | Errno::EUSERS, Need::Spaces(kinds)) => Some(spaces(kinds, Space::limit)),
        (Errno::ENOMEM | Errno::ENOBUFS, _) => said(
            "out of memory",
            "use fewer nodes, a machine with more memory, or raise the limits (ulimit -v, ulimit -d, the \
             cgroup's memory.max)",
        ),
        _ => None,
    }
}

/// Of several kinds that were asked for at once, the one with the lowest limit is to blame.
fn spaces(kinds: &[Space], limit: impl Fn(Space) -> Option<u32>) -> (String, String) {
    let tightest = kinds
        .iter()
        .copied()
        .min_by_key(|kind| limit(*kind).unwrap_or(u32::MAX));
    let kind = tightest.unwrap_or(Space::Net);
    let (name, key) = kind.words();
    let stands = match limit(kind) {
        Some(most) => format!("user.max_{key}_namespaces is {most}"),
        None => format!("user.max_{key}_namespaces"),
    };
    (
        format!("the limit of {name} namespaces is reached ({stands})"),
        format!("raise it: sysctl -w user.max_{key}_namespaces=65536"),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_number_means_what_was_asked_for() {
        let of = |errno: Errno, need| refused("do it", need, &errno.into()).to_string();
        assert!(of(Errno::EAGAIN, Need::Thread).contains("ulimit -u"));
        assert!(!of(Errno::EAGAIN, Need::Other).contains("to mend it"));
        let absent = of(Errno::ENOENT, Need::Program("sh", "dash"));
        assert!(absent.contains("no sh in the folders of PATH"), "{absent}");
        assert!(absent.ends_with("apt-get install dash"), "{absent}");
        assert!(!of(Errno::ENOSPC, Need::Other).contains("namespaces"));
        assert!(of(Errno::EMFILE, Need::Other).contains("ulimit -n 65536"));
        let other = io::Error::other("it broke");
        assert_eq!(
            refused("do it", Need::Thread, &other).to_string(),
            "failed to do it: it broke"
        );
    }

    #[test]
    fn the_lowest_limit_is_to_blame() {
        let limit = |kind| match kind {
            Space::Net => Some(3),
            Space::Mount => Some(7),
            _ => None,
        };
        let (what, mend) = spaces(&[Space::User, Space::Mount, Space::Net], limit);
        assert!(what.ends_with("(user.max_net_namespaces is 3)"), "{what}");
        assert!(mend.contains("user.max_net_namespaces="), "{mend}");
        let (what, _) = spaces(&[Space::Pid], limit);
        assert!(what.ends_with("(user.max_pid_namespaces)"), "{what}");
    }
}
