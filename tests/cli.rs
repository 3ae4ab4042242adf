//! Drives the built program the way a user does, as far as no network is needed.

#![allow(clippy::unwrap_used)]
// Starting the program is what these tests are for.
#![allow(clippy::disallowed_methods)]

use snapbox::cmd::{Command, cargo_bin};
use snapbox::str;

fn canal_sim() -> Command {
    Command::new(cargo_bin!("canal-sim"))
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
}

#[test]
fn without_arguments_it_shows_its_help_and_fails() {
    canal_sim()
        .assert()
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
Builds SORACOM Canal and Gate and an AWS VPC out of network namespaces, runs scenarios on them with
real packets, and says why each packet arrived or did not

Usage: canal-sim <COMMAND>

Commands:
  run      Run scenarios
  check    Check scenarios without running them
  explain  Say what would become of a packet, hop by hop, and why, without sending it
  doctor   Say what this machine can and can't do
  help     Print this message or the help of the given subcommand(s)

Options:
  -h, --help     Print help
  -V, --version  Print version

Exit status:
  0  everything came out as expected
  1  some expectation failed
  2  a scenario or the command line is wrong
  3  this machine can't do it, or the run broke off
  130, 143  SIGINT or SIGTERM ended the run; the report says how far it came

"#]]);
}

#[test]
fn help_goes_to_stdout() {
    canal_sim()
        .arg("--help")
        .assert()
        .code(0)
        .stderr_eq("")
        .stdout_eq(str![[r#"
Builds SORACOM Canal and Gate and an AWS VPC out of network namespaces, runs scenarios on them with
real packets, and says why each packet arrived or did not

Usage: canal-sim <COMMAND>

Commands:
  run      Run scenarios
  check    Check scenarios without running them
  explain  Say what would become of a packet, hop by hop, and why, without sending it
  doctor   Say what this machine can and can't do
  help     Print this message or the help of the given subcommand(s)

Options:
  -h, --help     Print help
  -V, --version  Print version

Exit status:
  0  everything came out as expected
  1  some expectation failed
  2  a scenario or the command line is wrong
  3  this machine can't do it, or the run broke off
  130, 143  SIGINT or SIGTERM ended the run; the report says how far it came

"#]]);
}

#[test]
fn run_tells_its_options() {
    canal_sim()
        .args(["run", "--help"])
        .assert()
        .code(0)
        .stderr_eq("")
        .stdout_eq(str![[r#"
Run scenarios

Usage: canal-sim run [OPTIONS] <FILE_OR_FOLDER>...

Arguments:
  <FILE_OR_FOLDER>...
          Scenario files, and folders that are searched for *.toml

Options:
      --filter <TEXT>
          Run only scenarios with this text in their title or file; * and ? stand for any text and
          any character, and then the whole title or file must match

      --fail-fast
          Stop at the first step that fails

  -j, --jobs <N>
          Run this many scenarios side by side
          
          [default: 1]

      --format <FORMAT>
          Text for people on stderr, or events as JSON lines on stdout

          Possible values:
          - human: For people
          - json:  For programs
          
          [default: human]

      --junit <FILE>
          Write a JUnit report to this file too

      --backend <BACKEND>
          What carries the network out

          Possible values:
          - auto:   The kernel where this machine allows it, else memory
          - kernel: Network namespaces of the Linux kernel
          - memory: In memory, on virtual time: no privileges, any operating system
          
          [default: auto]

      --no-exec
          Refuse scenarios with `run` steps, unless the backend is memory, which executes nothing:
          for files from strangers

      --seed <N>
          What links draw chance from: in memory the same scenario and seed give the same run
          
          [default: 1]

      --capture <FOLDER>
          Capture what passes the links into this folder, a pcapng file for each scenario; on the
          memory backend

      --check-determinism
          Run everything twice on the memory backend, and fail where the events or the packets of
          the two differ

  -v, --verbose...
          Show the evidence of steps that passed, and what the program does; twice for more

      --log <FILE>
          Log everything to this file

      --color <WHEN>
          When to use colours

          Possible values:
          - auto:   On a terminal, unless NO_COLOR is set
          - always: Always
          - never:  Never
          
          [default: auto]

  -h, --help
          Print help (see a summary with '-h')

"#]]);
}

#[test]
fn the_version_is_the_packages() {
    canal_sim()
        .arg("--version")
        .assert()
        .code(0)
        .stdout_eq(concat!("canal-sim ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn an_unknown_option_is_named_with_its_near_miss() {
    canal_sim()
        .args(["run", "--fail-fats", "x.toml"])
        .assert()
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: unexpected argument '--fail-fats' found

  tip: a similar argument exists: '--fail-fast'

Usage: canal-sim run --fail-fast <FILE_OR_FOLDER>...

For more information, try '--help'.

"#]]);
}

#[test]
fn zero_jobs_are_refused() {
    canal_sim()
        .args(["run", "--jobs", "0", "x.toml"])
        .assert()
        .code(2)
        .stderr_eq(str![[r#"
error: invalid value '0' for '--jobs <N>': number would be zero for non-zero type

For more information, try '--help'.

"#]]);
}

#[test]
fn run_without_files_is_refused() {
    canal_sim().arg("run").assert().code(2).stderr_eq(str![[r#"
error: the following required arguments were not provided:
  <FILE_OR_FOLDER>...

Usage: canal-sim run <FILE_OR_FOLDER>...

For more information, try '--help'.

"#]]);
}

#[test]
fn a_missing_file_is_named() {
    for command in ["run", "check"] {
        canal_sim()
            .args([command, "no/such.toml"])
            .assert()
            .code(2)
            .stdout_eq("")
            .stderr_eq(str![[r#"
error: failed to read no/such.toml: No such file or directory

"#]]);
    }
}

#[test]
fn a_folder_without_scenarios_is_named() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("empty")).unwrap();
    for command in ["run", "check"] {
        canal_sim()
            .current_dir(root.path())
            .args([command, "empty"])
            .assert()
            .code(2)
            .stdout_eq("")
            .stderr_eq(str![[r#"
error: no scenario in empty: neither it nor a folder in it has a file *.toml

"#]]);
    }
}

#[test]
fn a_log_file_that_cannot_be_made_is_refused() {
    canal_sim()
        .args(["run", "--log", "no/such/folder/log", "x.toml"])
        .assert()
        .code(2)
        .stderr_eq(str![[r#"
error: failed to make no/such/folder/log: No such file or directory

"#]]);
}

#[test]
fn doctor_speaks_json_and_its_status_follows() {
    let output = canal_sim()
        .args(["doctor", "--format", "json"])
        .output()
        .unwrap();
    let health: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ready = health["ready"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(if ready { 0 } else { 3 }));
    assert_eq!(health["programs"].as_array().unwrap().len(), 6);
}

#[test]
fn check_says_what_is_wrong_and_where() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.toml"), "title = \"fine\"\n").unwrap();
    std::fs::write(root.path().join("b.toml"), "tilte = \"not so\"\n").unwrap();
    let check = || canal_sim().current_dir(root.path()).arg("check");
    check()
        .arg("a.toml")
        .assert()
        .code(0)
        .stdout_eq("")
        .stderr_eq(str![[r#"
a.toml: ok: fine, 0 steps

"#]]);
    check()
        .arg(".")
        .assert()
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
./a.toml: ok: fine, 0 steps
error: a scenario has no `tilte`
 --> ./b.toml:1:1
  |
1 | tilte = "not so"
  | ^^^^^ did you mean `title`?
  |
  = note: it may have `title`, `aws`, `soracom`, `internet`, `link` or `step`

"#]]);
    check()
        .args(["b.toml", "--format", "json"])
        .assert()
        .code(2)
        .stderr_eq("")
        .stdout_eq(str![[r#"
{"file":"b.toml","ok":false,"title":null,"steps":null,"problems":[{"severity":"error","line":1,"column":1,"message":"a scenario has no `tilte`","label":"did you mean `title`?","notes":["it may have `title`, `aws`, `soracom`, `internet`, `link` or `step`"],"help":[]}]}

"#]]);
}

/// The reader has gone before the first byte: no panic, and the status is the same.
#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_it_quietly() {
    for arguments in [
        &["doctor"][..],
        &["doctor", "--format", "json"],
        &["--help"],
    ] {
        let expected = canal_sim().args(arguments).output().unwrap().status.code();
        let mut child = std::process::Command::new(cargo_bin!("canal-sim"))
            .args(arguments)
            .stdout(closed_pipe())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), expected, "{arguments:?}");
        assert_eq!(said, "", "{arguments:?}");
    }
}

/// The writing end of a pipe that nobody reads.
#[cfg(unix)]
fn closed_pipe() -> std::process::Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A trace lies beside its scenario, whatever the folder that the program is started in.
#[test]
fn a_trace_is_read_from_beside_the_scenario() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("lab");
    std::fs::create_dir(&folder).unwrap();
    let scenario = "title = \"a trace\"\n[link.radio]\ntrace = \"up.trace\"\n";
    std::fs::write(folder.join("a.toml"), scenario).unwrap();
    std::fs::write(folder.join("up.trace"), "3\n8\n5\n").unwrap();
    let check = || {
        canal_sim()
            .current_dir(root.path())
            .args(["check", "lab/a.toml"])
            .assert()
    };
    check().code(2).stderr_eq(str![[r#"
error: failed to read the trace "up.trace": line 3: 5 ms comes after 8 ms; times must not descend
 --> lab/a.toml:3:9
  |
3 | trace = "up.trace"
  |         ^^^^^^^^^^
  |
  = note: a trace is in mahimahi's format: on each line the time, in milliseconds, at which 1504 bytes may pass

"#]]);
    std::fs::write(folder.join("up.trace"), "3\n5\n8\n").unwrap();
    check().code(0);
    std::fs::remove_file(folder.join("up.trace")).unwrap();
    check().code(2).stderr_eq(str![[r#"
error: failed to read the trace "up.trace": No such file or directory (lab/up.trace)
 --> lab/a.toml:3:9
  |
3 | trace = "up.trace"
  |         ^^^^^^^^^^
  |
  = help: a trace goes by its file's name, as seen from the scenario

"#]]);
}
