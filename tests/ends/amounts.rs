//! Descriptors, threads and memory, from next to nothing up to enough.

use std::collections::BTreeSet;

use crate::bench::{Bench, Case, USER};

pub const TRIALS: &[Case] = &[
    ("descriptors_as_root", || descriptors(r#"exec "$@""#)),
    ("descriptors_as_a_user", || {
        descriptors(&format!(r#"{USER} "$@""#));
    }),
    ("descriptors_in_memory", descriptors_in_memory),
    ("threads", threads),
    ("memory", memory),
    ("memory_during_a_run", memory_during_a_run),
    (
        "another_backend_is_taken_for_what_is_short_at_the_start",
        auto,
    ),
];

const KERNEL: &[&str] = &["--backend", "kernel"];

/// Each value is tried, so that each place where one is opened is the one that fails.
fn descriptors(start: &str) {
    let start = start.to_owned();
    Bench::with(move |bench| {
        let mut places = BTreeSet::new();
        let mut enough = 0;
        for most in 4..200 {
            let ended = bench.run(&format!("ulimit -n {most}; {start}"), KERNEL);
            if ended.code() == 0 {
                enough += 1;
                // What is opened for a moment only may still fail with one more.
                if enough == 10 {
                    break;
                }
                continue;
            }
            ended.short(&["too many open files", "ulimit -n 65536"]);
            places.insert(ended.error().lines().next().unwrap().to_owned());
        }
        assert_eq!(enough, 10, "it never was enough");
        assert!(places.len() > 20, "{places:#?}");
    });
}

/// The network in memory opens nothing but files.
fn descriptors_in_memory() {
    Bench::with(|bench| {
        for most in 5..9 {
            bench
                .run(
                    &format!(r#"ulimit -n {most}; exec "$@""#),
                    &["--backend", "memory"],
                )
                .passed();
        }
    });
}

/// Root has no such limit.
fn threads() {
    Bench::with(|bench| {
        let mut short = 0;
        for most in 1..40 {
            let script = format!(r#"{USER} sh -euc 'ulimit -p {most}; exec "$@"' sh "$@""#);
            let ended = bench.run(&script, KERNEL);
            if ended.code() == 1 {
                // A script's own processes are its own to miss.
                assert!(ended.stderr.contains("Cannot fork"), "{}", ended.stderr);
            } else if ended.code() != 0 {
                ended.short(&["no more processes or threads may be started", "ulimit -u"]);
                short += 1;
            }
        }
        assert!((3..39).contains(&short), "{short}");
    });
}

/// Below what a run takes it says so beforehand. Less than the program itself takes is the system's to tell.
fn memory() {
    Bench::with(|bench| {
        for option in ["-v", "-d"] {
            for kib in (24_000..48_000).step_by(6_000) {
                let script = format!(r#"ulimit {option} {kib}; exec "$@""#);
                let ended = bench.run(&script, KERNEL);
                ended.short(&["memory is limited to", &format!("ulimit {option} ")]);
                bench.run(&script, &["--backend", "memory"]).passed();
            }
            // Above, it is enough for this scenario.
            for kib in (72_000..132_000).step_by(6_000) {
                let script = format!(r#"ulimit {option} {kib}; exec "$@""#);
                bench.run(&script, KERNEL).passed();
            }
        }
    });
}

/// Where a large network takes more than there is, the run ends where that is noticed.
fn memory_during_a_run() {
    let devices: String = (0..2_000)
        .map(|number| format!("[soracom.sim.sensor{number}]\ngroup = \"canal\"\n"))
        .collect();
    let text = format!(
        "title = \"Two thousand devices\"\n[soracom.vpg.vpg]\ntype = \"F\"\nvpg_subnet = \"100.64.0.0/24\"\n\
         [soracom.group.canal]\nvpg = \"vpg\"\n{devices}\
         [[step]]\nfrom = \"sensor0\"\nto = \"sensor1\"\nexpect = {{ ping = true }}\n"
    );
    Bench::with(move |bench| {
        bench.place.scenario("gate", &text);
        for (backend, from, to) in [("memory", 8_000, 32_000), ("kernel", 72_000, 96_000)] {
            for kib in (from..to).step_by(4_000) {
                let script = format!(r#"ulimit -d {kib}; exec "$@""#);
                let ended = bench.run(&script, &["--backend", backend]);
                ended.short(&["out of memory", "ulimit -d"]);
            }
        }
    });
}

/// What is missed before anything is built makes the network in memory the better choice, and the report says so.
fn auto() {
    Bench::with(|bench| {
        let ended = bench.run(r#"ulimit -n 6; exec "$@""#, &[]);
        let told = "memory backend, seed 1: the kernel backend can't run here: failed to open descriptors: \
                    too many open files";
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        // Of what the user types on the instance, it knows all.
        ended.passed();
    });
}
