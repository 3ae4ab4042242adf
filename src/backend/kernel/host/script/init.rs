//! What makes a node a machine of its own for its scripts: a file tree, processes, a host name and
//! shared memory of its own, all held by its pid 1.
//!
//! Pid 1 is a `cat` that reads from a pipe of ours and ignores SIGCHLD, so that the kernel itself reaps
//! the orphans that it adopts. When the pipe closes, because the node went or this process died in
//! whatever way, it ends, and with pid 1 the kernel ends every process in the namespace. (A shell
//! won't do: dash catches SIGCHLD whatever it is told, and the signal ends its `read`.)

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use super::{program, root, spawn, told};
use crate::backend::kernel::sys;

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
}

impl Init {
    /// Builds the node's file tree and starts its pid 1. Blocks for as long as a fork takes.
    pub(super) fn start(net: &Arc<OwnedFd>) -> io::Result<Self> {
        let netns = Arc::clone(net);
        // unshare moves the thread for good, and the children that it starts from then on.
        let started = thread::Builder::new()
            .name("canal-init".into())
            .spawn(move || Self::on_its_thread(&netns))?
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that starts pid 1 panicked")));
        let (mut process, [mounts, names, memory]) = started?;
        match File::open(format!("/proc/{}/ns/pid", process.id())) {
            Ok(processes) => Ok(Self {
                process,
                inside: Arc::new(Inside {
                    net: Arc::clone(net),
                    mounts,
                    names,
                    memory,
                    processes: processes.into(),
                }),
            }),
            Err(error) => {
                process.kill()?;
                process.wait()?;
                Err(error)
            }
        }
    }

    fn on_its_thread(net: &OwnedFd) -> io::Result<(Child, [OwnedFd; 3])> {
        let apart = CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWPID;
        unshare(apart).map_err(|error| told("make namespaces", error.into()))?;
        setns(net, CloneFlags::CLONE_NEWNET)
            .map_err(|error| told("enter the node's network namespace", error.into()))?;
        let own = |kind: &str| File::open(format!("/proc/thread-self/ns/{kind}")).map(Into::into);
        let namespaces = [own("mnt")?, own("uts")?, own("ipc")?];
        root::enter().map_err(|error| told("build the node's file tree", error))?;
        let mut command = program("cat");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/");
        sys::become_init(&mut command);
        let process = spawn(&mut command).map_err(|error| told("start cat as pid 1", error))?;
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

impl Drop for Init {
    fn drop(&mut self) {
        // Both fail only where it has ended and been reaped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
