//! A block is decided by evidence, within milliseconds; silence is never taken for a block.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

mod support {
    pub mod program;
}

use std::fmt::Write as _;
use std::process::Command;

use support::program::Run;

/// The clouds that the probes run into.
const CLOUDS: &str = include_str!("support/drops.toml");

/// Who asks whom, the reason why nothing arrives, and the resource at fault.
const PLACES: &[(&str, &str, &str, &str)] = &[
    (
        "sensor",
        "server",
        "ENI_SG_RULES_MISMATCH",
        "security group ssh, ingress of server",
    ),
    (
        "worker",
        "server",
        "ENI_SG_RULES_MISMATCH",
        "security group ssh, ingress of server",
    ),
    (
        "sensor",
        "cellar",
        "SUBNET_ACL_RESTRICTION",
        "network ACL cellar",
    ),
    (
        "worker",
        "cellar",
        "SUBNET_ACL_RESTRICTION",
        "network ACL cellar",
    ),
    (
        "sensor",
        "shed",
        "NO_ROUTE_TO_DESTINATION",
        "route table shed",
    ),
    (
        "worker",
        "internet",
        "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
        "internet gateway customer",
    ),
    (
        "worker",
        "sensor",
        "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS",
        "internet gateway customer",
    ),
    ("pc", "server", "NO_ROUTE_TO_DESTINATION", "internet"),
    ("sensor", "far", "BAD_STATE_ROUTE", "peering pending"),
    (
        "sensor",
        "denied",
        "VPG_ROUTING_FILTER_DENY",
        "VPG vpg, routing filter: deny 10.0.3.0/24",
    ),
    ("sensor", "internet", "VPG_INTERNET_GATEWAY_OFF", "VPG vpg"),
    ("sensor", "camera", "GATE_NOT_OPEN", "VPG vpg"),
    ("offline", "server", "SIM_SESSION_OFFLINE", "SIM offline"),
    (
        "worker",
        "${vpg.outer_ip[0]}",
        "VPG_INBOUND_NOT_TRANSLATED",
        "VPG vpg",
    ),
];

/// How they ask.
const KINDS: [&str; 4] = ["tcp = 80", "udp = 7", "ping = true", "http = 80"];

/// How soon a block is decided, in milliseconds, on a machine that is not overloaded. The test holds
/// the median to it and tells the maximum: single probes wait for the scheduler when other tests keep
/// all processors busy.
const SOON: f64 = 20.0;

#[test]
fn blocks_of_every_kind_are_decided_by_evidence_at_once() {
    let mut text = CLOUDS.to_owned();
    for (from, to, reason, _) in PLACES {
        for kind in KINDS {
            let expect = format!("{{ {kind}, blocked = \"{reason}\" }}");
            write!(
                text,
                "\n[[step]]\nfrom = \"{from}\"\nto = \"{to}\"\nexpect = {expect}\n"
            )
            .unwrap();
        }
    }
    let run = Run::text(&text);
    assert_eq!(run.code, Some(0), "{}", run.tale());
    let steps = run.steps();
    assert_eq!(steps.len(), PLACES.len() * KINDS.len());
    let mut times = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let (_, _, reason, resource) = PLACES[index / KINDS.len()];
        let (name, detail) = (&step["name"], &step["detail"]);
        assert_eq!(detail["outcome"], "blocked", "{name}: {detail:#}");
        assert_eq!(detail["reason"], reason, "{name}: {detail:#}");
        let told = detail["resource"].as_str().unwrap();
        assert!(told.contains(resource), "{name}: {told}");
        let evidence = detail["evidence"].as_array().unwrap();
        let last = evidence.last().unwrap();
        assert_eq!(last["is_final"], true, "{name}: {detail:#}");
        assert_eq!(last["reason"], reason, "{name}: {detail:#}");
        let decided = detail["decided_ms"].as_f64().unwrap();
        assert!(last["after_ms"].as_f64().unwrap() <= decided, "{name}");
        times.push(decided);
    }
    times.sort_by(f64::total_cmp);
    let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
    let count = times.len();
    println!("{count} blocks decided: median {median:.2} ms, maximum {most:.2} ms");
    assert!(median <= SOON, "{times:?}");
    // Nothing waited for its time limit, which is two seconds.
    assert!(most < 1_000.0, "{times:?}");
}

/// A server that drops what it gets, or what it answers, without a word to anybody. Where the kernel's
/// own reasons may be heard, its filter is `named`; a blackhole route has no reason of its own.
fn silence(how: &str, program: &str, named: Option<&str>) {
    let named = named.filter(|_| canal_sim::backend::kernel::drops::missing().is_none());
    // Asked for without running anything: a node has the machine's programs.
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .unwrap();
    assert!(
        found.status.success(),
        "this test needs the program {program}"
    );
    let mut text = CLOUDS.to_owned();
    write!(
        text,
        "\n[[step]]\nname = \"before\"\nfrom = \"sensor\"\nto = \"worker\"\nexpect = {{ http = 80 }}\n\
         \n[[step]]\nname = \"silence\"\non = \"worker\"\nrun = \"\"\"\n{how}\n\"\"\"\n"
    )
    .unwrap();
    for expected in ["", ", blocked = true", ", blocked = \"HOST_FILTER\""] {
        for kind in KINDS {
            write!(
                text,
                "\n[[step]]\nfrom = \"sensor\"\nto = \"worker\"\ntimeout = \"150ms\"\n\
                 expect = {{ {kind}{expected} }}\n"
            )
            .unwrap();
        }
    }
    let run = Run::text(&text);
    assert_eq!(run.code, Some(1), "{}", run.tale());
    assert_eq!(run.step("before")["status"], "passed", "{}", run.tale());
    assert_eq!(run.step("silence")["status"], "passed", "{}", run.tale());
    let probes = &run.steps()[2..];
    assert_eq!(probes.len(), 3 * KINDS.len());
    for (n, probe) in probes.iter().enumerate() {
        let detail = &probe["detail"];
        if let Some(reason) = named {
            let expected = if n < KINDS.len() { "failed" } else { "passed" };
            assert_eq!(probe["status"], expected, "{}", run.tale());
            assert_eq!(detail["reason"], reason, "{detail:#}");
            continue;
        }
        assert_eq!(probe["status"], "failed", "{}", run.tale());
        assert_eq!(detail["outcome"], "lost-without-evidence", "{detail:#}");
        assert!(detail["reason"].is_null(), "{detail:#}");
        assert!(detail["evidence"].as_array().unwrap().is_empty());
        assert!(detail["decided_ms"].as_f64().unwrap() >= 150.0);
        let measured = detail["measured"].as_str().unwrap();
        assert!(measured.contains("lost without evidence"), "{measured}");
    }
}

/// Rules of an instance's own, by which it drops what comes for its port 80, as nft takes them and as
/// the evidence must name them.
const RULES: &[(&str, &str)] = &[
    ("tcp dport 80 drop", ""),
    ("tcp dport { 80, 443 } counter drop", ""),
    ("tcp dport 80-90 tcp sport != 1-1023 drop", ""),
    ("ip saddr 100.64.0.0/24 tcp dport 80 reject", ""),
    ("ip saddr { 10.0.0.0/8, 100.64.0.0/10 } drop", ""),
    ("ip saddr 100.0.0.0/8 drop", ""),
    ("iifname \"eth0\" drop", ""),
    ("iifname != \"lo\" drop", ""),
    ("iif != \"lo\" drop", ""),
    ("meta l4proto tcp drop", ""),
    ("ip protocol tcp drop", ""),
    ("ct state new drop", ""),
    ("ct state vmap { invalid : accept, new : drop }", ""),
    ("ip ttl < 70 log prefix \"own \" drop", ""),
    (
        "tcp dport 80 drop comment \"no web\"",
        "tcp dport 80 drop comment \"no web\"",
    ),
    ("tcp dport 80 limit rate over 1/day drop", "policy drop"),
    ("udp dport 80 drop", "policy drop"),
    // What has no words here is still named.
    (
        "tcp dport . ip saddr { 80 . 100.64.0.0/24 } drop",
        "the rule with handle ",
    ),
    (
        "tcp flags & (fin|syn|rst|ack) == syn drop",
        "tcp flags & 0x17 == 0x2 drop",
    ),
    ("meta cpu >= 0 drop", "the rule with handle "),
];

#[test]
fn what_a_machine_s_own_rule_drops_is_decided_at_once_and_names_the_rule() {
    let mut text = CLOUDS.to_owned();
    for (rule, _) in RULES {
        write!(
            text,
            "\n[[step]]\non = \"worker\"\nrun = '''\nnft -f - <<END\nflush ruleset\n\
             table inet own {{\nchain in {{\ntype filter hook input priority 0; policy drop;\n\
             {rule}\n}}\n}}\nEND\n'''\n\
             \n[[step]]\nfrom = \"sensor\"\nto = \"worker\"\n\
             expect = {{ http = 80, blocked = \"HOST_FILTER\" }}\n"
        )
        .unwrap();
    }
    let run = Run::text(&text);
    assert_eq!(run.code, Some(0), "{}", run.tale());
    for (step, (rule, named)) in run.steps().iter().skip(1).step_by(2).zip(RULES) {
        let detail = &step["detail"];
        let named = if named.is_empty() { rule } else { named };
        let expected = format!("instance/worker: nft rule: table inet own, chain in: {named}");
        let told = detail["resource"].as_str().unwrap();
        assert!(told.starts_with(&expected), "{told}, expected {expected}");
        // As root the kernel's own reason is there as well, as a hint that cannot name the rule.
        let finals = |evidence: &&serde_json::Value| evidence["is_final"] == true;
        let evidence = detail["evidence"].as_array().unwrap();
        assert_eq!(evidence.iter().filter(finals).count(), 1);
        assert!(detail["decided_ms"].as_f64().unwrap() < 1_000.0);
    }
}

#[test]
fn an_instance_whose_own_route_swallows_the_answer_is_a_finding() {
    silence("ip route add blackhole 100.64.0.0/24", "ip", None);
}
