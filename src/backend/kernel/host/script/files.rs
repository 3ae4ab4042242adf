//! The node's files of name resolution, and its host name.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use nix::unistd::sethostname;

use crate::network::HostFiles;

/// Writes the files anew, whatever an earlier script made of them, and sets the host name. The calling
/// thread must be in the node's file tree and UTS namespace.
pub(super) fn install(files: &HostFiles) -> io::Result<()> {
    for (name, text) in files.texts() {
        let path = Path::new("/etc").join(name);
        // A script may have put a link there: what it leads to is not written.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())?;
    }
    if !files.hostname.is_empty() {
        sethostname(OsStr::new(&files.hostname))?;
    }
    Ok(())
}
