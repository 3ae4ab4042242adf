//! The inputs that the fuzzer kept, through the same functions. Unlike the fuzzer this runs on every change.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use super::TARGETS;

/// Targets that this build has not: their readers belong to the kernel backend.
const KERNEL: &[&str] = &["drops", "netlink", "rules"];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let stems = paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    stems.collect()
}

#[test]
fn every_target_is_fuzzed_and_has_a_corpus() {
    let mut targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).into()).collect();
    if cfg!(not(all(feature = "kernel", target_os = "linux"))) {
        targets.extend(KERNEL.iter().map(|name| (*name).into()));
    }
    assert_eq!(names_in(&fuzz().join("fuzz_targets")), targets);
    assert_eq!(names_in(&fuzz().join("corpus")), targets);
}

#[test]
fn every_input_that_was_kept_is_taken() {
    for (name, target) in TARGETS {
        let folder = fuzz().join("corpus").join(name);
        let mut inputs: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap_or_else(|why| panic!("{}: {why}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{} is empty", folder.display());
        for input in inputs {
            let bytes = fs::read(&input).unwrap();
            let held = catch_unwind(|| target(&bytes));
            assert!(held.is_ok(), "{} makes {name} panic", input.display());
        }
    }
}
