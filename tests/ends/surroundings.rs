//! What programs take for granted.

use crate::bench::{Bench, Case, USER};

pub const TRIALS: &[Case] = &[
    ("without_proc", without_proc),
    ("without_sys", without_sys),
    ("without_a_tmp_to_write_to", without_tmp),
    ("without_an_environment", without_an_environment),
    ("without_a_path", without_a_path),
];

const KERNEL: &[&str] = &["--backend", "kernel"];

/// Runs it in mounts of its own, which these commands have changed.
fn mounts(commands: &str, start: &str) -> String {
    format!(r#"exec unshare --mount sh -euc '{commands}; {start} "$@"' sh "$@""#)
}

fn without_proc() {
    Bench::with(|bench| {
        for start in ["exec", USER] {
            let script = mounts("umount -n -R /proc", start);
            let ended = bench.run(&script, KERNEL);
            ended.short(&["/proc is not mounted", "mount -t proc proc /proc"]);
            let ended = bench.run(&script, &[]);
            let told = "memory backend, seed 1: the kernel backend can't run here";
            assert!(ended.passed().stderr.contains(told), "{}", ended.stderr);
        }
    });
}

fn without_sys() {
    Bench::with(|bench| {
        let hidden = |start| mounts("umount -n -R /sys", start);
        bench.run(&hidden("exec"), KERNEL).passed();
        // A user namespace is not shown more than it has seen (mount_too_revealing), so a script that reads /sys
        // fails; that is said.
        let ended = bench.run(&hidden(USER), KERNEL);
        assert_eq!(ended.code(), 1, "{}", ended.stderr);
        let said = "no /sys of the node's own; scripts see an empty one";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    });
}

/// Nothing is put there.
fn without_tmp() {
    Bench::with(|bench| {
        // The place itself lies below.
        let place = bench.place.folder.path().display();
        let hide = format!(
            "mount -n -t tmpfs -o mode=755 tmpfs /mnt; cp -r {place}/. /mnt; cd /mnt; \
             mount -n -t tmpfs -o ro,size=4k tmpfs /tmp; shift; set -- /mnt/canal-sim \"$@\""
        );
        for start in ["exec", USER] {
            bench.run(&mounts(&hide, start), KERNEL).passed();
        }
    });
}

fn without_an_environment() {
    Bench::with(|bench| {
        for start in ["exec", USER] {
            let script = format!(r#"{start} env -i "$@""#);
            bench.run(&script, KERNEL).passed();
            let script = format!(
                r#"{start} env -u HOME LC_ALL=xx_YY.bogus LANG=$(printf "\377") TZ=/dev/null "$@""#
            );
            bench.run(&script, KERNEL).passed();
        }
    });
}

/// Only scripts start programs, and say which they do not find.
fn without_a_path() {
    Bench::with(|bench| {
        for start in ["exec", USER] {
            // What a shell would find for itself.
            let script = format!(r#"{start} env PATH=/nowhere "$@""#);
            let ended = bench.run(&script, KERNEL);
            ended.short(&["there is no cat in the folders of PATH", "apt-get install"]);
            bench.run(&script, &["--backend", "memory"]).passed();
        }
    });
}
