//! The built program, driven the way a user does: started with arguments, judged by its exit status,
//! its events and its files.
#![allow(dead_code)]

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// `nobody`.
pub const SOMEBODY: u32 = 65_534;

/// Says on the terminal what a test can't show here; unlike `eprintln!`, the test harness does not
/// swallow it.
pub fn tell(what: &str) {
    writeln!(io::stderr(), "not shown here: {what}").ok();
}

/// The folder of the shipped scenarios.
pub fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The shipped scenarios' names, without `.toml`, in order.
pub fn shipped_names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(shipped())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

/// The text of a shipped scenario.
pub fn shipped_text(name: &str) -> String {
    fs::read_to_string(shipped().join(name).with_extension("toml")).unwrap()
}

/// The built program, about to run in an environment that tests share.
pub fn canal_sim() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canal-sim"));
    plain(&mut command);
    command
}

fn plain(command: &mut Command) {
    command
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env_remove("RUST_LOG")
        .stdin(std::process::Stdio::null());
}

/// Whether this process may become other users: real root, not root of a small user namespace.
pub fn can_become_others() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    nix::unistd::geteuid().is_root()
        && map.lines().any(|line| {
            let numbers: Vec<u64> = line
                .split_whitespace()
                .map(|number| number.parse().unwrap())
                .collect();
            (numbers[0]..numbers[0] + numbers[2]).contains(&u64::from(SOMEBODY))
        })
}

/// A folder that everybody may enter, with a copy of the program: where the program was built, other
/// users may not be let in.
pub struct Open {
    pub folder: tempfile::TempDir,
    pub program: PathBuf,
}

impl Open {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), 0o755);
        let program = folder.path().join("canal-sim");
        // By a process of its own: a test that starts a program at the same moment would take a copy
        // of our descriptor along, and what is open for writing can't be executed (execve(2), ETXTBSY).
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_canal-sim"))
            .arg(&program)
            .status()
            .unwrap();
        assert!(copied.success());
        open(&program, 0o755);
        Self { folder, program }
    }

    /// Puts a scenario into it.
    pub fn scenario(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name).with_extension("toml");
        fs::write(&file, text).unwrap();
        open(&file, 0o644);
        file
    }

    /// The program, as the user that runs the tests.
    pub fn same_user(&self) -> Command {
        let mut command = Command::new(&self.program);
        plain(&mut command);
        command.current_dir(self.folder.path());
        command
    }

    /// The program, as an ordinary user; as the one that runs the tests, where that is not root.
    pub fn somebody(&self) -> Command {
        let mut command = self.same_user();
        if can_become_others() {
            command.uid(SOMEBODY).gid(SOMEBODY);
        }
        command
    }

    /// The program, as an ordinary user, where these commands of root's have changed the mounts.
    pub fn in_its_own_mounts(&self, commands: &str) -> Command {
        let mut command = Command::new("unshare");
        plain(&mut command);
        let become_somebody = format!("--reuid={SOMEBODY} --regid={SOMEBODY} --clear-groups");
        let script = format!("{commands} && exec setpriv {become_somebody} \"$@\"");
        command
            .args(["--mount", "sh", "-euc", &script, "sh"])
            .arg(&self.program)
            .current_dir(self.folder.path());
        command
    }
}

/// Sets what everybody may do with a file.
pub fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A run with `--format json`, at its end.
pub struct Run {
    pub code: Option<i32>,
    pub events: Vec<Value>,
    pub stderr: String,
}

impl Run {
    /// Runs the command to its end and reads its events.
    pub fn of(command: &mut Command) -> Self {
        Self::read(&command.arg("--format").arg("json").output().unwrap())
    }

    /// Runs this scenario with the built program.
    pub fn text(text: &str) -> Self {
        Self::text_with(text, &[])
    }

    /// The same with options.
    pub fn text_with(text: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenario.toml");
        fs::write(&file, text).unwrap();
        Self::of(canal_sim().arg("run").arg(&file).args(options))
    }

    /// Reads what a command has written.
    pub fn read(output: &Output) -> Self {
        let stdout = std::str::from_utf8(&output.stdout).unwrap();
        Self {
            code: output.status.code(),
            events: stdout
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The events of one kind.
    pub fn all(&self, event: &str) -> Vec<&Value> {
        self.events
            .iter()
            .filter(|one| one["event"] == event)
            .collect()
    }

    /// What came of each step.
    pub fn steps(&self) -> Vec<&Value> {
        self.all("step-finished")
    }

    /// The step of this name.
    pub fn step(&self, name: &str) -> &Value {
        let mut steps = self.steps().into_iter().filter(|s| s["name"] == name);
        let step = steps
            .next()
            .unwrap_or_else(|| panic!("no step is called {name:?}\n{}", self.tale()));
        assert!(steps.next().is_none(), "two steps are called {name:?}");
        step
    }

    /// The first step that failed.
    pub fn first_failure(&self) -> Option<&Value> {
        self.steps().into_iter().find(|s| s["status"] == "failed")
    }

    /// Everything, for a failing test.
    pub fn tale(&self) -> String {
        let mut tale = format!("exit {:?}\n{}", self.code, self.stderr);
        for step in self.steps() {
            let detail = &step["detail"];
            tale += &format!(
                "{} {} {}\n",
                step["step"],
                step["status"].as_str().unwrap(),
                step["name"].as_str().unwrap()
            );
            if step["status"] == "failed" {
                tale += &format!("{detail:#}\n");
            }
        }
        tale
    }
}

/// Replaces a part of a text that stands there exactly once.
pub fn replace(text: &str, part: &str, with: &str) -> String {
    let count = text.matches(part).count();
    assert_eq!(count, 1, "found {count} times, not once: {part:?}");
    text.replacen(part, with, 1)
}
