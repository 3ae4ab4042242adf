//! Mistakes on an instance that nothing complains about: each file of `tests/silent` is run by the built
//! program, and says in its own steps by what name each mistake must be called.
//!
//! Most of them only the kernel's own drop reasons tell, which are root's to hear: without them the files
//! are listed as ignored. So is a file that names a program which is missing (`# needs: nft`).

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/silent");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let deaf = canal_sim::backend::kernel::drops::missing();
    let trials = files.into_iter().map(|file| trial(file, deaf)).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(file: PathBuf, deaf: Option<&str>) -> Trial {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(&file).unwrap();
    let program = text
        .lines()
        .filter_map(|line| line.strip_prefix("# needs: "))
        .find(|program| !on_path(program))
        .map(|program| format!("needs {program}"));
    let why = deaf.map(str::to_owned).or(program);
    Trial::test(name, move || run(&file))
        .with_ignored_flag(why.is_some())
        .with_kind(why.unwrap_or_default())
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
