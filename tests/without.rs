//! Each feature of the kernel is turned off in turn, as if the kernel had been built without it: what nothing
//! can be done without ends the run or makes another backend the choice; what can be done without is told in
//! every report, and costs what the list says (`backend::kernel::features`, `docs/kernel.md`).
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

mod support {
    pub mod program;
}

use std::fs;

use canal_sim::backend::kernel::drops;
use canal_sim::backend::kernel::features::{Facts, Feature};
use libtest_mimic::{Arguments, Failed, Trial};
use support::program::{Run, canal_sim, shipped};

fn main() {
    let arguments = Arguments::from_args();
    let runs = kernel_runs();
    let mut trials: Vec<Trial> = Feature::ALL
        .into_iter()
        .map(|feature| {
            let needs = needs(feature).or(runs.err());
            Trial::test(feature.facts().key, move || test(feature))
                .with_ignored_flag(needs.is_some())
                .with_kind(needs.unwrap_or_default())
        })
        .collect();
    trials.push(Trial::test("a_name_that_is_none", || {
        let ended = run("bpf,bfp", "scenarios/gate.toml", &[]);
        assert_eq!(ended.code, Some(3));
        assert!(
            ended.stderr.contains("no feature \"bfp\""),
            "{}",
            ended.stderr
        );
        Ok(())
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Whether the kernel backend runs here at all.
fn kernel_runs() -> Result<(), &'static str> {
    let health = canal_sim().arg("doctor").output().unwrap();
    let can = health.status.success();
    can.then_some(()).ok_or("needs the kernel backend")
}

/// What a feature's test needs and does not find.
fn needs(feature: Feature) -> Option<&'static str> {
    let on_path = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    match feature {
        Feature::DropReasons => drops::missing(),
        Feature::Trace if !on_path("nft") => Some("needs nft"),
        _ if !on_path("ip") => Some("needs ip"),
        _ => None,
    }
}

/// Runs a file of the package with these features turned off.
fn run(without: &str, file: &str, options: &[&str]) -> Run {
    let root = shipped().parent().unwrap().to_owned();
    Run::of(
        canal_sim()
            .current_dir(root)
            .env("CANAL_SIM_WITHOUT", without)
            .args(["run", file])
            .args(options),
    )
}

const KERNEL: &[&str] = &["--backend", "kernel"];
const GATE: &str = "scenarios/gate.toml";

fn test(feature: Feature) -> Result<(), Failed> {
    let facts = feature.facts();
    if facts.required {
        without_what_is_required(facts);
        return Ok(());
    }
    match feature {
        Feature::Vxlan => breaks_off(facts, GATE, "scenarios/canal.toml"),
        Feature::PacketSockets => breaks_off(facts, "tests/links/lost.toml", GATE),
        Feature::Cage => breaks_off(facts, GATE, "tests/features/plain.toml"),
        Feature::Landlock => without_landlock(facts),
        Feature::Trace => without_trace(facts),
        Feature::DropReasons => without_drop_reasons(facts),
        Feature::SocketDiagnosis => without_socket_diagnosis(facts),
        _ => panic!("what becomes of a run without {}?", facts.name),
    }
    Ok(())
}

/// It is missed before anything is built.
fn without_what_is_required(facts: Facts) {
    let ended = run(facts.key, GATE, KERNEL);
    assert_eq!(ended.code, Some(3), "{}", ended.tale());
    assert!(ended.events.is_empty(), "{}", ended.tale());
    let said = format!("error: {}: failed to ", facts.name);
    assert!(ended.stderr.starts_with(&said), "{}", ended.stderr);
    assert!(ended.stderr.contains("to mend it: "), "{}", ended.stderr);
    let ended = run(facts.key, GATE, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.tale());
    let started = ended.all("run-started")[0];
    assert_eq!(started["backend"], "memory");
    let why = started["why"].as_str().unwrap();
    assert!(
        why.contains(&format!("can't run here: {}", facts.name)),
        "{why}"
    );
}

/// The report says what the run had to do without.
fn told(facts: Facts, ended: &Run) {
    let why = ended.all("run-started")[0]["why"].as_str().unwrap();
    let said = format!("without {} (", facts.name);
    assert!(why.contains(&said), "{why}");
    // With it, it does not.
    let whole = run("", "tests/features/plain.toml", KERNEL);
    let why = whole.all("run-started")[0]["why"].as_str().unwrap();
    assert!(!why.contains(&said), "{why}");
}

/// A scenario that needs it breaks off with what is missing and what mends it; another one passes.
fn breaks_off(facts: Facts, with: &str, other: &str) {
    let ended = run(facts.key, with, KERNEL);
    assert_eq!(ended.code, Some(3), "{}", ended.tale());
    assert!(ended.stderr.contains("to mend it: "), "{}", ended.stderr);
    told(facts, &ended);
    let ended = run(facts.key, other, KERNEL);
    assert_eq!(ended.code, Some(0), "{}", ended.tale());
    told(facts, &ended);
}

/// Scripts run, and say in the log that one wall is missing; the other holds.
fn without_landlock(facts: Facts) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let options = ["--backend", "kernel", "--log", log.to_str().unwrap()];
    let ended = run(facts.key, "tests/features/writes.toml", &options);
    assert_eq!(ended.code, Some(0), "{}", ended.tale());
    assert!(fs::read_to_string(log).unwrap().contains("no Landlock"));
    told(facts, &ended);
    gate_passes(facts);
}

/// No rule of an instance's own is named; and where nobody else sees the drop, that is no pass.
fn without_trace(facts: Facts) {
    const FILE: &str = "tests/silent/own-filter.toml";
    let named = |ended: &Run| {
        ended
            .events
            .iter()
            .any(|e| e.to_string().contains("nft rule: "))
    };
    assert!(named(&run("", FILE, KERNEL)));
    let ended = run(facts.key, FILE, KERNEL);
    assert!(!named(&ended), "{}", ended.tale());
    told(facts, &ended);
    let ended = run("nftrace,bpf", FILE, KERNEL);
    assert_eq!(ended.code, Some(1), "{}", ended.tale());
    lost_without_evidence(&ended);
    gate_passes(facts);
}

/// A mistake that the kernel alone notices is lost without evidence, which is no pass.
fn without_drop_reasons(facts: Facts) {
    const FILE: &str = "tests/silent/forwarding.toml";
    let ended = run("", FILE, KERNEL);
    assert_eq!(ended.code, Some(0), "{}", ended.tale());
    let ended = run(facts.key, FILE, KERNEL);
    assert_eq!(ended.code, Some(1), "{}", ended.tale());
    lost_without_evidence(&ended);
    told(facts, &ended);
    gate_passes(facts);
}

fn lost_without_evidence(ended: &Run) {
    let lost = |step: &&serde_json::Value| {
        step["status"] == "failed" && step["detail"]["outcome"] == "lost-without-evidence"
    };
    let lost = ended.steps().into_iter().find(|step| lost(step));
    assert!(lost.is_some(), "{}", ended.tale());
}

/// It takes another way to the same.
fn without_socket_diagnosis(facts: Facts) {
    let folder = tempfile::tempdir().unwrap();
    let said = |without: &str| {
        let log = folder.path().join("log");
        let options = ["--backend", "kernel", "--log", log.to_str().unwrap()];
        let ended = run(without, "tests/features/listens.toml", &options);
        assert_eq!(ended.code, Some(0), "{}", ended.tale());
        let log = fs::read_to_string(log).unwrap();
        (log.contains("what listens is read from /proc/net"), ended)
    };
    assert!(!said("").0);
    let (another_way, ended) = said(facts.key);
    assert!(another_way);
    told(facts, &ended);
    gate_passes(facts);
}

fn gate_passes(facts: Facts) {
    let ended = run(facts.key, GATE, KERNEL);
    assert_eq!(ended.code, Some(0), "{}", ended.tale());
    told(facts, &ended);
}
