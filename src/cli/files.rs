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
    /// A file in a folder is a link to what lies elsewhere.
    #[error(
        "{} is a link that leads out of {}; name it on the command line if it is meant, or take it away",
        path.display(),
        folder.display()
    )]
    Outside {
        /// The link.
        path: PathBuf,
        /// The folder that was searched.
        folder: PathBuf,
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
/// folders, as is what is no file: a pipe, a device, a link to nothing. Links to other folders are not
/// followed.
///
/// A folder may come from anybody, and diagnostics show lines of what is read: a link in it must lead to a file
/// in it. One that leads elsewhere is an error, since a run that leaves something out on the quiet could be
/// taken for one that passed.
///
/// # Errors
///
/// Where a path leads nowhere, a folder holds no file `*.toml`, or one that is a link out of it.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FilesError> {
    let mut found = Vec::new();
    for path in paths {
        let at = |source| FilesError::Unreadable {
            path: path.clone(),
            source,
        };
        if fs::metadata(path).map_err(at)?.is_dir() {
            let before = found.len();
            let real = fs::canonicalize(path).map_err(at)?;
            search(&Searched { path, real }, path, &mut found)?;
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

/// A folder that was named.
struct Searched<'p> {
    path: &'p Path,
    /// Links followed.
    real: PathBuf,
}

fn search(
    within: &Searched<'_>,
    folder: &Path,
    found: &mut Vec<PathBuf>,
) -> Result<(), FilesError> {
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
        let kind = entry.file_type().map_err(at)?;
        if kind.is_dir() {
            search(within, &path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && path.is_file()
        {
            let leads_out = |path: &Path| Ok(!fs::canonicalize(path)?.starts_with(&within.real));
            if kind.is_symlink() && leads_out(&path).map_err(at)? {
                let folder = within.path.to_owned();
                return Err(FilesError::Outside { path, folder });
            }
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

    #[test]
    fn no_link_leads_out_of_a_folder_that_is_searched() {
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("checkout/deep")).unwrap();
        fs::write(at("secret"), "swordfish").unwrap();
        fs::write(at("checkout/a.toml"), "").unwrap();
        // Inside, to nothing, and what is no file.
        symlink("../a.toml", at("checkout/deep/inside.toml")).unwrap();
        symlink("nothing", at("checkout/dangling.toml")).unwrap();
        symlink("/dev/null", at("checkout/device.toml")).unwrap();
        let _socket = UnixListener::bind(at("checkout/socket.toml")).unwrap();
        let search = || find(&[at("checkout")]);
        assert_eq!(search().unwrap(), [at("checkout/a.toml")]);
        // By a link to the folder just as well.
        symlink("checkout", at("link")).unwrap();
        assert_eq!(find(&[at("link")]).unwrap(), [at("link/a.toml")]);
        let out = at("checkout/deep/x.toml");
        symlink(at("secret"), &out).unwrap();
        let why = search().unwrap_err();
        assert!(
            matches!(&why, FilesError::Outside { path, .. } if *path == out),
            "{why}"
        );
        // Whoever names it means it.
        assert_eq!(find(std::slice::from_ref(&out)).unwrap(), [out]);
    }
}
