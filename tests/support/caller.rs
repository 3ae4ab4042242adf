//! A caller with a network and mounts of its own, and eyes to see whether they change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

use super::program::tell;

/// Folders in which programs leave things. Each caller has them empty and to itself.
const FOLDERS: [&str; 3] = ["/run", "/var/tmp", "/dev/shm"];

thread_local! {
    /// The caller's namespaces.
    static OWN: std::cell::RefCell<BTreeSet<String>> = const { std::cell::RefCell::new(BTreeSet::new()) };
}

/// The calling thread, in namespaces of its own.
pub struct Caller {
    has_ip: bool,
    has_nft: bool,
}

impl Caller {
    /// Runs a test in a fresh caller.
    pub fn enter(test: impl FnOnce(&Self) + Send + 'static) {
        let thread = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
            // Its mounts must not show on the machine, but the program's would show here.
            propagate(MsFlags::MS_PRIVATE);
            for folder in FOLDERS {
                let (kind, flags) = (Some("tmpfs"), MsFlags::empty());
                mount(kind, folder, kind, flags, Some("mode=1777")).unwrap();
            }
            propagate(MsFlags::MS_SHARED);
            OWN.set(links(Path::new("/proc/thread-self/ns")));
            let caller = Self {
                has_ip: furnish(),
                has_nft: rule(),
            };
            catch_unwind(AssertUnwindSafe(|| test(&caller)))
        });
        match thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(panic)) | Err(panic) => resume_unwind(panic),
        }
    }

    /// Whether the namespace is the caller's.
    pub fn has(namespace: &str) -> bool {
        OWN.with_borrow(|own| own.contains(namespace))
    }

    /// Everything that there is to see.
    pub fn look(&self) -> View {
        let mut view = View::default();
        if self.has_ip {
            for what in ["link", "addr", "route", "rule", "neigh"] {
                let mut arguments = vec!["-d", "-j", what, "show"];
                if what == "route" {
                    arguments.extend(["table", "all"]);
                }
                let text = said("ip", &arguments).unwrap();
                let mut value: Value = serde_json::from_str(&text).unwrap();
                still(&mut value);
                view.0.insert(format!("ip {what}"), value.to_string());
            }
        }
        if self.has_nft {
            let text = said("nft", &["-j", "list", "ruleset"]).unwrap();
            view.0.insert("nft ruleset".into(), text);
        }
        view.0.insert("mounts".into(), self.mounts());
        view.0.insert(
            "namespaces".into(),
            format!("{:?}", links(Path::new("/proc/thread-self/ns"))),
        );
        for file in ["dev", "route", "arp", "fib_trie"] {
            let text = fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
            view.0.insert(format!("/proc/net/{file}"), text);
        }
        switches(Path::new("/proc/sys/net"), &mut view.0);
        view
    }

    /// The mounts.
    pub fn mounts(&self) -> String {
        fs::read_to_string("/proc/thread-self/mountinfo").unwrap()
    }

    /// The files in places where programs leave things.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        let entries = FOLDERS
            .iter()
            .flat_map(|folder| fs::read_dir(folder).unwrap());
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn propagate(how: MsFlags) {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | how, none).unwrap();
}

/// What was seen at one time.
#[derive(Default)]
pub struct View(BTreeMap<String, String>);

impl View {
    /// Fails with what differs.
    pub fn same(&self, other: &Self, when: &str) {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        // Far more than nothing was compared.
        assert!(names.len() > 100, "{names:?}");
        let absent = "absent".to_owned();
        for name in names {
            let before = self.0.get(name).unwrap_or(&absent);
            let now = other.0.get(name).unwrap_or(&absent);
            assert_eq!(before, now, "{name} differs {when}");
        }
    }
}

/// Puts something into the caller's network; false where there is no `ip` to do it.
fn furnish() -> bool {
    for line in [
        "link add eth0 type veth peer name eth1",
        "link set lo up",
        "link set eth0 addrgenmode none up",
        "link set eth1 addrgenmode none up",
        "addr add 192.0.2.1/24 dev eth0",
        "route add 10.0.0.0/8 via 192.0.2.254",
        "route add blackhole 100.64.0.0/10 table 100",
        "rule add from 192.0.2.0/24 lookup 100 priority 500",
        "neigh add 192.0.2.254 lladdr 02:00:00:00:00:01 nud permanent dev eth0",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        if said("ip", &arguments).is_none() {
            tell(
                "the caller's interfaces, addresses, routes, rules and neighbours, because there \
                  is no program `ip` here; /proc is compared",
            );
            return false;
        }
    }
    true
}

/// Puts a ruleset into the caller's network; false where there is no `nft` to do it.
fn rule() -> bool {
    let rules = "add table inet own; add chain inet own input { type filter hook input priority 0; }; \
                 add rule inet own input tcp dport 22 accept";
    let done = said("nft", &[rules]).is_some();
    if !done {
        tell("the caller's nftables ruleset, because there is no program `nft` here");
    }
    done
}

/// What a program says; none where the machine lacks it.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
    {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{program}: {error}"),
    };
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {complaint}"
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Removes what runs by itself.
fn still(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(still),
        Value::Object(fields) => {
            for moving in [
                "stats",
                "stats64",
                "used",
                "updated",
                "confirmed",
                "cacheinfo",
            ] {
                fields.remove(moving);
            }
            fields.values_mut().for_each(still);
        }
        _ => {}
    }
}

/// All switches that can be read.
fn switches(folder: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            switches(&path, into);
        } else if let Ok(text) = fs::read_to_string(&path) {
            into.insert(path.display().to_string(), text);
        }
    }
}

/// The namespaces that a process is in and those that it holds open: `net:[4026531840]`. Empty where
/// it has gone, or isn't ours to look at.
pub fn namespaces(pid: u32) -> BTreeSet<String> {
    let folder = |name: &str| PathBuf::from(format!("/proc/{pid}/{name}"));
    let mut all = links(&folder("ns"));
    all.extend(links(&folder("fd")));
    all
}

/// Where the links of a folder lead, as far as those are namespaces.
fn links(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeSet::new();
    };
    entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| link.to_str().map(str::to_owned))
        .filter(|link| {
            ["net:[", "mnt:[", "pid:[", "user:[", "uts:["]
                .iter()
                .any(|kind| link.starts_with(kind))
        })
        .collect()
}

/// All processes.
pub fn processes() -> Vec<u32> {
    let names = fs::read_dir("/proc").unwrap().map(|one| one.unwrap());
    names
        .filter_map(|one| one.file_name().to_str()?.parse().ok())
        .collect()
}

/// All processes below one.
pub fn descendants(pid: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![pid];
    while let Some(pid) = waiting.pop() {
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
            continue;
        };
        for task in tasks {
            let children = task.unwrap().path().join("children");
            let text = fs::read_to_string(children).unwrap_or_default();
            let children = text.split_whitespace().map(|pid| pid.parse().unwrap());
            waiting.extend(children.filter(|child| found.insert(*child)));
        }
    }
    found
}

/// Whether a process is over. In a container whose pid 1 reaps nobody it stays listed: as a zombie, or,
/// where it was the pid 1 of a namespace with a zombie in it, on its way out (`PF_EXITING`), with
/// nothing left of it but its number.
pub fn has_ended(pid: u32) -> bool {
    const EXITING: u32 = 4;
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let flags: Option<u32> = fields.get(6).and_then(|flags| flags.parse().ok());
    matches!(fields.first(), Some(&("Z" | "X"))) || flags.is_some_and(|f| f & EXITING != 0)
}

/// Waits for what follows by itself: the kernel ends a PID namespace some time after its pid 1.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::yield_now();
    }
}

/// What a script does that shall wait until [`Paused::go_on`].
pub const PAUSE: &str = "echo > /tmp/waits\nwhile [ -e /tmp/waits ]; do sleep 0.01; done\n";

/// A script that waits: its node's `/tmp`, which only a process in there leads to.
pub struct Paused(PathBuf);

impl Paused {
    /// Waits until a script of this run has come to its [`PAUSE`].
    pub fn find(run: u32) -> Self {
        let began = Instant::now();
        loop {
            let folders = descendants(run)
                .into_iter()
                .map(|pid| PathBuf::from(format!("/proc/{pid}/root/tmp")));
            for folder in folders {
                if folder.join("waits").exists() {
                    return Self(folder);
                }
            }
            let late = began.elapsed() > Duration::from_secs(30);
            assert!(!late, "no script of {run} waits");
            std::thread::yield_now();
        }
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        // Root of the machine may be nobody in there: it can remove a file, but not make one.
        fs::remove_file(self.0.join("waits")).unwrap();
    }
}
