//! Runs that are killed at every point leave nothing: no namespace, interface, mount, process, socket, file or
//! switch, and the next run works.
//!
//! A run is ended by SIGKILL, SIGTERM, SIGINT or a panic: at each of the points that the program names
//! ([`canal_sim::fault`]), and from outside at moments spread evenly over the time that a run takes. Before the first
//! and after each an inventory is taken ([`support::inventory`]), in namespaces in which nobody else is
//! ([`support::apart`]).
//!
//! How many are killed all in all says `CANAL_SIM_KILLS`.
//!
//! | module | what it holds |
//! |---|---|
//! | `fifty` | the scenario with fifty devices |
//! | `plan` | which kills |
//! | `victim` | one run that is killed |
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

#[path = "../support"]
mod support {
    pub mod apart;
    pub mod figures;
    pub mod inventory;
    pub mod namespaces;
    pub mod program;
}

mod fifty;
mod plan;
mod victim;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use plan::Kill;
use support::apart::{self, World};
use support::inventory::Inventory;
use support::namespaces;
use support::program::{self, can_become_others, tell};
use victim::{Place, Who};

/// How many are killed all in all where nobody says.
const KILLS: usize = 56;

/// In which of them the next run is tried, where nobody says how many.
const EACH: usize = 4;

/// How long a run may take to end in order. The program promises a second; what a busy machine adds is not its own.
const MOST: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let as_root = nix::unistd::geteuid().is_root() && can_become_others();
    if !arguments.list {
        if apart::here().is_none() && !as_root {
            tell("what is left of root's runs, because these tests are not started as root");
        }
        let worlds = [World::Machine, World::Counted];
        let worlds = if as_root { &worlds[..] } else { &worlds[1..] };
        if let Some(code) = apart::enter(worlds) {
            return code;
        }
    }
    // One at a time: each looks for what it has left.
    arguments.test_threads = Some(1);
    let has_points = cfg!(debug_assertions);
    if !has_points {
        tell("kills at named points, which only a build with debug assertions has");
    }
    let here = apart::here();
    let gate = || program::shipped_text("gate");
    if !arguments.list && !namespaces::are_counted() {
        tell("root's network namespaces, because the kernel doesn't tell how many there are");
    }
    let mut trials = Vec::new();
    for (who, world, name) in [
        (Who::Caller, World::Machine, "root"),
        (Who::Somebody, World::Counted, "somebody"),
    ] {
        if here.is_some_and(|here| here != world) {
            continue;
        }
        let scenarios = [("gate", gate()), ("fifty", fifty::text())];
        for (number, (scenario, text)) in scenarios.into_iter().enumerate() {
            let turn = number + 2 * usize::from(world == World::Counted);
            let name = format!("{name}::{scenario}_leaves_nothing_however_it_ends");
            let trial = Trial::test(name, move || leaves_nothing(who, &text, turn));
            trials.push(trial.with_ignored_flag(!has_points));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What was seen, for a line of figures.
#[derive(Default)]
struct Figures {
    kills: BTreeMap<&'static str, usize>,
    points: usize,
    not_reached: usize,
    /// Runs that told that they were interrupted.
    interrupted: usize,
    /// From SIGINT or SIGTERM to the end of the process.
    to_the_end: Duration,
    /// From the end of the process until nothing is left.
    until_gone: Duration,
}

fn leaves_nothing(who: Who, text: &str, turn: usize) -> Result<(), Failed> {
    let asked = std::env::var("CANAL_SIM_KILLS").ok();
    let all = asked.as_ref().map_or(KILLS, |text| text.parse().unwrap());
    let each = if asked.is_some() { 1 } else { EACH };
    let place = Place::new(who, text);
    let before = Inventory::take();
    // Far more than nothing is looked at.
    assert!(before.len() > 200, "{}", before.len());
    if namespaces::are_counted() {
        // Nothing but a descriptor of this process shows it.
        let held = namespaces::held();
        assert!(!before.has_no_more_namespaces(), "a leak is not seen");
        drop(held);
        before.returns()?;
    }
    let points = place.points();
    before.returns()?;
    let usual = place.passes()?;
    before.returns()?;
    let kills = plan::plan(&points, usual, all.div_ceil(4), turn);
    let mut figures = Figures {
        points: points.len(),
        ..Figures::default()
    };
    for (number, kill) in kills.iter().enumerate() {
        let at = |why: String| Failed::from(format!("kill {number}, {kill}: {why}"));
        let end = place.killed(kill, number % 2 == 0).map_err(at)?;
        *figures.kills.entry(kill.how.name()).or_default() += 1;
        figures.not_reached += usize::from(!end.reached);
        figures.interrupted += usize::from(end.interrupted);
        figures.to_the_end = figures.to_the_end.max(end.took.unwrap_or_default());
        figures.until_gone = figures.until_gone.max(before.returns().map_err(at)?);
        if let Some(took) = end.took.filter(|took| *took >= MOST) {
            return Err(at(format!("it took {took:?} to end")));
        }
        if number % each == 0 {
            let next = |why: String| at(format!("the next run: {why}"));
            place.passes().map_err(next)?;
            before.returns().map_err(at)?;
        }
    }
    let Figures {
        kills: by,
        points,
        not_reached,
        interrupted,
        to_the_end,
        until_gone,
    } = figures;
    eprintln!(
        "figures: {} kills {by:?} at {points} points and {} moments, {not_reached} points not reached, 0 leaks; \
         {interrupted} runs ended in order; at most {} ms from SIGINT or SIGTERM to the end, {} ms from the end until nothing was left",
        kills.len(),
        kills.iter().filter(|kill| kill.is_from_outside()).count(),
        to_the_end.as_millis(),
        until_gone.as_millis()
    );
    // A point may be passed less often in one run than in another, but most are reached.
    assert!(not_reached * 10 <= kills.len(), "{not_reached} not reached");
    Ok(())
}

impl std::fmt::Display for Kill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.when {
            plan::When::At(point, times) => {
                write!(f, "{} at {point:?}, time {times}", self.how.name())
            }
            plan::When::After(time) => write!(f, "{} after {time:?}", self.how.name()),
        }
    }
}
