//! What runs take of the machine, and whether it grows from one to the next.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Figures at one time: name → bytes, or how many.
pub type Figures = BTreeMap<String, f64>;

/// Rows of /proc/slabinfo (root's to read): what a network namespace, a process or an open file is made of.
const SLABS: [&str; 8] = [
    "net_namespace",
    "nsproxy",
    "mnt_cache",
    "pid_namespace",
    "task_struct",
    "sock_inode_cache",
    "filp",
    "nf_conntrack",
];

/// How the name of a test program's own control group begins.
pub const GROUP: &str = "canal-sim-test-";

/// A control group of this process's own: what the kernel counts in it is nobody else's. None where the machine
/// doesn't let this process make one.
pub struct Group {
    folder: PathBuf,
    /// Where the process was before.
    home: PathBuf,
    is_v2: bool,
}

impl Group {
    /// Makes one below the process's own, or beside it, and moves the process into it. Version 2 counts nothing apart
    /// below a group that processes are in, unless that is the root (cgroups(7), "no internal processes").
    pub fn enter() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let name = format!("{GROUP}{}", std::process::id());
        for line in own.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (kinds, path) = (fields.next()?, fields.next()?);
            let (root, is_v2) = match kinds {
                "" => ("/sys/fs/cgroup", true),
                "memory" => ("/sys/fs/cgroup/memory", false),
                _ => continue,
            };
            // Beside version 1, something else is mounted there.
            if is_v2 && !Path::new(root).join("cgroup.controllers").exists() {
                continue;
            }
            let home = PathBuf::from(format!("{root}{path}"));
            let mut parents = vec![home.clone()];
            if is_v2 && path != "/" {
                parents.extend(home.parent().map(Path::to_owned));
            }
            for parent in parents {
                let group = Self {
                    folder: parent.join(&name),
                    home: home.clone(),
                    is_v2,
                };
                if fs::create_dir(&group.folder).is_ok() {
                    let moved = write(&group.folder.join("cgroup.procs"), "0");
                    // Where it is not of use, it goes.
                    if moved.is_ok() && group.kernel().is_some() {
                        return Some(group);
                    }
                }
            }
        }
        None
    }

    /// Bytes that the kernel holds for the processes in it: what is being kept in case that it is of use once more
    /// is given up before.
    fn kernel(&self) -> Option<f64> {
        let text = |name: &str| fs::read_to_string(self.folder.join(name)).ok();
        if self.is_v2 {
            write(&self.folder.join("memory.reclaim"), "1G").ok();
            let stat = text("memory.stat")?;
            return row(&stat, "kernel");
        }
        write(&self.folder.join("memory.force_empty"), "0").ok();
        text("memory.kmem.usage_in_bytes")?.trim().parse().ok()
    }
}

impl Drop for Group {
    /// Back where the process was before; the group goes.
    fn drop(&mut self) {
        write(&self.home.join("cgroup.procs"), "0").ok();
        fs::remove_dir(&self.folder).ok();
    }
}

/// Writes into a file of the kernel's, which is there or can't be made.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Takes figures.
pub fn take(group: Option<&Group>) -> Figures {
    let mut figures = Figures::new();
    if let Some(kernel) = group.and_then(Group::kernel) {
        figures.insert(OWN.into(), kernel);
    }
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let memory = text("/proc/meminfo");
    for name in ["MemAvailable", "SUnreclaim", "Percpu"] {
        if let Some(kib) = row(&memory, &format!("{name}:")) {
            figures.insert(name.into(), kib * 1024.0);
        }
    }
    // Else what a processor keeps in hand for the next allocation counts as allocated.
    for name in SLABS {
        write(
            &Path::new("/sys/kernel/slab").join(name).join("shrink"),
            "1",
        )
        .ok();
    }
    let slabs = text("/proc/slabinfo");
    for name in SLABS {
        if let Some(objects) = row(&slabs, name) {
            figures.insert(name.into(), objects);
        }
    }
    if let Some(open) = text("/proc/sys/fs/file-nr").split_whitespace().next() {
        figures.insert("file-nr".into(), open.parse().unwrap());
    }
    let status = text("/proc/self/status");
    if let Some(kib) = row(&status, "VmRSS:") {
        figures.insert("VmRSS".into(), kib * 1024.0);
    }
    for (name, folder) in [("descriptors", "fd"), ("threads", "task")] {
        let entries = fs::read_dir(format!("/proc/self/{folder}")).unwrap();
        figures.insert(name.into(), entries.count() as f64);
    }
    figures
}

/// The name of what the kernel holds for this process's own control group.
pub const OWN: &str = "kernel memory of its own";

/// The first number in the line that begins with this word.
fn row(text: &str, name: &str) -> Option<f64> {
    let line = text
        .lines()
        .find(|line| line.split_whitespace().next() == Some(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Figures after so many runs each.
#[derive(Default)]
pub struct Course(Vec<(f64, Figures)>);

impl Course {
    pub fn note(&mut self, runs: usize, figures: Figures) {
        self.0.push((runs as f64, figures));
    }

    /// By how much a figure grows with each run: the slope of the straight line that fits best (least squares).
    pub fn growth(&self, name: &str) -> Option<f64> {
        let points: Vec<(f64, f64)> = self
            .0
            .iter()
            .filter_map(|(runs, figures)| Some((*runs, *figures.get(name)?)))
            .collect();
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let above: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
        let below: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        (below > 0.0).then(|| above / below)
    }

    /// By how much the least of a figure grows with each run, from the first half of the course to the second: what other
    /// programs have for a while comes on top of what is there, and does not lower it.
    pub fn growth_of_least(&self, name: &str) -> Option<f64> {
        let least = |part: &[(f64, Figures)]| {
            let figures = part.iter().filter_map(|(_, figures)| figures.get(name));
            figures.copied().reduce(f64::min)
        };
        let middle = self.0.last()?.0 / 2.0;
        let later = self.0.iter().position(|(runs, _)| *runs >= middle)?;
        let (first, second) = self.0.split_at(later);
        let runs = second.first()?.0 - first.first()?.0;
        (runs > 0.0).then_some((least(second)? - least(first)?) / runs)
    }

    /// A line for each figure: its first and last value, and its growth.
    pub fn table(&self) -> String {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else {
            return String::new();
        };
        let mut text = String::new();
        for (name, before) in &first.1 {
            let after = last.1.get(name).copied().unwrap_or(f64::NAN);
            let growth = self.growth(name).unwrap_or(f64::NAN);
            text.push_str(&format!(
                "figures:   {name:<25} {before:>14.0} {after:>14.0} {growth:>+12.2} a run\n"
            ));
        }
        text
    }
}
