//! Somewhere to write to, and somewhere to read from.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::bench::{Bench, Case};

pub const TRIALS: &[Case] = &[
    ("a_stream_that_is_closed_is_nobody_s", closed),
    ("a_stream_that_is_full_is_an_error", full),
    ("a_reader_that_has_gone_has_read_enough", gone),
];

const BACKENDS: [&str; 2] = ["kernel", "memory"];

/// Nobody listens; the verdict is the run's own.
fn closed() {
    Bench::with(|bench| {
        for backend in BACKENDS {
            for what in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
                for format in ["human", "json"] {
                    let script = format!(r#"exec "$@" {what}"#);
                    bench
                        .run(&script, &["--backend", backend, "--format", format])
                        .passed();
                }
            }
        }
        for what in ["doctor", "--help"] {
            let mut command = bench.command(r#"exec "$@" >&- 2>&-"#);
            command.arg(what);
            bench.end(command).passed();
        }
    });
}

/// What was asked for could not be given: that is no pass.
fn full() {
    Bench::with(|bench| {
        for backend in BACKENDS {
            let ended = bench.run(
                r#"exec "$@" > /dev/full"#,
                &["--backend", backend, "--format", "json"],
            );
            ended.short(&["failed to write the events: no space left on device"]);
            let ended = bench.run(r#"exec "$@" 2> /dev/full"#, &["--backend", backend]);
            assert_eq!(ended.code(), 3);
        }
        for what in [
            &["doctor"][..],
            &["check", "gate.toml", "--format", "json"],
            &["explain", "gate.toml", "--all", "--ping"],
        ] {
            let mut command = bench.command(r#"exec "$@" > /dev/full"#);
            command.args(what);
            let ended = bench.end(command);
            assert_eq!(ended.code(), 3, "{what:?}: {}", ended.stderr);
            let said = "error: failed to write: No space left on device";
            assert!(ended.error().starts_with(said), "{}", ended.stderr);
        }
    });
}

/// `canal-sim run … | head -1`
fn gone() {
    Bench::with(|bench| {
        for backend in BACKENDS {
            let mut command = bench.command(r#"exec "$@""#);
            command
                .args(["run", "gate.toml", "--format", "json", "--backend", backend])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            let mut reader = BufReader::with_capacity(1, child.stdout.take().unwrap());
            reader.read_line(&mut line).unwrap();
            drop(reader);
            let output = child.wait_with_output().unwrap();
            assert!(line.contains("run-started"), "{line}");
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            assert_eq!(output.stderr, b"", "{output:?}");
        }
    });
}
