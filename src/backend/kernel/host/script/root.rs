//! The file tree that a node's scripts see: the machine's programs, read-only, and else nothing of it.
//!
//! ```text
//!   /bin /lib… /sbin /usr             the machine's, read-only
//!   /nix/store /gnu/store             the same; of the rest of /nix and /gnu only profiles: it holds daemons' sockets
//!   /etc                              the node's own: links to the machine's entries, and its own three files
//!   /dev                              null, zero, full, random, urandom, net/tun
//!   /proc                             the node's processes, read-only but for /proc/sys/net
//!   /sys                              the node's interfaces, read-only
//!   /home /root /run /tmp /var        empty, in memory, gone with the node
//! ```
//!
//! What is not shown can't be written, connected to or read: the caller's folders, the sockets in /run,
//! /tmp and /var, and disks. All of it is mounts in a mount namespace of the node's own; no file of the
//! machine changes.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::linux::fs::MetadataExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, chroot, pivot_root};

use crate::backend::kernel::sys;

/// Where the tree is put together: a folder that every machine has.
const STAGE: &str = "/sys";

/// The tree's own files are in memory, and this is all that they may take, on each node.
const SCRATCH: &str = "mode=0755,size=64m,nr_inodes=65536";

/// `/etc` has room of its own: a script that fills the rest does not keep the next one's files of name
/// resolution from being written.
const ETC_ROOM: &str = "mode=0755,size=4m,nr_inodes=8192";

/// Folders of the machine's that hold programs and what they need. The stores of Nix and Guix hold all of it on
/// the systems that have them, but not what lies beside them: a socket that anybody may write to is reached
/// through a read-only mount, too, and the one in `/nix/var` has a daemon of root's build things.
const SHOWN: [&str; 9] = [
    "bin",
    "gnu/store",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "nix/store",
    "sbin",
    "usr",
];

/// Folders of links into those, by which `PATH` names programs. Shown where there is nothing but links in them.
const PROFILES: [&str; 1] = ["nix/var/nix/profiles"];

/// How deep the folders of profiles are: `per-user/NAME` at most.
const PROFILES_DEPTH: usize = 3;

/// The machine's `/etc`, which the links in the node's lead to.
const ETC: &str = ".etc";

/// The tree's own folders, and what they may be used for.
const OWN: [(&str, u32); 17] = [
    (ETC, 0o755),
    ("dev", 0o755),
    ("dev/net", 0o755),
    ("dev/shm", 0o1777),
    ("etc", 0o755),
    ("home", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("run/lock", 0o1777),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("var", 0o755),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
];

/// Devices that touch nothing of the machine. `net/tun` makes interfaces in the node's own network.
const DEVICES: [&str; 6] = ["full", "net/tun", "null", "random", "urandom", "zero"];

/// What programs expect in `/dev` and `/var` besides.
const LINKS: [(&str, &str); 6] = [
    ("dev/fd", "/proc/self/fd"),
    ("dev/stdin", "/proc/self/fd/0"),
    ("dev/stdout", "/proc/self/fd/1"),
    ("dev/stderr", "/proc/self/fd/2"),
    ("var/lock", "/run/lock"),
    ("var/run", "/run"),
];

/// Builds the tree and moves the calling thread into it. The thread must be in a mount namespace of its
/// own, and in the node's network namespace: /sys shows the interfaces of the one that it is mounted
/// from.
///
/// # Errors
///
/// What could not be done. Then nothing may be started on the thread: it may still see the machine.
pub(super) fn enter() -> io::Result<()> {
    // Nothing that is mounted from here on may show elsewhere.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
    let stage = Path::new(STAGE);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), stage, Some("tmpfs"), flags, Some(SCRATCH))?;
    for (name, mode) in OWN {
        let folder = stage.join(name);
        fs::create_dir(&folder)?;
        // Whatever the umask was.
        fs::set_permissions(&folder, Permissions::from_mode(mode))?;
    }
    for (name, target) in LINKS {
        symlink(target, stage.join(name))?;
    }
    for name in SHOWN {
        show(&Path::new("/").join(name), stage, name)?;
    }
    for name in PROFILES {
        let from = Path::new("/").join(name);
        if holds_only_links(&from, PROFILES_DEPTH) {
            show(&from, stage, name)?;
        }
    }
    etc(stage)?;
    for name in DEVICES {
        device(&Path::new("/dev").join(name), &stage.join("dev").join(name))?;
    }
    proc(&stage.join("proc"))?;
    sys_of_the_node(&stage.join("sys"))?;
    chdir(stage)?;
    match pivot_root(".", ".") {
        // The old root came to lie under the new one, and goes (pivot_root(2)).
        Ok(()) => umount2(".", MntFlags::MNT_DETACH)?,
        Err(Errno::EPERM) => lie_on_top()?,
        Err(errno) => return Err(errno.into()),
    }
    chdir("/")?;
    Ok(())
}

/// Makes the current folder, a mount, the root where pivot_root is refused, as by the system-call filter
/// that Docker gives its containers. The old root stays below. Whoever enters the mount namespace gets what
/// lies on top as the root (setns(2)), and to get below takes a capability that scripts don't have.
fn lie_on_top() -> nix::Result<()> {
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
    chroot(".")
}

/// Shows a folder of the machine's under this name, with all that is mounted in it, read-only.
fn show(from: &Path, stage: &Path, name: &str) -> io::Result<()> {
    let there = match fs::symlink_metadata(from) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let to = stage.join(name);
    if let Some(above) = Path::new(name).parent() {
        folders(stage, above)?;
    }
    if there.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if there.is_dir() {
        fs::create_dir(&to)?;
        bind(from, &to)?;
        sys::make_read_only(&to, false)?;
    }
    Ok(())
}

/// Makes these folders, where they are missing.
fn folders(stage: &Path, name: &Path) -> io::Result<()> {
    let mut folder = stage.to_owned();
    for part in name {
        folder.push(part);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made?,
        }
        // Whatever the umask was.
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Whether there is a folder with nothing but links in it, and in its folders, down to this depth.
fn holds_only_links(folder: &Path, depth: usize) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.all(|entry| {
        entry.is_ok_and(|entry| {
            entry.file_type().is_ok_and(|kind| {
                kind.is_symlink()
                    || (kind.is_dir() && depth > 0 && holds_only_links(&entry.path(), depth - 1))
            })
        })
    })
}

/// The node's `/etc`: the machine's by links, so that the node may replace any of it for itself.
fn etc(stage: &Path) -> io::Result<()> {
    let machine = stage.join(ETC);
    bind(Path::new("/etc"), &machine)?;
    sys::make_read_only(&machine, false)?;
    let (kind, flags) = (Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV);
    mount(kind, &stage.join("etc"), kind, flags, Some(ETC_ROOM))?;
    for entry in fs::read_dir(&machine)? {
        let entry = entry?;
        let own = stage.join("etc").join(entry.file_name());
        if entry.file_type()?.is_symlink() {
            symlink(fs::read_link(entry.path())?, own)?;
        } else {
            symlink(Path::new("/").join(ETC).join(entry.file_name()), own)?;
        }
    }
    Ok(())
}

/// Shows a device, where the machine has it. Nobody can change its owner or mode from there.
fn device(from: &Path, to: &Path) -> io::Result<()> {
    if !from.exists() {
        return Ok(());
    }
    File::create(to)?;
    bind(from, to)?;
    sys::make_read_only(to, true)
}

/// The machine's `/proc`, read-only. The node's pid 1 mounts its own over it, which an ordinary user may only where
/// another is in sight (mount_namespaces(7), "Restrictions").
fn proc(to: &Path) -> io::Result<()> {
    bind(Path::new("/proc"), to)?;
    sys::make_read_only(to, false)?;
    // What is below it goes by the network namespace of whoever looks.
    bind(Path::new("/proc/sys/net"), &to.join("sys/net"))
}

/// The `/proc` that is seen now.
pub(super) fn proc_seen() -> io::Result<u64> {
    Ok(fs::metadata("/proc")?.st_dev())
}

/// Where `/proc` is still this one of the machine's, because a container that hides parts of its own forbids
/// another, covers it: it would tell of processes that are not the node's. What stays is `/proc/sys/net`.
pub(super) fn cover_proc(machine: u64) -> io::Result<()> {
    if proc_seen()? != machine {
        return Ok(());
    }
    tracing::warn!(
        "this container allows no /proc of the node's own; scripts see /proc/sys/net alone"
    );
    // Nobody is here yet but pid 1, which reads nothing.
    let (aside, none) = (Path::new("/run"), None::<&str>);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(
        Some("tmpfs"),
        aside,
        Some("tmpfs"),
        flags,
        Some("mode=0555"),
    )?;
    folders(aside, Path::new("sys/net"))?;
    bind(Path::new("/proc/sys/net"), &aside.join("sys/net"))?;
    let again = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    mount(none, aside, none, again | flags, none)?;
    mount(Some(aside), "/proc", none, MsFlags::MS_MOVE, none)?;
    Ok(())
}

/// A /sys that shows the node's interfaces. A container may have its own /sys read-only, and then the
/// kernel allows a user namespace no other kind (`mount_namespaces(7)`, "Restrictions"). Where it
/// allows none at all, /sys is empty: the machine's would tell of the wrong interfaces.
fn sys_of_the_node(to: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let fresh = |kind, flags| mount(Some(kind), to, Some(kind), flags, None::<&str>);
    let read_only = flags | MsFlags::MS_RDONLY;
    if fresh("sysfs", flags).is_err() && fresh("sysfs", read_only).is_err() {
        tracing::warn!("this container allows no /sys of the node's own; scripts see an empty one");
        fresh("tmpfs", read_only)?;
    }
    sys::make_read_only(to, false)
}

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(from), to, None::<&str>, flags, None::<&str>)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn no_folder_of_a_daemon_s_socket_is_shown() {
        let sockets = [
            "/nix/var/nix/daemon-socket/socket",
            "/var/guix/daemon-socket/socket",
            "/gnu/var/daemon-socket/socket",
            "/run/docker.sock",
        ];
        for socket in sockets {
            for shown in SHOWN.iter().chain(&PROFILES) {
                let shown = Path::new("/").join(shown);
                assert!(
                    !Path::new(socket).starts_with(&shown),
                    "{socket}, {}",
                    shown.display()
                );
            }
        }
    }

    #[test]
    fn profiles_are_shown_where_they_are_links() {
        let place = tempfile::tempdir().unwrap();
        let profiles = place.path();
        assert!(!holds_only_links(&profiles.join("missing"), PROFILES_DEPTH));
        let own = profiles.join("per-user/somebody");
        fs::create_dir_all(&own).unwrap();
        symlink("default-1-link", profiles.join("default")).unwrap();
        symlink("/nix/store/x-profile", own.join("profile")).unwrap();
        assert!(holds_only_links(profiles, PROFILES_DEPTH));
        let _socket = UnixListener::bind(own.join("socket")).unwrap();
        assert!(!holds_only_links(profiles, PROFILES_DEPTH));
    }
}
