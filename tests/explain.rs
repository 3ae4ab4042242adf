//! `canal-sim explain`, driven the way a user does.

#![allow(clippy::unwrap_used)]
// Starting the program is what these tests are for.
#![allow(clippy::disallowed_methods)]

use snapbox::cmd::{Command, OutputAssert, cargo_bin};
use snapbox::str;

fn explain(arguments: &[&str]) -> OutputAssert {
    Command::new(cargo_bin!("canal-sim"))
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .arg("explain")
        .args(arguments)
        .assert()
}

const GATE: &str = "scenarios/gate.toml";

/// `sensor` asks `server` for its page.
fn page(more: &[&str]) -> OutputAssert {
    let question = [GATE, "--from", "sensor", "--to", "server", "--tcp", "80"];
    explain(&[&question, more].concat())
}

/// What is wrong is told in one line on stderr, nothing comes on stdout, and the status is 2.
fn wrong(arguments: &[&str], message: &str) {
    let text = format!("error: {message}\n");
    explain(arguments).code(2).stdout_eq("").stderr_eq(text);
}

#[test]
fn a_moment_goes_by_name_and_by_number() {
    let named = page(&["--after", "accepted, but no way back"]).code(0);
    let numbered = page(&["--after", "#5"]).code(0);
    assert_eq!(named.get_output().stdout, numbered.get_output().stdout);
    let (start, unsaid) = (page(&["--after", "start"]).code(0), page(&[]).code(0));
    assert_eq!(start.get_output().stdout, unsaid.get_output().stdout);
    assert_ne!(start.get_output().stdout, named.get_output().stdout);
}

#[test]
fn the_answer_is_what_was_asked_for_whatever_the_verdict() {
    page(&[]).code(0).stderr_eq("").stdout_eq(str![[r#"
sensor → server (10.0.0.254) tcp/80
before the first step

  blocked: NO_ROUTE_TO_DESTINATION at VPG vpg: no peering covers it

  there   SIM sensor             sends 10.128.0.3 → 10.0.0.254
          session of SIM sensor  is online
          VPG vpg, node a        its outer address is 100.64.0.4
        ✗ VPG vpg, routes        no peering covers it

  at fault    VPG vpg: no peering covers it
[..]
...

"#]]);
}

#[test]
fn a_name_that_stands_for_nothing_says_which_was_meant() {
    wrong(
        &[GATE, "--from", "sensr", "--to", "server", "--ping"],
        "--from: no node is called `sensr`; did you mean `sensor`?",
    );
    wrong(
        &[GATE, "--from", "sensor", "--to", "sevrer", "--ping"],
        "--to: no node is called `sevrer`; did you mean `server`?",
    );
    wrong(
        &[GATE, "--from", "x", "--to", "server", "--ping"],
        "--from: no node is called `x`; the nodes are sensor, server, pc, internet",
    );
    wrong(
        &[GATE, "--from", "sensor", "--to", "x", "--ping"],
        "--to: no node is called `x`; the nodes are sensor, server, pc, internet, and any address \
         will do",
    );
}

#[test]
fn who_can_not_ask_says_why() {
    wrong(
        &[GATE, "--from", "pong", "--to", "server", "--ping"],
        "--from: `pong` is an endpoint of SORACOM's platform: it can be asked, but asks nothing and \
         runs no scripts",
    );
    wrong(
        &[GATE, "--from", "sensor", "--to", "example.com", "--ping"],
        "--to: `example.com` is a domain name, not a node; ask an address",
    );
}

#[test]
fn a_step_that_is_not_there_says_which_was_meant() {
    for (step, message) in [
        (
            "accepted, but no way bak",
            "no step is called \"accepted, but no way bak\"; did you mean \"accepted, but no way \
             back\", which is #5?",
        ),
        (
            "#99",
            "there is no step #99; the steps go from #1 to #21; \"start\" is before the first one",
        ),
        ("7", "no step is called \"7\"; did you mean \"#7\"?"),
    ] {
        let asked = [GATE, "--all", "--ping", "--after", step];
        wrong(&asked, &format!("--after: {message}"));
        let asked = [GATE, "--all", "--ping", "--diff", "start", step];
        wrong(&asked, &format!("--diff: {message}"));
    }
}

#[test]
fn what_is_missing_or_too_much_is_told() {
    for (arguments, says) in [
        (&[GATE, "--all"][..], "<--tcp <PORT>|--udp <PORT>|--ping>"),
        (&[GATE, "--tcp", "80"], "--from <NODE>"),
        (
            &[GATE, "--from", "sensor", "--tcp", "80"],
            "--to <NODE_OR_ADDRESS>",
        ),
        (&[GATE, "--all", "--tcp", "0"], "0 is not in 1..=65535"),
        (
            &[GATE, "--all", "--tcp", "65536"],
            "65536 is not in 1..=65535",
        ),
        (
            &[
                GATE, "--all", "--from", "sensor", "--to", "server", "--ping",
            ],
            "the argument '--all' cannot be used with",
        ),
        (
            &[GATE, "--all", "--tcp", "80", "--ping"],
            "the argument '--tcp <PORT>' cannot be used with '--ping'",
        ),
        (
            &[GATE, "--all", "--tcp", "80", "--size", "100"],
            "the argument '--tcp <PORT>' cannot be used with '--size <BYTES>'",
        ),
        (
            &[
                GATE, "--all", "--ping", "--diff", "start", "#1", "--after", "#2",
            ],
            "cannot be used with",
        ),
        (&["--all", "--ping"], "<FILE>"),
    ] {
        let said = explain(arguments).code(2).stdout_eq("");
        let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert!(said.contains(says), "{arguments:?}:\n{said}");
    }
}

#[test]
fn a_file_that_can_not_be_explained_says_why() {
    wrong(
        &["missing.toml", "--all", "--ping"],
        "failed to read missing.toml: No such file or directory",
    );
    wrong(
        &["scenarios", "--all", "--ping"],
        "scenarios is a folder; name one scenario file in it",
    );
    let said = explain(&["tests/check/at_once.toml", "--all", "--ping"]).code(2);
    let checked = Command::new(cargo_bin!("canal-sim"))
        .env("NO_COLOR", "1")
        .args(["check", "tests/check/at_once.toml"])
        .assert();
    assert_eq!(said.get_output().stderr, checked.get_output().stderr);
}

/// Steps of one name, one that only comes right in time, and what is made on the way.
const ODD: &str = r#"
[soracom.vpg.vpg]
type = "F"

[aws.vpc.customer]
cidr = "10.0.0.0/16"

[aws.subnet.public]
vpc = "customer"
cidr = "10.0.0.0/24"

[[step]]
name = "again"
wait = "1min"

[[step]]
name = "again"
wait = "1min"

[[step]]
do = "RunInstances"
as = "late"
subnet = "public"

[[step]]
name = "which may come right"
do = "openGate"
vpg = "vpg"
error = "VPG4002"
eventually = "1s"
"#;

#[test]
fn what_only_the_steps_show_is_told_with_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.toml");
    std::fs::write(&file, ODD).unwrap();
    let file = file.to_str().unwrap();
    wrong(
        &[file, "--all", "--ping", "--after", "again"],
        "--after: several steps are called \"again\"; say which one by its number: #1 or #2",
    );
    wrong(
        &[file, "--from", "pc", "--to", "late", "--ping"],
        "--to: there is no `late` before the first step; step #3 makes it",
    );
    explain(&[
        file, "--from", "late", "--to", "pc", "--ping", "--after", "#3",
    ])
    .code(0);
    wrong(
        &[file, "--all", "--ping", "--after", "which may come right"],
        "step 4, \"which may come right\", can't be carried out: openGate succeeds here, it does not \
         fail with VPG4002",
    );
}

#[test]
fn a_program_gets_one_object() {
    for arguments in [
        &["--from", "sensor", "--to", "server", "--tcp", "80"][..],
        &["--all", "--ping"],
        &["--all", "--ping", "--diff", "start", "#6"],
        &[
            "--from", "sensor", "--to", "server", "--tcp", "80", "--diff", "start", "#6",
        ],
    ] {
        let said = explain(&[&[GATE, "--format", "json"], arguments].concat());
        let said = said.code(0).stderr_eq("");
        let text = String::from_utf8(said.get_output().stdout.clone()).unwrap();
        assert_eq!(text.lines().count(), 1);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["file"], GATE);
    }
}
