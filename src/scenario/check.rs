//! What can be known to be wrong with the steps without running anything: they are carried out on the
//! pure clouds, in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::data::Entries;
use super::setup::{build_what_works, names_unknown, refused};
use super::value::Errors;
use super::{
    Ask, Diagnostic, DoStep, Expectation, NodeName, Placed, ProbeStep, RunStep, Scenario, Span,
    Step, StepKind, Template, ValueCheck, fault, target,
};
use crate::cloud::aws::InstanceId;
use crate::cloud::soracom::SimId;
use crate::cloud::{ApiError, Cloud, Event, Time, ValueError};

/// Everything that is wrong with a scenario that has been read, in file order: what the services
/// refuse, and names that stand for nothing when their turn comes.
pub fn check(scenario: &Scenario) -> Vec<Diagnostic> {
    let built = build_what_works(scenario);
    let mut check = Check {
        scenario,
        cloud: built.cloud,
        now: built.now,
        missing: built.missing,
        gone: BTreeMap::new(),
        errors: built.errors,
    };
    for step in &scenario.steps {
        check.step(step);
    }
    check.errors.sort_by_key(|error| error.primary.span.start);
    check.errors
}

/// A walk through the steps.
struct Check<'s> {
    scenario: &'s Scenario,
    cloud: Cloud,
    now: Time,
    /// The names of what could not be made. Whatever else goes wrong with them follows from that.
    missing: BTreeSet<String>,
    /// The names of what no longer exists, and the step that ended it.
    gone: BTreeMap<String, Span>,
    errors: Errors,
}

impl Check<'_> {
    fn step(&mut self, step: &Step) {
        match &step.kind {
            StepKind::Do(action) => self.action(step, action),
            StepKind::Probe(probe) => self.probe(probe),
            StepKind::Run(run) => self.run(run),
            StepKind::Wait(wait) => {
                let before = self.names();
                for _ in 0..step.repeat {
                    self.now = self.now.saturating_add(*wait);
                    self.cloud.advance(self.now);
                }
                self.note_what_went(&before, &step.span);
            }
            StepKind::Check(checks) => {
                for check in checks {
                    self.value(step, check);
                }
            }
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

    fn action(&mut self, step: &Step, action: &DoStep) {
        let made = action.creates().map(str::to_owned);
        if self.names_missing(&action.parameters) {
            self.missing.extend(made);
            return;
        }
        let read = action
            .resolved(&self.cloud)
            .and_then(|given| Ok((action.action(&self.scenario.source, &self.cloud)?, given)));
        let (read, given) = match read {
            Ok(read) => read,
            Err(errors) => {
                self.errors.extend(errors);
                self.missing.extend(made);
                return;
            }
        };
        if let Some(diagnostic) = self.second_node(action) {
            self.errors.push(diagnostic);
            self.missing.extend(made);
            return;
        }
        let ends = ["Delete", "delete", "Terminate", "terminate", "Release"]
            .iter()
            .any(|verb| action.operation.value.starts_with(verb));
        let before = if ends { self.names() } else { BTreeSet::new() };
        for _ in 0..step.repeat {
            let result = self.cloud.apply(&read, self.now);
            // What may take a while to come out as expected can't be judged at one moment.
            if step.eventually.is_none()
                && let Some(diagnostic) = judge(action, &given, &result)
            {
                let ended = result.err().and_then(|refusal| {
                    let mut names = self.gone.keys();
                    names.find(|name| names_unknown(&refusal, name)).cloned()
                });
                self.complain(ended.as_deref().unwrap_or_default(), diagnostic);
                self.missing.extend(made.clone());
                break;
            }
        }
        if let Some(name) = made {
            self.gone.remove(&name);
        }
        if ends {
            self.note_what_went(&before, &step.span);
        }
    }

    /// What is wrong where a SIM and an instance would have the same name, which the clouds don't mind
    /// but probes do.
    fn second_node(&self, action: &DoStep) -> Option<Diagnostic> {
        let name = action.parameters.get("as")?;
        let text = action.creates()?;
        let other = match action.operation.value.as_str() {
            "RunInstances" => self
                .cloud
                .soracom
                .sims
                .contains_key(&SimId::new(text))
                .then_some("a SIM"),
            "registerSim" => self
                .cloud
                .aws
                .instances
                .contains_key(&InstanceId::new(text))
                .then_some("an instance"),
            _ => None,
        }?;
        Some(
            Diagnostic::error(
                name.span.clone(),
                format!("the name `{text}` is given twice"),
            )
            .label(format!("{other} has it already"))
            .help("a probe must say which one is meant: choose another name"),
        )
    }

    /// Whether parameters name something that could not be made.
    fn names_missing(&self, given: &Entries) -> bool {
        !self.missing.is_empty()
            && fault::scalars(given, true).into_iter().any(|value| {
                self.missing.contains(&value.value)
                    || Template(value)
                        .paths()
                        .any(|path| self.path_is_missing(path))
            })
    }

    fn names(&self) -> BTreeSet<String> {
        let aws = self.cloud.aws.names();
        aws.chain(self.cloud.soracom.names())
            .map(|(_, name)| name)
            .collect()
    }

    fn note_what_went(&mut self, before: &BTreeSet<String>, span: &Span) {
        let after = self.names();
        for name in before.difference(&after) {
            self.gone.insert(name.clone(), span.clone());
        }
    }

    fn node(&mut self, name: &Placed<String>) -> Option<NodeName> {
        if self.missing.contains(&name.value) {
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
        if self.missing.contains(name) {
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
        self.complain(name, diagnostic.maybe_help(help));
    }

    /// The text of a template now.
    fn resolve(&mut self, template: &Template) -> Option<String> {
        // Each path that is wrong is worth a word.
        let mut wrong = false;
        let mut seen = BTreeSet::new();
        for path in template.paths().filter(|path| seen.insert(*path)) {
            if self.path_is_missing(path) {
                wrong = true;
            } else if let Err(why) = self.cloud.value(path) {
                wrong = true;
                let diagnostic = Diagnostic::error(template.span_of(path), why.to_string());
                self.complain_of_path(path, diagnostic);
            }
        }
        if wrong {
            return None;
        }
        template.resolve(&self.cloud).ok()
    }

    /// Whether a path `[kind.]name.attribute` is that of something that could not be made.
    fn path_is_missing(&self, path: &str) -> bool {
        path.split('.')
            .take(2)
            .any(|name| self.missing.contains(name))
    }

    fn probe(&mut self, probe: &ProbeStep) {
        let from = self.node(&probe.from);
        if let Some(NodeName::Sim(sim)) = &from {
            // Traffic keeps the session alive.
            self.cloud.soracom.touch(sim, self.now);
        }
        if let Some(to) = self.resolve(&probe.to)
            && !self.missing.contains(&to)
        {
            // Where it is not known who asks, the name can be looked at all the same.
            let from = from.unwrap_or(NodeName::Pc);
            if let Err(why) = target::destination(&from, &to, &self.cloud) {
                self.complain_of_target(&to, probe.to.0.span.clone(), &why);
            } else if let Ok(NodeName::Sim(sim)) = target::node(&to, &self.cloud) {
                self.cloud.soracom.touch(&sim, self.now);
            }
        }
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

    fn value(&mut self, step: &Step, check: &ValueCheck) {
        if !self.path_is_missing(&check.path.value) {
            match self.cloud.value(&check.path.value) {
                Ok(_) => {}
                // It may get its value in time.
                Err(ValueError::Empty { .. }) if step.eventually.is_some() => {}
                Err(why) => {
                    let diagnostic = Diagnostic::error(check.path.span.clone(), why.to_string());
                    self.complain_of_path(&check.path.value, diagnostic);
                }
            }
        }
        self.resolve(&check.expected);
    }
}

/// What is wrong with the outcome of an action, if it is not as the step says.
fn judge(
    action: &DoStep,
    given: &Entries,
    result: &Result<Vec<Event>, ApiError>,
) -> Option<Diagnostic> {
    let operation = &action.operation.value;
    match (result, &action.error) {
        (Ok(_), None) => None,
        (Err(refusal), Some(code)) if refusal.code == code.value => None,
        (Ok(_), Some(code)) => Some(
            Diagnostic::error(
                code.span.clone(),
                format!(
                    "`{operation}` succeeds here, it does not fail with {}",
                    code.value
                ),
            )
            .help("leave `error` out if it should succeed"),
        ),
        (Err(refusal), Some(code)) => Some(
            refused(code.span.clone(), operation, refusal)
                .label(format!("the code is {}", refusal.code)),
        ),
        (Err(refusal), None) => {
            let values = fault::scalars(given, true);
            let span = fault::value_at_fault(&refusal.message, &values);
            let span = span.unwrap_or_else(|| action.operation.span.clone());
            Some(refused(span, operation, refusal).help(format!(
                "if the step is to show this, add `error = {:?}`",
                refusal.code
            )))
        }
    }
}
