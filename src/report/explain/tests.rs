//! What people see, of scenarios that ship and of answers made by hand.

use std::net::Ipv4Addr;

use super::*;
use crate::explain::{Answer, Doubt, Request, When, Who, explain};
use crate::reach::stop::StopKind;
use crate::reach::{Ask, Stop};
use crate::scenario::{self, Moment, Scenario};

const LOOK: Look = Look {
    color: false,
    width: 100,
};

fn gate() -> Scenario {
    scenario::read("gate.toml", include_bytes!("../../../scenarios/gate.toml")).unwrap()
}

fn one(from: &str, to: &str) -> Who {
    let (from, to) = (from.to_owned(), to.to_owned());
    Who::One { from, to }
}

fn explained(scenario: &Scenario, who: Who, ask: Ask, when: When) -> Explained {
    explain(scenario, &Request { who, ask, when }).unwrap()
}

/// What is said of `sensor` asking `server` for its page after a step.
fn canal(step: usize) -> Explained {
    let when = When::At(Moment::After(step));
    explained(&gate(), one("sensor", "server"), Ask::Tcp(80), when)
}

#[test]
fn a_packet_that_arrives() {
    insta::assert_snapshot!(text(&canal(6), LOOK));
}

#[test]
fn an_answer_that_dies() {
    insta::assert_snapshot!(text(&canal(5), LOOK));
}

#[test]
fn colours_mark_where_it_dies() {
    let look = Look {
        color: true,
        ..LOOK
    };
    let start = When::At(Moment::Start);
    let page = explained(&gate(), one("sensor", "server"), Ask::Tcp(80), start);
    insta::assert_snapshot!(text(&page, look).replace('\u{1b}', "␛"));
}

#[test]
fn a_narrow_screen_wraps_what_is_said() {
    let look = Look { width: 60, ..LOOK };
    insta::assert_snapshot!(text(&canal(5), look));
}

#[test]
fn the_first_difference_between_two_moments() {
    let when = When::Between(Moment::After(5), Moment::After(6));
    let change = explained(&gate(), one("sensor", "server"), Ask::Tcp(80), when);
    insta::assert_snapshot!(text(&change, LOOK));
}

#[test]
fn a_step_that_changes_nothing() {
    let when = When::Between(Moment::After(6), Moment::After(7));
    let change = explained(&gate(), one("sensor", "server"), Ask::Tcp(80), when);
    insta::assert_snapshot!(text(&change, LOOK));
}

#[test]
fn who_reaches_whom() {
    let when = When::At(Moment::After(6));
    let matrix = explained(&gate(), Who::All, Ask::Tcp(80), when);
    insta::assert_snapshot!(text(&matrix, LOOK));
}

#[test]
fn what_has_changed_for_everybody() {
    let when = When::Between(Moment::Start, Moment::After(6));
    let change = explained(&gate(), Who::All, Ask::Tcp(80), when);
    insta::assert_snapshot!(text(&change, LOOK));
}

/// Nine SIMs, one of them offline: with the pc and the server on the internet eleven nodes.
fn many() -> Scenario {
    let mut text =
        String::from("[soracom.vpg.vpg]\ntype = \"F\"\n[soracom.group.canal]\nvpg = \"vpg\"\n");
    for number in 1..=9 {
        text.push_str(&format!(
            "[soracom.sim.a-sim-with-a-long-name-{number}]\ngroup = \"canal\"\n"
        ));
    }
    text.push_str("online = false\n");
    scenario::read("many.toml", text.as_bytes()).unwrap()
}

#[test]
fn eleven_nodes_fit_a_screen() {
    let when = When::At(Moment::Start);
    let matrix = explained(&many(), Who::All, Ask::PING, when);
    let shown = text(&matrix, LOOK);
    assert!(shown.lines().all(|line| line.chars().count() <= LOOK.width));
    insta::assert_snapshot!(shown);
}

#[test]
fn where_they_do_not_there_is_a_second_table() {
    let when = When::At(Moment::Start);
    let matrix = explained(&many(), Who::All, Ask::PING, when);
    let look = Look { width: 50, ..LOOK };
    insta::assert_snapshot!(text(&matrix, look));
}

fn stop(tunnelled: bool, place: &str, says: &str) -> Stop {
    Stop {
        tunnelled,
        passes: true,
        place: place.to_owned(),
        says: says.to_owned(),
        kind: StopKind::SharedPlatform,
    }
}

#[test]
fn a_tunnel_is_indented_and_a_doubt_is_told() {
    let sends = stop(false, "instance server", "sends 10.254.0.254 → 10.128.0.3");
    let enters = stop(true, "VXLAN", "puts it into VNI 10");
    let mut dies = stop(
        true,
        "security group web, ingress of server\u{1b}[2J",
        "no rule lets it through",
    );
    dies.passes = false;
    let answer = Answer {
        from: "server".into(),
        to: "sensor".into(),
        to_ip: Some(Ipv4Addr::new(10, 128, 0, 3)),
        probe: "ping".into(),
        fate: Fate {
            verdict: Outcome::Blocked,
            reason: Some(crate::cloud::Reason::EniSgRulesMismatch),
            resource: Some("security group web, ingress of server".into()),
            answer: false,
            why: None,
            doubts: vec![Doubt {
                node: "instance server".into(),
                what: "its own packet filter: table ip nat".into(),
            }],
        },
        explanation: Some("No rule."),
        mend: None,
        also: Vec::new(),
        seen_from: None,
        ttl: None,
        there: vec![sends, enters, dies],
        back: Vec::new(),
    };
    let (at, answer) = (None, Box::new(answer));
    insta::assert_snapshot!(text(&Explained::Flow { at, answer }, LOOK));
}
