//! Where a file that was named stands: links lead on, as for whoever opens it, and devices and pipes are
//! written to, not replaced.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// How many links are followed, as by the kernel (path_resolution(7)).
const LINKS: usize = 40;

/// What stands where a file shall be written.
#[derive(Debug)]
pub(super) enum Place {
    /// A regular file, or nothing yet: this name is no link.
    File(PathBuf),
    /// Something that content passes through: a pipe, a terminal, `/dev/null`. Open for writing.
    Stream(File),
}

impl Place {
    /// What stands under this name. A pipe that nobody reads yet is waited for, as a shell does.
    ///
    /// # Errors
    ///
    /// Where it is a folder or a disk, can't be written to, or is another user's in a folder of everybody's.
    pub(super) fn find(named: &Path) -> io::Result<Self> {
        let mut place = named.to_owned();
        for _ in 0..LINKS {
            let there = match fs::symlink_metadata(&place) {
                Ok(there) => there,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Self::File(place));
                }
                Err(error) => return Err(error),
            };
            if there.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            if there.is_file() {
                return Ok(Self::File(place));
            }
            system::trusted(folder(&place), &there)?;
            if !there.is_symlink() {
                return system::open(&place, &there).map(Self::Stream);
            }
            if let Some(open) = descriptor(&place) {
                return open.map(Self::Stream);
            }
            place = folder(&place).join(fs::read_link(&place)?);
        }
        Err(io::Error::other("its links lead in a circle"))
    }
}

/// The folder of a name.
pub(super) fn folder(place: &Path) -> &Path {
    let folder = place.parent().filter(|path| !path.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Whether only a regular file is replaced there, or nothing.
///
/// # Errors
///
/// Where it is anything else.
pub(super) fn replaceable(there: io::Result<Metadata>) -> io::Result<()> {
    match there {
        Ok(there) if there.is_file() => Ok(()),
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Err(io::Error::other(
            "meanwhile something has come there that is no regular file",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// What a process has open is shown as a link whose text leads nowhere, to pipes above all, or to a file that
/// the process shares an offset in (proc_pid_fd(5)); `/dev/stdout` leads there.
fn descriptor(link: &Path) -> Option<io::Result<File>> {
    let folder = fs::canonicalize(folder(link)).ok()?;
    if !(folder.starts_with("/proc") && folder.ends_with("fd")) {
        return None;
    }
    let own = fs::canonicalize("/proc/self/fd").is_ok_and(|own| own == folder);
    let number = link.file_name().and_then(|name| name.to_str());
    Some(match number.filter(|_| own).and_then(system::standard) {
        Some(stream) => stream,
        // Behind what is there already.
        None => OpenOptions::new().append(true).open(link),
    })
}

#[cfg(unix)]
mod system {
    use std::fs::{self, File, Metadata, OpenOptions};
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    use std::path::Path;

    /// The sticky bit, and everybody's right to write (inode(7)).
    const EVERYBODYS: u32 = 0o1002;

    /// In a folder such as /tmp anybody may have put a link or a pipe, so that somebody else writes to where it
    /// leads. The kernel keeps to this, too, where `fs.protected_symlinks` and `fs.protected_fifos` are on
    /// (proc_sys_fs(5)); a link that is read rather than followed is ours to look at.
    pub fn trusted(folder: &Path, there: &Metadata) -> io::Result<()> {
        let everybodys = fs::metadata(folder)?.mode() & EVERYBODYS == EVERYBODYS;
        if everybodys && there.uid() != 0 && Some(there.uid()) != user() {
            let why =
                "it is another user's link or pipe in a folder of everybody's; name another file";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        Ok(())
    }

    /// Who we are, where that can be asked for.
    fn user() -> Option<u32> {
        #[cfg(all(feature = "kernel", target_os = "linux"))]
        return Some(nix::unistd::geteuid().as_raw());
        #[cfg(not(all(feature = "kernel", target_os = "linux")))]
        None
    }

    /// Opens what was looked at, and nothing else.
    pub fn open(place: &Path, there: &Metadata) -> io::Result<File> {
        if there.file_type().is_block_device() {
            return Err(io::Error::other("it is a disk"));
        }
        let file = OpenOptions::new().write(true).open(place)?;
        let opened = file.metadata()?;
        if (opened.dev(), opened.ino()) != (there.dev(), there.ino()) {
            return Err(io::Error::other("it was replaced just now"));
        }
        Ok(file)
    }

    /// The process's own output of this number. Opened anew it would have an offset of its own, and overwrite.
    pub fn standard(number: &str) -> Option<io::Result<File>> {
        let twin = match number {
            "1" => io::stdout().as_fd().try_clone_to_owned(),
            "2" => io::stderr().as_fd().try_clone_to_owned(),
            _ => return None,
        };
        Some(twin.map(File::from))
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;

    /// There are no such folders.
    pub fn trusted(_: &Path, _: &Metadata) -> io::Result<()> {
        Ok(())
    }

    pub fn open(place: &Path, _: &Metadata) -> io::Result<File> {
        OpenOptions::new().write(true).open(place)
    }

    /// There are no names for them.
    pub fn standard(_: &str) -> Option<io::Result<File>> {
        None
    }
}
