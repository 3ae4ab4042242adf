//! The clouds' rules on real packets: each file of `tests/rules` is run by the built program, and
//! says in its own steps what must come of them. The files of `tests/regressions` are cases that were
//! made by chance, and in which measurement and prediction once differed (`tests/predict`). Those of `tests/links` have
//! links that behave like links.
//!
//! A file whose scripts call a program that may be missing names it (`# needs: nft`); without it the
//! file is listed as ignored. What may depend on who runs it says so (`# also: as somebody else`), and
//! is run by an ordinary user as well.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let files = ["rules", "links", "regressions"]
        .into_iter()
        .flat_map(scenarios);
    let trials = files.flat_map(trials).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// The scenarios of a folder beside this file, in the order of their names.
fn scenarios(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    files
}

/// `nobody`.
const SOMEBODY: u32 = 65_534;

fn trials(file: PathBuf) -> Vec<Trial> {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(&file).unwrap();
    let missing = text
        .lines()
        .filter_map(|line| line.strip_prefix("# needs: "))
        .find(|program| !on_path(program))
        .map(|program| format!("needs {program}"));
    let trial = |name: String, test: Box<dyn FnOnce() -> Result<(), Failed> + Send>| {
        Trial::test(name, test)
            .with_ignored_flag(missing.is_some())
            .with_kind(missing.clone().unwrap_or_default())
    };
    let mut trials = Vec::new();
    // Where this run isn't root's, the first is by an ordinary user already.
    if text.contains("\n# also: as somebody else\n") && nix::unistd::geteuid().is_root() {
        let file = file.clone();
        let test = Box::new(move || run_as_somebody(&file));
        trials.push(trial(format!("{name}, as somebody else"), test));
    }
    trials.push(trial(name, Box::new(move || run(&file))));
    trials
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn run(file: &Path) -> Result<(), Failed> {
    carry_out(
        Command::new(env!("CARGO_BIN_EXE_canal-sim"))
            .arg("run")
            .arg(file),
    )
}

/// The same as a user who isn't root.
fn run_as_somebody(file: &Path) -> Result<(), Failed> {
    // Where the program was built, another user may not be let in.
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let (program, scenario) = (
        folder.path().join("canal-sim"),
        folder.path().join("s.toml"),
    );
    fs::copy(env!("CARGO_BIN_EXE_canal-sim"), &program)?;
    fs::copy(file, &scenario)?;
    let mut command = Command::new(&program);
    command.current_dir("/").uid(SOMEBODY).gid(SOMEBODY);
    carry_out(command.arg("run").arg(&scenario))
}

fn carry_out(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
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
