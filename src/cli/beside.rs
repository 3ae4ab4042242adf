//! Files that a scenario names.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path};

use crate::plain::plain;
use crate::scenario::limits::TRACE_BYTES;

/// Reads a file by its name as seen from the folder in which the scenario is. It must lie in that folder or
/// below it, links followed: a scenario may come from anybody, and what it is about is shown.
///
/// Whoever may write to the folder can still put a link into the file's place between the look and the
/// reading; the writer of the scenario alone can't.
///
/// # Errors
///
/// Why it can't be read, as a fragment that reads on after "failed to read …:".
pub fn read(scenario: &Path, name: &str) -> Result<Vec<u8>, String> {
    let stays = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(name).components().all(stays) {
        return Err(OUTSIDE.to_owned());
    }
    let folder = match scenario.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let path = folder.join(name);
    let failed = |error| format!("{} ({})", plain(error), path.display());
    let real = fs::canonicalize(&path).map_err(failed)?;
    if !real.starts_with(fs::canonicalize(folder).map_err(failed)?) {
        return Err(format!("it is a link, and {OUTSIDE}"));
    }
    let not_a_file = || format!("{} is not a file", path.display());
    let too_large = || format!("it is larger than {} MiB", TRACE_BYTES >> 20);
    // Before it is opened: the other end of a pipe may never come.
    if !fs::metadata(&real).map_err(failed)?.is_file() {
        return Err(not_a_file());
    }
    let file = File::open(&real).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(not_a_file());
    }
    // Nothing of it is read: it may be named very often.
    if metadata.len() > TRACE_BYTES as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // One more than allowed, in case that it grows meanwhile.
    file.take(TRACE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > TRACE_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

const OUTSIDE: &str = "it lies outside the scenario's folder; put it beside the scenario, or below";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_from_the_scenarios_folder() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("traces")).unwrap();
        fs::write(root.path().join("traces/up"), "5\n").unwrap();
        let scenario = root.path().join("a.toml");
        assert_eq!(read(&scenario, "traces/up").unwrap(), b"5\n");
        assert_eq!(read(&scenario, "./traces/up").unwrap(), b"5\n");
        let folder = read(&scenario, "traces").unwrap_err();
        assert!(folder.ends_with("is not a file"), "{folder}");
        let missing = read(&scenario, "down").unwrap_err();
        assert!(missing.contains("down"), "{missing}");
    }

    #[test]
    fn no_file_is_read_that_is_too_large() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str, length: usize| {
            let file = File::create(root.path().join(name)).unwrap();
            file.set_len(length as u64).unwrap();
        };
        let scenario = root.path().join("a.toml");
        file("largest", TRACE_BYTES);
        assert_eq!(read(&scenario, "largest").unwrap().len(), TRACE_BYTES);
        file("large", TRACE_BYTES + 1);
        let why = read(&scenario, "large").unwrap_err();
        assert_eq!(why, "it is larger than 16 MiB");
    }

    #[cfg(unix)]
    #[test]
    fn no_way_leads_out_of_the_folder() {
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("folder");
        fs::create_dir(&folder).unwrap();
        fs::write(root.path().join("secret"), "swordfish").unwrap();
        fs::write(folder.join("trace"), "5\n").unwrap();
        symlink("../secret", folder.join("link")).unwrap();
        symlink("..", folder.join("up")).unwrap();
        symlink("trace", folder.join("inside")).unwrap();
        let _socket = UnixListener::bind(folder.join("socket")).unwrap();
        symlink("/dev/zero", folder.join("zero")).unwrap();
        let scenario = folder.join("a.toml");
        assert_eq!(read(&scenario, "inside").unwrap(), b"5\n");
        let secret = root.path().join("secret").display().to_string();
        for name in [
            "../secret",
            "link",
            "up/secret",
            "zero",
            "./../secret",
            "/etc/passwd",
            &secret,
        ] {
            let why = read(&scenario, name).unwrap_err();
            assert!(
                why.contains("outside the scenario's folder"),
                "{name}: {why}"
            );
        }
        let why = read(&scenario, "socket").unwrap_err();
        assert!(why.ends_with("is not a file"), "{why}");
    }
}
