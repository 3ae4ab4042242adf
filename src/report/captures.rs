//! The capture files of a run, one for each scenario.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Report;
use super::aside::Aside;
use crate::run::event::Event;

/// Writes each scenario's capture into a folder: `gate.pcapng` for `scenarios/gate.toml`; where that name has
/// been given already, `gate-2.pcapng`.
pub struct Captures {
    folder: PathBuf,
    given: BTreeSet<String>,
}

impl Captures {
    /// Captures into this folder, which is made if need be.
    ///
    /// # Errors
    ///
    /// Where it can't be made.
    pub fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            given: BTreeSet::new(),
        })
    }

    /// A name that has not been given.
    fn name(&mut self, file: &str) -> String {
        let stem = Path::new(file).file_stem();
        let stem = stem.map_or("capture".into(), |stem| stem.to_string_lossy());
        let mut name = stem.to_string();
        let mut number = 1;
        while !self.given.insert(name.clone()) {
            number += 1;
            name = format!("{stem}-{number}");
        }
        format!("{name}.pcapng")
    }
}

impl Report for Captures {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Event::Captured { file, capture, .. } = event else {
            return Ok(());
        };
        let name = self.name(file);
        Aside::begin(&self.folder.join(name))?.finish(capture)
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut captures = Captures::create(&folder.path().join("new")).unwrap();
        for (file, byte) in [("a/gate.toml", 1), ("b/gate.toml", 2), ("canal.toml", 3)] {
            let event = Event::Captured {
                file: file.into(),
                packets: 1,
                left_out: 0,
                digest: String::new(),
                capture: vec![byte],
            };
            captures.event(&event).unwrap();
        }
        let read = |name: &str| fs::read(folder.path().join("new").join(name)).unwrap();
        assert_eq!(read("gate.pcapng"), [1]);
        assert_eq!(read("gate-2.pcapng"), [2]);
        assert_eq!(read("canal.pcapng"), [3]);
    }
}
