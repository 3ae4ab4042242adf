//! Everything that a program could leave behind, for a test program that is [`super::apart`].
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::apart::FOLDERS;
use super::figures::GROUP;
use super::namespaces::{Settling, Unseen};

/// How long the kernel may take to take down what belonged to a process that has ended: network namespaces go
/// one after another, in the background, and a busy machine has others to take down first.
const PATIENCE: Duration = Duration::from_secs(30);

/// What there is at one time.
#[derive(Debug)]
pub struct Inventory {
    /// Name → what it says.
    all: BTreeMap<String, String>,
    unseen: Unseen,
}

impl Inventory {
    /// Looks. No child of this process may be running that somebody waits for.
    pub fn take() -> Self {
        Self {
            all: look(),
            unseen: Unseen::now(),
        }
    }

    /// How much was looked at.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Waits until everything is as it was at this time, and as many namespaces as then are there; how long that
    /// took.
    ///
    /// # Errors
    ///
    /// What is left after [`PATIENCE`].
    pub fn returns(&self) -> Result<Duration, String> {
        let mut settling = Settling::default();
        self.wait(|| settling.is_done(&self.unseen))
    }

    /// The same, but for namespaces that no process is in and nothing else shows: to count them takes a while.
    ///
    /// # Errors
    ///
    /// As for [`Self::returns`].
    pub fn seems_to_return(&self) -> Result<Duration, String> {
        self.wait(|| true)
    }

    /// Whether no more namespaces are there, as far as can be told at once.
    pub fn has_no_more_namespaces(&self) -> bool {
        Settling::default().is_done(&self.unseen)
    }

    fn wait(&self, mut are_settled: impl FnMut() -> bool) -> Result<Duration, String> {
        let began = Instant::now();
        loop {
            let now = look();
            let is_same = now == self.all;
            if is_same && are_settled() {
                return Ok(began.elapsed());
            }
            if began.elapsed() > PATIENCE {
                let left = if is_same {
                    "namespaces, by the kernel's count".to_owned()
                } else {
                    self.difference(&now)
                };
                return Err(left);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn difference(&self, now: &BTreeMap<String, String>) -> String {
        let names = self.all.keys().chain(now.keys());
        let mut text = String::new();
        for name in names {
            let (before, now) = (self.all.get(name), now.get(name));
            if before != now && !text.contains(name.as_str()) {
                text.push_str(&format!("{name}\n  before {before:?}\n  now    {now:?}\n"));
            }
        }
        text
    }
}

fn look() -> BTreeMap<String, String> {
    reap();
    let mut all = BTreeMap::new();
    let mut note = |name: &str, text: String| all.insert(name.to_owned(), text);
    note("processes", processes());
    note("mounts", read("/proc/self/mountinfo"));
    note("own descriptors", descriptors());
    for file in [
        "dev", "route", "arp", "fib_trie", "tcp", "udp", "raw", "icmp", "packet", "unix",
        "netlink", "igmp",
    ] {
        note(
            &format!("/proc/net/{file}"),
            read(&format!("/proc/net/{file}")),
        );
    }
    for file in ["shm", "sem", "msg"] {
        note(
            &format!("/proc/sysvipc/{file}"),
            read(&format!("/proc/sysvipc/{file}")),
        );
    }
    for folder in FOLDERS.iter().chain(&["/sys/fs/bpf"]) {
        let mut names = String::new();
        below(Path::new(folder), &mut |path| {
            // What /sys/fs/bpf itself shows of the kernel's iterators stays the same.
            names.push_str(&format!("{}\n", path.display()));
        });
        note(&format!("files in {folder}"), names);
    }
    note("control groups", control_groups());
    below(Path::new("/proc/sys/net"), &mut |path| {
        if let Ok(text) = fs::read_to_string(path) {
            note(&path.display().to_string(), text);
        }
    });
    all
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Orphans come to this process, which is the first of its namespace.
fn reap() {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
            Ok(_) => {}
            Err(errno) => panic!("{errno}"),
        }
    }
}

/// All processes but this one.
fn processes() -> String {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let name = entry.unwrap().file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if pid != 1 {
            let name = read(&format!("/proc/{pid}/comm"));
            found.push(format!("{pid} {}", name.trim()));
        }
    }
    found.join("\n")
}

/// What this process holds open itself: the numbers alone, since reading them opens one.
fn descriptors() -> String {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    entries.count().to_string()
}

/// Everything in a folder, and in the folders in it, in order.
fn below(folder: &Path, into: &mut impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        into(&path);
        if path.is_dir() && !path.is_symlink() {
            below(&path, into);
        }
    }
}

/// The control groups below this process's own, unless that is the machine's whole hierarchy; and but for those that
/// another test program puts itself into.
fn control_groups() -> String {
    let mut found = String::new();
    for line in read("/proc/self/cgroup").lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(kind), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        if path == "/" {
            continue;
        }
        let folder = format!("/sys/fs/cgroup/{kind}{path}");
        below(Path::new(&folder), &mut |path| {
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && !name.to_string_lossy().starts_with(GROUP) {
                found.push_str(&format!("{}\n", path.display()));
            }
        });
    }
    found
}
