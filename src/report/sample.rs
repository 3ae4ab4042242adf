//! Events made by hand, with every kind of step, for the tests of the reports.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::backend::Skipped;
use crate::backend::probe::Evidence;
use crate::cloud::{self, ApiError};
use crate::network::{Label, NodeId};
use crate::run::Signal;
use crate::run::event::{Detail, Event, OutcomeKind, ProbeReport, Status, StepReport};

const GATE: &str = "scenarios/gate.toml";
const ODD: &str = "scenarios/odd.toml";

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn probe(to: &str, to_ip: [u8; 4], kind: &str) -> ProbeReport {
    ProbeReport {
        from: "sensor".into(),
        to: to.into(),
        to_ip: Ipv4Addr::from(to_ip),
        probe: kind.into(),
        expected: "reachable".into(),
        measured: "reachable".into(),
        outcome: OutcomeKind::Reachable,
        reason: None,
        resource: None,
        explanation: None,
        path: Vec::new(),
        problems: Vec::new(),
        rtt: None,
        ttl: None,
        seen_from: None,
        status: None,
        body: None,
        addresses: None,
        decided_after: micros(312),
        evidence: Vec::new(),
        prediction: None,
    }
}

fn evidence(is_final: bool) -> Evidence {
    Evidence {
        node: NodeId::new("vpc/customer"),
        label: Label {
            is_final,
            reason: "ENI_SG_RULES_MISMATCH".into(),
            resource: "security group web".into(),
        },
        packet: "100.64.0.4:40001 > 10.0.0.254:80 tcp S".into(),
        answer: false,
        after: micros(298),
    }
}

fn answered() -> ProbeReport {
    ProbeReport {
        rtt: Some(micros(412)),
        seen_from: Some(Ipv4Addr::new(100, 64, 0, 4)),
        status: Some(200),
        body: Some("hello".into()),
        ..probe("server", [10, 0, 0, 254], "http/80 /")
    }
}

fn blocked() -> ProbeReport {
    ProbeReport {
        expected: "blocked: ENI_SG_RULES_MISMATCH".into(),
        measured: "blocked: ENI_SG_RULES_MISMATCH at security group web".into(),
        outcome: OutcomeKind::Blocked,
        reason: Some("ENI_SG_RULES_MISMATCH".into()),
        resource: Some("security group web".into()),
        explanation: Some(cloud::Reason::EniSgRulesMismatch.explanation().into()),
        path: ["sensor", "vpg/vpg/a", "pcx/pcx", "vpc/customer"]
            .map(NodeId::new)
            .into(),
        evidence: vec![evidence(true)],
        ..probe("server", [10, 0, 0, 254], "tcp/80")
    }
}

fn lost() -> ProbeReport {
    ProbeReport {
        expected: "reachable, ttl 64".into(),
        measured: "lost without evidence".into(),
        outcome: OutcomeKind::LostWithoutEvidence,
        path: ["server", "vpc/customer"].map(NodeId::new).into(),
        problems: vec!["neither an answer nor evidence within 2 s".into()],
        decided_after: Duration::from_secs(2),
        evidence: vec![evidence(false)],
        from: "server".into(),
        ..probe("sensor", [10, 128, 0, 10], "ping")
    }
}

fn happened(resource: &str, what: &str) -> cloud::Event {
    cloud::Event::new(resource, what)
}

fn done(operation: &str, events: Vec<cloud::Event>, changes: usize) -> Detail {
    Detail::Do {
        operation: operation.into(),
        expected_error: None,
        error: None,
        events,
        changes,
    }
}

fn script(end: &str, stdout: &str, stderr: &str, problems: &[&str]) -> Detail {
    Detail::Run {
        node: "server".into(),
        end: end.into(),
        stdout: stdout.into(),
        stderr: stderr.into(),
        problems: problems.iter().map(|p| (*p).to_owned()).collect(),
        skipped: Vec::new(),
    }
}

fn passing_steps() -> Vec<(&'static str, Detail)> {
    vec![
        (
            "Canal: the device opens the page",
            Detail::Expect(Box::new(answered())),
        ),
        ("closed port", {
            Detail::Expect(Box::new(ProbeReport {
                outcome: OutcomeKind::Refused,
                expected: "refused".into(),
                measured: "refused".into(),
                ..probe("server", [10, 0, 0, 254], "tcp/81")
            }))
        }),
        ("no such name", {
            Detail::Expect(Box::new(ProbeReport {
                rtt: Some(micros(220)),
                addresses: Some(Vec::new()),
                ..probe("dns", [100, 127, 0, 53], "dns nowhere.example")
            }))
        }),
        (
            "the security group forgot HTTP",
            Detail::Expect(Box::new(blocked())),
        ),
        (
            "AcceptVpcPeeringConnection pcx",
            done(
                "AcceptVpcPeeringConnection",
                vec![happened("peering pcx", "pending-acceptance → active")],
                4,
            ),
        ),
        (
            "the VPG goes, and takes a lot along",
            done(
                "terminateVirtualPrivateGateway",
                (1..=5)
                    .map(|n| happened(&format!("session of SIM sensor-{n}"), "ended"))
                    .collect(),
                12,
            ),
        ),
        ("CreateGroup again", done("createGroup", Vec::new(), 0)),
        (
            "no session to delete",
            Detail::Do {
                operation: "deleteSimSession".into(),
                expected_error: Some("SEM0016".into()),
                error: Some(ApiError::soracom("SEM0016", "SIM sensor has no session")),
                events: Vec::new(),
                changes: 0,
            },
        ),
        (
            "what the user types on the instance",
            script(
                "exit 0",
                "\n  vxlan0 is up, and this line goes on for longer than a report has room for\nmore\n",
                "",
                &[],
            ),
        ),
        (
            "three minutes later",
            Detail::Wait {
                waited: Duration::from_secs(180),
                events: vec![happened("VPG vpg", "creating → running")],
                changes: 7,
            },
        ),
        (
            "a quiet week",
            Detail::Wait {
                waited: Duration::from_secs(7 * 86_400),
                events: Vec::new(),
                changes: 0,
            },
        ),
        (
            "out of coverage",
            Detail::Link {
                link: "link of SIM sensor".into(),
                became: "cut".into(),
                changes: 1,
            },
        ),
        (
            "the VPG runs",
            Detail::Check {
                problems: Vec::new(),
            },
        ),
    ]
}

fn failing_steps() -> Vec<(&'static str, Detail)> {
    vec![
        ("accepted, but no way back", {
            Detail::Expect(Box::new(ProbeReport {
                expected: "reachable, seen from 100.64.0.0/16".into(),
                problems: vec!["blocked, where an answer was expected".into()],
                ..blocked()
            }))
        }),
        ("should not be open", {
            Detail::Expect(Box::new(ProbeReport {
                expected: "blocked".into(),
                measured: "reachable".into(),
                path: ["sensor", "vpg/vpg/a", "server"].map(NodeId::new).into(),
                body: Some(
                    (1..=20)
                        .map(|n| format!("line {n} of the page\n"))
                        .collect(),
                ),
                ..answered()
            }))
        }),
        (
            "Gate: the server reaches the device",
            Detail::Expect(Box::new(lost())),
        ),
        (
            "AcceptVpcPeeringConnection pcx",
            Detail::Do {
                operation: "AcceptVpcPeeringConnection".into(),
                expected_error: None,
                error: Some(ApiError::aws(
                    "OperationNotPermitted",
                    "peering pcx is expired: a request that nobody accepts for seven days can't be accepted any more; request another one",
                )),
                events: Vec::new(),
                changes: 0,
            },
        ),
        (
            "the VPG can't go while it is used",
            Detail::Do {
                operation: "terminateVirtualPrivateGateway".into(),
                expected_error: Some("VPG0012".into()),
                error: None,
                events: vec![happened("VPG vpg", "running → terminating")],
                changes: 3,
            },
        ),
        (
            "what the user types on the instance",
            script(
                "exit 2",
                "",
                "ip link add vxlan0 type vxlan\n\u{1b}[31mRTNETLINK answers: File exists\u{1b}[0m\r\n",
                &[
                    "ended with exit 2, expected exit 0",
                    "stdout does not contain \"up\"",
                ],
            ),
        ),
        (
            "the VPG runs",
            Detail::Check {
                problems: vec!["vpg.status is \"creating\", expected \"running\"".into()],
            },
        ),
        (
            "a name that is gone",
            Detail::Impossible {
                why: "instance server was terminated, and nothing else is called \"server\"".into(),
            },
        ),
    ]
}

fn steps(
    file: &str,
    status: Status,
    from: usize,
    steps: Vec<(&'static str, Detail)>,
) -> Vec<Event> {
    let mut events = Vec::new();
    for (at, (name, detail)) in steps.into_iter().enumerate() {
        let step = from + at;
        events.push(Event::StepStarted {
            file: file.into(),
            step,
            name: name.into(),
            kind: "expect",
        });
        events.push(Event::StepFinished(Box::new(StepReport {
            file: file.into(),
            step,
            line: 40 + 6 * step,
            name: name.into(),
            status,
            attempts: if step == 3 { 4 } else { 1 },
            detail,
            elapsed: micros(1_500),
        })));
    }
    events
}

fn opening(file: &str, title: &str, steps: usize) -> Vec<Event> {
    vec![
        Event::ScenarioStarted {
            file: file.into(),
            title: title.into(),
            steps,
        },
        Event::NetworkReady {
            file: file.into(),
            backend: "kernel",
            nodes: 9,
            links: 11,
            elapsed: micros(14_200),
        },
    ]
}

fn closing(file: &str, title: &str, counts: [usize; 3], error: Option<&str>) -> Event {
    Event::ScenarioFinished {
        file: file.into(),
        title: title.into(),
        passed: counts[0],
        failed: counts[1],
        skipped: counts[2],
        error: error.map(str::to_owned),
        elapsed: micros(320_000),
    }
}

/// A script of which commands were skipped.
fn partly() -> Detail {
    let skipped = |command: &str, reason: &str| Skipped {
        command: command.into(),
        reason: reason.into(),
    };
    Detail::Run {
        node: "server".into(),
        end: "exit 0".into(),
        stdout: String::new(),
        stderr: String::new(),
        problems: Vec::new(),
        skipped: vec![
            skipped("nft add table inet f", "there is no `nft` here"),
            skipped("ip addr", "what it does and shows is not imitated"),
        ],
    }
}

fn run(scenarios: usize, [passed, failed, skipped]: [usize; 3], middle: Vec<Event>) -> Vec<Event> {
    let mut events = vec![Event::RunStarted {
        scenarios,
        backend: "kernel",
        why: "this machine has all that it needs".into(),
        seed: None,
    }];
    events.extend(middle);
    events.push(Event::RunFinished {
        passed,
        failed,
        skipped,
        elapsed: micros(1_880_000),
    });
    events
}

/// A scenario in which everything comes out as expected.
pub fn passing() -> Vec<Event> {
    const TITLE: &str = "Gate: the server calls the device";
    let mut middle = opening(GATE, TITLE, 13);
    middle.extend(steps(GATE, Status::Passed, 1, passing_steps()));
    middle.push(closing(GATE, TITLE, [13, 0, 0], None));
    run(1, [1, 0, 0], middle)
}

/// Everything: steps that pass, steps that fail, steps that are skipped, a scenario that breaks off,
/// and one that never begins.
pub fn events() -> Vec<Event> {
    const TITLE: &str = "Gate: the server calls the device";
    const ODD_TITLE: &str = "odd\u{1b}[2J <title> & \u{202e}sdrawkcab";
    let mut middle = opening(GATE, TITLE, 21);
    middle.extend(steps(GATE, Status::Passed, 1, passing_steps()));
    middle.extend(steps(GATE, Status::Failed, 13, failing_steps()));
    middle.extend(steps(
        GATE,
        Status::Skipped,
        21,
        vec![("clean up", done("closeGate", Vec::new(), 0))],
    ));
    middle.push(closing(GATE, TITLE, [12, 8, 1], None));
    middle.extend(opening(ODD, ODD_TITLE, 2));
    middle.extend(steps(
        ODD,
        Status::Passed,
        1,
        vec![(
            "a \u{0} name\nof two lines",
            script("exit 0", "]]>\u{8}\u{ffff}", "", &[]),
        )],
    ));
    let error = "namespaces can't be made\n  to mend it: run as root, or allow user namespaces";
    middle.push(closing(ODD, ODD_TITLE, [1, 0, 1], Some(error)));
    run(3, [0, 2, 0], middle)
}

/// A scenario in which nothing fails, and commands of a script are skipped.
pub fn skipping() -> Vec<Event> {
    const TITLE: &str = "a filter of its own";
    let mut middle = opening("own.toml", TITLE, 2);
    let step = vec![("what the user types on the instance", partly())];
    middle.extend(steps("own.toml", Status::Skipped, 1, step));
    let step = vec![(
        "the VPG runs",
        Detail::Check {
            problems: Vec::new(),
        },
    )];
    middle.extend(steps("own.toml", Status::Passed, 2, step));
    middle.push(closing("own.toml", TITLE, [1, 0, 1], None));
    run(1, [0, 0, 1], middle)
}

/// Two scenarios, the first of which was interrupted in its second step.
pub fn interrupted() -> Vec<Event> {
    const TITLE: &str = "Gate: the server calls the device";
    let impossible = |why: &str| Detail::Impossible { why: why.into() };
    let mut middle = opening(GATE, TITLE, 4);
    middle.extend(steps(
        GATE,
        Status::Passed,
        1,
        passing_steps().split_off(10)[..1].to_vec(),
    ));
    let mut left = steps(
        GATE,
        Status::Skipped,
        2,
        vec![
            (
                "a reboot keeps the addresses",
                impossible("interrupted by SIGINT before it was over"),
            ),
            ("close Gate", impossible("interrupted by SIGINT")),
            ("and once more", impossible("interrupted by SIGINT")),
        ],
    );
    let signal = Signal::Interrupt;
    left.insert(1, Event::Interrupted { signal });
    middle.extend(left);
    middle.push(closing(
        GATE,
        TITLE,
        [1, 0, 3],
        Some("interrupted by SIGINT"),
    ));
    run(2, [0, 1, 0], middle)
}

/// A scenario that fails, in memory.
pub fn repeatable() -> Vec<Event> {
    const FILE: &str = "my scenarios/a.toml";
    let mut events = steps(FILE, Status::Failed, 1, failing_steps().split_off(7));
    events.insert(
        0,
        Event::RunStarted {
            scenarios: 1,
            backend: "memory",
            why: "--backend memory asks for it".into(),
            seed: Some(7),
        },
    );
    events.splice(1..1, opening(FILE, "a", 1));
    events.push(closing(FILE, "a", [0, 1, 0], None));
    events.push(Event::RunFinished {
        passed: 0,
        failed: 1,
        skipped: 0,
        elapsed: micros(320_000),
    });
    events
}

/// Two scenarios side by side.
pub fn interleaved() -> Vec<Event> {
    let mut first = opening("a.toml", "first", 2);
    first.extend(steps(
        "a.toml",
        Status::Passed,
        1,
        passing_steps().split_off(10),
    ));
    first.push(closing("a.toml", "first", [2, 0, 0], None));
    let mut second = opening("b.toml", "second", 1);
    second.extend(steps(
        "b.toml",
        Status::Failed,
        1,
        failing_steps().split_off(7),
    ));
    second.push(closing("b.toml", "second", [0, 1, 0], None));
    let mut mixed = Vec::new();
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let (a, b) = (first.next(), second.next());
        if a.is_none() && b.is_none() {
            break;
        }
        mixed.extend(a);
        mixed.extend(b);
    }
    run(2, [1, 1, 0], mixed)
}

/// A scenario with these texts in it.
pub fn scenario_with(name: &str, stdout: &str, why: &str) -> Vec<Event> {
    let mut middle = opening(ODD, name, 2);
    let details = [
        (Status::Failed, script("exit 0", stdout, stdout, &[why])),
        (Status::Skipped, Detail::Impossible { why: why.into() }),
    ];
    for (status, detail) in details {
        middle.push(Event::StepFinished(Box::new(StepReport {
            file: ODD.into(),
            step: 1,
            line: 7,
            name: name.into(),
            status,
            attempts: 1,
            detail,
            elapsed: micros(1),
        })));
    }
    middle.push(closing(ODD, name, [0, 1, 1], Some(why)));
    run(1, [0, 1, 0], middle)
}
