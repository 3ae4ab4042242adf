//! How many of each: printed at the end of a run, since a property that meets only a few kinds of cases
//! says little.

use std::collections::BTreeMap;
use std::time::Duration;

use canal_sim::cloud::Reason;
use canal_sim::run::event::OutcomeKind;

use crate::hold::{Held, Times};

#[derive(Default)]
pub struct Tally {
    pub topologies: usize,
    pub flows: usize,
    /// Verdict or reason → questions.
    verdicts: BTreeMap<String, usize>,
    /// How it was asked → questions, and answered ones.
    asks: BTreeMap<String, (usize, usize)>,
    times: Times,
    /// Questions left out of the comparison, and why.
    skipped: BTreeMap<&'static str, usize>,
    /// Second looks, and those that found nothing.
    second_looks: (usize, usize),
}

impl Tally {
    pub fn count(&mut self, held: &Held) {
        self.topologies += 1;
        self.times.add(&held.times);
        for probe in &held.probes {
            let report = &probe.report;
            self.flows += 1;
            let answered = report.outcome == OutcomeKind::Reachable;
            let verdict = match report.outcome {
                OutcomeKind::Reachable => "answered".to_owned(),
                OutcomeKind::Refused => "refused".to_owned(),
                OutcomeKind::LostWithoutEvidence => "lost without evidence".to_owned(),
                OutcomeKind::Blocked => report.reason.clone().unwrap_or_default(),
            };
            *self.verdicts.entry(verdict).or_default() += 1;
            let ask = self.asks.entry(report.probe.clone()).or_default();
            ask.0 += 1;
            ask.1 += usize::from(answered);
        }
    }

    pub fn skip(&mut self, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }

    /// A case was run with more time, after the end of the time alone had spoken against the prediction.
    pub fn second_look(&mut self, agrees: bool) {
        self.second_looks.0 += 1;
        self.second_looks.1 += usize::from(agrees);
    }

    /// Prints all of it.
    pub fn print(&self, elapsed: Duration, workers: usize, in_real_time: bool) {
        let of = |part: usize| 100.0 * part as f64 / self.flows.max(1) as f64;
        println!("\nmeasured:");
        let mut verdicts: Vec<(&String, &usize)> = self.verdicts.iter().collect();
        verdicts.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
        for (name, count) in verdicts {
            println!("  {count:>7}  {:>4.1} %  {name}", of(*count));
        }
        let missing: Vec<&str> = Reason::ALL
            .iter()
            .map(|reason| reason.code())
            .filter(|code| !self.verdicts.contains_key(*code))
            .collect();
        println!("never measured: {}", list(&missing));
        println!("asked, answered:");
        for (ask, (count, answered)) in &self.asks {
            println!("  {count:>7}  {answered:>7}  {ask}");
        }
        for (why, count) in &self.skipped {
            println!("not compared: {count}, {why}");
        }
        println!(
            "cases run again with more time: {}, of which {} then agreed",
            self.second_looks.0, self.second_looks.1
        );
        let all: Duration = self.times.list().iter().map(|(_, time)| *time).sum();
        // On virtual time, where it went says nothing.
        if in_real_time {
            println!("time of {workers} workers:");
            for (name, time) in self.times.list() {
                let share = 100.0 * time.as_secs_f64() / all.as_secs_f64().max(1e-9);
                println!("  {:>7.1} s  {share:>4.1} %  {name}", time.as_secs_f64());
            }
        }
        let seconds = elapsed.as_secs_f64().max(1e-9);
        println!(
            "{} topologies and {} questions in {seconds:.1} s: {:.1} topologies/s, {:.0} questions/s",
            self.topologies,
            self.flows,
            self.topologies as f64 / seconds,
            self.flows as f64 / seconds,
        );
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
