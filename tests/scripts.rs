//! The scripts of `scripts/` where what they call fails: with programs in its place that only fail.
#![allow(clippy::unwrap_used)]
// Starting programs is what these tests do.
#![allow(clippy::disallowed_methods)]
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A project with one script of ours, and programs that are found first.
struct Project {
    folder: tempfile::TempDir,
    script: PathBuf,
}

impl Project {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scripts")
            .join(script);
        let to = folder.path().join("scripts").join(script);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, &to).unwrap();
        Self { folder, script: to }
    }

    fn file(&self, place: &str, text: &str) {
        let place = self.folder.path().join(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    fn program(&self, place: &str, text: &str) {
        self.file(place, &format!("#!/bin/sh\n{text}\n"));
        let place = self.folder.path().join(place);
        fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap();
        let first = self.folder.path().join("bin");
        Command::new("sh")
            .arg(&self.script)
            .args(arguments)
            .env("PATH", format!("{}:{path}", first.display()))
            .output()
            .unwrap()
    }

    fn names(&self, place: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join(place)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }
}

#[test]
fn a_merge_that_breaks_off_leaves_the_corpus() {
    let project = Project::new("fuzz.sh");
    project.program("bin/cargo", "exit 0");
    project.program("bin/rustc", "echo 'host: here'");
    project.file("fuzz/fuzz_targets/one.rs", "");
    project.file("fuzz/corpus/one/old", "");
    // It has kept something by then.
    let part = ": >kept/one/part; echo 'out of memory' >&2";
    project.program(
        "fuzz/target/here/release/one",
        &format!("{part}\nexit 77\n"),
    );
    let output = project.run(&["keep"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("out of memory"));
    assert_eq!(project.names("fuzz/corpus/one"), ["old"]);

    project.program("fuzz/target/here/release/one", ": >kept/one/new");
    let output = project.run(&["keep"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(project.names("fuzz/corpus/one"), ["new"]);
}

#[test]
fn advisories_that_are_not_checked_are_no_pass_unless_that_is_allowed() {
    let project = Project::new("deny.sh");
    project.program("bin/cargo", "case \"$*\" in *fetch*) exit 1 ;; esac");
    let status = |arguments: &[&str]| {
        let output = project.run(arguments);
        let told = String::from_utf8_lossy(&output.stdout).contains("NOT CHECKED: advisories");
        (output.status.code(), told)
    };
    assert_eq!(status(&[]), (Some(3), true));
    assert_eq!(status(&["--allow-unchecked"]), (Some(0), true));
    assert_eq!(status(&["--offline"]), (Some(2), false));
    project.program("bin/cargo", "case \"$*\" in *advisories*) exit 1 ;; esac");
    assert_eq!(status(&["--allow-unchecked"]), (Some(1), false));
    project.program("bin/cargo", "exit 0");
    assert_eq!(status(&[]), (Some(0), false));
}
