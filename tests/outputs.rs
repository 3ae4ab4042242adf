//! What a run gives to programs: events, a JUnit file, an exit status; and what its options do.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

mod support {
    pub mod program;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use quick_junit::{Report, TestCaseStatus};
use serde_json::Value;
use support::program::{Run, canal_sim, shipped, shipped_names, tell};

/// One VPG with two devices, and no VPC: stands in milliseconds.
const DEVICES: &str = "\
[soracom.vpg.vpg]
type = \"F\"
vpg_subnet = \"100.64.0.0/24\"
[soracom.group.devices]
vpg = \"vpg\"
[soracom.sim.sensor]
group = \"devices\"
[soracom.sim.camera]
group = \"devices\"
serve = [{ tcp = 7 }]
";

/// Steps of each kind, some of which fail.
const MIXED: &str = "
[[step]]
name = \"closed\"
from = \"sensor\"
to = \"camera\"
expect = { tcp = 7, blocked = \"GATE_NOT_OPEN\" }
[[step]]
name = \"wrong\"
from = \"sensor\"
to = \"camera\"
expect = { tcp = 7 }
[[step]]
name = \"open\"
do = \"openGate\"
vpg = \"vpg\"
[[step]]
name = \"script\"
on = \"sensor\"
run = \"echo out; echo err >&2; exit 3\"
[[step]]
name = \"later\"
wait = \"1min\"
[[step]]
name = \"value\"
check = { \"vpg.status\" = \"running\" }
";

fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn scenario(title: &str, steps: &str) -> String {
    format!("title = \"{title}\"\n{DEVICES}{steps}")
}

/// A step that passes, or one that fails.
fn ping(passes: bool) -> String {
    let expect = if passes { ", blocked = true" } else { "" };
    format!("[[step]]\nfrom = \"sensor\"\nto = \"camera\"\nexpect = {{ ping = true{expect} }}\n")
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    Run::of(
        canal_sim()
            .current_dir(folder)
            .args(["run", "."])
            .args(arguments),
    )
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

#[test]
fn each_event_is_an_object_with_the_keys_that_are_documented() {
    let folder = folder(&[("mixed.toml", scenario("mixed", MIXED))]);
    let run = run(folder.path(), &[]);
    assert_eq!(run.code, Some(1), "{}", run.tale());
    assert_eq!(run.stderr, "");
    let order: Vec<&str> = run
        .events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    let mut expected = vec!["run-started", "scenario-started", "network-ready"];
    expected.extend(["step-started", "step-finished"].repeat(6));
    expected.extend(["scenario-finished", "run-finished"]);
    assert_eq!(order, expected);
    for event in &run.events {
        let documented = match event["event"].as_str().unwrap() {
            "run-started" => "event scenarios backend why seed",
            "scenario-started" => "event file title steps",
            "network-ready" => "event file backend nodes links elapsed_ms",
            "step-started" => "event file step name kind",
            "step-finished" => "event file step line name status attempts detail elapsed_ms",
            "scenario-finished" => "event file title passed failed skipped error elapsed_ms",
            "run-finished" => "event passed failed skipped elapsed_ms",
            other => panic!("an event of an unknown kind: {other}"),
        };
        assert_eq!(keys(event), words(documented));
    }
    for step in run.steps() {
        let documented = match step["detail"]["kind"].as_str().unwrap() {
            "do" => "kind operation expected_error error events changes",
            "expect" => {
                "kind from to to_ip probe expected measured outcome reason resource explanation \
                 path problems rtt_ms ttl seen_from status body addresses decided_ms evidence \
                 prediction"
            }
            "run" => "kind node end stdout stderr problems skipped",
            "wait" => "kind waited_ms events changes",
            "check" => "kind problems",
            other => panic!("a step of an unknown kind: {other}"),
        };
        assert_eq!(keys(&step["detail"]), words(documented));
    }
    let evidence = &run.step("closed")["detail"]["evidence"][0];
    assert_eq!(
        keys(evidence),
        words("node is_final reason resource packet answer after_ms")
    );
    let ended = run.all("scenario-finished")[0];
    assert_eq!((&ended["passed"], &ended["failed"]), (&4.into(), &2.into()));
    assert_eq!(run.all("run-finished")[0]["failed"], 1);
    assert_eq!(run.step("wrong")["line"], 18, "{}", run.tale());
}

#[test]
fn the_junit_file_agrees_with_the_events() {
    let folder = folder(&[
        ("a.toml", scenario("mixed & <odd>", MIXED)),
        ("b.toml", scenario("fine", &ping(true))),
    ]);
    let file = folder.path().join("report.xml");
    let run = run(folder.path(), &["--junit", "report.xml"]);
    assert_eq!(run.code, Some(1));
    let report = Report::deserialize_from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (7, 2, 0));
    let titles: Vec<&str> = report.test_suites.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(titles, ["mixed & <odd>", "fine"]);
    let mut cases = report
        .test_suites
        .iter()
        .flat_map(|suite| &suite.test_cases);
    for step in run.steps() {
        let case = cases.next().unwrap();
        assert_eq!(case.name.as_str(), step["name"]);
        assert_eq!(case.extra["line"].as_str(), step["line"].to_string());
        let passed = matches!(case.status, TestCaseStatus::Success { .. });
        assert_eq!(passed, step["status"] == "passed");
    }
    assert!(cases.next().is_none());
    // Nothing but the report was left beside the scenarios.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn status_0_where_everything_came_out_as_expected_and_1_where_something_did_not() {
    for (passes, code) in [(true, 0), (false, 1)] {
        let folder = folder(&[("a.toml", scenario("a", &ping(passes)))]);
        assert_eq!(run(folder.path(), &[]).code, Some(code));
        // The same for people, who get nothing on stdout.
        let told = canal_sim()
            .current_dir(folder.path())
            .args(["run", "a.toml"])
            .output()
            .unwrap();
        assert_eq!(told.status.code(), Some(code));
        assert!(told.stdout.is_empty());
        let told = String::from_utf8(told.stderr).unwrap();
        assert!(
            told.contains(if passes { "1 passed" } else { "1 failed" }),
            "{told}"
        );
    }
}

#[test]
fn status_2_where_a_scenario_is_wrong_and_nothing_has_run() {
    let wrong = "[[step]]\ndo = \"openGat\"\nvpg = \"vpg\"\n";
    let folder = folder(&[
        ("a.toml", scenario("a", &ping(true))),
        ("b.toml", scenario("b", wrong)),
    ]);
    let run = run(folder.path(), &[]);
    assert_eq!(run.code, Some(2));
    assert!(run.events.is_empty());
    assert!(run.stderr.contains("./b.toml:"), "{}", run.stderr);
    assert!(run.stderr.contains("openGate"), "{}", run.stderr);
}

/// The limit is set in a user namespace of its own, and counts there only.
#[test]
fn status_3_where_the_machine_can_t_do_it() {
    let folder = folder(&[("a.toml", scenario("a", &ping(true)))]);
    let within = |script: &str| {
        Command::new("unshare")
            .args(["--user", "--map-root-user", "sh", "-c", script])
            .arg("sh")
            .arg(env!("CARGO_BIN_EXE_canal-sim"))
            .current_dir(folder.path())
            .output()
    };
    match within("true") {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr);
            return tell(&format!("exit status 3, because of: {}", why.trim()));
        }
        Err(error) => return tell(&format!("exit status 3, because of unshare: {error}")),
    }
    let no_networks = "echo 0 > /proc/sys/user/max_net_namespaces";
    let output = within(&format!(
        "{no_networks} && exec \"$1\" run a.toml --backend kernel --format json"
    ));
    let run = Run::read(&output.unwrap());
    assert_eq!(run.code, Some(3), "{}", run.tale());
    assert!(run.events.is_empty(), "{}", run.tale());
    assert!(
        run.stderr
            .contains("the limit of network namespaces is reached"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("sysctl -w"), "{}", run.stderr);

    // Root without capabilities, as in most containers, and no user namespaces.
    let no_users = "echo 0 > /proc/sys/user/max_user_namespaces";
    let output = within(&format!(
        "{no_users} && exec setpriv --bounding-set=-all --inh-caps=-all \"$1\" run a.toml --backend kernel --format json"
    ))
    .unwrap();
    if output.status.code() == Some(127) {
        return tell("exit status 3 without user namespaces: there is no program `setpriv` here");
    }
    let run = Run::read(&output);
    assert_eq!(run.code, Some(3), "{}", run.tale());
    assert!(run.events.is_empty(), "{}", run.tale());
    assert!(
        run.stderr.contains("user.max_user_namespaces is 0"),
        "{}",
        run.stderr
    );
}

#[test]
fn fail_fast_leaves_the_rest_out() {
    let steps = [ping(true), ping(false), ping(true), ping(false)].concat();
    let folder = folder(&[
        ("a.toml", scenario("a", &steps)),
        ("b.toml", scenario("b", &ping(true))),
    ]);
    let status = |run: &Run| -> Vec<String> {
        let steps = run.steps();
        let status = steps
            .iter()
            .map(|s| s["status"].as_str().unwrap().to_owned());
        status.collect()
    };
    let fast = run(folder.path(), &["--fail-fast"]);
    assert_eq!(fast.code, Some(1));
    assert_eq!(status(&fast), ["passed", "failed", "skipped", "skipped"]);
    assert_eq!(fast.all("scenario-finished")[0]["skipped"], 2);
    assert_eq!(fast.all("scenario-started").len(), 1, "{}", fast.tale());
    let slow = run(folder.path(), &[]);
    assert_eq!(
        status(&slow),
        ["passed", "failed", "passed", "failed", "passed"]
    );
}

/// Everything about a run that does not depend on time, by file and step.
fn verdicts(run: &Run) -> BTreeMap<(String, u64), String> {
    run.steps()
        .into_iter()
        .map(|step| {
            let detail = &step["detail"];
            let key = (step["file"].to_string(), step["step"].as_u64().unwrap());
            let told = [
                "outcome",
                "reason",
                "resource",
                "seen_from",
                "ttl",
                "path",
                "error",
            ];
            let told: Vec<&Value> = told.iter().map(|key| &detail[key]).collect();
            (key, format!("{} {} {told:?}", step["name"], step["status"]))
        })
        .collect()
}

#[test]
fn side_by_side_gives_the_same_verdicts() {
    let run = |jobs: &str| Run::of(canal_sim().arg("run").arg(shipped()).args(["--jobs", jobs]));
    let (one, four) = (run("1"), run("4"));
    assert_eq!((one.code, four.code), (Some(0), Some(0)), "{}", four.tale());
    assert_eq!(one.all("scenario-finished").len(), shipped_names().len());
    assert_eq!(verdicts(&one), verdicts(&four));
}

#[test]
fn a_filter_picks_scenarios_by_title_or_file() {
    let folder = folder(&[
        ("a.toml", scenario("first one", &ping(true))),
        ("b.toml", scenario("second one", &ping(true))),
        ("c.toml", scenario("third", &ping(true))),
    ]);
    for (filter, titles) in [
        ("one", &["first one", "second one"][..]),
        ("c.toml", &["third"]),
        ("*d one", &["second one"]),
    ] {
        let run = run(folder.path(), &["--filter", filter]);
        assert_eq!(run.code, Some(0), "{}", run.tale());
        let ran: Vec<&Value> = run
            .all("scenario-started")
            .iter()
            .map(|e| &e["title"])
            .collect();
        assert_eq!(ran, titles);
    }
    let none = run(folder.path(), &["--filter", "fourth"]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("\"fourth\""), "{}", none.stderr);
}

/// A script that notes each attempt in a file of its node's, says how many there are, and passes from the
/// third on.
fn third_time(more: &str) -> String {
    format!(
        "[[step]]\nname = \"counted\"\non = \"sensor\"\n{more}\n\
         run = \"echo >> /tmp/notes; wc -l < /tmp/notes; test $(wc -l < /tmp/notes) -ge 3\"\n"
    )
}

#[test]
fn eventually_tries_until_it_passes_and_repeat_stops_at_the_first_failure() {
    let lines = |step: &Value| step["detail"]["stdout"].as_str().unwrap().trim().parse();
    for (more, passes, attempts) in [
        ("eventually = \"20s\"", true, 3),
        ("repeat = 5", false, 1),
        ("", false, 1),
    ] {
        let run = Run::text(&scenario("counted", &third_time(more)));
        let step = run.step("counted");
        assert_eq!(run.code, Some(if passes { 0 } else { 1 }), "{}", run.tale());
        assert_eq!(step["attempts"], attempts, "{more}");
        assert_eq!(lines(step), Ok(attempts), "{more}");
    }
    let before = "[[step]]\non = \"sensor\"\nrun = \"echo > /tmp/notes; echo >> /tmp/notes\"\n";
    let steps = format!("{before}{}", third_time("repeat = 5"));
    let run = Run::text(&scenario("counted", &steps));
    assert_eq!(run.code, Some(0), "{}", run.tale());
    assert_eq!(run.step("counted")["attempts"], 5);
    assert_eq!(lines(run.step("counted")), Ok(2 + 5));
}

/// The clouds' clock goes on by itself; nobody waits three minutes.
#[test]
fn a_value_that_comes_eventually_comes_at_once() {
    let steps = "
[[step]]
do = \"createVirtualPrivateGateway\"
as = \"new\"
type = \"F\"
[[step]]
name = \"too soon\"
check = { \"new.status\" = \"running\" }
[[step]]
name = \"in time\"
check = { \"new.status\" = \"running\" }
eventually = \"5min\"
";
    let run = Run::text(&scenario("eventually", steps));
    assert_eq!(run.code, Some(1), "{}", run.tale());
    assert_eq!(run.step("too soon")["status"], "failed", "{}", run.tale());
    let step = run.step("in time");
    assert_eq!(
        (&step["status"], &step["attempts"]),
        (&"passed".into(), &2.into())
    );
    assert!(step["elapsed_ms"].as_f64().unwrap() < 60_000.0);
}

#[test]
fn a_file_of_any_bytes_is_refused_with_a_diagnostic() {
    for seed in 1..=8_u64 {
        // xorshift: any bytes, but the same ones each time.
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bytes: Vec<u8> = (0..(seed * 300))
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[4]
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("odd.toml"), &bytes).unwrap();
        let run = run(folder.path(), &[]);
        assert_eq!(run.code, Some(2), "seed {seed}: {}", run.stderr);
        assert!(run.events.is_empty());
        assert!(
            run.stderr.starts_with("error: "),
            "seed {seed}: {}",
            run.stderr
        );
        assert!(
            run.stderr.contains("odd.toml"),
            "seed {seed}: {}",
            run.stderr
        );
        assert!(
            !run.stderr.contains("panicked"),
            "seed {seed}: {}",
            run.stderr
        );
    }
}

/// A signal that comes when the first of its handlers is there, and the last one isn't, ends the run like any other.
#[test]
fn a_signal_at_the_start_is_not_lost() {
    if !cfg!(debug_assertions) {
        // The named points are in no release build.
        return;
    }
    let slow = "[[step]]\non = \"sensor\"\nrun = \"sleep 20\"\n";
    let folder = folder(&[("a.toml", scenario("a", slow))]);
    for nth in 1..=2 {
        let mut command = canal_sim();
        command.env("CANAL_SIM_FAULT", format!("SIGINT@signal taken:{nth}"));
        command.args(["run", "a.toml", "--backend", "kernel"]);
        let run = Run::of(command.current_dir(folder.path()));
        assert_eq!(run.code, None, "{}", run.tale());
    }
}

/// Where stdout is a pipe or a file, the JUnit report goes there, behind what is there.
#[test]
fn the_junit_file_may_be_stdout() {
    let folder = folder(&[("a.toml", scenario("a", &ping(true)))]);
    let arguments = [
        "run",
        "a.toml",
        "--backend",
        "memory",
        "--junit",
        "/dev/stdout",
    ];
    let piped = canal_sim()
        .current_dir(folder.path())
        .args(arguments)
        .output()
        .unwrap();
    let report = Report::deserialize_from_str(&String::from_utf8(piped.stdout).unwrap()).unwrap();
    assert_eq!(report.name.unwrap().as_str(), "canal-sim");
    let place = folder.path().join("out");
    fs::write(&place, "before\n").unwrap();
    let out = fs::OpenOptions::new().append(true).open(&place).unwrap();
    let status = canal_sim()
        .current_dir(folder.path())
        .args(arguments)
        .stdout(out)
        .status()
        .unwrap();
    assert!(status.success());
    let text = fs::read_to_string(&place).unwrap();
    let report = Report::deserialize_from_str(text.strip_prefix("before\n").unwrap()).unwrap();
    assert_eq!(report.name.unwrap().as_str(), "canal-sim");
}
