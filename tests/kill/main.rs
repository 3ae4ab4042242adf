//! Runs that are killed at every point leave nothing: no namespace, interface, mount, process, socket, file or
//! switch, and the next run works.
//!
//! A run is ended by SIGKILL, SIGTERM, SIGINT or a panic: at each of the points that the program names
//! ([`canal_sim::fault`]), and from outside at moments spread evenly over the time that a run takes. Before the first
//! and after each an inventory is taken ([`support::inventory`]), in namespaces in which nobody else is
//! ([`support::apart`]).
//!
//! Each user's runs are hit at each point that there is: at most of them in `gate.toml`, which is over soon, and at those
//! that it doesn't pass in a scenario with fifty devices. How many are killed all in all, at the least, says
//! `CANAL_SIM_KILLS`; from 320 on each point is hit by each of the four means.
//!
//! | module | what it holds |
//! |---|---|
//! | `fifty` | the scenario with fifty devices |
//! | `pace` | how much of the machine a run had |
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
mod pace;
mod plan;
mod victim;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use pace::Took;
use plan::{How, Kill, Wanted, When};
use support::apart::{self, World};
use support::inventory::Inventory;
use support::namespaces;
use support::program::{self, can_become_others, tell};
use victim::{By, End, Place, Who};

/// How many are killed all in all where nobody says.
const KILLS: usize = 72;

/// From so many on each point is hit by each of the means.
const LONG: usize = 320;

/// In which of them the next run is tried, where nobody says how many.
const EACH: usize = 6;

/// How long a run may take to end in order, as the program promises: less what others had of the machine meanwhile.
const MOST: Duration = Duration::from_secs(1);

/// On the clock, however busy the machine is.
const MOST_ON_THE_CLOCK: Duration = Duration::from_secs(10);

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
        for (number, is_gate) in [true, false].into_iter().enumerate() {
            let turn = number + 2 * usize::from(world == World::Counted);
            let scenario = if is_gate { "gate" } else { "fifty" };
            let name = format!("{name}::{scenario}_leaves_nothing_however_it_ends");
            let trial = Trial::test(name, move || leaves_nothing(who, is_gate, turn));
            trials.push(trial.with_ignored_flag(!has_points));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What is asked of the kills in one of the two scenarios. Those of the shorter one are the most: in the other a
/// connection over a slow link may hold a namespace for some seconds.
fn wanted(gate: BTreeSet<String>, all: BTreeSet<String>, asked: usize, turn: usize) -> Wanted {
    let of_one_user = asked.div_ceil(2);
    let of_fifty = of_one_user / 4;
    let is_gate = gate == all;
    Wanted {
        points: if is_gate { gate } else { &all - &gate },
        means: if asked >= LONG { How::ALL.len() } else { 1 },
        kills: if is_gate {
            of_one_user - of_fifty
        } else {
            of_fifty
        },
        turn,
    }
}

fn leaves_nothing(who: Who, is_gate: bool, turn: usize) -> Result<(), Failed> {
    let asked = std::env::var("CANAL_SIM_KILLS").ok();
    let each = if asked.is_some() { 1 } else { EACH };
    let asked = asked.map_or(KILLS, |text| text.parse().unwrap());
    let gate = Place::new(who, &program::shipped_text("gate"));
    let place = if is_gate {
        &gate
    } else {
        &Place::new(who, &fifty::text())
    };
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
    let names = |points: &BTreeMap<String, usize>| points.keys().cloned().collect();
    let wanted = if is_gate {
        wanted(names(&points), names(&points), asked, turn)
    } else {
        wanted(names(&gate.points()), names(&points), asked, turn)
    };
    before.returns()?;
    let mut usual = place.passes()?;
    before.returns()?;
    let mut kills = plan::plan(&points, &wanted);
    let mut seen = Seen::default();
    let mut number = 0;
    while let Some(kill) = kills.get(number).cloned() {
        let at = |why: String| Failed::from(format!("kill {number}, {kill}: {why}"));
        let end = place.killed(&kill, usual, number % 2 == 0).map_err(at)?;
        let gone = before.returns().map_err(at)?;
        seen.note(&kill, &end, gone);
        if let Some(took) = end.took
            && (took.own >= MOST || took.clock >= MOST_ON_THE_CLOCK)
        {
            return Err(at(format!("it took too long to end: {took:?}")));
        }
        if end.by == By::ItselfMissed {
            // It took less time than was thought, or passed a point less often.
            if kill.is_from_outside() {
                usual = end.whole;
            }
            kills.extend(kill.earlier());
        }
        if number % each == 0 {
            let next = |why: String| at(format!("the next run: {why}"));
            usual = place.passes().map_err(next)?;
            before.returns().map_err(at)?;
        }
        number += 1;
    }
    seen.tell(points.len());
    seen.are_enough(&wanted, kills.len())
}

/// What was seen.
#[derive(Default)]
struct Seen {
    /// Runs that were ended by it.
    kills: BTreeMap<How, usize>,
    /// How many of these at moments, and how many moments there were.
    at_moments: (usize, usize),
    /// Runs that ended by themselves.
    others: BTreeMap<By, usize>,
    /// Points that were hit, and by what.
    hit: BTreeSet<(String, How)>,
    /// Runs that told that they were interrupted.
    interrupted: usize,
    /// From SIGINT or SIGTERM to the end of the process, at most.
    to_the_end: Took,
    /// From the end of the process until nothing was left, at most.
    until_gone: Duration,
}

impl Seen {
    fn note(&mut self, kill: &Kill, end: &End, gone: Duration) {
        let has_ended_it = end.by == By::Kill;
        if has_ended_it {
            *self.kills.entry(kill.how).or_default() += 1;
        } else {
            *self.others.entry(end.by).or_default() += 1;
        }
        match &kill.when {
            When::At(..) if end.by == By::ItselfMissed => {}
            When::At(point, _) => {
                self.hit.insert((point.clone(), kill.how));
            }
            When::After(_) => {
                self.at_moments.0 += usize::from(has_ended_it);
                self.at_moments.1 += 1;
            }
        }
        self.interrupted += usize::from(end.interrupted);
        if let Some(took) = end.took {
            self.to_the_end.clock = self.to_the_end.clock.max(took.clock);
            self.to_the_end.own = self.to_the_end.own.max(took.own);
        }
        self.until_gone = self.until_gone.max(gone);
    }

    fn points(&self) -> usize {
        let points: BTreeSet<&String> = self.hit.iter().map(|(point, _)| point).collect();
        points.len()
    }

    fn tell(&self, points: usize) {
        let by: Vec<String> = self
            .kills
            .iter()
            .map(|(how, count)| format!("{count} by {}", how.name()))
            .collect();
        let others = |by: By| self.others.get(&by).copied().unwrap_or_default();
        eprintln!(
            "figures: {} runs killed ({}), {} of them at moments, 0 leaks; {} of {points} points hit, {} by all means; \
             besides, {} runs got over it, {} came to no kill",
            self.kills.values().sum::<usize>(),
            by.join(", "),
            self.at_moments.0,
            self.points(),
            self.hit_by(How::ALL.len()).len(),
            others(By::ItselfHit),
            others(By::ItselfMissed),
        );
        eprintln!(
            "figures:   {} ended in order; from SIGINT or SIGTERM to the end at most {} ms ({} ms less what others had of \
             the machine), from the end until nothing was left {} ms",
            self.interrupted,
            self.to_the_end.clock.as_millis(),
            self.to_the_end.own.as_millis(),
            self.until_gone.as_millis()
        );
    }

    /// Points that were hit by at least so many means.
    fn hit_by(&self, means: usize) -> BTreeSet<String> {
        let by = |point: &str| {
            How::ALL
                .iter()
                .filter(|how| self.hit.contains(&(point.to_owned(), **how)))
                .count()
        };
        let points = self.hit.iter().map(|(point, _)| point);
        points.filter(|point| by(point) >= means).cloned().collect()
    }

    /// Whether what was asked for has been seen.
    fn are_enough(&self, wanted: &Wanted, planned: usize) -> Result<(), Failed> {
        let missed = &wanted.points - &self.hit_by(wanted.means);
        if !missed.is_empty() {
            return Err(format!("not hit by {} means: {missed:?}", wanted.means).into());
        }
        // At some points the run is as good as over, and the last moments may come too late.
        let kills: usize = self.kills.values().sum();
        assert!(kills * 4 >= planned * 3, "{kills} of {planned} killed");
        let (kills, moments) = self.at_moments;
        assert!(
            moments > 0 && kills * 2 >= moments,
            "{kills} of {moments} moments"
        );
        Ok(())
    }
}
