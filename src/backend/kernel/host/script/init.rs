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
use tokio::sync::oneshot;

use super::{Obstacle, program, spawn};
use crate::backend::kernel::features::Feature;
use crate::backend::kernel::shortage::{Need, Space};
use crate::backend::kernel::sys;

/// A node's PID namespace. Dropping it ends every process in it, and waits for that.
#[derive(Debug)]
pub(in crate::backend::kernel) struct Init {
    process: Child,
    pub(super) namespace: Arc<OwnedFd>,
}

impl Init {
    /// Starts a pid 1.
    pub(super) async fn start() -> Result<Self, Obstacle> {
        const DOING: &str = "start pid 1";
        let (started, start) = oneshot::channel();
        // unshare moves the children that a thread starts from then on, so it must be one that starts
        // nothing else; and one of our own, for the runtime panics where it can't have another.
        thread::Builder::new()
            .name("canal-init".into())
            .spawn(|| {
                // Whoever no longer waits has it dropped, which ends it.
                let _ = started.send(Self::make());
            })
            .map_err(Obstacle::thread)?;
        let gone = |_| io::Error::other("the thread that starts it panicked");
        let made = start.await.map_err(gone);
        made.map_err(Obstacle::at(DOING, Need::Other))?
    }

    /// The same on the calling thread, which must start nothing else. Blocks for as long as a fork takes.
    fn make() -> Result<Self, Obstacle> {
        const SPACE: Need = Need::Spaces(&[Space::Pid]);
        let made = Feature::PidNamespaces
            .there()
            .and_then(|()| unshare(CloneFlags::CLONE_NEWPID));
        made.map_err(Obstacle::at("make a PID namespace", SPACE))?;
        let mut command = program("cat");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/");
        sys::become_init(&mut command);
        let mut process = spawn(&mut command)
            .map_err(Obstacle::at("start cat", Need::Program("cat", "coreutils")))?;
        match File::open(format!("/proc/{}/ns/pid", process.id())) {
            Ok(namespace) => Ok(Self {
                process,
                namespace: Arc::new(namespace.into()),
            }),
            Err(error) => {
                // Both fail only where it has ended already.
                let _ = process.kill();
                let _ = process.wait();
                Err(Obstacle::at("look at pid 1's namespace", Need::Other)(
                    error,
                ))
            }
        }
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
        // Both fail only where it has ended and been reaped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
