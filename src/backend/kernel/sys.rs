//! The system calls that no crate at hand offers safely: the only unsafe code.
#![allow(unsafe_code)]

pub(super) mod bpf;
pub(super) mod heap;
pub(super) mod offload;
pub(super) mod packet;
pub(super) mod process;
pub(super) mod ring;

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::socket::SetSockOpt;
use nix::unistd::setsid;
use socket2::Socket;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
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

/// Says whether a socket's packets carry the don't-fragment bit (`IP_MTU_DISCOVER`, ip(7)).
pub(super) fn set_dont_fragment(socket: impl AsFd, on: bool) -> io::Result<()> {
    let value: libc::c_int = if on {
        libc::IP_PMTUDISC_DO
    } else {
        libc::IP_PMTUDISC_DONT
    };
    let size = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the descriptor is open for the length of the borrow, and the kernel reads `size` bytes
    // from `value`, which is that large and outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            (&raw const value).cast(),
            size,
        )
    };
    Errno::result(result)?;
    Ok(())
}

/// Lets the runtime watch a socket, errors included.
pub(super) fn watch(socket: Socket, interest: Interest) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a socket2 socket owns its descriptor and gives the same one until it is dropped; nobody
    // here puts another socket in its place.
    let watched = unsafe { AsyncFd::register_with_interest(socket, interest) };
    watched.map_err(|error| error.into_parts().1)
}

/// Makes the command a pid 1 that never leaves zombies: the kernel reaps the children of a process
/// that ignores SIGCHLD (wait(2)), orphans that it adopts among them, and exec keeps an ignored signal.
/// It mounts the /proc of its PID namespace, read-only but for `/proc/sys/net`: only who is inside can.
pub(super) fn become_init(command: &mut Command) {
    let prepare = || {
        setsid()?;
        keep_descriptors()?;
        // SAFETY: ignoring a signal installs no handler.
        let before = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        if before == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
        let none = None::<&str>;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        // Where a container forbids it, the outer /proc stays, which is read-only already.
        if mount(Some("proc"), "/proc", Some("proc"), flags, none).is_ok() {
            let net = "/proc/sys/net";
            mount(Some(net), net, none, MsFlags::MS_BIND, none)?;
            let again = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
            mount(none, "/proc", none, again | flags, none)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes plain system calls; nix copies such short paths
    // to the stack, so it neither allocates nor takes a lock.
    unsafe { command.pre_exec(prepare) };
}

/// Makes the command a session of its own, without a terminal, that keeps hold of its orphans while it
/// lives.
pub(super) fn become_script(command: &mut Command) {
    let prepare = || {
        setsid()?;
        keep_descriptors()?;
        set_child_subreaper(true)?;
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes three plain system calls; it neither allocates
    // nor takes a lock.
    unsafe { command.pre_exec(prepare) };
}

/// Lets no descriptor past the first three through exec: what this process has open goes by itself, but
/// what it was started with need not.
fn keep_descriptors() -> io::Result<()> {
    // SAFETY: a plain system call on numbers; nothing is closed before exec.
    let done = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3_u32,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    Errno::result(done)?;
    Ok(())
}

/// Makes what is mounted at a path, and everything in it, read-only, without set-user-ID programs, and
/// without devices unless they are wanted (mount_setattr(2), Linux 5.12).
pub(super) fn make_read_only(path: &Path, with_devices: bool) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let devices = if with_devices {
        0
    } else {
        libc::MOUNT_ATTR_NODEV
    };
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | devices,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path ends with NUL, the attributes are as large as is said, and the kernel reads both
    // before the call ends.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of_val(&attributes),
        )
    };
    Errno::result(done)?;
    Ok(())
}

/// Lets the calling thread go before others (setpriority(2), which concerns one thread on Linux). Only root may.
pub(super) fn hurry() -> nix::Result<()> {
    // SAFETY: a plain system call on numbers.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) }).map(drop)
}
