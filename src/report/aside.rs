//! A file that appears whole or not at all: written aside, then put into its place.
//!
//! Where the file system can hold a file without a name (open(2), `O_TMPFILE`), it gets its name only once it
//! is whole, so that however the process ends, nothing half is left. Over a file that stands there already
//! it can be put only by way of another name, which it has between two system calls. Elsewhere it has that
//! name while it is being written.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file in the making. Dropped before [`Aside::finish`], it leaves nothing behind.
pub struct Aside {
    place: PathBuf,
    /// None where a file must have a name.
    nameless: Option<Nameless>,
}

impl Aside {
    /// Begins the file, in the folder of the place that it shall have.
    ///
    /// # Errors
    ///
    /// Where no file can be made there.
    pub fn begin(place: &Path) -> io::Result<Self> {
        if place.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut aside = Self {
            place: place.to_owned(),
            nameless: None,
        };
        let hidden = place.with_file_name(aside.hidden()?);
        let folder = place.parent().filter(|path| !path.as_os_str().is_empty());
        aside.nameless = match Nameless::make(folder.unwrap_or(Path::new("."))) {
            Some(file) => Some(file?),
            None => {
                // Whether one can be made there shall be known before the run.
                drop(create(&hidden)?);
                fs::remove_file(&hidden)?;
                None
            }
        };
        Ok(aside)
    }

    /// The name that it has aside: of this process alone.
    fn hidden(&self) -> io::Result<OsString> {
        let mut hidden = OsString::from(".");
        hidden.push(self.name()?);
        hidden.push(format!(".{}.tmp", std::process::id()));
        Ok(hidden)
    }

    fn name(&self) -> io::Result<&OsStr> {
        let name = self.place.file_name();
        name.ok_or(io::ErrorKind::InvalidFilename.into())
    }

    /// Writes the whole content and puts the file into its place.
    ///
    /// # Errors
    ///
    /// Where it can't be written, or not be put there; the file that was there before then stays.
    pub fn finish(mut self, content: &[u8]) -> io::Result<()> {
        crate::fault::point("file begun");
        let hidden = self.hidden()?;
        if let Some(mut nameless) = self.nameless.take() {
            write(&mut nameless.file, content)?;
            crate::fault::point("file written");
            return nameless.put(self.name()?, &hidden);
        }
        let hidden = self.place.with_file_name(hidden);
        let written = create(&hidden).and_then(|mut file| write(&mut file, content));
        let placed = written.and_then(|()| fs::rename(&hidden, &self.place));
        if placed.is_err() {
            // What is left of it is of no use to anybody; the first error is the one to report.
            fs::remove_file(&hidden).ok();
        }
        placed
    }
}

fn create(path: &Path) -> io::Result<File> {
    // Of a process that had this one's number before.
    fs::remove_file(path).ok();
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn write(file: &mut File, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    file.sync_all()
}

/// A file without a name.
struct Nameless {
    file: File,
    /// Where it gets one. Held open, because the process may move into mounts of its own meanwhile, and a file
    /// gets no name by way of another mount (link(2), EXDEV).
    #[cfg(all(feature = "kernel", target_os = "linux"))]
    folder: File,
}

#[cfg(all(feature = "kernel", target_os = "linux"))]
impl Nameless {
    /// One in this folder; none where the file system has no such files.
    fn make(folder: &Path) -> Option<io::Result<Self>> {
        use nix::errno::Errno;
        use nix::fcntl::OFlag;
        use std::os::unix::fs::OpenOptionsExt;

        let folder = match File::open(folder) {
            Ok(folder) => folder,
            Err(error) => return Some(Err(error)),
        };
        let flags = OFlag::O_TMPFILE.bits();
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(flags);
        let from = descriptor(&folder);
        match options.open(&from) {
            Ok(file) => Some(Ok(Self { file, folder })),
            Err(error) => {
                // Kernels and file systems that don't know it take it for a folder to be written to. Without
                // /proc it could not be given a name.
                let lacks = [Errno::EOPNOTSUPP, Errno::EISDIR, Errno::EINVAL]
                    .map(|errno| errno as i32)
                    .map(Some);
                let lacks = lacks.contains(&error.raw_os_error()) || !Path::new(&from).exists();
                (!lacks).then_some(Err(error))
            }
        }
    }

    /// Gives it its name: at once, where nothing has it yet; else by way of the hidden one.
    fn put(&self, name: &OsStr, hidden: &OsStr) -> io::Result<()> {
        use nix::fcntl::{AT_FDCWD, AtFlags, renameat};
        use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

        // As open(2) gives a file of `O_TMPFILE` its name.
        let from = descriptor(&self.file);
        let link = |name| {
            let follow = AtFlags::AT_SYMLINK_FOLLOW;
            linkat(AT_FDCWD, from.as_str(), &self.folder, name, follow)
        };
        if link(name).is_ok() {
            return Ok(());
        }
        let remove = || unlinkat(&self.folder, hidden, UnlinkatFlags::NoRemoveDir);
        // Of a process that had this one's number before.
        remove().ok();
        let placed = link(hidden).and_then(|()| renameat(&self.folder, hidden, &self.folder, name));
        if placed.is_err() {
            remove().ok();
        }
        Ok(placed?)
    }
}

#[cfg(all(feature = "kernel", target_os = "linux"))]
fn descriptor(file: &File) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

#[cfg(not(all(feature = "kernel", target_os = "linux")))]
impl Nameless {
    /// There are none.
    fn make(_: &Path) -> Option<io::Result<Self>> {
        None
    }

    fn put(&self, _: &OsStr, _: &OsStr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    fn begun(place: &Path, may_be_nameless: bool) -> Aside {
        let mut aside = Aside::begin(place).unwrap();
        if !may_be_nameless {
            aside.nameless = None;
        }
        aside
    }

    #[test]
    fn the_file_appears_whole_or_not_at_all() {
        for may_be_nameless in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().join("report.xml");
            let begin = || begun(&place, may_be_nameless);
            drop(begin());
            assert!(names(folder.path()).is_empty());
            let aside = begin();
            // Whatever ends the process now, no file is left.
            assert!(names(folder.path()).is_empty());
            aside.finish(b"whole").unwrap();
            assert_eq!(fs::read(&place).unwrap(), b"whole");
            // The next one takes its place.
            let aside = begin();
            assert_eq!(names(folder.path()), ["report.xml"]);
            aside.finish(b"another").unwrap();
            assert_eq!(fs::read(&place).unwrap(), b"another");
            assert_eq!(names(folder.path()), ["report.xml"]);
        }
    }

    #[test]
    fn what_can_not_be_put_there_leaves_nothing() {
        for may_be_nameless in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().join("report.xml");
            let aside = begun(&place, may_be_nameless);
            fs::create_dir(&place).unwrap();
            assert!(aside.finish(b"whole").is_err());
            assert_eq!(names(folder.path()), ["report.xml"]);
        }
    }

    #[test]
    fn a_folder_is_no_place_for_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Aside::begin(folder.path()).is_err());
        assert!(Aside::begin(&folder.path().join("missing/report.xml")).is_err());
    }
}
