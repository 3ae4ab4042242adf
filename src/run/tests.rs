//! Steps on a backend that does as it is told.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::event::{Detail, Event, Status};
use super::{Means, Options, Outcome, Signal, Stop, run_all, run_scenario};
use crate::backend::probe::{self, Measurement, Probe};
use crate::backend::{Backend, BackendError, Script, ScriptEnd, ScriptOutput, Skipped};
use crate::guest::Guest;
use crate::network::{Change, NodeId};
use crate::scenario::{self, limits};

/// Gives every script the same output; its clock stands still.
struct Told(ScriptOutput);

impl Backend for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    async fn pause(&mut self, _: Duration) {}

    fn take_capture(&mut self) -> Option<crate::backend::CaptureFile> {
        None
    }

    fn skip(&mut self, _: Duration) {}

    async fn apply(&mut self, _: &[Change]) -> Result<(), BackendError> {
        Ok(())
    }

    async fn probe(&self, _: &Probe) -> Result<Measurement, BackendError> {
        Ok(Measurement {
            outcome: probe::Outcome::Silent,
            evidence: Vec::new(),
            elapsed: Duration::ZERO,
        })
    }

    async fn guest(&self, _: &NodeId) -> Result<Guest, BackendError> {
        Ok(Guest::default())
    }

    async fn run(&self, _: &Script) -> Result<ScriptOutput, BackendError> {
        Ok(self.0.clone())
    }
}

/// A script with these expectations, and what comes of it.
fn script(more: &str, exit: i32, skipped: usize) -> (Status, u32, Outcome) {
    let text = format!("title = \"t\"\n[[step]]\non = \"pc\"\nrun = \"some script\"\n{more}\n");
    let scenario = scenario::read("t.toml", text.as_bytes()).unwrap();
    let skip = Skipped {
        command: "nft".into(),
        reason: "there is no `nft` here".into(),
    };
    let mut backend = Told(ScriptOutput {
        end: ScriptEnd::Exit(exit),
        stdout: "what it wrote".into(),
        stderr: String::new(),
        skipped: vec![skip; skipped],
    });
    let mut steps = Vec::new();
    let mut sink = |event| {
        if let Event::StepFinished(step) = event {
            steps.push((step.status, step.attempts));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ran = run_scenario(&scenario, &mut backend, Options::default(), &mut sink);
    let outcome = runtime.block_on(ran);
    let [(status, attempts)] = steps[..] else {
        panic!("{steps:?}");
    };
    (status, attempts, outcome)
}

#[test]
fn what_was_skipped_never_passes() {
    use Status::{Failed, Passed, Skipped};
    for (more, exit, skipped, status) in [
        ("", 0, 0, Passed),
        ("", 2, 0, Failed),
        ("exit = 2", 2, 0, Passed),
        ("", 0, 1, Skipped),
        ("exit = 2", 2, 1, Skipped),
        ("stdout = \"wrote\"", 0, 1, Skipped),
        // For want of what was skipped, perhaps.
        ("exit = 2", 0, 1, Skipped),
        ("stdout = \"something else\"", 0, 1, Skipped),
        // What was carried out refused.
        ("", 2, 1, Failed),
        ("exit = 1", 2, 1, Failed),
    ] {
        let (found, _, outcome) = script(more, exit, skipped);
        assert_eq!(found, status, "{more} {exit} {skipped}");
        match (status, outcome) {
            (Passed, Outcome::Passed) | (Failed, Outcome::Failed) => {}
            (Skipped, Outcome::Skipped) => {}
            (_, outcome) => panic!("{more} {exit} {skipped}: {outcome:?}"),
        }
    }
}

#[test]
fn what_was_skipped_is_not_tried_again() {
    for more in ["repeat = 3", "eventually = \"1min\""] {
        let (status, attempts, _) = script(more, 0, 1);
        assert_eq!((status, attempts), (Status::Skipped, 1), "{more}");
    }
}

#[test]
fn patience_ends_though_the_clock_stands_still() {
    for (eventually, seconds) in [("10s", 10), ("1h", 3_600)] {
        let (status, attempts, _) = script(&format!("eventually = \"{eventually}\""), 1, 0);
        let most = limits::attempts(Duration::from_secs(seconds));
        assert_eq!((status, u64::from(attempts)), (Status::Failed, most));
    }
}

/// A backend whose scripts never end, and whose probes never wait, but ask the run to end.
struct Endless(Stop);

impl Backend for Endless {
    fn name(&self) -> &'static str {
        "endless"
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    async fn pause(&mut self, _: Duration) {}

    fn take_capture(&mut self) -> Option<crate::backend::CaptureFile> {
        None
    }

    fn skip(&mut self, _: Duration) {}

    async fn apply(&mut self, _: &[Change]) -> Result<(), BackendError> {
        Ok(())
    }

    async fn probe(&self, _: &Probe) -> Result<Measurement, BackendError> {
        self.0.ask(Signal::Interrupt);
        Ok(Measurement {
            outcome: probe::Outcome::Silent,
            evidence: Vec::new(),
            elapsed: Duration::ZERO,
        })
    }

    async fn guest(&self, _: &NodeId) -> Result<Guest, BackendError> {
        Ok(Guest::default())
    }

    async fn run(&self, _: &Script) -> Result<ScriptOutput, BackendError> {
        std::future::pending().await
    }
}

/// The events of these scenarios, side by side, where the run is asked to end once this step has begun; at the
/// very start where none is named.
fn interrupted(texts: &[&str], jobs: usize, at: Option<&str>) -> Vec<Event> {
    let read = |(number, text): (usize, &&str)| {
        scenario::read(&format!("{number}.toml"), text.as_bytes()).unwrap()
    };
    let scenarios: Vec<_> = texts.iter().enumerate().map(read).collect();
    let means = Means {
        backend: "endless",
        why: String::new(),
        seed: None,
        clock: None,
        stop: Stop::default(),
    };
    if at.is_none() {
        means.stop.ask(Signal::Interrupt);
    }
    let mut events = Vec::new();
    let mut asking = None;
    // All that runs side by side has come there.
    let mut missing = jobs;
    let mut sink = |event: Event| {
        if let Event::StepStarted { name, .. } = &event
            && at == Some(name.as_str())
        {
            missing -= 1;
            if missing > 0 {
                events.push(event);
                return;
            }
            // From another thread, while the step is being carried out.
            let stop = means.stop.clone();
            asking = Some(std::thread::spawn(move || stop.ask(Signal::Interrupt)));
        }
        events.push(event);
    };
    let jobs = NonZeroUsize::new(jobs).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let make = async || Ok(Endless(means.stop.clone()));
    let ran = run_all(
        &scenarios,
        jobs,
        Options::default(),
        &means,
        make,
        &mut sink,
    );
    runtime.block_on(ran).unwrap();
    if let Some(asking) = asking {
        asking.join().unwrap();
    }
    events
}

/// What a reader of the events must find in any interrupted run: how many scenarios had begun.
fn is_told(events: &[Event]) -> usize {
    let place = |wanted: fn(&Event) -> bool| events.iter().position(wanted);
    let interruptions = events
        .iter()
        .filter(|event| matches!(event, Event::Interrupted { .. }));
    assert_eq!(interruptions.count(), 1, "{events:#?}");
    let told = place(|event| matches!(event, Event::Interrupted { .. }));
    let skipped =
        place(|event| matches!(event, Event::StepFinished(step) if step.status == Status::Skipped));
    assert!(skipped.is_none_or(|skipped| told < Some(skipped)));
    assert!(matches!(events.last(), Some(Event::RunFinished { .. })));
    let begun: usize = events
        .iter()
        .map(|event| match event {
            Event::ScenarioStarted { .. } => 1,
            Event::ScenarioFinished { error, .. } => {
                assert_eq!(error.as_deref(), Some("interrupted by SIGINT"));
                0
            }
            _ => 0,
        })
        .sum();
    let over = |event: &&Event| matches!(event, Event::ScenarioFinished { .. });
    assert_eq!(events.iter().filter(over).count(), begun);
    begun
}

const WAITS: &str = "title = \"waits\"\n[[step]]\nwait = \"1s\"\n[[step]]\nname = \"it waits\"\non =                      \"pc\"\nrun = \"true\"\n[[step]]\nname = \"after\"\nwait = \"1s\"\n";

#[test]
fn an_interrupted_run_shows_how_far_it_came() {
    let events = interrupted(&[WAITS, WAITS], 1, Some("it waits"));
    assert_eq!(is_told(&events), 1);
    let steps: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::StepFinished(step) => Some((step.status, step.detail.clone())),
            _ => None,
        })
        .collect();
    let left = |why: &str| {
        let why = why.to_owned();
        (Status::Skipped, Detail::Impossible { why })
    };
    assert_eq!(steps[0].0, Status::Passed);
    assert_eq!(
        steps[1..],
        [
            left("interrupted by SIGINT before it was over"),
            left("interrupted by SIGINT")
        ]
    );
}

#[test]
fn all_that_runs_side_by_side_is_interrupted() {
    let events = interrupted(&[WAITS, WAITS, WAITS], 2, Some("it waits"));
    assert_eq!(is_told(&events), 2);
}

#[test]
fn nothing_begins_in_a_run_that_is_interrupted_first() {
    assert_eq!(is_told(&interrupted(&[WAITS], 1, None)), 0);
}

/// A backend that never waits gives nobody a chance by itself.
#[test]
fn a_step_that_is_tried_over_and_over_is_interrupted_between_two_tries() {
    let tries = "title = \"t\"\n[soracom.sim.a]\n[[step]]\nname = \"tries\"\nfrom = \"a\"\nto = \"pong\"\n                 expect = { ping = true }\neventually = \"60s\"\n";
    // Its first probe asks.
    let events = interrupted(&[tries], 1, Some("no step"));
    assert_eq!(is_told(&events), 1);
    let finished = events.iter().find_map(|event| match event {
        Event::StepFinished(step) => Some((step.status, step.detail.clone())),
        _ => None,
    });
    let why = "interrupted by SIGINT before it was over".to_owned();
    assert_eq!(
        finished,
        Some((Status::Skipped, Detail::Impossible { why }))
    );
}
