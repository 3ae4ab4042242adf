//! A probe step: what is predicted, what is measured, and both against what is expected.

use super::event::Detail;
use super::path::{Death, path};
use super::session::Session;
use super::step::{Attempt, impossible};
use super::wanted::Wanted;
use super::{compare, foretell, judge, words};
use crate::backend::probe::{Probe, ProbeKind};
use crate::backend::{Backend, BackendError};
use crate::reach::Flow;
use crate::scenario::{Ask, ProbeStep, target};

/// Sends the probe and judges it.
///
/// # Errors
///
/// What the backend could not do.
pub(super) async fn carry_out<B: Backend>(
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
        from: super::node::id(&from),
        to: to_ip,
        kind: kind(&step.ask, &to),
        timeout: step.timeout,
    };
    session.course.touch(&from, to_ip);
    let flow = Flow {
        from,
        to: to_ip,
        ask: foretell::ask(&step.ask),
    };
    let guests = session.guests().await?;
    let prediction = foretell::foretell(&session.course, &guests, &flow);
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
    let expected = matches!(expectation, Wanted::Predicted);
    compare::compare(prediction, expected, &mut report);
    let status = super::step::status(report.problems.is_empty());
    Ok((status, Detail::Expect(Box::new(report))))
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
