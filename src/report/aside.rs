//! A file that appears whole or not at all: written aside, then put into its place.
//!
//! Where the file system can hold a file without a name (open(2), `O_TMPFILE`), it gets its name only once it
//! is whole, so that however the process ends, nothing half is left. Over a file that stands there already
//! it can be put only by way of another name, which it has between two system calls. Elsewhere it has that
//! name while it is being written.
//!
//! Only a regular file is replaced. Links lead to where the file is put, and what is no file (`/dev/stdout`,
//! `/dev/null`, a pipe) gets the content at the end.

mod place;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use place::{Place, folder, replaceable};

/// A file in the making. Dropped before [`Aside::finish`], it leaves nothing behind.
pub struct Aside(Kind);

enum Kind {
    File(Hidden),
    /// What stands there passes content on, and stays.
    Stream(File),
}

impl Aside {
    /// Begins the file, in the folder of the place that it shall have.
    ///
    /// # Errors
    ///
    /// Where no file can be made there.
    pub fn begin(place: &Path) -> io::Result<Self> {
        Ok(Self(match Place::find(place)? {
            Place::File(place) => Kind::File(Hidden::begin(place)?),
            Place::Stream(stream) => Kind::Stream(stream),
        }))
    }

    /// Writes the whole content and puts the file into its place.
    ///
    /// # Errors
    ///
    /// Where it can't be written, or not be put there; the file that was there before then stays.
    pub fn finish(self, content: &[u8]) -> io::Result<()> {
        crate::fault::point("file begun");
        match self.0 {
            Kind::File(hidden) => hidden.finish(content),
            Kind::Stream(mut stream) => stream.write_all(content),
        }
    }
}

/// A file that nobody sees yet.
struct Hidden {
    place: PathBuf,
    /// None where a file must have a name.
    nameless: Option<Nameless>,
}

impl Hidden {
    fn begin(place: PathBuf) -> io::Result<Self> {
        let mut aside = Self {
            place,
            nameless: None,
        };
        let hidden = aside.place.with_file_name(aside.hidden()?);
        aside.nameless = match Nameless::make(folder(&aside.place)) {
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

    fn finish(mut self, content: &[u8]) -> io::Result<()> {
        let hidden = self.hidden()?;
        if let Some(mut nameless) = self.nameless.take() {
            write(&mut nameless.file, content)?;
            crate::fault::point("file written");
            return nameless.put(self.name()?, &hidden);
        }
        let hidden = self.place.with_file_name(hidden);
        let written = create(&hidden).and_then(|mut file| write(&mut file, content));
        let placed = written
            .and_then(|()| replaceable(fs::symlink_metadata(&self.place)))
            .and_then(|()| fs::rename(&hidden, &self.place));
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
        link(hidden)?;
        let there = Path::new(&descriptor(&self.folder)).join(name);
        let placed = replaceable(fs::symlink_metadata(there))
            .and_then(|()| Ok(renameat(&self.folder, hidden, &self.folder, name)?));
        if placed.is_err() {
            remove().ok();
        }
        placed
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
        if let (Kind::File(hidden), false) = (&mut aside.0, may_be_nameless) {
            hidden.nameless = None;
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

    #[cfg(all(feature = "kernel", target_os = "linux"))]
    mod what_stands_there {
        use std::io::Read;
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
        use std::thread;

        use nix::sys::stat::{Mode, SFlag, makedev, mknod};
        use nix::unistd::{geteuid, mkfifo};

        use super::*;

        #[test]
        fn a_link_leads_to_where_the_file_is_put() {
            for may_be_nameless in [true, false] {
                let folder = tempfile::tempdir().unwrap();
                let (link, shared) = (folder.path().join("out.xml"), folder.path().join("shared"));
                fs::create_dir(&shared).unwrap();
                symlink("again", &link).unwrap();
                symlink("shared/report.xml", folder.path().join("again")).unwrap();
                // At first it leads to nothing.
                for content in [&b"whole"[..], b"another"] {
                    begun(&link, may_be_nameless).finish(content).unwrap();
                    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
                    assert_eq!(fs::read(shared.join("report.xml")).unwrap(), content);
                    assert_eq!(names(&shared), ["report.xml"]);
                }
                assert_eq!(names(folder.path()).len(), 3);
            }
        }

        #[test]
        fn a_link_to_nowhere_is_refused() {
            let folder = tempfile::tempdir().unwrap();
            let link = folder.path().join("link");
            for target in ["link", ".", "missing/report.xml"] {
                symlink(target, &link).unwrap();
                assert!(Aside::begin(&link).is_err(), "{target}");
                fs::remove_file(&link).unwrap();
            }
        }

        #[test]
        fn a_pipe_is_written_to_and_stays() {
            let folder = tempfile::tempdir().unwrap();
            let pipe = folder.path().join("pipe");
            mkfifo(&pipe, Mode::from_bits_truncate(0o600)).unwrap();
            let link = folder.path().join("link");
            symlink("pipe", &link).unwrap();
            for place in [&pipe, &link] {
                let from = pipe.clone();
                let reader = thread::spawn(move || fs::read(from).unwrap());
                Aside::begin(place).unwrap().finish(b"whole").unwrap();
                assert_eq!(reader.join().unwrap(), b"whole");
                assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
            }
            assert_eq!(names(folder.path()).len(), 2);
        }

        #[test]
        fn what_is_open_is_written_to_under_its_name_in_proc() {
            let (mut reader, writer) = io::pipe().unwrap();
            let name = format!("/dev/fd/{}", writer.as_raw_fd());
            let aside = Aside::begin(Path::new(&name)).unwrap();
            drop(writer);
            aside.finish(b"whole").unwrap();
            let mut content = Vec::new();
            reader.read_to_end(&mut content).unwrap();
            assert_eq!(content, b"whole");
        }

        /// A node like /dev/null, in a folder of the test's. Only root can make one, and may write to it only
        /// where the folder's mount allows devices.
        #[test]
        fn a_device_stays() {
            if !geteuid().is_root() {
                return;
            }
            let folder = tempfile::tempdir().unwrap();
            let null = folder.path().join("null");
            let mode = Mode::from_bits_truncate(0o666);
            if mknod(&null, SFlag::S_IFCHR, mode, makedev(1, 3)).is_err() {
                return;
            }
            if let Ok(aside) = Aside::begin(&null) {
                aside.finish(b"whole").unwrap();
            }
            let there = fs::symlink_metadata(&null).unwrap();
            assert!(there.file_type().is_char_device());
            assert_eq!(there.rdev(), makedev(1, 3));
            assert_eq!(names(folder.path()), ["null"]);
        }

        #[test]
        fn what_comes_there_meanwhile_stays_too() {
            for may_be_nameless in [true, false] {
                let folder = tempfile::tempdir().unwrap();
                let place = folder.path().join("report.xml");
                let aside = begun(&place, may_be_nameless);
                mkfifo(&place, Mode::from_bits_truncate(0o600)).unwrap();
                assert!(aside.finish(b"whole").is_err());
                assert!(fs::symlink_metadata(&place).unwrap().file_type().is_fifo());
                assert_eq!(names(folder.path()), ["report.xml"]);
            }
        }

        /// Only root can make a link somebody else's.
        #[test]
        fn another_user_s_link_in_a_folder_of_everybody_s_is_not_followed() {
            let folder = tempfile::tempdir().unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
            let (link, pipe) = (folder.path().join("link"), folder.path().join("pipe"));
            let victim = folder.path().join("victim");
            symlink(&victim, &link).unwrap();
            mkfifo(&pipe, Mode::from_bits_truncate(0o600)).unwrap();
            // One's own is.
            assert!(Aside::begin(&link).is_ok());
            if geteuid().is_root() {
                for (place, what) in [(&link, "link"), (&pipe, "pipe")] {
                    std::os::unix::fs::lchown(place, Some(65534), None).unwrap();
                    let refused = Aside::begin(place).map(drop).unwrap_err();
                    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied, "{what}");
                }
                assert!(!victim.exists());
            }
        }
    }
}
