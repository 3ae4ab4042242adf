//! One run that is killed, and what it must have done until then.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use canal_sim::fault;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use serde_json::Value;

use super::pace::{Reading, Took};
use super::plan::{How, Kill, When};
use super::support::program::{Open, open};

/// Who runs the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The user that runs the tests.
    Caller,
    /// An ordinary one.
    Somebody,
}

/// Points that a run passes before it takes the signals.
const EARLY: [&str; 2] = ["run", "airlock"];

/// Points that it passes when all is done: whether the signal is seen before the run has told that it is over is a
/// race that either may win.
const LATE: [&str; 7] = [
    "file begun",
    "file written",
    "maker ends",
    "network gone",
    "pid 1 ends",
    "run over",
    "scenario over",
];

impl Kill {
    /// Whether a run may pass though something in it panicked: without the listener to the kernel's drops, and with what
    /// it has tried out of this machine (in the first namespace) taken for missing.
    fn may_be_survived(&self) -> bool {
        match &self.when {
            When::At(point, times) => {
                point == "listener" || point == "namespace made" && *times == 1
            }
            When::After(_) => false,
        }
    }
}

/// How long a run may take, killed or not.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands where the report shall be, in every other run.
const OLD: &str = "an older report";

/// A folder with the program, a scenario, and one for the report.
pub struct Place {
    who: Who,
    open: Open,
    scenario: PathBuf,
    report: PathBuf,
}

/// How a run ended.
pub struct End {
    pub by: By,
    /// From SIGINT or SIGTERM to its end, where that ended it.
    pub took: Option<Took>,
    /// Whether it told of that.
    pub interrupted: bool,
    /// From its start to its end.
    pub whole: Duration,
}

/// By what a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The kill.
    Kill,
    /// By itself: it was hit, but all was done, or it can do without what panicked.
    ItselfHit,
    /// By itself: it never came to the point, or the moment was after its end.
    ItselfMissed,
}

struct Ended {
    status: ExitStatus,
    events: Vec<Value>,
    stderr: String,
    /// When it told that it came to the point.
    told: Option<Reading>,
    ended: Reading,
    whole: Duration,
    hangs: bool,
}

impl Place {
    pub fn new(who: Who, text: &str) -> Self {
        let place = Open::new();
        let scenario = place.scenario("scenario", text);
        let folder = place.folder.path().join("reports");
        fs::create_dir(&folder).unwrap();
        open(&folder, 0o777);
        Self {
            who,
            open: place,
            scenario,
            report: folder.join("report.xml"),
        }
    }

    fn command(&self) -> Command {
        let mut command = match self.who {
            Who::Caller => self.open.same_user(),
            Who::Somebody => self.open.somebody(),
        };
        command
            .arg("run")
            .arg(&self.scenario)
            .args(["--format", "json", "--backend", "kernel", "--junit"])
            .arg(&self.report)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Which points a run passes, and how many times.
    pub fn points(&self) -> BTreeMap<String, usize> {
        let mut command = self.command();
        let run = command.env(fault::VARIABLE, "list").output().unwrap();
        let text = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(0), "{text}");
        self.forget();
        let mut points = BTreeMap::new();
        for point in text.lines().filter_map(|l| l.strip_prefix(fault::MARK)) {
            *points.entry(point.to_owned()).or_default() += 1;
        }
        assert!(points.len() > 15, "{points:?}");
        points
    }

    /// A run that nobody kills: how long it takes.
    ///
    /// # Errors
    ///
    /// Where it doesn't pass.
    pub fn passes(&self) -> Result<Duration, String> {
        let began = Instant::now();
        let run = self.command().output().unwrap();
        let took = began.elapsed();
        self.forget();
        if run.status.code() == Some(0) {
            return Ok(took);
        }
        let (out, err) = (&run.stdout, &run.stderr);
        let text = [out, err].map(|text| String::from_utf8_lossy(text).into_owned());
        Err(format!("{}: {}", run.status, text.concat()))
    }

    /// Removes the report.
    fn forget(&self) {
        fs::remove_file(&self.report).ok();
    }

    /// Runs it and kills it; it usually takes so long.
    ///
    /// # Errors
    ///
    /// What it did not do as it should have.
    pub fn killed(
        &self,
        how: &Kill,
        usual: Duration,
        over_an_old_report: bool,
    ) -> Result<End, String> {
        if over_an_old_report {
            fs::write(&self.report, OLD).unwrap();
            open(&self.report, 0o666);
        }
        let mut command = self.command();
        if let When::At(point, times) = &how.when {
            let value = format!("{}@{point}:{times}", how.how.name());
            command.env(fault::VARIABLE, value);
        }
        let (run, killed) = execute(command, how, usual);
        let report = fs::read_to_string(&self.report).ok();
        self.forget();
        let reached = match how.when {
            When::At(..) => run.told.is_some(),
            When::After(_) => true,
        };
        let complaint = |what: &str| {
            let end = run.events.last().map(Value::to_string);
            Err(format!(
                "{what}: {}, last {end:?}\n{}",
                run.status, run.stderr
            ))
        };
        let old = over_an_old_report.then(|| OLD.to_owned());
        let is_whole = report
            .as_ref()
            .is_some_and(|text| text.trim_end().ends_with("</testsuites>"));
        if report != old && !is_whole {
            return complaint(&format!("half a report: {report:?}"));
        }
        let is_over = run
            .events
            .last()
            .is_some_and(|e| e["event"] == "run-finished");
        let interrupted = run.events.iter().any(|e| e["event"] == "interrupted");
        let by_signal = how
            .how
            .number()
            .is_some_and(|n| run.status.signal() == Some(n));
        let is_fine = match how.how {
            _ if run.hangs => false,
            _ if !reached => run.status.code() == Some(0),
            How::Kill => by_signal || run.status.code() == Some(0) && how.is_from_outside(),
            How::Panic => run.status.code() != Some(0) || how.may_be_survived(),
            How::Terminate | How::Interrupt => {
                let reported = report
                    .as_ref()
                    .is_some_and(|t| t.contains("interrupted by SIG"));
                let in_order = interrupted && by_signal && is_over && reported;
                match &how.when {
                    // The signal ends the program by itself, which has made nothing yet; or it is ignored, as
                    // whoever started these tests may have it.
                    When::At(point, _) if EARLY.contains(&point.as_str()) => {
                        by_signal && run.events.is_empty() || is_over
                    }
                    // It comes too late.
                    When::At(point, _) if LATE.contains(&point.as_str()) => in_order || is_over,
                    When::At(..) => in_order,
                    // Which of them it was only the program knows.
                    When::After(_) => {
                        in_order || !interrupted && (by_signal && run.events.is_empty() || is_over)
                    }
                }
            }
        };
        if !is_fine {
            return complaint("it did not end as it should have");
        }
        let since = match how.when {
            When::At(..) => run.told,
            When::After(_) => killed,
        };
        let took = since.map(|since| run.ended.since(&since));
        let by = match how.how {
            _ if !reached => By::ItselfMissed,
            How::Panic if run.status.code() != Some(0) => By::Kill,
            _ if by_signal => By::Kill,
            _ if how.is_from_outside() => By::ItselfMissed,
            _ => By::ItselfHit,
        };
        Ok(End {
            by,
            took: took.filter(|_| how.how.is_orderly() && by_signal),
            interrupted,
            whole: run.whole,
        })
    }
}

/// Runs it to its end; when it was killed from outside, if so.
fn execute(mut command: Command, how: &Kill, usual: Duration) -> (Ended, Option<Reading>) {
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let number = child.id();
    let pid = Pid::from_raw(number.try_into().unwrap());
    let mut stdout = child.stdout.take().unwrap();
    let stderr = child.stderr.take().unwrap();
    let out = thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let err = thread::spawn(move || {
        let (mut text, mut told) = (String::new(), None);
        for line in BufReader::new(stderr).lines() {
            let line = line.unwrap();
            if line.starts_with(fault::MARK) {
                told = told.or_else(|| Some(Reading::now(number)));
            }
            text.push_str(&line);
            text.push('\n');
        }
        (text, told)
    });
    let mut killed = None;
    if let (When::After(share), Some(signal)) = (&how.when, how.how.number()) {
        let time = usual.mul_f64(*share);
        thread::sleep(time.saturating_sub(began.elapsed()));
        killed = Some(Reading::now(number));
        // Not reaped yet, so the number is still its own.
        kill(pid, Signal::try_from(signal).unwrap()).unwrap();
    }
    let mut hangs = false;
    // What it has spent is told until it is waited for.
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(pid), flags).unwrap() == WaitStatus::StillAlive {
        if began.elapsed() > PATIENCE && !hangs {
            hangs = true;
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_micros(500));
    }
    let ended = Reading::now(number);
    let whole = began.elapsed();
    let status = child.wait().unwrap();
    // Whoever held the other ends has ended as well, or would be seen by this never ending.
    let (mut stderr, told) = err.join().unwrap();
    if hangs {
        stderr.push_str("it did not end by itself\n");
    }
    let out = out.join().unwrap();
    let text = String::from_utf8_lossy(&out);
    // The last line may be cut short.
    let events = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let run = Ended {
        status,
        events: events.collect(),
        stderr,
        told,
        ended,
        whole,
        hangs,
    };
    (run, killed)
}
