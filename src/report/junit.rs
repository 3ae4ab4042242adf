//! A JUnit file: a suite for each scenario, a case for each step.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite, XmlString};

use super::Report;
use super::aside::Aside;
use super::essence::{self, essence};
use super::failure::{headline, plain};
use super::kept::Room;
use super::text::{counted, visible};
use crate::run::Signal;
use crate::run::event::{Detail, Event, Status, StepReport};

/// How wide the text of a failure is.
const WIDTH: usize = 100;

/// How much of what steps say is kept until the end, of a whole run. A step may write 1 MiB to each of its two
/// outputs, a scenario may have 10,000 steps, and a run any number of scenarios; readers of JUnit files refuse
/// more (GitLab takes 100 MB from a job).
const KEPT: usize = 64 << 20;

/// Collects the events of a run and writes the file at the end, whole.
pub struct Junit {
    suites: Suites,
    /// None once it has been written.
    file: Option<Aside>,
}

impl Junit {
    /// A report to a file, which is made at once, so that a place that can't be written to is known
    /// before the run.
    ///
    /// # Errors
    ///
    /// Where no file can be made there.
    pub fn create(file: &Path) -> io::Result<Self> {
        Ok(Self {
            suites: Suites::default(),
            file: Some(Aside::begin(file)?),
        })
    }
}

impl Report for Junit {
    /// Writes the file when the run is over: what is still to be taken down then may take a time of its own.
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.suites.event(event);
        match event {
            Event::RunFinished { .. } => self.finish(),
            _ => Ok(()),
        }
    }

    /// Writes the file of a run that broke off; that of another stands already.
    fn finish(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let suites = std::mem::take(&mut self.suites);
        let document = suites.document().map_err(io::Error::other)?;
        file.finish(document.as_bytes())
    }
}

/// What the file will hold. Suites stand in the order of their files.
struct Suites {
    by_file: BTreeMap<String, TestSuite>,
    /// Files of scenarios that have begun and are not over.
    open: BTreeSet<String>,
    elapsed: Option<Duration>,
    /// How many scenarios shall be run.
    planned: usize,
    interrupted: Option<Signal>,
    /// What every suite was run on.
    properties: Vec<(&'static str, String)>,
    /// For what steps say.
    room: Room,
}

impl Default for Suites {
    fn default() -> Self {
        Self {
            by_file: BTreeMap::new(),
            open: BTreeSet::new(),
            elapsed: None,
            planned: 0,
            interrupted: None,
            properties: Vec::new(),
            room: Room::new(KEPT),
        }
    }
}

impl Suites {
    fn event(&mut self, event: &Event) {
        match event {
            Event::ScenarioStarted { file, title, .. } => {
                let mut suite = TestSuite::new(xml(title));
                suite.extra.insert(xml("file"), xml(file));
                for (name, value) in &self.properties {
                    suite.add_property((*name, value.as_str()));
                }
                self.by_file.insert(file.clone(), suite);
                self.open.insert(file.clone());
            }
            Event::StepFinished(step) => {
                if let Some(suite) = self.by_file.get_mut(&step.file) {
                    suite.add_test_case(case(step, &mut self.room));
                }
            }
            Event::ScenarioFinished {
                file,
                error,
                elapsed,
                ..
            } => {
                self.open.remove(file);
                if let Some(suite) = self.by_file.get_mut(file) {
                    suite.set_time(*elapsed);
                    if let Some(error) = error {
                        suite.add_test_case(broken(file, error));
                    }
                }
            }
            Event::Interrupted { signal } => self.interrupted = Some(*signal),
            Event::RunFinished { elapsed, .. } => self.elapsed = Some(*elapsed),
            Event::RunStarted {
                scenarios,
                backend,
                seed,
                ..
            } => {
                self.planned = *scenarios;
                self.properties = vec![("backend", (*backend).to_owned())];
                self.properties
                    .extend(seed.map(|seed| ("seed", seed.to_string())));
            }
            Event::NetworkReady { .. } | Event::StepStarted { .. } | Event::Captured { .. } => {}
        }
    }

    /// The document. Where the run broke off, it says so: a file that holds nothing but what passed
    /// until then would be taken for a pass.
    fn document(self) -> Result<String, quick_junit::SerializeError> {
        let mut report = quick_junit::Report::new("canal-sim");
        let unfinished = self.unfinished();
        for (file, mut suite) in self.by_file {
            if self.open.contains(&file) {
                suite.add_test_case(broken(&file, "the run ended before the scenario was over"));
            }
            report.add_test_suite(suite);
        }
        if let Some(elapsed) = self.elapsed {
            report.set_time(elapsed);
        }
        if let Some(why) = unfinished {
            let mut suite = TestSuite::new("canal-sim");
            suite.add_test_case(broken("canal-sim", &why));
            report.add_test_suite(suite);
        }
        report.to_string()
    }

    /// Why the run did not come to its end, if so.
    fn unfinished(&self) -> Option<String> {
        match (self.interrupted, self.elapsed) {
            (Some(signal), _) => {
                let not_run = self.planned.saturating_sub(self.by_file.len());
                let not_run = counted(not_run, "scenario");
                Some(format!(
                    "the run was {}; {not_run} not begun",
                    signal.told()
                ))
            }
            (None, None) => Some("the run broke off".to_owned()),
            (None, Some(_)) => None,
        }
    }
}

fn case(step: &StepReport, room: &mut Room) -> TestCase {
    let mut status = match step.status {
        Status::Passed => TestCaseStatus::success(),
        Status::Skipped => TestCaseStatus::skipped(),
        Status::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    match step.status {
        Status::Passed => {}
        Status::Skipped => {
            status.set_message(xml(&essence(step).result));
            if let Detail::Run { skipped, .. } = &step.detail
                && !skipped.is_empty()
            {
                let rows: Vec<String> = skipped.iter().map(essence::skipped).collect();
                status.set_description(XmlString::new(room.keep(&rows.join("\n"))));
            }
        }
        Status::Failed => {
            status.set_message(xml(&headline(step)));
            status.set_type(kind(&step.detail));
            status.set_description(XmlString::new(room.keep(&plain(step, WIDTH))));
        }
    }
    let mut case = TestCase::new(xml(&step.name), status);
    case.set_classname(xml(&step.file));
    case.set_time(step.elapsed);
    case.extra.insert(xml("file"), xml(&step.file));
    case.extra.insert(xml("line"), xml(&step.line.to_string()));
    if let Detail::Run { stdout, stderr, .. } = &step.detail {
        if !stdout.is_empty() {
            case.set_system_out(kept(stdout, room));
        }
        if !stderr.is_empty() {
            case.set_system_err(kept(stderr, room));
        }
    }
    case
}

/// The case that stands for what broke the scenario off.
fn broken(file: &str, error: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(xml(error.lines().next().unwrap_or_default()));
    status.set_type("broken off");
    status.set_description(block(error));
    let mut case = TestCase::new("could not go on", status);
    case.set_classname(xml(file));
    case.extra.insert(xml("file"), xml(file));
    case
}

/// The step's key in the scenario.
fn kind(detail: &Detail) -> &'static str {
    match detail {
        Detail::Do { .. } => "do",
        Detail::Expect(_) => "expect",
        Detail::Run { .. } => "run",
        Detail::Wait { .. } => "wait",
        Detail::Check { .. } => "check",
        Detail::Link { .. } => "link",
        Detail::Impossible { .. } => "impossible",
    }
}

/// One line, fit for XML.
fn xml(text: &str) -> XmlString {
    XmlString::new(visible(text))
}

/// Several lines, fit for XML.
fn block(text: &str) -> XmlString {
    XmlString::new(rows(text))
}

/// The same, as far as there is room for them.
fn kept(text: &str, room: &mut Room) -> XmlString {
    XmlString::new(room.keep(&rows(text)))
}

fn rows(text: &str) -> String {
    let rows: Vec<String> = text.lines().map(visible).collect();
    rows.join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;

    #[test]
    fn a_suite_for_each_scenario_and_a_case_for_each_step() {
        let mut suites = Suites::default();
        for event in sample::events() {
            suites.event(&event);
        }
        insta::assert_snapshot!(suites.document().unwrap());
    }

    #[test]
    fn an_interrupted_run_says_so_and_is_no_pass() {
        let mut suites = Suites::default();
        for event in sample::interrupted() {
            suites.event(&event);
        }
        insta::assert_snapshot!(suites.document().unwrap());
    }

    #[test]
    fn what_was_skipped_is_told() {
        let mut suites = Suites::default();
        for event in sample::skipping() {
            suites.event(&event);
        }
        insta::assert_snapshot!(suites.document().unwrap());
    }

    #[test]
    fn however_much_steps_write_the_document_keeps_to_its_room() {
        let text = "x".repeat(1 << 20);
        let mut suites = Suites::default();
        for event in sample::scenario_with("a", &text, "why") {
            let times = match event {
                Event::StepFinished(_) => 100,
                _ => 1,
            };
            for _ in 0..times {
                suites.event(&event);
            }
        }
        let document = suites.document().unwrap();
        let length = document.len();
        assert!((48 << 20..KEPT + (1 << 20)).contains(&length), "{length}");
        let left_out = document.matches(" bytes left out: ").count();
        assert!((200..300).contains(&left_out), "{left_out}");
        let report = quick_junit::Report::deserialize_from_str(&document).unwrap();
        assert_eq!(report.tests, 201);
    }

    #[test]
    fn the_file_is_there_after_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("junit.xml");
        let mut junit = Junit::create(&place).unwrap();
        let mut events = sample::events();
        let last = events.pop().unwrap();
        for event in events {
            junit.event(&event).unwrap();
        }
        assert!(!place.exists());
        junit.event(&last).unwrap();
        assert!(place.exists());
        junit.finish().unwrap();
        let text = std::fs::read_to_string(&place).unwrap();
        let report = quick_junit::Report::deserialize_from_str(&text).unwrap();
        assert_eq!(report.test_suites.len(), 2);
    }

    #[test]
    fn a_run_that_broke_off_is_no_pass() {
        let mut suites = Suites::default();
        for event in sample::passing().iter().take(7) {
            suites.event(event);
        }
        let document = suites.document().unwrap();
        let report = quick_junit::Report::deserialize_from_str(&document).unwrap();
        let errors: Vec<usize> = report
            .test_suites
            .iter()
            .map(|suite| suite.errors)
            .collect();
        assert_eq!((report.errors, errors), (2, vec![1, 1]));
    }

    proptest! {
        #[test]
        fn any_text_makes_a_valid_document(
            name in any::<String>(),
            stdout in any::<String>(),
            why in any::<String>(),
        ) {
            let mut suites = Suites::default();
            for event in sample::scenario_with(&name, &stdout, &why) {
                suites.event(&event);
            }
            let document = suites.document().unwrap();
            let allowed = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            prop_assert!(document.chars().all(allowed));
            let report = quick_junit::Report::deserialize_from_str(&document).unwrap();
            prop_assert_eq!(report.test_suites.len(), 1);
        }
    }
}
