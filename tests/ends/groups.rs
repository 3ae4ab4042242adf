//! A control group's own limits: of processes, and of memory (`cgroups(7)`, both versions).

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;

use crate::bench::Bench;

const ROOT: &str = "/sys/fs/cgroup";

/// A control group of this test's own. It goes with this.
struct Group(PathBuf);

/// A resource, and the names of its limit in either version.
struct Resource {
    name: &'static str,
    limits: [&'static str; 2],
}

const PROCESSES: Resource = Resource {
    name: "pids",
    limits: ["pids.max", "pids.max"],
};

const MEMORY: Resource = Resource {
    name: "memory",
    limits: ["memory.limit_in_bytes", "memory.max"],
};

impl Group {
    /// Makes one with this limit; why not, where it can't be made here.
    fn new(of: &Resource, name: &str, most: &str) -> Result<Self, String> {
        let first = Path::new(ROOT).join(of.name);
        let (parent, limit) = if first.is_dir() {
            (first, of.limits[0])
        } else {
            (PathBuf::from(ROOT), of.limits[1])
        };
        let group = Self(parent.join(format!("canal-sim-ends-{name}-{}", std::process::id())));
        let failed = |error| format!("needs a control group of its own: {error}");
        fs::create_dir(&group.0).map_err(failed)?;
        fs::write(group.0.join(limit), most).map_err(failed)?;
        Ok(group)
    }

    /// What makes a shell and all that it becomes a member.
    fn enter(&self) -> String {
        format!(r#"echo 0 > {}/cgroup.procs; exec "$@""#, self.0.display())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fs::remove_dir(&self.0).ok();
    }
}

pub fn trials(why: Option<&'static str>) -> Vec<Trial> {
    type Case<'a> = (&'a str, &'a Resource, fn(&str));
    let all: [Case<'_>; 2] = [
        ("group_processes", &PROCESSES, processes),
        ("group_memory", &MEMORY, memory),
    ];
    let trial = |(name, resource, test): (&str, &'static Resource, fn(&str))| {
        let tried = why.map_or_else(
            || Group::new(resource, "try", "4194304").err(),
            |why| Some(why.to_owned()),
        );
        let name = name.to_owned();
        let own = name.clone();
        Trial::test(name, move || {
            test(&own);
            Ok(())
        })
        .with_ignored_flag(tried.is_some())
        .with_kind(tried.unwrap_or_default())
    };
    all.into_iter().map(trial).collect()
}

fn processes(name: &str) {
    let name = name.to_owned();
    Bench::with(move |bench| {
        let mut short = 0;
        for most in 1..30 {
            let group = Group::new(&PROCESSES, &name, &most.to_string()).unwrap();
            let ended = bench.run(&group.enter(), &["--backend", "kernel"]);
            if ended.code() == 1 {
                // A script's own processes are its own to miss.
                assert!(ended.stderr.contains("Cannot fork"), "{}", ended.stderr);
            } else if ended.code() != 0 {
                ended.short(&["no more processes or threads may be started", "pids.max"]);
                short += 1;
            }
        }
        assert!((3..29).contains(&short), "{short}");
    });
}

/// The kernel ends a program that takes more than it may, by SIGKILL: no message, and nothing left.
fn memory(name: &str) {
    let name = name.to_owned();
    Bench::with(move |bench| {
        let group = Group::new(&MEMORY, &name, "3145728").unwrap();
        let ended = bench.run(&group.enter(), &["--backend", "kernel"]);
        assert_eq!(ended.code(), 137, "{}", ended.stderr);
        drop(group);
        // The next run works.
        bench.run(r#"exec "$@""#, &["--backend", "kernel"]).passed();
    });
}
