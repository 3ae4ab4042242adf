//! Which scenario files are meant.

use crate::plain::plain;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The paths named no scenario.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A path leads nowhere.
    #[error("failed to read {}: {}", path.display(), plain(source))]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder holds no scenario.
    #[error("no scenario in {}: neither it nor a folder in it has a file *.toml", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
}

/// The files that the paths mean, in their order; those of a folder, and of the folders in it, sorted
/// by name. A file that is meant twice counts once. Names that begin with a dot are passed over in
/// folders, and links to other folders are not followed.
///
/// # Errors
///
/// Where a path leads nowhere, or a folder holds no file `*.toml`.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FilesError> {
    let mut found = Vec::new();
    for path in paths {
        let at = |source| FilesError::Unreadable {
            path: path.clone(),
            source,
        };
        if fs::metadata(path).map_err(at)?.is_dir() {
            let before = found.len();
            search(path, &mut found)?;
            if found.len() == before {
                return Err(FilesError::Nothing { path: path.clone() });
            }
        } else {
            found.push(path.clone());
        }
    }
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for path in found {
        let real = fs::canonicalize(&path).map_err(|source| FilesError::Unreadable {
            path: path.clone(),
            source,
        })?;
        if seen.insert(real) {
            files.push(path);
        }
    }
    Ok(files)
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), FilesError> {
    let at = |source| FilesError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(at)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if entry.file_type().map_err(at)?.is_dir() {
            search(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && path.is_file()
        {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_searched_in_order_and_no_file_counts_twice() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("b/c")).unwrap();
        fs::create_dir_all(at(".hidden")).unwrap();
        for name in [
            "b/c/2.toml",
            "b/1.toml",
            "a.toml",
            "b/notes.md",
            ".hidden/x.toml",
        ] {
            fs::write(at(name), "").unwrap();
        }
        std::os::unix::fs::symlink(root.path(), at("b/loop")).unwrap();
        let files = find(&[at("b/notes.md"), root.path().to_owned(), at("b/../a.toml")]).unwrap();
        let expected = ["b/notes.md", "a.toml", "b/1.toml", "b/c/2.toml"].map(at);
        assert_eq!(files, expected);
    }

    #[test]
    fn a_folder_without_scenarios_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(
            find(&[root.path().to_owned()]),
            Err(FilesError::Nothing { .. })
        ));
        assert!(matches!(
            find(&[root.path().join("missing.toml")]),
            Err(FilesError::Unreadable { .. })
        ));
    }
}
