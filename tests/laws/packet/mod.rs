//! What becomes of packets, as the predictor has it.
//!
//! The laws quantify over clouds that random actions lead to, over what may be known of the machines in
//! them, and over every flow between all that have an address.

mod journey;
mod nat;
mod network_acl;
mod route;
mod security_group;
mod source_dest_check;
mod transit;

use std::collections::BTreeSet;

use canal_sim::cloud::{Cloud, Reason};
use canal_sim::guest::Guests;
use canal_sim::reach::{Flow, Hop, HopKind, Map, NatPlace, Prediction, Verdict};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::flow::{flows, known};

/// Whether a prediction is anything but a drop.
fn passes(prediction: &Prediction<'_>) -> bool {
    !matches!(prediction.verdict, Verdict::Blocked { .. })
}

/// All flows with their predictions, as far as there are machines to begin them.
fn predicted<'a>(map: &Map<'a>, cloud: &Cloud) -> Vec<(Flow, Prediction<'a>)> {
    let all = flows(cloud).into_iter();
    all.filter_map(|flow| map.predict(&flow).map(|prediction| (flow, prediction)))
        .collect()
}

/// The flows that get an answer, and their verdicts.
fn answered(cloud: &Cloud, guests: &Guests) -> Vec<(Flow, Verdict)> {
    let map = Map::new(cloud, guests);
    let all = predicted(&map, cloud).into_iter();
    all.filter(|(_, prediction)| passes(prediction))
        .map(|(flow, prediction)| (flow, prediction.verdict))
        .collect()
}

/// Fails where a flow that got an answer does not get it any more.
fn still_answered(before: &[(Flow, Verdict)], cloud: &Cloud, guests: &Guests, what: &str) {
    let map = Map::new(cloud, guests);
    for (flow, verdict) in before {
        let now = map.predict(flow);
        let same = now.as_ref().is_some_and(|now| now.verdict == *verdict);
        assert!(same, "{what}: {flow:?} was {verdict:?} and is {now:#?}");
    }
}

/// A stop in a word or two, for the list of what was met.
fn word(hop: &Hop<'_>) -> Option<&'static str> {
    Some(match hop.kind {
        HopKind::Peering { foreign: None, .. } if hop.tunnelled => "a tunnel over a peering",
        HopKind::Peering { foreign: None, .. } => "a peering",
        HopKind::Peering {
            foreign: Some(_), ..
        } => "an address that a peering refuses",
        HopKind::Attachment { .. } => "an attachment",
        HopKind::InternetGateway { .. } => "an internet gateway",
        HopKind::Forwards { .. } => "a machine that forwards",
        HopKind::NetworkAcl { .. } => "a network ACL",
        HopKind::SourceDestCheck { .. } => "a source/destination check",
        HopKind::Nat {
            place: NatPlace::Vpg(..),
            ..
        } => "a VPG's translation",
        HopKind::Nat {
            place: NatPlace::SharedPlatform,
            ..
        } => "the platform's translation",
        HopKind::Nat {
            place: NatPlace::InternetGateway(_),
            ..
        } => "a gateway's translation",
        _ => return None,
    })
}

proptest! {
    #![proptest_config(cases(64))]

    /// Whoever asks twice is told the same, and what gets an answer gets it where it was asked.
    #[test]
    fn the_same_question_gets_the_same_answer_and_that_reaches_whoever_asked(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        let again = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            let twice = again.predict(&flow);
            prop_assert_eq!(twice.as_ref(), Some(&prediction), "{:?}", flow);
            let asking = prediction.forward.first().map(|hop| hop.kind);
            let (Some(HopKind::Sends { node: asked_by, .. }), true) = (asking, passes(&prediction)) else {
                continue;
            };
            // What a machine asks of itself never leaves it.
            if let Some(hop) = prediction.back.iter().rev().find(|hop| !matches!(hop.kind, HopKind::Sends { .. })) {
                let home = matches!(hop.kind, HopKind::Arrives { node, .. } if node == asked_by);
                prop_assert!(home, "{flow:?}: {prediction:#?}");
            }
        }
    }
}

/// The laws would hold emptily if packets never got far, or were never stopped.
#[test]
fn packets_meet_everything_that_the_laws_are_about() {
    let mut runner = TestRunner::deterministic();
    let mut met: BTreeSet<String> = BTreeSet::new();
    for _ in 0..48 {
        let (walk, known) = (stroll(), known()).new_tree(&mut runner).unwrap().current();
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let map = Map::new(&cloud, &guests);
        for (_, prediction) in predicted(&map, &cloud) {
            let fate = match prediction.verdict {
                Verdict::Reachable => "reached",
                Verdict::Refused => "refused",
                Verdict::Blocked { answer: false, .. } => "dropped",
                Verdict::Blocked { answer: true, .. } => "answer dropped",
            };
            met.insert(fate.into());
            if let Verdict::Blocked { reason, .. } = prediction.verdict {
                met.insert(format!("dropped by {reason}"));
            }
            // On the way of what gets an answer, or else of what may die at once.
            let ways = prediction.forward.iter().chain(&prediction.back);
            met.extend(
                ways.filter(|_| passes(&prediction))
                    .filter_map(word)
                    .map(str::to_owned),
            );
        }
    }
    let reasons = [
        Reason::BadStateRoute,
        Reason::EniSgRulesMismatch,
        Reason::EniSourceDestCheckRestriction,
        Reason::PcxRequiresAddressInVpcCidr,
        Reason::SubnetAclRestriction,
        Reason::IgwPublicIpAssociationForEgress,
    ];
    let wanted = [
        "reached",
        "refused",
        "dropped",
        "answer dropped",
        "a tunnel over a peering",
        "a peering",
        "an attachment",
        "an internet gateway",
        "a machine that forwards",
        "a network ACL",
        "a source/destination check",
        "a VPG's translation",
        "the platform's translation",
        "a gateway's translation",
    ];
    let reasons = reasons.map(|reason| format!("dropped by {reason}"));
    let wanted = wanted.into_iter().map(str::to_owned).chain(reasons);
    let missing: Vec<_> = wanted.filter(|one| !met.contains(one)).collect();
    assert!(missing.is_empty(), "never met: {missing:?}");
}
