//! Runs the program where something is short, and looks at what it leaves.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::caller::{Caller, processes, until};
use crate::program::{Open, open, shipped_text};

/// A test, and its name.
pub type Case = (&'static str, fn());

/// An ordinary user whom nobody else is, so that nobody else's processes count as theirs.
pub const USER: &str = "exec setpriv --reuid=64217 --regid=64217 --clear-groups";

/// Longer than any run takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// On so many processors the program runs, or on fewer where there are no more. For each it starts a thread, so that on
/// a machine with many it takes more threads, memory and descriptors, and the limits here would mean something else.
const PROCESSORS: usize = 2;

/// A place with the program and a scenario in it.
pub struct Bench {
    pub place: Open,
    written: tempfile::TempDir,
    files: BTreeSet<PathBuf>,
}

/// A run at its end.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Bench {
    /// Does it with a caller of its own, whose mounts, network and files are the same afterwards.
    pub fn with(test: impl FnOnce(&Self) + Send + 'static) {
        Caller::enter(move |caller| {
            keep_to_few_processors();
            let place = Open::new();
            place.scenario("gate", &shipped_text("gate"));
            let written = tempfile::tempdir().unwrap();
            let mut bench = Self {
                place,
                written,
                files: BTreeSet::new(),
            };
            bench.files = bench.entries();
            let before = caller.look();
            test(&bench);
            bench.nothing_is_left();
            before.same(&caller.look(), "after the runs");
            assert_eq!(caller.files(), BTreeSet::new(), "files are left");
        });
    }

    /// Runs `sh -euc script sh canal-sim run gate.toml arguments…`. The script makes something short and ends
    /// with `exec "$@"` or the like.
    pub fn run(&self, script: &str, arguments: &[&str]) -> Ended {
        let mut command = self.command(script);
        command.args(["run", "gate.toml"]).args(arguments);
        self.end(command)
    }

    /// The same, about to be given its arguments.
    pub fn command(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-euc", script, "sh"])
            .arg(&self.place.program)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .current_dir(self.place.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end, and sees that nothing is left of it.
    pub fn end(&self, mut command: Command) -> Ended {
        let [out, err] = ["out", "err"].map(|name| self.written.path().join(name));
        let file = |path: &PathBuf| File::create(path).unwrap();
        let mut child = command
            .stdout(file(&out))
            .stderr(file(&err))
            .spawn()
            .unwrap();
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("it hangs: {}", fs::read_to_string(&err).unwrap());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let text = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let ended = Ended {
            status,
            stdout: text(&out),
            stderr: text(&err),
        };
        ended.no_panic();
        self.no_process_is_left();
        ended
    }

    fn nothing_is_left(&self) {
        self.no_process_is_left();
        assert_eq!(self.entries(), self.files, "files are left");
    }

    /// The program's own and everything that it started: they have its file, or its folder as theirs.
    fn no_process_is_left(&self) {
        let folder = self.place.folder.path();
        until("its processes end", || {
            processes().into_iter().all(|pid| {
                ["exe", "cwd"].iter().all(|link| {
                    let place = fs::read_link(format!("/proc/{pid}/{link}"));
                    place.map_or(true, |place| !place.starts_with(folder))
                })
            })
        });
    }

    fn entries(&self) -> BTreeSet<PathBuf> {
        let entries = fs::read_dir(self.place.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// A folder in which everybody may write, for mounts.
    pub fn everybodys(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), 0o777);
        folder
    }
}

/// The calling thread, and what it starts from now on (`sched_setaffinity(2)`).
fn keep_to_few_processors() {
    let me = Pid::from_raw(0);
    let allowed = sched_getaffinity(me).unwrap();
    let mut few = CpuSet::new();
    (0..CpuSet::count())
        .filter(|number| allowed.is_set(*number).unwrap())
        .take(PROCESSORS)
        .for_each(|number| few.set(number).unwrap());
    sched_setaffinity(me, &few).unwrap();
    // The program asks the same way.
    let seen = std::thread::available_parallelism().unwrap().get();
    assert!(seen <= PROCESSORS, "{seen}");
}

impl Ended {
    /// The exit status as a shell gives it: a signal counts from 128.
    pub fn code(&self) -> i32 {
        let by_signal = || 128 + self.status.signal().unwrap();
        self.status.code().unwrap_or_else(by_signal)
    }

    fn no_panic(&self) {
        assert_ne!(self.code(), 101, "{}", self.stderr);
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
    }

    /// It went as if nothing were short.
    pub fn passed(&self) -> &Self {
        assert_eq!(self.code(), 0, "{}", self.stderr);
        self
    }

    /// It ended with 3 and said once what was short, with these parts, and how to mend it.
    pub fn short(&self, parts: &[&str]) -> &Self {
        assert_eq!(self.code(), 3, "{}", self.stderr);
        let error = self.error();
        assert!(error.contains("\n  to mend it: "), "{error}");
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
        self
    }

    /// The one error at the end of what it said.
    pub fn error(&self) -> &str {
        let starts = self.stderr.match_indices("error: ");
        let starts: Vec<usize> = starts
            .map(|(at, _)| at)
            .filter(|at| *at == 0 || self.stderr.as_bytes()[at - 1] == b'\n')
            .collect();
        assert_eq!(starts.len(), 1, "{}", self.stderr);
        &self.stderr[starts[0]..]
    }
}
