//! One step of each kind, with `repeat` and `eventually`.

use std::time::{Duration, Instant};

use super::event::Detail;
use super::judge;
use super::path::{Death, path};
use super::session::Session;
use super::wanted::Wanted;
use super::words;
use crate::backend::probe::{Probe, ProbeKind};
use crate::backend::{Backend, BackendError, Script, ScriptEnd};
use crate::lower::{instance_node, internet_node, pc_node, sim_node};
use crate::network::NodeId;
use crate::scenario::{
    Ask, DoStep, NodeName, ProbeStep, RunStep, Scenario, Step, StepKind, Template, ValueCheck,
    target,
};

/// Between two attempts of a step that may pass eventually.
const PAUSE: Duration = Duration::from_millis(50);

/// What came of a step.
pub(super) struct Done {
    pub passed: bool,
    pub attempts: u32,
    pub detail: Detail,
}

/// Carries one step out: `repeat` times, or until it passes within `eventually`.
///
/// A `check` that may pass eventually lets the clouds' clock go on to their next change instead of
/// waiting; what other steps observe changes in real time.
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
        let began = Instant::now();
        let mut waited = Duration::ZERO;
        loop {
            attempts += 1;
            let (passed, detail) = once(session, scenario, step).await?;
            let done = Done {
                passed,
                attempts,
                detail,
            };
            if passed {
                return Ok(done);
            }
            if let StepKind::Check(_) = step.kind {
                let Some(next) = session.course.patience(waited, bound) else {
                    return Ok(done);
                };
                waited += next;
                session.wait(next).await?;
            } else if began.elapsed() + PAUSE > bound {
                return Ok(done);
            } else {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    loop {
        attempts += 1;
        let (passed, detail) = once(session, scenario, step).await?;
        if !passed || attempts >= step.repeat {
            return Ok(Done {
                passed,
                attempts,
                detail,
            });
        }
    }
}

/// Whether the step came out as expected, and what happened.
type Attempt = (bool, Detail);

fn impossible(why: impl std::fmt::Display) -> Attempt {
    let why = why.to_string();
    (false, Detail::Impossible { why })
}

async fn once<B: Backend>(
    session: &mut Session<'_, B>,
    scenario: &Scenario,
    step: &Step,
) -> Result<Attempt, BackendError> {
    match &step.kind {
        StepKind::Do(act) => self::act(session, scenario, act).await,
        StepKind::Probe(probe) => self::probe(session, probe).await,
        StepKind::Run(script) => self::script(session, script).await,
        StepKind::Wait(waited) => {
            let (events, changes) = session.wait(*waited).await?;
            let waited = *waited;
            let detail = Detail::Wait {
                waited,
                events,
                changes,
            };
            Ok((true, detail))
        }
        StepKind::Check(list) => Ok(check(session, list)),
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
    Ok((passed, detail))
}

async fn probe<B: Backend>(
    session: &mut Session<'_, B>,
    step: &ProbeStep,
) -> Result<Attempt, BackendError> {
    let cloud = &session.course.cloud;
    let from = match target::node(&step.from.value, cloud) {
        Ok(from) => from,
        Err(why) => return Ok(impossible(why)),
    };
    let to = match step.to.resolve(cloud) {
        Ok(to) => to,
        Err(diagnostic) => return Ok(impossible(diagnostic.message)),
    };
    let to_ip = match target::destination(&from, &to, cloud) {
        Ok(ip) => ip,
        Err(why) => return Ok(impossible(why)),
    };
    let expectation = match Wanted::resolve(&step.expect, cloud) {
        Ok(wanted) => wanted,
        Err(why) => return Ok(impossible(why)),
    };
    let probe = Probe {
        from: node_id(&from),
        to: to_ip,
        kind: kind(&step.ask, &to),
        timeout: step.timeout,
    };
    session.course.touch(&from, to_ip);
    let measurement = session.backend.probe(&probe).await?;
    let mut report = judge::judge(&expectation, &measurement);
    report.from = step.from.value.clone();
    report.to = to;
    report.to_ip = to_ip;
    report.probe = words::ask(&step.ask);
    let last = measurement.evidence.last();
    let death = last
        .filter(|_| report.reason.is_some())
        .map(|evidence| Death {
            node: &evidence.node,
            answer: evidence.answer,
        });
    report.path = path(&session.network, &probe.from, to_ip, death);
    Ok((report.problems.is_empty(), Detail::Expect(Box::new(report))))
}

async fn script<B: Backend>(
    session: &mut Session<'_, B>,
    step: &RunStep,
) -> Result<Attempt, BackendError> {
    let node = match target::node(&step.on.value, &session.course.cloud) {
        Ok(node) => node_id(&node),
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
        node,
        text,
        timeout: step.timeout,
    };
    let output = session.backend.run(&script).await?;
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
    let passed = problems.is_empty();
    let detail = Detail::Run {
        node: step.on.value.clone(),
        end: words::end(output.end, step.timeout),
        stdout: output.stdout,
        stderr: output.stderr,
        problems,
    };
    Ok((passed, detail))
}

fn check<B: Backend>(session: &Session<'_, B>, list: &[ValueCheck]) -> Attempt {
    let problems = session.course.differences(list);
    (problems.is_empty(), Detail::Check { problems })
}

/// The node of the network that a scenario's name stands for.
fn node_id(name: &NodeName) -> NodeId {
    match name {
        NodeName::Sim(sim) => sim_node(sim),
        NodeName::Instance(instance) => instance_node(instance),
        NodeName::Pc => pc_node(),
        NodeName::Internet => internet_node(),
    }
}

fn kind(ask: &Ask, to: &str) -> ProbeKind {
    match ask {
        Ask::Ping {
            size,
            dont_fragment,
        } => ProbeKind::Ping {
            size: *size,
            dont_fragment: *dont_fragment,
        },
        Ask::Tcp { port } => ProbeKind::Tcp { port: *port },
        Ask::Udp { port } => ProbeKind::Udp { port: *port },
        Ask::Http { port, path } => ProbeKind::Http {
            port: *port,
            path: path.clone(),
            host: to.to_owned(),
        },
        Ask::Dns { name } => ProbeKind::Dns {
            port: 53,
            name: name.clone(),
        },
        Ask::Ntp => ProbeKind::Ntp { port: 123 },
    }
}
