//! One step of each kind, with `repeat` and `eventually`.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use super::event::{Detail, Status};
use super::session::Session;
use super::{node, probe, words};
use crate::backend::{Backend, BackendError, Script, ScriptEnd, ScriptOutput};
use crate::scenario::{
    DoStep, LinkStep, RunStep, Scenario, Step, StepKind, Template, ValueCheck, limits, links,
    target,
};

/// What came of a step.
pub(super) struct Done {
    pub status: Status,
    pub attempts: u32,
    pub detail: Detail,
}

/// Carries one step out: `repeat` times, or until it passes within `eventually`. One that was skipped once
/// would be skipped again.
///
/// A `check` that may pass eventually lets the clouds' clock go on to their next change instead of
/// waiting; what other steps observe changes by the network's own clock.
///
/// # Errors
///
/// What the backend could not do. A step that can't be carried out because of what its names stand for
/// is a step that failed.
pub(super) async fn run<B: Backend>(
    session: &mut Session<'_, B>,
    scenario: &Scenario,
    step: &Step,
) -> Result<Done, BackendError> {
    let mut attempts = 0;
    if let Some(bound) = step.eventually {
        let began = session.backend.now();
        let mut waited = Duration::ZERO;
        loop {
            attempts += 1;
            let (status, detail) = once(session, scenario, step).await?;
            let done = Done {
                status,
                attempts,
                detail,
            };
            if status != Status::Failed {
                return Ok(done);
            }
            if let StepKind::Check(_) = step.kind {
                let Some(next) = session.course.patience(waited, bound) else {
                    return Ok(done);
                };
                waited += next;
                session.wait(next).await?;
            } else {
                // The pauses count by themselves, too: a clock may stand still.
                let passed = session.backend.now().saturating_sub(began).max(waited);
                let pause = limits::pause(passed);
                if passed + pause > bound {
                    return Ok(done);
                }
                waited += pause;
                session.backend.pause(pause).await;
            }
            give_way().await;
        }
    }
    loop {
        attempts += 1;
        let (status, detail) = once(session, scenario, step).await?;
        if status != Status::Passed || attempts >= step.repeat {
            return Ok(Done {
                status,
                attempts,
                detail,
            });
        }
        give_way().await;
    }
}

/// Lets whoever polls this step look up: a backend that never waits would go through all attempts at once,
/// and nobody could end the run between two.
async fn give_way() {
    let mut is_second = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_second, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whether the step came out as expected, and what happened.
pub(super) type Attempt = (Status, Detail);

/// The status of a step that was carried out whole.
pub(super) fn status(passed: bool) -> Status {
    if passed {
        Status::Passed
    } else {
        Status::Failed
    }
}

pub(super) fn impossible(why: impl std::fmt::Display) -> Attempt {
    let why = why.to_string();
    (Status::Failed, Detail::Impossible { why })
}

async fn once<B: Backend>(
    session: &mut Session<'_, B>,
    scenario: &Scenario,
    step: &Step,
) -> Result<Attempt, BackendError> {
    match &step.kind {
        StepKind::Do(act) => self::act(session, scenario, act).await,
        StepKind::Probe(step) => probe::carry_out(session, step).await,
        StepKind::Run(script) => self::script(session, script).await,
        StepKind::Wait(waited) => {
            let (events, changes) = session.wait(*waited).await?;
            let waited = *waited;
            let detail = Detail::Wait {
                waited,
                events,
                changes,
            };
            Ok((Status::Passed, detail))
        }
        StepKind::Check(list) => Ok(check(session, list)),
        StepKind::Link(step) => link(session, step).await,
    }
}

async fn act<B: Backend>(
    session: &mut Session<'_, B>,
    scenario: &Scenario,
    step: &DoStep,
) -> Result<Attempt, BackendError> {
    let action = match step.action(&scenario.source, &session.course.cloud) {
        Ok(action) => action,
        Err(list) => {
            let messages: Vec<String> = list.into_iter().map(|d| d.message).collect();
            return Ok(impossible(messages.join("; ")));
        }
    };
    let expected_error = step.error.as_ref().map(|code| code.value.clone());
    let operation = step.operation.value.clone();
    let (error, (events, changes)) = match session.act(&action).await? {
        Ok(done) => (None, done),
        Err(refusal) => (Some(refusal), (Vec::new(), 0)),
    };
    let passed = error.as_ref().map(|e| e.code) == expected_error.as_deref();
    let detail = Detail::Do {
        operation,
        expected_error,
        error,
        events,
        changes,
    };
    Ok((status(passed), detail))
}

async fn script<B: Backend>(
    session: &mut Session<'_, B>,
    step: &RunStep,
) -> Result<Attempt, BackendError> {
    let node = match target::node(&step.on.value, &session.course.cloud) {
        Ok(node) => node,
        Err(why) => return Ok(impossible(why)),
    };
    let cloud = &session.course.cloud;
    let resolve = |template: &Template| template.resolve(cloud).map_err(|d| d.message);
    let maybe = |template: &Option<Template>| template.as_ref().map(resolve).transpose();
    let texts = resolve(&step.script)
        .and_then(|text| Ok((text, maybe(&step.stdout)?, maybe(&step.stderr)?)));
    let (text, stdout, stderr) = match texts {
        Ok(texts) => texts,
        Err(why) => return Ok(impossible(why)),
    };
    let script = Script {
        node: node::id(&node),
        text,
        timeout: step.timeout,
    };
    let output = session.backend.run(&script).await?;
    session.scripted.insert(node);
    let mut problems = Vec::new();
    if output.end != ScriptEnd::Exit(step.exit) {
        let end = words::end(output.end, step.timeout);
        problems.push(format!("it ended with {end}, expected exit {}", step.exit));
    }
    for (name, wanted, got) in [
        ("stdout", &stdout, &output.stdout),
        ("stderr", &stderr, &output.stderr),
    ] {
        if let Some(wanted) = wanted
            .as_ref()
            .filter(|wanted| !got.contains(wanted.trim()))
        {
            problems.push(format!("{name} does not contain {:?}", wanted.trim()));
        }
    }
    let status = script_status(&output, step.exit, problems.is_empty());
    let detail = Detail::Run {
        node: step.on.value.clone(),
        end: words::end(output.end, step.timeout),
        stdout: output.stdout,
        stderr: output.stderr,
        problems,
        skipped: output.skipped,
    };
    Ok((status, detail))
}

/// What a script comes to. Where commands were skipped, what it did not show or how it did not end may be
/// for want of them; one that refused, though it should not have, was carried out.
fn script_status(output: &ScriptOutput, expected: i32, as_expected: bool) -> Status {
    let refused = output.end != ScriptEnd::Exit(0) && output.end != ScriptEnd::Exit(expected);
    match (output.skipped.is_empty(), as_expected) {
        (true, passed) => status(passed),
        (false, false) if refused => Status::Failed,
        (false, _) => Status::Skipped,
    }
}

async fn link<B: Backend>(
    session: &mut Session<'_, B>,
    step: &LinkStep,
) -> Result<Attempt, BackendError> {
    let link = match links::find(&step.link.value, &session.course.cloud) {
        Ok(link) => link,
        Err(why) => return Ok(impossible(why)),
    };
    let (became, changes) = session.change_link(&link, &step.change).await?;
    let link = link.to_string();
    let detail = Detail::Link {
        link,
        became,
        changes,
    };
    Ok((Status::Passed, detail))
}

fn check<B: Backend>(session: &Session<'_, B>, list: &[ValueCheck]) -> Attempt {
    let problems = session.course.differences(list);
    (status(problems.is_empty()), Detail::Check { problems })
}
