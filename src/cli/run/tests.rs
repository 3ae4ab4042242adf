//! `canal-sim run` with a runner made for the purpose: what it does with events, errors and files.

#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::Parser;

use super::*;
use crate::cli::args::{Arguments, Command};
use crate::cli::reading::Problem;
use crate::run::Signal;
use crate::run::event::{Detail, Status, StepReport};
use crate::scenario::Source;

/// Takes the file's text for the scenario's title; `wrong` is a scenario with a mistake.
fn read(file: &str, bytes: &[u8], _color: bool) -> Reading {
    let title = String::from_utf8_lossy(bytes).into_owned();
    if title == "wrong" {
        return Reading {
            scenario: None,
            problems: vec![Problem {
                severity: "error",
                line: 1,
                column: 1,
                message: "wrong".into(),
                label: String::new(),
                notes: Vec::new(),
                help: Vec::new(),
            }],
            text: format!("error: {file} is wrong\n"),
        };
    }
    Reading {
        scenario: Some(Scenario {
            source: Source {
                file: file.into(),
                text: title.as_str().into(),
            },
            title,
            setup: Vec::new(),
            connect: Vec::new(),
            serve: Default::default(),
            dns: Default::default(),
            links: Default::default(),
            steps: Vec::new(),
        }),
        problems: Vec::new(),
        text: String::new(),
    }
}

/// Has scenarios called `bad` fail, those called `partly` skip something, and those called `broken` break
/// off.
fn runner(plan: &RunPlan, sink: &mut dyn FnMut(Event)) -> Result<(), BackendError> {
    sink(Event::RunStarted {
        scenarios: plan.scenarios.len(),
        backend: "memory",
        why: plan.asked.to_owned(),
        seed: Some(plan.seed),
    });
    for scenario in plan.scenarios.clone() {
        let failed = usize::from(scenario.title == "bad");
        let skipped = usize::from(scenario.title == "partly");
        sink(Event::ScenarioStarted {
            file: scenario.source.file.clone(),
            title: scenario.title.clone(),
            steps: 1,
        });
        sink(Event::ScenarioFinished {
            file: scenario.source.file,
            error: (scenario.title == "broken").then(|| "the kernel said no".into()),
            title: scenario.title,
            passed: 1 - failed - skipped,
            failed,
            skipped,
            elapsed: Duration::from_millis(3),
        });
    }
    sink(Event::RunFinished {
        passed: 0,
        failed: 0,
        skipped: 0,
        elapsed: Duration::from_millis(4),
    });
    Ok(())
}

struct Ran {
    exit: Exit,
    out: String,
    err: String,
}

fn parsed(words: &[&str]) -> RunArguments {
    let words = ["canal-sim", "run"].iter().chain(words);
    match Arguments::try_parse_from(words).unwrap().command {
        Command::Run(arguments) => arguments,
        other => panic!("{other:?}"),
    }
}

fn run_with(
    folder: &Path,
    words: &[&str],
    runner: impl Fn(&RunPlan, &mut dyn FnMut(Event)) -> Result<(), BackendError>,
) -> Ran {
    let folder = folder.to_str().unwrap();
    let words: Vec<String> = words.iter().map(|w| w.replace("$", folder)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = run_command(
        &parsed(&words),
        &mut console(&mut out, &mut err),
        read,
        runner,
    );
    Ran {
        exit,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap().replace(folder, "$"),
    }
}

fn console<'a>(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Console<'a> {
    Console {
        out,
        err,
        out_color: false,
        err_color: false,
        width: 100,
    }
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, title) in files {
        std::fs::write(folder.path().join(name), title).unwrap();
    }
    folder
}

#[test]
fn the_exit_status_says_how_it_went() {
    for (titles, exit) in [
        (&["good", "fine"][..], Exit::AsExpected),
        (&["good", "bad"], Exit::Unexpected),
        (&["good", "partly"], Exit::AsExpected),
        (&["partly", "bad"], Exit::Unexpected),
        (&["good", "broken"], Exit::Machine),
        (&["bad", "broken"], Exit::Machine),
        (&["good", "wrong"], Exit::Usage),
    ] {
        let names: Vec<String> = titles.iter().map(|t| format!("{t}.toml")).collect();
        let files: Vec<(&str, &str)> = names
            .iter()
            .map(String::as_str)
            .zip(titles.iter().copied())
            .collect();
        let folder = folder(&files);
        assert_eq!(
            run_with(folder.path(), &["$"], runner).exit,
            exit,
            "{titles:?}"
        );
    }
}

#[test]
fn a_runner_that_fails_or_leaves_something_out_is_no_pass() {
    let folder = folder(&[("a.toml", "good")]);
    let ran = run_with(folder.path(), &["$"], |_, _| {
        Err(BackendError::Machine {
            what: "no namespaces".into(),
            mend: "run as root".into(),
        })
    });
    assert_eq!(ran.exit, Exit::Machine);
    assert_eq!(ran.err, "error: no namespaces\n  to mend it: run as root\n");
    let ran = run_with(folder.path(), &["$"], |_, _| Ok(()));
    assert_eq!(ran.exit, Exit::Machine);
    assert_eq!(
        ran.err,
        "error: the run ended before all scenarios had been run\n"
    );
}

#[test]
fn nothing_runs_where_a_file_is_wrong() {
    let folder = folder(&[("a.toml", "good"), ("b.toml", "wrong")]);
    let ran = run_with(folder.path(), &["$"], |_, _| panic!("must not run"));
    assert_eq!(ran.exit, Exit::Usage);
    assert_eq!(ran.err, "error: $/b.toml is wrong\n");
}

#[test]
fn people_read_stderr_and_programs_read_stdout() {
    let folder = folder(&[("a.toml", "good")]);
    let ran = run_with(folder.path(), &["$"], runner);
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("1 scenario: 1 passed"), "{}", ran.err);
    let ran = run_with(folder.path(), &["$", "--format", "json"], runner);
    assert_eq!(ran.err, "");
    assert_eq!(ran.out.lines().count(), 4);
    assert!(
        ran.out
            .starts_with("{\"event\":\"run-started\",\"scenarios\":1,")
    );
}

#[test]
fn a_filter_chooses_by_title_or_file() {
    let folder = folder(&[
        ("a.toml", "Gate"),
        ("b.toml", "Canal"),
        ("gate-2.toml", "x"),
    ]);
    let plan = |words: &[&str]| {
        let files = RefCell::new(Vec::new());
        let ran = run_with(folder.path(), words, |plan, sink| {
            let titles = plan.scenarios.iter().map(|s| s.title.clone());
            files.borrow_mut().extend(titles);
            runner(plan, sink)
        });
        (files.into_inner(), ran)
    };
    assert_eq!(plan(&["$", "--filter", "gate"]).0, ["Gate", "x"]);
    assert_eq!(plan(&["$", "--filter", "can*"]).0, ["Canal"]);
    let (files, ran) = plan(&["$", "--filter", "nothing"]);
    assert!(files.is_empty());
    assert_eq!(ran.exit, Exit::Usage);
    assert!(
        ran.err.contains("--filter \"nothing\" matches neither"),
        "{}",
        ran.err
    );
}

#[test]
fn options_reach_the_runner_and_a_file_runs_once() {
    let folder = folder(&[("a.toml", "good")]);
    let words = [
        "$/a.toml",
        "$",
        "--jobs",
        "4",
        "--fail-fast",
        "--backend",
        "kernel",
    ];
    let ran = run_with(folder.path(), &words, |plan, sink| {
        assert_eq!(plan.scenarios.len(), 1);
        assert_eq!(plan.jobs.get(), 4);
        assert!(plan.fail_fast);
        assert_eq!(plan.backend, BackendChoice::Kernel);
        runner(plan, sink)
    });
    assert_eq!(ran.exit, Exit::AsExpected);
}

#[test]
fn the_junit_file_stands_where_it_was_asked_for() {
    let folder = folder(&[("a.toml", "good")]);
    let ran = run_with(folder.path(), &["$", "--junit", "$/out.xml"], runner);
    assert_eq!(ran.exit, Exit::AsExpected);
    let text = std::fs::read_to_string(folder.path().join("out.xml")).unwrap();
    assert!(text.contains("<testsuite name=\"good\""));
    let ran = run_with(
        folder.path(),
        &["$", "--junit", "$/missing/out.xml"],
        |_, _| panic!("must not run"),
    );
    assert_eq!(ran.exit, Exit::Usage);
}

/// A stream that takes nothing.
struct Refusing(io::ErrorKind);

impl Write for Refusing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is_one() {
    let good = folder(&[("a.toml", "good")]);
    let bad = folder(&[("a.toml", "bad")]);
    for (folder, kind, exit, said) in [
        (&good, io::ErrorKind::BrokenPipe, Exit::AsExpected, ""),
        (&bad, io::ErrorKind::BrokenPipe, Exit::Unexpected, ""),
        (
            &good,
            io::ErrorKind::StorageFull,
            Exit::Machine,
            "error: failed to write the events: no space left on device\n  to mend it: make room there, or write it elsewhere\n",
        ),
    ] {
        let path = folder.path().to_str().unwrap();
        let mut err = Vec::new();
        let mut out = Refusing(kind);
        let mut console = console(&mut out, &mut err);
        let arguments = parsed(&[path, "--format", "json"]);
        assert_eq!(run_command(&arguments, &mut console, read, runner), exit);
        assert_eq!(String::from_utf8(err).unwrap(), said);
    }
}

#[test]
fn the_seed_is_one_unless_another_is_said() {
    let folder = folder(&[("a.toml", "good")]);
    for (words, seed) in [(&["$"][..], 1), (&["$", "--seed", "42"], 42)] {
        let ran = run_with(folder.path(), words, |plan, sink| {
            assert_eq!(plan.seed, seed);
            runner(plan, sink)
        });
        assert_eq!(ran.exit, Exit::AsExpected);
    }
    let folder = self::folder(&[("a b.toml", "bad"), ("c.toml", "good")]);
    let ran = run_with(folder.path(), &["$", "--seed", "7"], |plan, sink| {
        runner(plan, &mut |event| {
            // A step that failed has a place.
            if let Event::ScenarioFinished {
                file, failed: 1.., ..
            } = &event
            {
                sink(Event::StepFinished(Box::new(failed_step(file))));
            }
            sink(event);
        })
    });
    assert_eq!(ran.exit, Exit::Unexpected);
    let repeat = "to repeat it: canal-sim run '$/a b.toml' --backend memory --seed 7\n";
    assert!(ran.err.ends_with(repeat), "{}", ran.err);
}

fn failed_step(file: &str) -> StepReport {
    StepReport {
        file: file.to_owned(),
        step: 1,
        line: 3,
        name: "a step".into(),
        status: Status::Failed,
        attempts: 1,
        detail: Detail::Check {
            problems: vec!["it is wrong".into()],
        },
        elapsed: Duration::ZERO,
    }
}

#[test]
fn determinism_is_checked_by_a_second_run() {
    let good = folder(&[("a.toml", "good")]);
    let check = |folder: &Path, words: &[&str], differs_in: Option<usize>| {
        let runs = Cell::new(0);
        let words = [&["$", "--check-determinism"], words].concat();
        let ran = run_with(folder, &words, |plan, sink| {
            assert_eq!(plan.backend, BackendChoice::Memory);
            runs.set(runs.get() + 1);
            let mut at = 0;
            runner(plan, &mut |mut event| {
                at += 1;
                if runs.get() == 2
                    && Some(at) == differs_in
                    && let Event::ScenarioStarted { steps, .. } = &mut event
                {
                    *steps = 9;
                }
                sink(event);
            })
        });
        assert_eq!(runs.get(), 2);
        ran
    };
    let ran = check(good.path(), &[], None);
    assert_eq!(ran.exit, Exit::AsExpected);
    assert!(
        ran.err.ends_with("ran twice: the same 4 events\n"),
        "{}",
        ran.err
    );
    let ran = check(
        good.path(),
        &["--format", "json", "--backend", "memory"],
        None,
    );
    assert_eq!((ran.exit, &*ran.err), (Exit::AsExpected, ""));
    assert_eq!(ran.out.lines().count(), 4);
    let ran = check(good.path(), &["--format", "json"], Some(2));
    assert_eq!(ran.exit, Exit::Unexpected);
    let line = |steps| {
        format!(
            "{{\"event\":\"scenario-started\",\"file\":\"$/a.toml\",\"title\":\"good\",\"steps\":{steps}}}"
        )
    };
    let wanted = format!(
        "error: two runs with the same seed differ, first in line 2 of the events\n  first   {}\n  \
         second  {}\n",
        line(1),
        line(9)
    );
    assert_eq!(ran.err, wanted);
    // What failed is no less failed for having failed twice.
    let bad = folder(&[("a.toml", "bad")]);
    assert_eq!(check(bad.path(), &[], None).exit, Exit::Unexpected);
}

#[test]
fn determinism_can_not_be_checked_on_the_kernel() {
    let folder = folder(&[("a.toml", "good")]);
    let words = ["$", "--check-determinism", "--backend", "kernel"];
    let ran = run_with(folder.path(), &words, |_, _| panic!("must not run"));
    assert_eq!(ran.exit, Exit::Usage);
    assert!(
        ran.err.starts_with("error: --check-determinism is for"),
        "{}",
        ran.err
    );
}

#[test]
fn an_interrupted_run_ends_as_its_signal_says_and_is_not_repeated() {
    let folder = folder(&[("a.toml", "bad")]);
    for (signal, code) in [(Signal::Interrupt, 130), (Signal::Terminate, 143)] {
        let runs = Cell::new(0);
        let words = ["$", "--check-determinism", "--junit", "$/out.xml"];
        let ran = run_with(folder.path(), &words, |plan, sink| {
            runs.set(runs.get() + 1);
            sink(Event::Interrupted { signal });
            runner(plan, sink)
        });
        assert_eq!(ran.exit, Exit::Interrupted(signal));
        assert_eq!(ran.exit.code(), code);
        assert_eq!(runs.get(), 1);
        let told = format!("the run was interrupted by {signal}");
        assert!(ran.err.contains(&told), "{}", ran.err);
        let text = std::fs::read_to_string(folder.path().join("out.xml")).unwrap();
        assert!(text.contains(&told), "{text}");
    }
}
