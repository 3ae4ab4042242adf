//! What the clouds' rules say of a probe, before it is sent.

use super::event::{OutcomeKind, PredictionReport};
use crate::explain::Proposal;
use crate::guest::Guests;
use crate::reach::{self, Flow, Map, Prediction, Verdict, resource_at_fault};
use crate::scenario::{Ask, Course};

/// How a probe asks, as the predictor knows it.
pub(super) fn ask(ask: &Ask) -> reach::Ask {
    match ask {
        Ask::Ping {
            size,
            dont_fragment,
        } => reach::Ask::Ping {
            size: *size,
            dont_fragment: *dont_fragment,
        },
        Ask::Tcp { port } | Ask::Http { port, .. } => reach::Ask::Tcp(*port),
        Ask::Udp { port } => reach::Ask::Udp(*port),
        Ask::Dns { .. } => reach::Ask::Udp(53),
        Ask::Ntp => reach::Ask::Udp(123),
    }
}

/// The prediction; none where the asking node sends nothing.
pub(super) fn foretell(course: &Course, guests: &Guests, flow: &Flow) -> Option<PredictionReport> {
    let cloud = &course.cloud;
    let map = Map::new(cloud, guests).with_cut(course.links.cut());
    let prediction = map.predict(flow)?;
    let resource = resource_at_fault(&prediction, cloud);
    let (outcome, reason, answer) = match prediction.verdict {
        Verdict::Reachable => (OutcomeKind::Reachable, None, false),
        Verdict::Refused => (OutcomeKind::Refused, None, false),
        Verdict::Blocked { reason, answer } => (OutcomeKind::Blocked, Some(reason), answer),
    };
    let predicted = match reason {
        None => words(&prediction, outcome),
        Some(reason) => match &resource {
            Some(resource) => format!("blocked: {reason} at {resource}"),
            None => format!("blocked: {reason}"),
        },
    };
    let ping = matches!(flow.ask, reach::Ask::Ping { .. });
    Some(PredictionReport {
        predicted,
        outcome,
        reason: reason.map(|reason| reason.code().to_owned()),
        also: prediction
            .also
            .iter()
            .map(|r| r.code().to_owned())
            .collect(),
        resource,
        answer,
        seen_from: prediction.seen_from,
        ttl: prediction.ttl.filter(|_| ping),
        mend: reach::mend(cloud, flow, &prediction).map(Proposal::new),
        doubts: doubts(&prediction, guests),
        difference: None,
    })
}

fn words(prediction: &Prediction<'_>, outcome: OutcomeKind) -> String {
    if outcome == OutcomeKind::Refused {
        return "refused by the far end: nothing listens there".to_owned();
    }
    match prediction.seen_from {
        Some(ip) => format!("reachable, seen from {ip}"),
        None => "reachable".to_owned(),
    }
}

fn doubts(prediction: &Prediction<'_>, guests: &Guests) -> Vec<String> {
    let mut doubtful = prediction.doubtful.clone();
    doubtful.sort_unstable();
    doubtful.dedup();
    let known = doubtful.into_iter().filter_map(|node| {
        let name = node.name();
        Some((guests.get(&name)?, name))
    });
    known
        .flat_map(|(guest, name)| {
            guest
                .doubts
                .iter()
                .map(move |doubt| format!("{name}: {doubt}"))
        })
        .collect()
}
