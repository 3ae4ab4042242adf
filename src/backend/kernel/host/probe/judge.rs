//! What the asking node's kernel says about a packet: errors of its own, and ICMP errors.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg};
use nix::sys::time::TimeSpec;

use super::Halt;
use crate::backend::evidence::judge::proves;
use crate::backend::kernel::host::Host;
use crate::backend::kernel::shortage::Need;
use crate::backend::probe::{NotSent, Outcome};

/// What an error means that the kernel gave at once when asked to send.
pub(super) fn not_sent(error: &io::Error) -> Option<NotSent> {
    match error.raw_os_error()? {
        // EINVAL is what a blackhole route says.
        libc::ENETUNREACH | libc::EINVAL => Some(NotSent::NoRoute),
        libc::EHOSTUNREACH => Some(NotSent::NoNeighbour),
        libc::EMSGSIZE => Some(NotSent::TooBig),
        // EACCES is what a prohibit route says.
        libc::EPERM | libc::EACCES => Some(NotSent::Forbidden),
        _ => None,
    }
}

/// The same as the end of a probe, or as a failure to carry it out.
pub(super) fn halt(host: &Host, doing: &str, error: &io::Error) -> Halt {
    match not_sent(error) {
        Some(why) => Halt::Fate(Outcome::NotSent(why)),
        None => Halt::Broken(host.refused(doing, Need::Other, error)),
    }
}

/// An entry of a socket's error queue (`IP_RECVERR`, ip(7)).
#[derive(Clone, Copy, Debug)]
pub(super) struct Complaint {
    from_icmp: bool,
    kind: u8,
    code: u8,
    errno: i32,
    offender: Option<Ipv4Addr>,
}

/// Takes the next entry of a socket's error queue; none if it is empty.
pub(super) fn next_complaint(socket: BorrowedFd<'_>) -> Option<Complaint> {
    loop {
        // The time stamp that such sockets ask for comes along.
        let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in, TimeSpec);
        let message = recvmsg::<SockaddrIn>(
            socket.as_raw_fd(),
            &mut [],
            Some(&mut control),
            MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
        )
        .ok()?;
        let Ok(controls) = message.cmsgs() else {
            continue;
        };
        for control in controls {
            if let ControlMessageOwned::Ipv4RecvErr(error, offender) = control {
                return Some(Complaint {
                    from_icmp: error.ee_origin == libc::SO_EE_ORIGIN_ICMP,
                    kind: error.ee_type,
                    code: error.ee_code,
                    errno: i32::try_from(error.ee_errno).unwrap_or_default(),
                    offender: offender
                        .map(|address| Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr))),
                });
            }
        }
    }
}

/// The two ends of a probe as its socket knows them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) own: Ipv4Addr,
    pub(super) to: Ipv4Addr,
}

impl Ends {
    /// What a complaint proves, if anything.
    pub(super) fn judge(self, complaint: Complaint) -> Option<Outcome> {
        let Complaint {
            from_icmp,
            kind,
            code,
            errno,
            offender,
        } = complaint;
        if !from_icmp {
            return (errno == libc::EMSGSIZE).then_some(Outcome::NotSent(NotSent::TooBig));
        }
        proves((kind, code), offender?, (self.own, self.to))
    }
}
