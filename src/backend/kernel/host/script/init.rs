//! The pid 1 of a node.
//!
//! A `cat` that reads from a pipe of ours and ignores SIGCHLD, so that the kernel itself reaps the
//! orphans that it adopts. When the pipe closes, because the node went or this process died in
//! whatever way, it ends, and with pid 1 the kernel ends every process in the namespace. (A shell
//! won't do: dash catches SIGCHLD whatever it is told, and the signal ends its `read`.)

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::{program, spawn};
use crate::backend::kernel::sys;

/// A node's PID namespace. Dropping it ends every process in it, and waits for that.
#[derive(Debug)]
pub(in crate::backend::kernel) struct Init {
    process: Child,
    pub(super) namespace: Arc<OwnedFd>,
}

impl Init {
    /// Starts a pid 1. Blocks for as long as a fork takes.
    pub(super) fn start() -> io::Result<Self> {
        // unshare moves the children that this thread starts from then on, so it must be a thread
        // that starts nothing else.
        thread::Builder::new()
            .name("canal-init".into())
            .spawn(|| {
                unshare(CloneFlags::CLONE_NEWPID)?;
                crate::fault::point("pid namespace");
                let mut command = program("cat");
                command
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .current_dir("/");
                sys::become_init(&mut command);
                let mut process = spawn(&mut command)?;
                crate::fault::point("pid 1");
                match File::open(format!("/proc/{}/ns/pid", process.id())) {
                    Ok(namespace) => Ok(Self {
                        process,
                        namespace: Arc::new(namespace.into()),
                    }),
                    Err(error) => {
                        process.kill()?;
                        process.wait()?;
                        Err(error)
                    }
                }
            })?
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that starts pid 1 panicked")))
    }

    /// The namespace, while its pid 1 lives.
    pub(super) fn namespace(&mut self) -> Option<Arc<OwnedFd>> {
        match self.process.try_wait() {
            Ok(None) => Some(Arc::clone(&self.namespace)),
            _ => None,
        }
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        crate::fault::point("pid 1 ends");
        // Both fail only where it has ended and been reaped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
