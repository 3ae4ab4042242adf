//! Ends a script with everything that it started.
//!
//! The script's own thread does it, which alone reaps the shell, so that no number that is used here can have
//! become another process's. It looks at the node's own `/proc`, which shows the node's processes and no other,
//! and signals through what it found there: nothing of the machine's can be hit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::fs::MetadataExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;

use super::strays;
use crate::backend::kernel::sys::process;

/// How often the tree is looked at, to stop what was started since the last time.
const ROUNDS: usize = 2;

/// How long it may take to look and to stop. Who starts processes faster than that is ended with the node's.
const PATIENCE: Duration = Duration::from_secs(1);

/// Has a script's thread end the script where it is dropped.
pub(super) struct Leash {
    _end: PipeWriter,
}

/// What pulls at the script's thread.
pub(super) struct Pull(PipeReader);

/// Between who waits for a script, and its thread.
pub(super) fn leash() -> io::Result<(Leash, Pull)> {
    let (pull, end) = io::pipe()?;
    Ok((Leash { _end: end }, Pull(pull)))
}

/// What became of a script.
pub(super) enum End {
    Itself(ExitStatus),
    /// It was ended. What it started may be left, out of reach.
    Ended {
        all: bool,
    },
}

/// What is needed to see the node's processes, taken before the thread gives up its rights.
pub(super) struct Sight {
    /// The `/proc` that shows our children.
    outside: File,
}

impl Sight {
    /// To be called where our own `/proc` is seen.
    pub(super) fn outside() -> io::Result<Self> {
        let outside = File::open("/proc")?;
        Ok(Self { outside })
    }

    /// The number that a child of ours has in the node: the last one (proc_pid_status(5)). None where the
    /// `/proc` that this thread sees now is not the node's.
    fn number(&self, child: u32, is_own: bool) -> Option<u32> {
        let status = read(&self.outside, &format!("{child}/status")).filter(|_| is_own)?;
        let numbers = status
            .lines()
            .find_map(|line| line.strip_prefix("NSpid:"))?;
        numbers.split_whitespace().last()?.parse().ok()
    }
}

/// Whether `/proc` is the one of this PID namespace, as it isn't where a container forbids to mount it.
pub(super) fn proc_is_of(processes: &OwnedFd) -> io::Result<bool> {
    let node = File::from(processes.try_clone()?).metadata()?;
    let first = fs::metadata("/proc/1/ns/pid");
    Ok(first.is_ok_and(|first| (first.st_dev(), first.st_ino()) == (node.st_dev(), node.st_ino())))
}

/// A script's shell, reaped however its thread ends: until it is, the node's pid 1 can't end (pid_namespaces(7)),
/// and who waits for that would wait for ever.
pub(super) struct Shell {
    pub(super) child: Child,
    held: OwnedFd,
    /// Its number in the node.
    number: Option<u32>,
}

impl Shell {
    /// Holds a child that has just been started.
    pub(super) fn hold(mut child: Child, sight: &Sight, is_own: bool) -> io::Result<Self> {
        match process::hold(child.id()) {
            Ok(held) => Ok(Self {
                number: sight.number(child.id(), is_own),
                child,
                held,
            }),
            Err(error) => {
                // Both fail only where it has ended and been reaped already.
                let _ = child.kill();
                let _ = child.wait();
                strays::reaped(child.id());
                Err(error)
            }
        }
    }

    /// Waits until it has ended, or somebody pulls: then ends it with all that it started. Blocks.
    pub(super) fn wait(&mut self, pull: &Pull) -> io::Result<End> {
        let mut either = [
            PollFd::new(self.held.as_fd(), PollFlags::POLLIN),
            PollFd::new(pull.0.as_fd(), PollFlags::POLLIN),
        ];
        while let Err(errno) = poll(&mut either, PollTimeout::NONE) {
            if errno != Errno::EINTR {
                return Err(errno.into());
            }
        }
        if either[0].any() == Some(true) {
            return self.child.wait().map(End::Itself);
        }
        let all = self.number.is_some_and(end_tree);
        self.child.kill()?;
        self.child.wait()?;
        Ok(End::Ended { all })
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Both do nothing where it has been reaped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        strays::reaped(self.child.id());
    }
}

/// A process of the node's: its number, and when it started, in ticks since the machine did.
pub(super) type Known = (u32, u64);

/// What is known of it besides.
pub(super) struct Facts {
    pub(super) parent: u32,
    pub(super) has_ended: bool,
}

/// Stops the processes first, so that none can start another unseen, then kills them, but for the shell: it
/// adopts its own orphans (it is a subreaper), so that while it lives every descendant, even one that made
/// itself a daemon, is found below it. Says whether that was all: a script that turned this off, or that starts
/// processes faster than they are stopped, has left some, and only the end of the node's pid 1 ends these.
fn end_tree(shell: u32) -> bool {
    let until = Instant::now() + PATIENCE;
    let mut stopped = BTreeSet::new();
    let mut began = None;
    for _ in 0..ROUNDS {
        let Some(all) = look(until) else {
            break;
        };
        let tree = tree(&all, shell);
        began = began.or_else(|| tree.iter().find(|one| one.0 == shell).map(|one| one.1));
        let fresh: Vec<Known> = tree.difference(&stopped).copied().collect();
        if fresh.is_empty() {
            break;
        }
        for one in fresh {
            if Instant::now() < until {
                signal(one, Signal::SIGSTOP);
                stopped.insert(one);
            }
        }
    }
    for one in stopped.iter().filter(|one| one.0 != shell) {
        signal(*one, Signal::SIGKILL);
    }
    let (Some(began), Some(all)) = (began, look(until)) else {
        return false;
    };
    // What an earlier script left started before the shell did; a process that is pid 1's and did not is this one's.
    let numbers: BTreeMap<u32, Known> = all.keys().map(|one| (one.0, *one)).collect();
    let is_earlier = |mut one: Known| loop {
        if one.0 == 1 {
            return false;
        }
        if one.1 < began {
            return true;
        }
        match all.get(&one).and_then(|facts| numbers.get(&facts.parent)) {
            // A parent is no younger than its child, so this ends.
            Some(parent) if *parent != one => one = *parent,
            _ => return false,
        }
    };
    let mut rest = all.iter().filter(|(one, facts)| {
        one.0 != 1 && !facts.has_ended && !stopped.contains(one) && !is_earlier(**one)
    });
    rest.next().is_none()
}

/// The node's processes; none where there are too many to look at.
fn look(until: Instant) -> Option<BTreeMap<Known, Facts>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir("/proc").ok()? {
        if Instant::now() > until {
            return None;
        }
        let entry = entry.ok()?;
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(number) = number
            && let Some((one, facts)) = File::open(entry.path())
                .ok()
                .and_then(|folder| facts(number, &folder))
        {
            all.insert(one, facts);
        }
    }
    Some(all)
}

/// A process and its descendants.
fn tree(all: &BTreeMap<Known, Facts>, root: u32) -> BTreeSet<Known> {
    let mut children: BTreeMap<u32, Vec<Known>> = BTreeMap::new();
    for (one, facts) in all {
        children.entry(facts.parent).or_default().push(*one);
    }
    let mut open: Vec<Known> = all.keys().filter(|one| one.0 == root).copied().collect();
    let mut found = BTreeSet::new();
    while let Some(one) = open.pop() {
        if found.insert(one) {
            open.extend(children.remove(&one.0).unwrap_or_default());
        }
    }
    found
}

/// Signals it, unless it has gone: another that has its number now is left alone.
fn signal(one: Known, signal: Signal) {
    if let Ok(folder) = File::open(format!("/proc/{}", one.0))
        && facts(one.0, &folder).is_some_and(|(there, _)| there == one)
    {
        // It may have ended by itself.
        let _ = process::signal(&folder, signal);
    }
}

/// What a process's `stat` says (proc_pid_stat(5)): the third field is its state, the fourth its parent, the
/// 22nd its start; the second, the command in parentheses, may hold anything. An open folder of a process that
/// has gone says nothing.
pub(super) fn facts(number: u32, folder: &File) -> Option<(Known, Facts)> {
    let stat = read(folder, "stat")?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut rest = rest.split_whitespace();
    let has_ended = matches!(rest.next()?, "Z" | "X");
    let parent = rest.next()?.parse().ok()?;
    let start = rest.nth(17)?.parse().ok()?;
    Some(((number, start), Facts { parent, has_ended }))
}

fn read(folder: &File, name: &str) -> Option<String> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let mut bytes = Vec::new();
    let file = openat(folder, name, flags, Mode::empty()).ok()?;
    File::from(file).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
