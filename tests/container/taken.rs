//! What containers take away, taken away without one: the program sees it before it builds anything, says
//! what would bring it back, and goes on in memory.

use std::process::Command;

use serde_json::Value;

use crate::program::{Open, Run, shipped_text};

/// The trials.
pub const TESTS: [(&str, fn()); 2] = [
    ("raw_sockets", raw_sockets),
    ("writing_switches", writing_switches),
];

/// As with `--cap-drop NET_RAW`.
fn raw_sockets() {
    let place = Open::new();
    let without = || {
        let mut command = Command::new("setpriv");
        command
            .args(["--bounding-set=-net_raw", "--inh-caps=-net_raw"])
            .arg(&place.program);
        command
    };
    seen_and_mended(&place, without, "raw sockets", "--cap-add NET_RAW");
}

/// As in every container that may not write to /proc/sys: seen through a user namespace, in which a mount
/// from outside stays as it is.
fn writing_switches() {
    let place = Open::new();
    let read_only = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys";
    let without = || place.in_its_own_mounts(read_only);
    seen_and_mended(
        &place,
        without,
        "network switches",
        "systempaths=unconfined",
    );
}

/// `doctor` finds nothing else missing and names the mend; `run` takes the memory backend and says why.
fn seen_and_mended(place: &Open, without: impl Fn() -> Command, what: &str, mend: &str) {
    let doctor = without().args(["doctor", "--format", "json"]).output();
    let doctor = doctor.unwrap();
    assert_eq!(doctor.status.code(), Some(3), "{doctor:?}");
    let health: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let findings = health["kernel"].as_array().unwrap().iter();
    let missing: Vec<&Value> = findings.filter(|one| one["state"] == "missing").collect();
    assert_eq!(missing.len(), 1, "{health:#}");
    assert_eq!(missing[0]["name"], what);
    let says = missing[0]["mend"].as_str().unwrap();
    assert!(says.contains(mend), "{says}");

    let file = place.scenario("gate", &shipped_text("gate"));
    let run = Run::of(without().arg("run").arg(file));
    let started = run.all("run-started");
    assert_eq!(started[0]["backend"], "memory", "{}", run.tale());
    let why = started[0]["why"].as_str().unwrap();
    assert!(why.contains(what), "{why}");
    assert_eq!(run.code, Some(0), "{}", run.tale());
}
