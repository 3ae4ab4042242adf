//! Into other network namespaces, and sending from there.

use std::collections::BTreeSet;
use std::fs::{self, File};

use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getgid, getuid};

use super::{knock, own_network, tell};

/// The attempt with a user namespace on the way.
pub const AS_USER: &str = "as_user";

/// The processes that a /proc shows, by their numbers.
pub fn processes(proc: &str) -> Vec<String> {
    let names = fs::read_dir(proc).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.parse::<u32>().is_ok()).collect()
}

/// Where network namespaces are in sight: those of processes, also through the eyes of other processes,
/// who may see another /proc; those with names; those that were left open.
pub fn paths() -> Vec<String> {
    let mut roots = vec![String::new()];
    roots.extend(
        processes("/proc")
            .iter()
            .map(|pid| format!("/proc/{pid}/root")),
    );
    let mut paths = Vec::new();
    for root in roots {
        let proc = format!("{root}/proc");
        paths.extend(
            processes(&proc)
                .iter()
                .map(|pid| format!("{proc}/{pid}/ns/net")),
        );
        for folder in ["run/netns", "var/run/netns", "run/docker/netns"] {
            let folder = format!("{root}/{folder}");
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            paths.extend(entries.map(|entry| entry.path().display().to_string()));
        }
    }
    let descriptors = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    let links = descriptors.map(|entry| entry.path());
    let is_network = |path: &std::path::PathBuf| {
        fs::read_link(path).is_ok_and(|to| to.to_string_lossy().starts_with("net:["))
    };
    paths.extend(
        links
            .filter(is_network)
            .map(|path| path.display().to_string()),
    );
    paths
}

/// Everything that can be opened, also after a /proc was taken away that may hide another.
fn namespaces() -> Vec<(String, File)> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    loop {
        for path in paths() {
            let Ok(link) = fs::read_link(&path) else {
                continue;
            };
            match File::open(&path) {
                Ok(file) if known.insert(link) => found.push((path, file)),
                Ok(_) => {}
                Err(error) => println!("{path}: {error}"),
            }
        }
        let uncovered = umount2("/proc", MntFlags::MNT_DETACH);
        tell("umount /proc", uncovered);
        if uncovered.is_err() || processes("/proc").is_empty() {
            return found;
        }
    }
}

/// Enters each namespace in sight and sends from there.
pub fn join(machine: &str) {
    let identity = |file: &File| {
        use std::os::unix::fs::MetadataExt;
        format!("net:[{}]", file.metadata().unwrap().ino())
    };
    for (path, namespace) in namespaces() {
        // Whoever comes so far has shown enough: not a packet there.
        assert_ne!(
            identity(&namespace),
            machine,
            "{path} is the machine's own network"
        );
        let joined = setns(&namespace, CloneFlags::CLONE_NEWNET);
        tell(&format!("join {path}"), joined);
        if joined.is_ok() {
            knock::everywhere();
        }
    }
}

/// Into an empty network of one's own, and back out.
pub fn leave(machine: &str) {
    let from = own_network();
    tell("unshare", unshare(CloneFlags::CLONE_NEWNET));
    println!("from {from} to {}", own_network());
    knock::everywhere();
    join(machine);
}

/// The same, as root of a user namespace of one's own.
pub fn leave_as_user(machine: &str) {
    let (uid, gid) = (getuid(), getgid());
    let apart = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET;
    tell("unshare with a user namespace", unshare(apart));
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {uid} 1")),
        ("gid_map", format!("0 {gid} 1")),
    ] {
        tell(file, fs::write(format!("/proc/self/{file}"), text));
    }
    super::links::go_elsewhere();
    knock::everywhere();
    join(machine);
}
