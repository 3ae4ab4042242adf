//! What actions and the passing of time may do to the clouds, and what they may not.

use std::collections::BTreeSet;
use std::time::Duration;

use canal_sim::cloud::aws::{RouteTarget, RulePeer};
use canal_sim::cloud::soracom::{self, Session};
use canal_sim::cloud::{Action, Cloud};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::any::action::Step;
use crate::any::cases;
use crate::any::cloud::{Start, walk};
use crate::state;

/// What a session was created with.
fn properties(session: &Session) -> impl PartialEq + std::fmt::Debug {
    let Session {
        anchor,
        ip,
        dns,
        mtu,
        since,
        last_used: _,
    } = session.clone();
    (anchor, ip, dns, mtu, since)
}

/// The SIM whose device the step makes connect.
fn connecting(step: &Step) -> Option<&str> {
    match &step.action {
        Action::Soracom(soracom::Action::Connect(op)) => Some(op.sim.as_str()),
        Action::Soracom(soracom::Action::Reconnect(op)) => Some(op.sim.as_str()),
        _ => None,
    }
}

/// Fails where a session came into being, or changed, without its own device's doing.
fn only_devices_make_sessions(before: &Cloud, after: &Cloud, connected: Option<&str>) {
    for (id, sim) in &after.soracom.sims {
        let Some(session) = &sim.session else {
            continue;
        };
        if connected == Some(id.as_str()) {
            let pins = session
                .anchor
                .as_ref()
                .map(|(vpg, _)| &after.soracom.vpgs[vpg].ip_address_map);
            if let Some(pin) = pins.and_then(|pins| pins.get(&sim.imsi)) {
                assert_eq!(session.ip, *pin, "SIM {id} is pinned");
            }
            continue;
        }
        let former = before.soracom.sims.get(id);
        let former = former.and_then(|sim| sim.session.as_ref());
        assert_eq!(
            former.map(properties),
            Some(properties(session)),
            "the session of SIM {id} changed by itself"
        );
    }
}

/// Whether an operation makes routes or rules, so that one may name something that is new.
fn rewrites(operation: &str) -> bool {
    ["CreateRoute", "ReplaceRoute"].contains(&operation)
        || operation.starts_with("AuthorizeSecurityGroup")
}

/// What routes lead to and what rules name: what is there, and what is not.
fn references(cloud: &Cloud) -> (BTreeSet<String>, BTreeSet<String>) {
    let aws = &cloud.aws;
    let mut found: Vec<(String, bool)> = Vec::new();
    for (id, table) in &aws.route_tables {
        for (prefix, target) in &table.routes {
            let there = match target {
                RouteTarget::InternetGateway(gateway) => {
                    aws.internet_gateways.contains_key(gateway)
                }
                RouteTarget::Peering(peering) => aws.peerings[peering].is_live(),
                RouteTarget::TransitGateway(attachment) => aws.attachments.contains_key(attachment),
                RouteTarget::Instance(instance) => aws.instances.contains_key(instance),
            };
            found.push((format!("route {prefix} of {id} to {target}"), there));
        }
    }
    for (id, group) in &aws.security_groups {
        for rule in group.ingress.iter().chain(&group.egress) {
            if let RulePeer::Group(peer) = &rule.peer {
                let there = aws.security_groups.contains_key(peer);
                found.push((format!("rule of {id} that names {peer}"), there));
            }
        }
    }
    let (present, missing): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, there)| *there);
    let names = |list: Vec<(String, bool)>| list.into_iter().map(|(name, _)| name).collect();
    (names(present), names(missing))
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn an_action_that_is_refused_leaves_the_state_as_it_was_and_says_why(walk in walk(1..60)) {
        let mut world = walk.start.world();
        for step in &walk.steps {
            world.pass(step.after);
            let before = world.cloud.clone();
            if let Err(error) = world.cloud.apply(&step.action, world.now) {
                prop_assert_eq!(&world.cloud, &before, "{:?}", step);
                prop_assert!(!error.message.is_empty() && !error.code.is_empty(), "{:?}", step);
            }
        }
    }

    #[test]
    fn whatever_is_done_the_state_makes_sense(walk in walk(1..60)) {
        let mut world = walk.start.world();
        for step in &walk.steps {
            let _ = world.take(step);
            state::check(&world.cloud);
        }
    }

    #[test]
    fn a_session_changes_only_when_its_device_connects_again(walk in walk(1..60)) {
        let mut world = walk.start.world();
        for step in &walk.steps {
            let before = world.cloud.clone();
            world.pass(step.after);
            only_devices_make_sessions(&before, &world.cloud, None);
            let before = world.cloud.clone();
            let done = world.cloud.apply(&step.action, world.now);
            let connected = connecting(step).filter(|_| done.is_ok());
            only_devices_make_sessions(&before, &world.cloud, connected);
        }
    }

    #[test]
    fn time_that_has_passed_is_over_and_the_next_change_lies_ahead(walk in walk(1..60)) {
        let mut world = walk.start.world();
        for step in &walk.steps {
            let _ = world.take(step);
            let mut again = world.cloud.clone();
            prop_assert_eq!(again.advance(world.now), vec![]);
            prop_assert_eq!(&again, &world.cloud);
            let Some(next) = world.cloud.next_change() else {
                continue;
            };
            prop_assert!(next > world.now, "{:?}", step);
            let changed = again.advance(next);
            prop_assert!(!changed.is_empty(), "nothing changes at {next:?}");
        }
    }

    #[test]
    fn it_does_not_matter_in_how_many_pieces_time_passes(
        walk in walk(1..40),
        pieces in prop::collection::vec(0..400_000_u64, 1..6),
    ) {
        let world = walk.end();
        let mut at_once = world.clone();
        at_once.pass(Duration::from_secs(pieces.iter().sum()));
        let mut in_pieces = world;
        for piece in pieces {
            in_pieces.pass(Duration::from_secs(piece));
        }
        prop_assert_eq!(at_once.cloud, in_pieces.cloud);
    }

    #[test]
    fn what_changes_is_told(walk in walk(1..60)) {
        let mut world = walk.start.world();
        for step in &walk.steps {
            let before = world.cloud.clone();
            let passed = world.pass(step.after);
            prop_assert!(world.cloud == before || !passed.is_empty(), "{:?}", step.after);
            let before = world.cloud.clone();
            let done = world.cloud.apply(&step.action, world.now);
            let told = done.is_ok_and(|events| !events.is_empty());
            prop_assert!(world.cloud == before || told, "{:?}", step);
        }
    }

    /// The services would give what is made anew another identifier, so a route to a thing that is gone
    /// stays a blackhole, and a rule that names a group that is gone means nobody, whatever is made after.
    #[test]
    fn nothing_that_is_gone_comes_back_to_life_under_its_name(walk in walk(1..120)) {
        let mut world = walk.start.world();
        let mut gone = BTreeSet::new();
        for step in &walk.steps {
            let done = world.take(step).is_ok();
            if done && rewrites(step.action.name()) {
                gone.clear();
            }
            let (present, missing) = references(&world.cloud);
            for reference in &gone {
                prop_assert!(!present.contains(reference), "{reference} after {step:?}");
            }
            gone.extend(missing);
        }
    }

    #[test]
    fn any_path_gets_an_answer(path in "(vpg|sensor|sim|pcx|[a-z.\\[\\]0-9]{0,4})[.](ip|outer_ip|id|[a-z]{0,3})(\\[[0-9]\\])?") {
        let _ = Start::Connected.world().cloud.value(&path);
    }
}

/// The laws would hold emptily if the random actions never did anything, or were never refused.
#[test]
fn every_operation_is_carried_out_and_refused_at_times() {
    let mut runner = TestRunner::deterministic();
    let walks = walk(60);
    let mut seen: BTreeSet<(&str, bool)> = BTreeSet::new();
    for _ in 0..400 {
        let walk = walks.new_tree(&mut runner).unwrap().current();
        let mut world = walk.start.world();
        for step in &walk.steps {
            let done = world.take(step).is_ok();
            seen.insert((step.action.name(), done));
        }
    }
    let all = Action::names().flat_map(|name| [(name, true), (name, false)]);
    let missing: Vec<_> = all.filter(|case| !seen.contains(case)).collect();
    assert_eq!(missing, []);
}
