//! What makes a node a machine of its own for its scripts: a file tree, processes, a host name and
//! shared memory of its own, all held by its pid 1.
//!
//! Pid 1 is a `cat` that reads from a pipe of ours and ignores SIGCHLD, so that the kernel itself reaps
//! the orphans that it adopts. When the pipe closes, because the node went or this process died in
//! whatever way, it ends, and with pid 1 the kernel ends every process in the namespace. (A shell
//! won't do: dash catches SIGCHLD whatever it is told, and the signal ends its `read`.)

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sched::{CloneFlags, setns, unshare};
use tokio::sync::oneshot;

use super::{Obstacle, program, root, spawn, strays};
use crate::backend::kernel::features::Feature;
use crate::backend::kernel::shortage::{Need, Space};
use crate::backend::kernel::sys::{self, process};

/// After how many milliseconds without an end pid 1 is taken to wait for a child of ours that nobody reaps.
const STRAYS: u16 = 100;

/// A node's pid 1. Dropping it ends every process in the node's PID namespace, and waits for that.
#[derive(Debug)]
pub(in crate::backend::kernel) struct Init {
    process: Child,
    inside: Arc<Inside>,
}

/// The namespaces of a node's scripts.
#[derive(Debug)]
pub(super) struct Inside {
    net: Arc<OwnedFd>,
    mounts: OwnedFd,
    names: OwnedFd,
    memory: OwnedFd,
    processes: OwnedFd,
}

impl Inside {
    /// Moves the calling thread into them, and what it starts into the PID namespace.
    pub(super) fn enter(&self) -> io::Result<()> {
        // A mount namespace can be entered only by who shares its root and working directory with
        // nobody (setns(2)).
        unshare(CloneFlags::CLONE_FS)?;
        setns(&*self.net, CloneFlags::CLONE_NEWNET)?;
        setns(&self.memory, CloneFlags::CLONE_NEWIPC)?;
        setns(&self.names, CloneFlags::CLONE_NEWUTS)?;
        setns(&self.processes, CloneFlags::CLONE_NEWPID)?;
        setns(&self.mounts, CloneFlags::CLONE_NEWNS)?;
        Ok(())
    }

    /// Whether `/proc` shows the node's processes, to a thread that is inside.
    pub(super) fn shows_processes(&self) -> io::Result<bool> {
        super::tree::proc_is_of(&self.processes)
    }
}

impl Init {
    /// Builds the node's file tree and starts its pid 1.
    pub(super) async fn start(net: &Arc<OwnedFd>) -> Result<Self, Obstacle> {
        let net = Arc::clone(net);
        let (started, start) = oneshot::channel();
        // A thread of our own: the runtime panics where it can't have another.
        thread::Builder::new()
            .name("canal-init".into())
            .spawn(move || {
                // Whoever no longer waits has it dropped, which ends it.
                let _ = started.send(Self::make(net));
            })
            .map_err(Obstacle::thread)?;
        let gone = |_| io::Error::other("the thread that starts it panicked");
        let made = start.await.map_err(gone);
        made.map_err(Obstacle::at("start pid 1", Need::Other))?
    }

    /// The same for whoever may wait. Blocks for as long as a fork takes.
    pub(super) fn make(net: Arc<OwnedFd>) -> Result<Self, Obstacle> {
        let node = Arc::clone(&net);
        // It is moved for good, and so are the children that it starts from then on; from where it ends up, pid 1
        // is not seen under the number that it has here.
        let thread = thread::Builder::new()
            .name("canal-init-moved".into())
            .spawn(move || Self::move_and_start(&node))
            .map_err(Obstacle::thread)?;
        let gone = |_| io::Error::other("the thread that starts it panicked");
        let moved = thread.join().map_err(gone);
        let (mut process, [mounts, names, memory]) =
            moved.map_err(Obstacle::at("start pid 1", Need::Other))??;
        crate::fault::point("pid 1");
        match File::open(format!("/proc/{}/ns/pid", process.id())) {
            Ok(processes) => Ok(Self {
                process,
                inside: Arc::new(Inside {
                    net,
                    mounts,
                    names,
                    memory,
                    processes: processes.into(),
                }),
            }),
            Err(error) => {
                end(&mut process);
                Err(Obstacle::at("look at pid 1's namespace", Need::Other)(
                    error,
                ))
            }
        }
    }

    fn move_and_start(net: &OwnedFd) -> Result<(Child, [OwnedFd; 3]), Obstacle> {
        const APART: Need = Need::Spaces(&[Space::Mount, Space::Uts, Space::Ipc, Space::Pid]);
        let apart = CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWPID;
        let moved = Feature::Cage.there().and_then(|()| unshare(apart));
        moved.map_err(Obstacle::at("make namespaces", APART))?;
        crate::fault::point("pid namespace");
        setns(net, CloneFlags::CLONE_NEWNET).map_err(Obstacle::at(
            "enter the node's network namespace",
            Need::Other,
        ))?;
        let own = |kind: &str| -> Result<OwnedFd, Obstacle> {
            let namespace = File::open(format!("/proc/thread-self/ns/{kind}"));
            let opened = namespace.map_err(Obstacle::at("open a namespace", Need::Other));
            opened.map(Into::into)
        };
        let namespaces = [own("mnt")?, own("uts")?, own("ipc")?];
        root::enter().map_err(Obstacle::at("build the node's file tree", Need::Other))?;
        let hide = |error| Obstacle::at("hide the machine's /proc", Need::Other)(error);
        let machine = root::proc_seen().map_err(hide)?;
        crate::fault::point("file tree");
        let mut command = program("cat");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/");
        sys::become_init(&mut command);
        let mut process = spawn(&mut command)
            .map_err(Obstacle::at("start cat", Need::Program("cat", "coreutils")))?;
        // It has mounted its own by now, or could not.
        if let Err(error) = root::cover_proc(machine) {
            end(&mut process);
            return Err(hide(error));
        }
        Ok((process, namespaces))
    }

    /// Its namespaces, while it lives.
    pub(super) fn inside(&mut self) -> Option<Arc<Inside>> {
        match self.process.try_wait() {
            Ok(None) => Some(Arc::clone(&self.inside)),
            _ => None,
        }
    }
}

/// Ends a pid 1 that no script has seen.
fn end(process: &mut Child) {
    // Both fail only where it has ended already.
    let _ = process.kill();
    let _ = process.wait();
    strays::reaped(process.id());
}

impl Drop for Init {
    fn drop(&mut self) {
        crate::fault::point("pid 1 ends");
        // Both fail only where it has ended and been reaped already.
        let _ = self.process.kill();
        let held = process::hold(self.process.id());
        while let Ok(None) = self.process.try_wait() {
            // Almost always it has ended long before, with all that is in the namespace.
            let is_over = match &held {
                Ok(held) => {
                    let mut end = [PollFd::new(held.as_fd(), PollFlags::POLLIN)];
                    poll(&mut end, STRAYS) == Ok(1)
                }
                Err(_) => {
                    thread::sleep(Duration::from_millis(10));
                    false
                }
            };
            if !is_over {
                strays::reap(&self.inside.processes);
            }
        }
        strays::reaped(self.process.id());
    }
}
