//! `docs/output.md`: the event stream, and the exit statuses.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};

use canal_sim::cli::exit::Exit;
use canal_sim::run::Signal as Asked;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Map, Value};

use super::page::{blocks, canal_sim, marked, read, table};

const PAGE: &str = "docs/output.md";

/// What has been seen: object → fields.
type Fields = BTreeMap<String, BTreeSet<String>>;

fn run(arguments: &[&str]) -> Output {
    let mut command = canal_sim("run");
    command.args(["--format", "json"]).args(arguments);
    command.output().unwrap()
}

/// A run that SIGINT ends in the middle of a step.
fn interrupted() -> Output {
    let mut command = canal_sim("run");
    command.args(["--format", "json", "tests/docs/waiting.toml"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("step-started") {
        assert_ne!(stdout.read_line(&mut text).unwrap(), 0, "{text}");
    }
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    stdout.read_to_string(&mut text).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stdout = text.into_bytes();
    output
}

/// Notes an object's fields, those aside that only say what it is.
fn note(seen: &mut Fields, name: &str, tag: &str, object: &Map<String, Value>) {
    let fields = object.keys().filter(|key| *key != tag);
    let known = seen.entry(name.to_owned()).or_default();
    known.extend(fields.cloned());
}

/// Notes the fields of an event, and of what is in it.
fn note_event(seen: &mut Fields, event: &Value) {
    let name = event["event"].as_str().unwrap();
    note(seen, name, "event", event.as_object().unwrap());
    let detail = &event["detail"];
    let Some(kind) = detail["kind"].as_str() else {
        return;
    };
    note(seen, kind, "kind", detail.as_object().unwrap());
    if let Some(error) = detail["error"].as_object() {
        note(seen, "error", "", error);
    }
    if let Some(prediction) = detail["prediction"].as_object() {
        note(seen, "prediction", "", prediction);
    }
    for list in ["events", "evidence"] {
        for item in detail[list].as_array().into_iter().flatten() {
            note(seen, list, "", item.as_object().unwrap());
        }
    }
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_event_and_every_field_is_documented_and_seen() {
    let good = run(&["scenarios"]);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let captured = run(&["scenarios/canal.toml", "--check-determinism"]);
    assert_eq!(captured.status.code(), Some(0), "{captured:?}");
    let failing = run(&["--fail-fast", "tests/docs/failing.toml"]);
    assert_eq!(failing.status.code(), Some(1), "{failing:?}");
    let interrupted = interrupted();
    assert_eq!(interrupted.status.signal(), Some(2), "{interrupted:?}");
    let mut seen = Fields::new();
    for output in [&good, &captured, &failing, &interrupted] {
        for event in events(output) {
            note_event(&mut seen, &event);
        }
    }
    assert_eq!(marked(&read(PAGE), "fields"), seen);
}

#[test]
fn the_examples_have_all_fields() {
    let page = read(PAGE);
    let documented = marked(&page, "fields");
    let mut seen = Fields::new();
    for (info, block) in blocks(&page) {
        if info != "json" {
            continue;
        }
        let example: Value = serde_json::from_str(&block).unwrap();
        let mut here = Fields::new();
        note_event(&mut here, &example);
        for (name, fields) in &here {
            assert_eq!(documented.get(name), Some(fields), "{name}:\n{block}");
        }
        seen.extend(here);
    }
    assert_eq!(documented, seen);
}

#[test]
fn the_statuses_are_the_programs() {
    let page = read(PAGE);
    let rows = table(&page, "statuses");
    let documented: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let known = [
        Exit::AsExpected,
        Exit::Unexpected,
        Exit::Usage,
        Exit::Machine,
        Exit::Interrupted(Asked::Interrupt),
        Exit::Interrupted(Asked::Terminate),
    ];
    let known: Vec<String> = known.iter().map(|exit| exit.code().to_string()).collect();
    assert_eq!(documented, known);
}
