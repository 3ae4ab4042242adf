//! How many namespaces there are that no process shows: for a test program that is [`super::apart`].
#![allow(dead_code)]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};

use super::apart::{World, here, machines_processes};
use super::program::{SOMEBODY, can_become_others};

/// The least that was [`unseen`] so far: what another program had in hand at the first look is no room for a leak.
#[derive(Debug)]
pub struct Unseen(Cell<Option<usize>>);

impl Unseen {
    /// Counts.
    pub fn now() -> Self {
        let least = (0..LOOKS).map_while(|_| fewest_after_one_more(0)).min();
        Self(Cell::new(least))
    }

    /// Whether no more are there.
    fn are_no_more(&self) -> bool {
        let Some(before) = self.0.get() else {
            return true;
        };
        let Some(now) = fewest_after_one_more(before) else {
            return true;
        };
        self.0.set(Some(before.min(now)));
        now <= before
    }
}

/// Makes a namespace that goes at once, and counts until so few are there, or for a moment; the least that was seen.
/// Since Linux 6.13 the memory of those that are gone is let go of when the next ones go (`net_complete_free`).
fn fewest_after_one_more(enough: usize) -> Option<usize> {
    let mut fewest = unseen()?;
    if fewest <= enough {
        return Some(fewest);
    }
    let gone = std::thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET).is_ok());
    gone.join().unwrap();
    let began = Instant::now();
    while fewest > enough && began.elapsed() < MOMENT {
        std::thread::sleep(Duration::from_millis(2));
        fewest = fewest.min(unseen()?);
    }
    Some(fewest)
}

/// What has been found to be gone. To ask makes some namespaces, which take their time to go; so whoever has been found
/// to have no more than before is not asked again.
#[derive(Default)]
pub struct Settling {
    root: bool,
    somebody: bool,
}

impl Settling {
    /// Whether no more are there than there should be.
    pub fn is_done(&mut self, before: &Unseen) -> bool {
        match here() {
            Some(World::Counted) => self.nobody_has_more(),
            Some(World::Machine) => before.are_no_more(),
            None => true,
        }
    }

    /// The kernel keeps count of them, up to the very end of their destruction, for each user of a user namespace
    /// (namespaces(7), `/proc/sys/user`); it tells nobody, but refuses to make one beyond a limit. So one more
    /// than those that should be there is allowed for the moment, and made.
    fn nobody_has_more(&mut self) -> bool {
        // One after the other: what one is asked with is counted for the other, too.
        self.root = self.root || allowing(|own| own, by_root);
        if self.root && !self.somebody {
            self.somebody = !can_become_others() || allowing(|_| 0, by_somebody);
        }
        self.root && self.somebody
    }
}

/// How long the kernel mostly takes to let go of what is gone once it has begun to.
const MOMENT: Duration = Duration::from_millis(100);

/// How often is looked for the first time: other programs' may just be going.
const LOOKS: usize = 4;

/// The slab cache that network namespaces come from.
const SLAB: &str = "/sys/kernel/slab/net_namespace";

/// The machine's network namespaces in which no process is: how many its kernel has allocated, less those that some
/// thread is in. Some may be mounted somewhere; one more than before is one that something else holds: a socket, an
/// interface, a process that is gone. None where the kernel doesn't tell this process.
fn unseen() -> Option<usize> {
    if here() != Some(World::Machine) {
        return None;
    }
    // Else what a processor keeps in hand for the next allocation counts as allocated.
    fs::write(Path::new(SLAB).join("shrink"), "1").ok()?;
    let objects = fs::read_to_string(Path::new(SLAB).join("objects")).ok()?;
    let allocated: usize = objects.split_whitespace().next()?.parse().ok()?;
    let mut seen = BTreeSet::new();
    let processes = machines_processes()?;
    for process in numbers(&processes) {
        for thread in numbers(&process.join("task")) {
            if let Ok(namespace) = fs::metadata(thread.join("ns/net")) {
                seen.insert(namespace.ino());
            }
        }
    }
    // The first one is a part of the kernel itself.
    if let Ok(first) = fs::metadata(processes.join("1/ns/net")) {
        seen.remove(&first.ino());
    }
    Some(allocated.saturating_sub(seen.len()))
}

/// A network namespace that nothing but this descriptor holds.
pub fn held() -> File {
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        File::open("/proc/thread-self/ns/net").unwrap()
    };
    std::thread::spawn(make).join().unwrap()
}

/// Whether root's namespaces are counted here.
pub fn are_counted() -> bool {
    here() != Some(World::Machine) || unseen().is_some()
}

/// Entries that are numbers: processes, threads.
fn numbers(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|name| name.parse::<u32>().is_ok())
        })
        .map(|entry| entry.path())
        .collect()
}

/// The kinds of namespaces that a run makes, and how many of each this process has made itself.
const KINDS: [(&str, u32); 5] = [("net", 1), ("mnt", 1), ("pid", 1), ("uts", 0), ("user", 0)];

fn limit(kind: &str) -> String {
    format!("/proc/sys/user/max_{kind}_namespaces")
}

/// Does it while one namespace more of each kind is allowed than this.
fn allowing(there: fn(u32) -> u32, makes_one: fn() -> bool) -> bool {
    let usual = KINDS.map(|(kind, _)| fs::read_to_string(limit(kind)).unwrap());
    for (kind, own) in KINDS {
        fs::write(limit(kind), (there(own) + 1).to_string()).unwrap();
    }
    let made = makes_one();
    for ((kind, _), usual) in KINDS.iter().zip(&usual) {
        fs::write(limit(kind), usual.trim()).unwrap();
    }
    made
}

fn by_root() -> bool {
    let thread = std::thread::spawn(|| {
        let all = CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWPID;
        unshare(all).is_ok()
    });
    thread.join().unwrap()
}

fn by_somebody() -> bool {
    let mut unshare = Command::new("unshare");
    unshare
        .args([
            "--user", "--net", "--mount", "--uts", "--pid", "--fork", "true",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    std::os::unix::process::CommandExt::uid(&mut unshare, SOMEBODY);
    unshare.status().unwrap().success()
}
