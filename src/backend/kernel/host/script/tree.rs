//! Ends a script with everything that it started.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Holds a script's shell, and ends its whole tree if dropped before the shell has been reaped.
pub(super) struct Leash(Option<u32>);

impl Leash {
    /// Holds the shell of this process id, which must be a child of ours, not yet reaped.
    pub(super) fn new(shell: u32) -> Self {
        Self(Some(shell))
    }

    /// Ends the shell and all its descendants.
    pub(super) fn pull(&mut self) {
        if let Some(shell) = self.0.take() {
            end_tree(shell);
        }
    }

    /// The shell has been reaped: its number may belong to somebody else from now on.
    pub(super) fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.pull();
    }
}

/// Stops the processes first, so that none can start another unseen, then kills them. The shell goes
/// last: it adopts its own orphans (it is a subreaper), so that while it lives every descendant, even
/// one that made itself a daemon, is found below it.
fn end_tree(shell: u32) {
    let mut stopped = BTreeSet::new();
    loop {
        let fresh: Vec<u32> = tree(shell)
            .into_iter()
            .filter(|pid| !stopped.contains(pid))
            .collect();
        if fresh.is_empty() {
            break;
        }
        for pid in fresh {
            signal(pid, Signal::SIGSTOP);
            stopped.insert(pid);
        }
    }
    stopped.remove(&shell);
    for pid in stopped {
        signal(pid, Signal::SIGKILL);
    }
    signal(shell, Signal::SIGKILL);
}

fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // It may have ended by itself.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// A process and its descendants.
fn tree(root: u32) -> BTreeSet<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some((pid, parent)) = pid.and_then(|pid| Some((pid, parent(pid)?))) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = BTreeSet::from([root]);
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        for child in children.remove(&pid).unwrap_or_default() {
            if found.insert(child) {
                open.push(child);
            }
        }
    }
    found
}

/// A process's parent: the fourth field of its `stat` (proc_pid_stat(5)), where the second, the
/// command in parentheses, may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}
