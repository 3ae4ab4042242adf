//! The memory backend on the command line: chosen, seeded, held against itself; and what it skips.
#![allow(clippy::unwrap_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A device and its VPG, and scripts of which one is understood.
const PARTLY: &str = "\
title = \"partly\"
[soracom.vpg.vpg]
type = \"F\"
vpg_subnet = \"100.64.0.0/24\"
[soracom.group.devices]
vpg = \"vpg\"
[soracom.sim.sensor]
group = \"devices\"
[[step]]
name = \"understood\"
on = \"sensor\"
run = \"cat /etc/resolv.conf\"
stdout = \"nameserver 100.127.0.53\"
[[step]]
name = \"skipped\"
on = \"sensor\"
run = \"nft add table inet f; ip link set wwan0 mtu 1400\"
[[step]]
name = \"done all the same\"
on = \"sensor\"
run = \"cat /sys/class/net/wwan0/mtu\"
stdout = \"1400\"
";

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_canal-sim"))
        .arg("run")
        .args(arguments)
        .env("NO_COLOR", "1")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn partly(folder: &Path, more: &[&str]) -> Output {
    let file = folder.join("partly.toml");
    fs::write(&file, PARTLY).unwrap();
    run(&[&[file.to_str().unwrap(), "--backend", "memory"], more].concat())
}

#[test]
fn every_shipped_scenario_passes_whole_and_the_same_each_time() {
    let arguments = ["scenarios", "--backend", "memory", "--format", "json"];
    let first = run(&arguments);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stdout));
    let last: Value = serde_json::from_str(text(&first.stdout).lines().last().unwrap()).unwrap();
    assert_eq!((&last["failed"], &last["skipped"]), (&0.into(), &0.into()));
    for _ in 0..3 {
        assert!(run(&arguments).stdout == first.stdout);
    }
    let other = run(&[&arguments[..], &["--seed", "2"]].concat());
    assert_eq!(other.status.code(), Some(0));
    let checked = run(&["scenarios", "--check-determinism", "--jobs", "3"]);
    assert_eq!(checked.status.code(), Some(0));
    let said = text(&checked.stderr);
    assert!(said.starts_with("memory backend, seed 1: --check-determinism needs it\n"));
    assert!(said.contains("\nran twice: the same "), "{said}");
}

#[test]
fn what_passes_the_links_is_captured_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let capture = |name: &str, seed: &str| {
        let place = folder.path().join(name);
        let options = ["--seed", seed, "--capture", place.to_str().unwrap()];
        let ran = run(&[&["scenarios/gate.toml"][..], &options].concat());
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        assert!(text(&ran.stderr).starts_with("memory backend, seed 1: --capture needs it"));
        fs::read(place.join("gate.pcapng")).unwrap()
    };
    let first = capture("first", "1");
    assert!(first == capture("second", "1"));
    // A section header, in this byte order, and what was dropped says why.
    assert_eq!(first[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    let whole = String::from_utf8_lossy(&first);
    assert!(whole.contains("ENI_SG_RULES_MISMATCH security group web, ingress of server"));
    let ran = run(&[
        "scenarios/gate.toml",
        "--backend",
        "kernel",
        "--capture",
        "x",
    ]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran.stderr).contains("leave --backend kernel out"));
}

#[test]
fn a_hundred_runs_are_one() {
    let options = [
        "--backend",
        "memory",
        "--format",
        "json",
        "--check-determinism",
    ];
    let once = || run(&[&["scenarios/gate.toml"][..], &options].concat());
    let first = once();
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    // The events hold a digest of the packets.
    assert!(text(&first.stdout).contains("\"digest\""));
    for _ in 1..50 {
        // Each of them runs twice, and compares.
        let again = once();
        assert!(again.status.success() && again.stdout == first.stdout);
    }
}

#[test]
fn what_is_skipped_is_told_and_the_run_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let junit = folder.path().join("junit.xml");
    let options = ["--format", "json", "--junit", junit.to_str().unwrap()];
    let ran = partly(folder.path(), &options);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stdout));
    let events: Vec<Value> = text(&ran.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let steps = events.iter().filter(|e| e["event"] == "step-finished");
    let steps: Vec<&Value> = steps.collect();
    let status: Vec<&Value> = steps.iter().map(|step| &step["status"]).collect();
    assert_eq!(status, ["passed", "skipped", "passed"]);
    let skipped = &steps[1]["detail"]["skipped"];
    assert_eq!(skipped.as_array().unwrap().len(), 1);
    assert_eq!(skipped[0]["command"], "nft add table inet f");
    assert_eq!(skipped[0]["reason"], "there is no `nft` here");
    assert_eq!(events.last().unwrap()["skipped"], 1);
    let report = fs::read_to_string(&junit).unwrap();
    assert!(report.contains("skipped `nft add table inet f`: there is no `nft` here"));
    assert!(report.contains("<property name=\"seed\" value=\"1\"/>"));
    let shown = partly(folder.path(), &[]);
    let shown = text(&shown.stderr);
    assert!(shown.contains("skipped `nft add table inet f`: there is no `nft` here"));
    assert!(shown.contains("1 scenario: 1 skipped in part · 3 steps: 2 passed, 1 skipped"));
}

#[test]
fn what_fails_is_shown_with_the_command_that_repeats_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fails.toml");
    fs::write(&file, PARTLY.replace("\"1400\"", "\"1500\"")).unwrap();
    let file = file.to_str().unwrap();
    let ran = run(&[file, "--backend", "memory", "--seed", "5"]);
    assert_eq!(ran.status.code(), Some(1));
    let said = text(&ran.stderr);
    let repeat = format!("to repeat it: canal-sim run {file} --backend memory --seed 5\n");
    assert!(said.ends_with(&repeat), "{said}");
}

#[test]
fn the_kernel_takes_no_two_runs_the_same() {
    let ran = run(&["scenarios", "--backend", "kernel", "--check-determinism"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran.stderr).contains("leave --backend kernel out"));
}

/// The limit is set in a user namespace of its own, and counts there only.
#[test]
fn where_the_kernel_backend_can_t_run_memory_does() {
    let within = |script: &str| {
        Command::new("unshare")
            .args(["--user", "--map-root-user", "sh", "-c", script, "sh"])
            .arg(env!("CARGO_BIN_EXE_canal-sim"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
    };
    if !within("true").is_ok_and(|output| output.status.success()) {
        // Unlike `eprintln!`, the test harness does not swallow this.
        let what = "not shown here: what --backend auto takes without namespaces: unshare fails";
        writeln!(io::stderr(), "{what}").ok();
        return;
    }
    let limit = "echo 0 > /proc/sys/user/max_net_namespaces";
    let ran = within(&format!("{limit} && exec \"$1\" run scenarios/gate.toml"));
    let ran = ran.unwrap();
    let said = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    let begin = "memory backend, seed 1: the kernel backend can't run here: ";
    assert!(said.starts_with(begin), "{said}");
}
