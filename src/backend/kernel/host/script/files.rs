//! The node's files of name resolution, and its host name.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use nix::unistd::sethostname;

use super::told;
use crate::network::HostFiles;

/// Writes the files anew, whatever an earlier script made of them, and sets the host name. The calling
/// thread must be in the node's file tree and UTS namespace.
///
/// # Errors
///
/// Which file can't be written: an earlier script may have filled the node's room.
pub(super) fn install(files: &HostFiles) -> io::Result<()> {
    for (name, text) in files.texts() {
        let path = Path::new("/etc").join(name);
        write(&path, text.as_bytes()).map_err(|error| told(&path.display().to_string(), error))?;
    }
    if !files.hostname.is_empty() {
        sethostname(OsStr::new(&files.hostname))?;
    }
    Ok(())
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    // A script may have put a link there: what it leads to is not written.
    let removed = match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text)
}
