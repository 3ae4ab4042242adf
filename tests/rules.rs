//! The clouds' rules on real packets: each file of `tests/rules` is run by the built program, and
//! says in its own steps what must come of them.
//!
//! A file whose scripts call a program that may be missing names it (`# needs: nft`); without it the
//! file is listed as ignored.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let trials = files.into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(file: PathBuf) -> Trial {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(&file).unwrap();
    let missing = text
        .lines()
        .filter_map(|line| line.strip_prefix("# needs: "))
        .find(|program| !on_path(program))
        .map(|program| format!("needs {program}"));
    Trial::test(name, move || run(&file))
        .with_ignored_flag(missing.is_some())
        .with_kind(missing.unwrap_or_default())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn run(file: &Path) -> Result<(), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_canal-sim"))
        .arg("run")
        .arg(file)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}
