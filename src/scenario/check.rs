//! What can be known to be wrong with the steps without running anything: they are carried out on the
//! pure clouds, in their order.

mod acting;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::diagnostic::Harm;
use super::doubt::Doubts;
use super::draft::{Draft, Faulty, StepDraft};
use super::links::{self, LinkError};
use super::names::Kind;
use super::setup::build_what_works;
use super::target::TargetError;
use super::value::Errors;
use super::{
    Ask, Diagnostic, Expectation, LinkChange, LinkStep, NodeName, Placed, ProbeStep, RunStep,
    Scenario, Span, Step, StepKind, Template, ValueCheck, target,
};
use crate::cloud::{Cloud, LinkName, Time, ValueError};

/// What is wrong with a scenario as far as the clouds can tell: what the services refuse, and names that
/// stand for nothing when their turn comes.
pub(super) fn check(draft: &Draft) -> Vec<Diagnostic> {
    let built = build_what_works(&draft.scenario, draft.doubts.clone());
    let mut check = Check {
        scenario: &draft.scenario,
        cloud: built.cloud,
        now: built.now,
        doubts: built.doubts,
        gone: BTreeMap::new(),
        still: BTreeMap::new(),
        copied: 0,
        errors: built.errors,
    };
    for (i, step) in draft.steps.iter().enumerate() {
        match step {
            StepDraft::Sound(step) => check.step(i + 1, step),
            StepDraft::Faulty(faulty) => check.faulty(faulty),
        }
    }
    check.errors
}

/// A walk through the steps.
struct Check<'s> {
    scenario: &'s Scenario,
    cloud: Cloud,
    now: Time,
    /// What can't be told.
    doubts: Doubts,
    /// The names of what no longer exists, and the step that ended it.
    gone: BTreeMap<String, Span>,
    /// The nodes that no longer run, and the step that stopped them: its number, and where it stands.
    still: BTreeMap<String, (usize, Span)>,
    /// How much of the clouds was copied, in bytes of the file that describes them.
    copied: usize,
    errors: Errors,
}

impl Check<'_> {
    fn step(&mut self, number: usize, step: &Step) {
        match &step.kind {
            StepKind::Do(action) => {
                self.action(step, action);
                self.note_what_stopped(number, &step.span);
            }
            StepKind::Probe(probe) => self.probe(probe),
            StepKind::Run(run) => self.run(run),
            StepKind::Wait(wait) => {
                // Where the clouds are in the end is the same at one go.
                let until = self.now.saturating_add(wait.saturating_mul(step.repeat));
                // Only what is due can go: to look at all names takes long where there are many.
                let due = self.cloud.next_change().is_some_and(|at| at <= until);
                let before = if due { self.names() } else { BTreeSet::new() };
                self.now = until;
                self.cloud.advance(self.now);
                if due {
                    self.note_what_went(&before, &step.span);
                }
            }
            StepKind::Link(step) => self.link(step),
            StepKind::Check(checks) => {
                for check in checks {
                    self.value(step, check);
                }
            }
        }
    }

    /// Looks at what can be looked at, and notes what can't be told from now on.
    fn faulty(&mut self, step: &Faulty) {
        if let Some(acts) = &step.acts {
            self.faulty_action(acts);
        }
        if step.waits {
            // Nobody knows how late it is now.
            for name in self.names() {
                self.doubts.doubt(name, Harm::Unreadable);
            }
        }
        let from = step.node.as_ref().and_then(|name| self.node(name));
        if let Some(to) = &step.to {
            self.destination(from, to, true);
        }
        for path in &step.paths {
            self.path(path, step.patient);
        }
        for text in &step.texts {
            self.resolve(text);
        }
    }

    /// Adds a diagnostic about what is called `name`, and says where that ended if it did.
    fn complain(&mut self, name: &str, mut diagnostic: Diagnostic) {
        if let Some(span) = self.gone.get(name) {
            diagnostic = diagnostic.related(span.clone(), format!("`{name}` ends here"));
        }
        self.errors.push(diagnostic);
    }

    /// The same about what a path `[kind.]name.attribute` names.
    fn complain_of_path(&mut self, path: &str, diagnostic: Diagnostic) {
        let name = path
            .split('.')
            .take(2)
            .find(|name| self.gone.contains_key(*name));
        self.complain(name.unwrap_or_default(), diagnostic);
    }

    /// What mends a path that leads nowhere, where the reason does not say it.
    fn mend_path(&self, path: &str, why: &ValueError) -> Option<String> {
        let ValueError::UnknownName { nearest: None, .. } = why else {
            return None;
        };
        let (name, attribute) = path.split_once('.')?;
        let last = attribute.rsplit('.').next().unwrap_or_default();
        for attribute in [attribute.replace('.', "_").as_str(), last] {
            let meant = format!("{name}.{attribute}");
            if meant != path && self.cloud.value(&meant).is_ok() {
                return Some(format!("did you mean \"{meant}\"?"));
            }
        }
        Some(
            "a path begins with the name of what a table declares or an earlier step made, as in \
             \"sensor.ip\""
                .to_owned(),
        )
    }

    fn names(&self) -> BTreeSet<String> {
        let aws = self.cloud.aws.names();
        aws.chain(self.cloud.soracom.names())
            .map(|(_, name)| name)
            .collect()
    }

    fn exists(&self, name: &str) -> bool {
        let mut all = self.cloud.aws.names().chain(self.cloud.soracom.names());
        all.any(|(_, one)| one == name)
    }

    fn note_what_went(&mut self, before: &BTreeSet<String>, span: &Span) {
        let after = self.names();
        for name in before.difference(&after) {
            self.gone.insert(name.clone(), span.clone());
        }
    }

    fn node(&mut self, name: &Placed<String>) -> Option<NodeName> {
        if self.doubts.is_missing(&name.value) {
            return None;
        }
        match target::node(&name.value, &self.cloud) {
            Ok(node) => Some(node),
            Err(why) => {
                self.complain_of_target(&name.value, name.span.clone(), &why);
                None
            }
        }
    }

    fn complain_of_target(&mut self, name: &str, span: Span, why: &target::TargetError) {
        let guess = match why {
            TargetError::Unknown { .. } => {
                let mut nodes = [Kind::Instance, Kind::Sim].iter();
                self.doubts.is_missing(name)
                    || nodes.any(|kind| self.doubts.nameless.contains(kind))
            }
            TargetError::Offline(_)
            | TargetError::Stopped(_)
            | TargetError::Silent(_)
            | TargetError::Terminated(_) => {
                self.doubts.is_missing(name) || self.doubts.is_doubtful(name)
            }
            TargetError::Endpoint(_) | TargetError::DomainName(_) => false,
        };
        if guess {
            return;
        }
        let still = self.still.get(name);
        if let Some(diagnostic) =
            still.and_then(|(number, step)| still_is(span.clone(), why, *number, step))
        {
            self.errors.push(diagnostic);
            return;
        }
        let diagnostic = if self.gone.contains_key(name) {
            Diagnostic::error(span, format!("`{name}` no longer exists"))
        } else {
            Diagnostic::error(span, why.to_string())
        };
        let zone = self
            .scenario
            .dns
            .get(&name.trim_end_matches('.').to_ascii_lowercase());
        let help = zone
            .and_then(|addresses| addresses.first())
            .map(|address| format!("the scenario gives it the address \"{address}\""));
        let help = help.or_else(|| match why {
            TargetError::Unknown { nearest: None, .. } if !self.gone.contains_key(name) => Some(
                "a node is a SIM, an instance, `pc` or `internet`; one of SORACOM's endpoints (`pong`, \
                 `metadata`, `dns`, `ntp`) or any address can be asked, too"
                    .to_owned(),
            ),
            _ => None,
        });
        self.complain(name, diagnostic.maybe_help(help));
    }

    /// The text of a template now.
    fn resolve(&mut self, template: &Template) -> Option<String> {
        // Each path that is wrong is worth a word.
        let mut wrong = false;
        let mut seen = BTreeSet::new();
        for path in template.paths().filter(|path| seen.insert(*path)) {
            if self.doubts.path_is_missing(path) {
                wrong = true;
            } else if let Err(why) = self.cloud.value(path) {
                wrong = true;
                if !self.value_is_a_guess(path, &why) {
                    let diagnostic = Diagnostic::error(template.span_of(path), why.to_string())
                        .maybe_help(self.mend_path(path, &why));
                    self.complain_of_path(path, diagnostic);
                }
            }
        }
        if wrong {
            return None;
        }
        template.resolve(&self.cloud).ok()
    }

    /// Whether what is wrong with a path may only follow from something else.
    fn value_is_a_guess(&self, path: &str, why: &ValueError) -> bool {
        match why {
            ValueError::UnknownName { .. } => !self.doubts.nameless.is_empty(),
            // A VPG has two nodes, whatever else becomes of it.
            ValueError::OutOfRange { .. } if path.contains(".outer_ip[") => false,
            ValueError::Empty { .. } | ValueError::OutOfRange { .. } => {
                self.doubts.path_is_doubtful(path, &self.cloud)
            }
            ValueError::Syntax { .. }
            | ValueError::UnknownAttribute { .. }
            | ValueError::NeedsIndex { .. }
            | ValueError::Ambiguous { .. } => false,
        }
    }

    /// Looks at who is asked; what is stopped never answers, which `may_be_silent` says is as expected.
    fn destination(&mut self, from: Option<NodeName>, to: &Template, may_be_silent: bool) {
        let Some(name) = self.resolve(to) else { return };
        if self.doubts.is_missing(&name) {
            return;
        }
        // Where it is not known who asks, the name can be looked at all the same.
        let from = from.unwrap_or(NodeName::Pc);
        let found = target::destination(&from, &name, &self.cloud);
        let why = match (found, target::node(&name, &self.cloud)) {
            (Err(why), _) => why,
            (Ok(_), Err(TargetError::Stopped(name))) if !may_be_silent => TargetError::Silent(name),
            (Ok(_), node) => {
                if let Ok(NodeName::Sim(sim)) = node {
                    // Traffic keeps the session alive.
                    self.cloud.soracom.touch(&sim, self.now);
                }
                return;
            }
        };
        self.complain_of_target(&name, to.0.span.clone(), &why);
    }

    fn probe(&mut self, probe: &ProbeStep) {
        let from = self.node(&probe.from);
        if let Some(NodeName::Sim(sim)) = &from {
            // Traffic keeps the session alive.
            self.cloud.soracom.touch(sim, self.now);
        }
        let silent = matches!(probe.expect, Expectation::Blocked(_));
        self.destination(from, &probe.to, silent);
        let Expectation::Reachable(answer) = &probe.expect else {
            return;
        };
        if let Some(template) = &answer.seen_from
            && let Some(text) = self.resolve(template)
            && text.parse::<Ipv4Addr>().is_err()
            && text.parse::<Ipv4Net>().is_err()
        {
            self.errors.push(Diagnostic::error(
                template.0.span.clone(),
                format!("{text:?} is neither an address nor a CIDR block"),
            ));
        }
        if let Some(template) = &answer.body {
            self.resolve(template);
        }
        for template in answer.addresses.iter().flatten() {
            if let Some(text) = self.resolve(template)
                && text.parse::<Ipv4Addr>().is_err()
            {
                self.errors.push(Diagnostic::error(
                    template.0.span.clone(),
                    format!("{text:?} is not an IPv4 address"),
                ));
            }
        }
        debug_assert!(
            answer.addresses.is_none() || matches!(probe.ask, Ask::Dns { .. }),
            "reading lets `answer` stand with `dns` only"
        );
    }

    fn run(&mut self, run: &RunStep) {
        self.node(&run.on);
        let texts = [Some(&run.script), run.stdout.as_ref(), run.stderr.as_ref()];
        for template in texts.into_iter().flatten() {
            self.resolve(template);
        }
    }

    /// Looks at whose link is to change.
    fn link(&mut self, step: &LinkStep) {
        let name = &step.link.value;
        let why = match links::find(name, &self.cloud) {
            Err(why) => why,
            Ok(LinkName::Sim(_)) => return,
            Ok(link) => {
                if let LinkChange::Degrade(table) = &step.change
                    && table.needs_sim()
                {
                    let what = format!("the {link} has no speed class to take its rate from");
                    let diagnostic = Diagnostic::error(step.link.span.clone(), what);
                    self.errors
                        .push(diagnostic.help("write a rate, as in \"2Mbit/s\""));
                }
                return;
            }
        };
        let guess = match &why {
            LinkError::Unknown { .. } => {
                self.doubts.is_missing(name) || !self.doubts.nameless.is_empty()
            }
            LinkError::NoInternet(_) => self.doubts.is_doubtful(name),
            LinkError::Ambiguous { .. } => false,
        };
        if guess {
            return;
        }
        let diagnostic = if self.gone.contains_key(name) {
            Diagnostic::error(step.link.span.clone(), format!("`{name}` no longer exists"))
        } else {
            Diagnostic::error(step.link.span.clone(), why.to_string())
        };
        let help = match why {
            LinkError::Unknown { nearest: None, .. } => {
                Some("SIMs, instances, peerings and VPGs have links")
            }
            _ => None,
        };
        self.complain(name, diagnostic.maybe_help(help.map(str::to_owned)));
    }

    fn value(&mut self, step: &Step, check: &ValueCheck) {
        self.path(&check.path, step.eventually.is_some());
        self.resolve(&check.expected);
    }

    /// Looks at the path of a value; where it is `patient`, the value may come in time.
    fn path(&mut self, path: &Placed<String>, patient: bool) {
        if self.doubts.path_is_missing(&path.value) {
            return;
        }
        match self.cloud.value(&path.value) {
            Ok(_) => {}
            Err(ValueError::Empty { .. }) if patient => {}
            Err(why) if self.value_is_a_guess(&path.value, &why) => {}
            Err(why) => {
                let diagnostic = Diagnostic::error(path.span.clone(), why.to_string())
                    .maybe_help(self.mend_path(&path.value, &why));
                self.complain_of_path(&path.value, diagnostic);
            }
        }
    }
}

/// What is wrong with using a node that a step has stopped or terminated.
fn still_is(span: Span, why: &TargetError, number: usize, stopped: &Span) -> Option<Diagnostic> {
    let (what, label, help) = match why {
        TargetError::Stopped(name) => (
            format!(
                "instance `{name}` has been stopped since step {number}, so it asks nothing and runs no scripts"
            ),
            "stopped here",
            "start it first, with `StartInstances`",
        ),
        TargetError::Silent(name) => (
            format!(
                "instance `{name}` has been stopped since step {number}, so it answers nothing"
            ),
            "stopped here",
            "start it first, with `StartInstances`, or expect `blocked = true`",
        ),
        TargetError::Terminated(name) => (
            format!("SIM `{name}` has been terminated since step {number}"),
            "terminated here",
            "that is final: register another SIM",
        ),
        _ => return None,
    };
    Some(
        Diagnostic::error(span, what)
            .related(stopped.clone(), label)
            .help(help),
    )
}
