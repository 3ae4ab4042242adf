//! A file that appears whole or not at all: written aside, then renamed into its place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file in the making. Dropped before [`Aside::finish`], it leaves nothing behind.
pub struct Aside {
    place: PathBuf,
    aside: PathBuf,
    file: Option<File>,
}

impl Aside {
    /// Begins the file, beside the place that it shall have.
    ///
    /// # Errors
    ///
    /// Where no file can be made there.
    pub fn begin(place: &Path) -> io::Result<Self> {
        if place.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let name = place.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", std::process::id()));
        let aside = place.with_file_name(hidden);
        let file = File::create(&aside)?;
        Ok(Self {
            place: place.to_owned(),
            aside,
            file: Some(file),
        })
    }

    /// Writes the whole content and puts the file into its place.
    ///
    /// # Errors
    ///
    /// Where it can't be written, or not be renamed; the file that was there before then stays.
    pub fn finish(&mut self, content: &[u8]) -> io::Result<()> {
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let placed = written.and_then(|()| fs::rename(&self.aside, &self.place));
        if placed.is_err() {
            // What is left of it is of no use to anybody; the first error is the one to report.
            fs::remove_file(&self.aside).ok();
        }
        placed
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            fs::remove_file(&self.aside).ok();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("report.xml");
        drop(Aside::begin(&place).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut aside = Aside::begin(&place).unwrap();
        assert!(!place.exists());
        aside.finish(b"whole").unwrap();
        drop(aside);
        assert_eq!(fs::read(&place).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_no_place_for_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Aside::begin(folder.path()).is_err());
        assert!(Aside::begin(&folder.path().join("missing/report.xml")).is_err());
    }
}
