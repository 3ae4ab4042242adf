//! Everything that a program could leave behind, for a test program that is [`super::apart`].
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::apart::{FOLDERS, World, here};
use super::program::SOMEBODY;

/// How long the kernel may take to take down what belonged to a process that has ended: network namespaces go
/// one after another, in the background, and a busy machine has others to take down first.
const PATIENCE: Duration = Duration::from_secs(120);

/// What there is at one time: name → what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory(BTreeMap<String, String>);

impl Inventory {
    /// Looks. No child of this process may be running that somebody waits for.
    pub fn take() -> Self {
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
        Self(all)
    }

    /// How much was looked at.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Waits until everything is as it was at this time, and as many namespaces as then are there; how long that
    /// took.
    ///
    /// # Errors
    ///
    /// What is left after [`PATIENCE`].
    pub fn returns(&self) -> Result<Duration, String> {
        let began = Instant::now();
        let mut counted = Counted::default();
        loop {
            let now = Self::take();
            let is_same = now == *self;
            if is_same && counted.is_settled() {
                return Ok(began.elapsed());
            }
            if began.elapsed() > PATIENCE {
                let left = if is_same {
                    "network or other namespaces, by the kernel's count".to_owned()
                } else {
                    self.difference(&now)
                };
                return Err(left);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn difference(&self, now: &Self) -> String {
        let names = self.0.keys().chain(now.0.keys());
        let mut text = String::new();
        for name in names {
            let (before, now) = (self.0.get(name), now.0.get(name));
            if before != now && !text.contains(name.as_str()) {
                text.push_str(&format!("{name}\n  before {before:?}\n  now    {now:?}\n"));
            }
        }
        text
    }
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

/// The control groups below this process's own, unless that is the machine's whole hierarchy.
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
            if path.is_dir() {
                found.push_str(&format!("{}\n", path.display()));
            }
        });
    }
    found
}

/// The kinds of namespaces that a run makes, and how many of each this process has made itself.
const KINDS: [(&str, u32); 5] = [("net", 1), ("mnt", 1), ("pid", 1), ("uts", 0), ("user", 0)];

fn limit(kind: &str) -> String {
    format!("/proc/sys/user/max_{kind}_namespaces")
}

/// Of whom no more namespaces are there than this process has made. Whoever has been found so is not asked again: to
/// ask makes some, which take their time to go.
#[derive(Default)]
struct Counted {
    root: bool,
    somebody: bool,
}

/// The kernel keeps count of them, up to the
/// very end of their destruction, for each user of a user namespace (namespaces(7), `/proc/sys/user`); it tells
/// nobody, but refuses to make one beyond a limit. So one more than those that should be there is allowed for the moment, and
/// made. Of the machine's own user namespace others make use too, so there nothing is counted.
impl Counted {
    fn is_settled(&mut self) -> bool {
        if here() != Some(World::Counted) {
            return true;
        }
        // One after the other: what one is asked with is counted for the other, too.
        self.root = self.root || allowing(|own| own, by_root);
        if self.root && !self.somebody {
            self.somebody = !super::program::can_become_others() || allowing(|_| 0, by_somebody);
        }
        self.root && self.somebody
    }
}

/// Does it while one namespace more of each kind is allowed than this.
fn allowing(there: fn(u32) -> u32, makes_one: fn() -> bool) -> bool {
    let usual: Vec<String> = KINDS.iter().map(|(kind, _)| read(&limit(kind))).collect();
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
