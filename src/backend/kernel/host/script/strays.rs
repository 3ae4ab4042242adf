//! Children of ours that we have not started.
//!
//! A script's shell may start its own sibling (clone(2), `CLONE_PARENT`), which is then a child of this process.
//! Nobody waits for it, and until somebody does, the node's pid 1 can't end (pid_namespaces(7)).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::linux::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::STARTING;
use super::tree::facts;

/// The children that we have started, each reaped by who did.
static OURS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn ours() -> MutexGuard<'static, BTreeSet<u32>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// We have started this child; nobody may reap strays meanwhile.
pub(super) fn started(child: u32) {
    ours().insert(child);
}

/// It has been reaped.
pub(super) fn reaped(child: u32) {
    ours().remove(&child);
}

/// Reaps those in this PID namespace that have ended.
pub(super) fn reap(processes: &OwnedFd) {
    // A child that is being started is not known yet. Whoever waits tries again.
    let Ok(_nobody_starts) = STARTING.try_write() else {
        return;
    };
    let space = processes.try_clone().map(File::from);
    let Ok(space) = space.and_then(|space| space.metadata()) else {
        return;
    };
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(number) = number else {
            continue;
        };
        let Some((_, facts)) = File::open(entry.path())
            .ok()
            .and_then(|folder| facts(number, &folder))
        else {
            continue;
        };
        let is_there = || {
            let its = fs::metadata(entry.path().join("ns/pid"));
            its.is_ok_and(|its| (its.st_dev(), its.st_ino()) == (space.st_dev(), space.st_ino()))
        };
        if facts.has_ended
            && facts.parent == std::process::id()
            && !ours().contains(&number)
            && is_there()
            && let Ok(number) = i32::try_from(number)
        {
            // A child that nobody else reaps keeps its number until here.
            let _ = waitpid(
                Pid::from_raw(number),
                Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL),
            );
        }
    }
}
