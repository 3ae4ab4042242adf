//! System calls that no safe crate offers: the only module with `unsafe` in it.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::SetSockOpt;

/// Room for what is being sent, in bytes, beyond the machine's limit (`SO_SNDBUFFORCE`, `socket(7)`):
/// a large filter is one message. Needs privileges over the machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct SndBufForce;

impl SetSockOpt for SndBufForce {
    type Val = usize;

    fn set<F: AsFd>(&self, fd: &F, value: &usize) -> nix::Result<()> {
        let value = libc::c_int::try_from(*value).map_err(|_| Errno::EINVAL)?;
        let length = libc::socklen_t::try_from(size_of_val(&value)).map_err(|_| Errno::EINVAL)?;
        // SAFETY: the pointer is to an integer that outlives the call, and the length is its own.
        let done = unsafe {
            libc::setsockopt(
                fd.as_fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_SNDBUFFORCE,
                std::ptr::from_ref(&value).cast(),
                length,
            )
        };
        Errno::result(done).map(drop)
    }
}
