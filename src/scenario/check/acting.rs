//! `do` steps on the pure clouds: whether the services do what the step says, and what can't be told
//! after a step that should have worked.

use std::collections::BTreeSet;

use super::Check;
use crate::cloud::aws::{InstanceId, InstanceState};
use crate::cloud::soracom::{SimId, SimStatus};
use crate::cloud::{ApiError, Cloud, Event};
use crate::scenario::data::Entries;
use crate::scenario::diagnostic::Harm;
use crate::scenario::doubt::names_unknown;
use crate::scenario::draft::Acts;
use crate::scenario::setup::refused;
use crate::scenario::{Diagnostic, DoStep, Span, Step, Template, fault};

/// How much of the clouds is copied at most, in bytes of the file that describes them: of the largest file some
/// thirty times, of one with a hundred lines for each step that it may have.
const COPIED: usize = 256 << 20;

impl Check<'_> {
    /// Carries an action out.
    pub(super) fn action(&mut self, step: &Step, action: &DoStep) {
        let made = action.creates().map(str::to_owned);
        if self.names_missing(&action.parameters) {
            self.guess(action);
            return;
        }
        let read = action
            .resolved(&self.cloud)
            .and_then(|given| Ok((action.action(&self.scenario.source, &self.cloud)?, given)));
        let (read, given) = match read {
            Ok(read) => read,
            Err(errors) => {
                if !self.template_is_doubtful(action) && self.doubts.nameless.is_empty() {
                    self.errors.extend(errors);
                }
                self.guess(action);
                return;
            }
        };
        if let Some(diagnostic) = self.second_node(action) {
            self.errors.push(diagnostic);
            self.guess(action);
            return;
        }
        let ends = ends(&action.operation.value);
        let before = if ends { self.names() } else { BTreeSet::new() };
        // An action that is to be refused leaves things as they are, for all that follows; also where it isn't
        // refused, which ends the repetitions.
        let mut as_it_is = action.error.as_ref().and_then(|_| self.copy());
        for _ in 0..step.repeat {
            let names = self.concerned(&given);
            let result = self.cloud.apply(&read, self.now);
            let Some(diagnostic) = judge(action, &given, &result) else {
                continue;
            };
            if result.is_ok()
                && let Some(before) = as_it_is.take()
            {
                self.cloud = before;
            }
            let excused = match &result {
                // What was left out may be what was to stand in the way.
                Ok(_) if ends => !self.doubts.is_empty(),
                Ok(_) => {
                    adds(&action.operation.value)
                        && names.iter().any(|name| self.doubts.is_doubtful(name))
                }
                Err(refusal) => self.doubts.excuse(refusal),
            } || self.doubts.reach(names, &self.cloud);
            // What may take a while to come out as expected can't be judged at one moment.
            if step.eventually.is_none() && !excused {
                let ended = result.as_ref().err().and_then(|refusal| {
                    let mut names = self.gone.keys();
                    names.find(|name| names_unknown(refusal, name)).cloned()
                });
                self.complain(ended.as_deref().unwrap_or_default(), diagnostic);
            }
            if result.is_err() && action.error.is_none() {
                // It should have worked: what comes of it is not known.
                self.guess(action);
                return;
            }
            break;
        }
        if let Some(name) = made {
            self.gone.remove(&name);
            if self.exists(&name) {
                self.doubts.made(&name);
            }
        }
        if ends {
            self.note_what_went(&before, &step.span);
        }
    }

    /// The clouds as they are; none where that was done so often that it would take long. What follows from an
    /// action that should have been refused is told then, too.
    fn copy(&mut self) -> Option<Cloud> {
        self.copied += self.scenario.source.text.len();
        (self.copied <= COPIED).then(|| self.cloud.clone())
    }

    /// Notes what can't be told after an action that can't be carried out.
    pub(super) fn faulty_action(&mut self, acts: &Acts) {
        let (operation, makes) = (acts.operation.as_deref(), acts.makes.as_deref());
        self.doubt_all(acts.names.clone(), operation, makes);
        if acts.vague {
            let all = self.names().into_iter().collect();
            self.doubt_all(all, operation, None);
        }
        self.doubts.nameless.extend(acts.nameless);
    }

    /// Goes on without an action that should have worked: what it makes is missing, or else what it names
    /// may not be as it was meant.
    fn guess(&mut self, action: &DoStep) {
        let names = self.concerned(&action.parameters);
        self.doubt_all(names, Some(&action.operation.value), action.creates());
    }

    /// Doubts what an action names. What has only been added to can lack no more than that.
    fn doubt_all(&mut self, names: Vec<String>, operation: Option<&str>, makes: Option<&str>) {
        let existing = self.names();
        let harm = if makes.is_some() || operation.is_some_and(adds) {
            Harm::LeftOut
        } else {
            Harm::Unreadable
        };
        for name in names.into_iter().filter(|name| existing.contains(name)) {
            self.doubts.doubt(name, harm);
        }
        if let Some(name) = makes {
            self.doubts.miss(name);
        }
    }

    /// The names among the values of parameters.
    fn concerned(&self, given: &Entries) -> Vec<String> {
        fault::scalars(given, true)
            .into_iter()
            .map(|value| value.value)
            .collect()
    }

    /// Whether parameters take values from what may not be as it was meant.
    fn template_is_doubtful(&self, action: &DoStep) -> bool {
        fault::scalars(&action.parameters, true)
            .into_iter()
            .any(|value| {
                Template(value)
                    .paths()
                    .any(|path| self.doubts.path_is_doubtful(path, &self.cloud))
            })
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
        fault::scalars(given, true).into_iter().any(|value| {
            self.doubts.is_missing(&value.value)
                || Template(value)
                    .paths()
                    .any(|path| self.doubts.path_is_missing(path))
        })
    }

    /// Notes which nodes no longer run after a step.
    pub(super) fn note_what_stopped(&mut self, number: usize, span: &Span) {
        let aws = self.cloud.aws.instances.iter();
        let stopped = aws
            .filter(|(_, instance)| instance.state == InstanceState::Stopped)
            .map(|(id, _)| id.to_string());
        let sims = self.cloud.soracom.sims.iter();
        let terminated = sims
            .filter(|(_, sim)| sim.status == SimStatus::Terminated)
            .map(|(id, _)| id.to_string());
        let now: BTreeSet<String> = stopped.chain(terminated).collect();
        self.still.retain(|name, _| now.contains(name));
        for name in now {
            self.still.entry(name).or_insert((number, span.clone()));
        }
    }
}

/// Whether an operation ends something.
fn ends(operation: &str) -> bool {
    ["Delete", "delete", "Terminate", "terminate", "Release"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// Whether an operation only adds something to what there is.
fn adds(operation: &str) -> bool {
    [
        "Create",
        "create",
        "Authorize",
        "Run",
        "Allocate",
        "register",
    ]
    .iter()
    .any(|verb| operation.starts_with(verb))
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
