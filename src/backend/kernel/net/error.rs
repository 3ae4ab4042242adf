//! The kernel's refusals in words.
//!
//! An error number never stands alone: each comes with what was being done, and with the mend where
//! the machine's owner can do something about it.

use crate::plain::plain;
use std::io;

use nix::errno::Errno;

use crate::backend::BackendError;
use crate::backend::kernel::shortage::{Need, Space, shortage};

/// A refusal: its number, and what the kernel said besides (netlink's extended acknowledgement).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub errno: Errno,
    pub said: Option<String>,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) => Errno::from_raw(number).into(),
            None => Self {
                errno: Errno::EIO,
                said: Some(plain(&error)),
            },
        }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { errno, said: None }
    }
}

impl Refusal {
    /// The refusal of `doing`, an infinitive with its object: "make node server".
    pub fn of(&self, doing: impl Into<String>) -> BackendError {
        let doing = doing.into();
        let machine = |reason: &str, mend: &str| BackendError::Machine {
            what: format!("failed to {doing}: {reason}"),
            mend: mend.to_owned(),
        };
        // Of what is made in this part, only a namespace has a limit that says ENOSPC.
        if let Some((what, mend)) = shortage(self.errno, Need::Spaces(&[Space::Net])) {
            return machine(&what, &mend);
        }
        match self.errno {
            Errno::EPERM | Errno::EACCES => machine(
                "not permitted",
                "run as root, or where user namespaces are allowed (sysctl -w user.max_user_namespaces=15000)",
            ),
            Errno::EROFS => machine(
                "/proc/sys is read-only here, as in most containers",
                "start the container with --cap-add SYS_ADMIN --cap-add NET_ADMIN, or with --security-opt systempaths=unconfined",
            ),
            Errno::EOPNOTSUPP => machine(
                &format!("the kernel does not know how{}", self.besides()),
                "load the modules veth, vxlan, nf_tables, nfnetlink_log and nf_conntrack (modprobe), or use a kernel that has them",
            ),
            errno => BackendError::Failed {
                doing,
                why: format!("{}{}", words(errno), self.besides()),
            },
        }
    }

    fn besides(&self) -> String {
        match &self.said {
            Some(said) => format!(" (the kernel says: {said})"),
            None => String::new(),
        }
    }
}

/// What an error number of netlink most likely means.
fn words(errno: Errno) -> String {
    match errno {
        Errno::EEXIST => "there is one like it already".into(),
        Errno::ENODEV | Errno::ENXIO => "there is no such interface".into(),
        Errno::ENOENT | Errno::ESRCH => "there is no such entry".into(),
        Errno::EADDRNOTAVAIL => "the interface has no such address".into(),
        Errno::EADDRINUSE => "the address or the port is in use".into(),
        Errno::ENETUNREACH => "the next hop can't be reached from here".into(),
        Errno::ENETDOWN => "the interface is down".into(),
        Errno::EBUSY => "it is in use".into(),
        Errno::ELOOP | Errno::EMLINK => "the chains jump in a circle or too deep".into(),
        Errno::EMSGSIZE => "it is too long for one message".into(),
        Errno::ETIMEDOUT | Errno::EAGAIN => "the kernel gave no answer in time".into(),
        Errno::EINVAL | Errno::ERANGE => "the kernel takes it for invalid".into(),
        other => format!("{} ({other:?})", other.desc().to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_where_and_how_to_mend_it() {
        let text = Refusal::from(Errno::EMFILE)
            .of("make node server")
            .to_string();
        assert_eq!(
            text,
            "failed to make node server: too many open files (each node needs three or four)\n  \
             to mend it: raise the limit: ulimit -n 65536"
        );
        let refusal = Refusal {
            errno: Errno::EINVAL,
            said: Some("Invalid prefsrc address".into()),
        };
        assert_eq!(
            refusal.of("route 10.0.0.0/8 on server").to_string(),
            "failed to route 10.0.0.0/8 on server: the kernel takes it for invalid \
             (the kernel says: Invalid prefsrc address)"
        );
    }
}
