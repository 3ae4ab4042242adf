//! Room on a disk: a small one, in mounts of the program's own.

use crate::bench::{Bench, Case, USER};

pub const TRIALS: &[Case] = &[
    ("no_room_for_the_junit_report", || {
        full("--junit", "report.xml", "report.xml")
    }),
    ("no_room_for_the_captures", || {
        full("--capture", ".", "gate.pcapng")
    }),
    ("no_room_for_the_log", log),
    ("a_folder_that_is_read_only", read_only),
];

/// Where a file can't be written whole, the old one stays and nothing stands beside it.
fn full(option: &'static str, value: &'static str, file: &'static str) {
    Bench::with(move |bench| {
        let disk = bench.everybodys();
        let at = disk.path().display();
        let script = format!(
            r#"exec unshare --mount sh -euc '
            mount -n -t tmpfs -o size=64k,mode=1777 tmpfs {at}
            echo old > {at}/{file}
            chmod 666 {at}/{file}
            head -c 61440 /dev/zero > {at}/full 2>/dev/null || true
            status=0
            "$@" {option} {at}/{value} || status=$?
            ls -A {at}
            cat {at}/{file}
            exit $status' sh "$@""#
        );
        for backend in ["kernel", "memory"] {
            if option == "--capture" && backend == "kernel" {
                continue;
            }
            let ended = bench.run(&script, &["--backend", backend]);
            ended.short(&["no space left on device", "failed to write"]);
            let mut left: Vec<&str> = ended.stdout.lines().collect();
            left.sort_unstable();
            let mut expected = ["full", file, "old"];
            expected.sort_unstable();
            assert_eq!(left, expected, "{}", ended.stderr);
        }
    });
}

/// A log is for looking into what went wrong: where it can't be written, the run goes on.
fn log() {
    Bench::with(|bench| {
        let ended = bench.run(r#"exec "$@""#, &["--log", "/dev/full"]);
        ended.passed();
    });
}

fn read_only() {
    Bench::with(|bench| {
        let at = bench.place.folder.path().display();
        for start in ["exec", USER] {
            let script = format!(
                r#"exec unshare --mount sh -euc '
                mount -n --bind {at} {at}
                mount -n -o remount,bind,ro {at}
                cd {at}
                {start} "$@"' sh "$@""#
            );
            bench.run(&script, &["--backend", "kernel"]).passed();
            let ended = bench.run(&script, &["--junit", "report.xml"]);
            assert_eq!(ended.code(), 2, "{}", ended.stderr);
            let said = "error: failed to make report.xml: Read-only file system";
            assert!(ended.error().starts_with(said), "{}", ended.stderr);
        }
    });
}
