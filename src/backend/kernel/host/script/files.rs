//! The files that a script sees: the node's /sys and name resolution, whatever the machine has.
//!
//! All of it is mounts in the calling thread's own mount namespace; no file of the machine changes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::sethostname;

use crate::network::HostFiles;

/// Where the files are put together. It is hidden again before the script starts.
const STAGE: &str = "/sys";

/// Installs the files in the calling thread's mount namespace, and the host name in its UTS
/// namespace. The thread must be in the node's network namespace: /sys shows the interfaces of the
/// namespace that it is mounted from.
pub(super) fn install(files: &HostFiles) -> io::Result<()> {
    // Nothing that is mounted from here on may show elsewhere.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
    let stage = Path::new(STAGE);
    let options = Some("mode=0755");
    mount(
        Some("tmpfs"),
        stage,
        Some("tmpfs"),
        MsFlags::empty(),
        options,
    )?;
    let own = files.texts();
    let etc = Path::new("/etc");
    // A bind follows symbolic links, as a reader of the file would. Where there is nothing to bind
    // over, all of /etc must be replaced.
    if own.iter().all(|(name, _)| etc.join(name).is_file()) {
        for (name, text) in &own {
            fs::write(stage.join(name), text)?;
            bind(&stage.join(name), &etc.join(name))?;
        }
    } else {
        let copy = stage.join("etc");
        mirror(etc, &copy, &own)?;
        bind(&copy, etc)?;
    }
    umount2(stage, MntFlags::MNT_DETACH)?;
    node_sys()?;
    if !files.hostname.is_empty() {
        sethostname(OsStr::new(&files.hostname))?;
    }
    Ok(())
}

/// A /sys that shows the node's interfaces. A container may have its own /sys read-only, and then the
/// kernel allows a user namespace no other kind (`mount_namespaces(7)`, "Restrictions"). Where it
/// allows none at all, /sys is empty: the machine's would tell of the wrong interfaces.
fn node_sys() -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let fresh = |kind, flags| mount(Some(kind), "/sys", Some(kind), flags, None::<&str>);
    let read_only = flags | MsFlags::MS_RDONLY;
    if fresh("sysfs", flags).is_ok() || fresh("sysfs", read_only).is_ok() {
        return Ok(());
    }
    tracing::warn!("this container allows no /sys of the node's own; scripts see an empty one");
    fresh("tmpfs", read_only)?;
    Ok(())
}

/// Shows `from` again at `to`, entry by entry, with our own files among them.
fn mirror(from: &Path, to: &Path, own: &[(&str, String)]) -> io::Result<()> {
    fs::create_dir(to)?;
    for (name, text) in own {
        fs::write(to.join(name), text)?;
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if own.iter().any(|(name, _)| entry.file_name() == *name) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_dir() {
            fs::create_dir(&target)?;
            bind(&source, &target)?;
        } else {
            File::create(&target)?;
            bind(&source, &target)?;
        }
    }
    Ok(())
}

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(from), to, None::<&str>, flags, None::<&str>)?;
    Ok(())
}
