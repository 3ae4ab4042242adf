//! Processes held by descriptor: a number may be another process's by the time that it is used.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;

/// A child of ours, by a descriptor that becomes readable when it ends (pidfd_open(2), Linux 5.3).
pub(in crate::backend::kernel) fn hold(child: u32) -> io::Result<OwnedFd> {
    // SAFETY: a plain system call on numbers.
    let held = unsafe { libc::syscall(libc::SYS_pidfd_open, child, 0_u32) };
    let held = RawFd::try_from(Errno::result(held)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made the descriptor, close-on-exec, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(held) })
}

/// Sends a signal to the process of such a descriptor, or of a folder `/proc/PID` that is held open, and to no
/// other that has its number by now (pidfd_send_signal(2), Linux 5.1).
pub(in crate::backend::kernel) fn signal(process: impl AsFd, signal: Signal) -> nix::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    let process = process.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open for the length of the borrow; without a siginfo_t the kernel reads nothing.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process,
            signal as libc::c_int,
            none,
            0_u32,
        )
    };
    Errno::result(sent).map(drop)
}
