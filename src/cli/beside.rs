//! Files that a scenario names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::plain::plain;

/// The largest file that a scenario can name, in bytes: a trace of some ten million opportunities.
const LARGEST: u64 = 64 << 20;

/// Reads a file by its name as seen from the folder in which the scenario is.
///
/// # Errors
///
/// Why it can't be read, as a fragment that reads on after "failed to read …:".
pub fn read(scenario: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = scenario.parent().unwrap_or(Path::new("")).join(name);
    let file = File::open(&path).map_err(|error| format!("{} {}", plain(error), at(&path)))?;
    let meta = file.metadata().map_err(|error| plain(error).to_string())?;
    // Nothing is waited for: a pipe may never end.
    if !meta.is_file() {
        return Err(format!("{} is not a file", path.display()));
    }
    let mut bytes = Vec::new();
    // One more than allowed, in case that it grows meanwhile.
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| plain(error).to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    Ok(bytes)
}

fn at(path: &Path) -> String {
    format!("({})", path.display())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_counts_from_the_scenarios_folder() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("traces")).unwrap();
        fs::write(root.path().join("traces/up"), "5\n").unwrap();
        let scenario = root.path().join("a.toml");
        assert_eq!(read(&scenario, "traces/up").unwrap(), b"5\n");
        assert!(
            read(&scenario, "traces")
                .unwrap_err()
                .ends_with("is not a file")
        );
        let missing = read(&scenario, "down").unwrap_err();
        assert!(missing.contains("down"), "{missing}");
    }

    #[test]
    fn no_file_is_read_that_is_too_large() {
        let root = tempfile::tempdir().unwrap();
        let large = File::create(root.path().join("large")).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        let why = read(&root.path().join("a.toml"), "large").unwrap_err();
        assert_eq!(why, "it is larger than 64 MiB");
    }
}
