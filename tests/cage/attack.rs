//! Runs a script on an instance, and tells what it said.

use std::process::Command;

use super::As;
use super::program::{Open, Run};

/// Two instances, and steps for the first, unless `node` says otherwise.
const TABLES: &str = r#"
title = "cage"

[aws.vpc.v]
cidr = "10.0.0.0/16"

[aws.subnet.s]
vpc = "v"
cidr = "10.0.0.0/24"

[aws.instance.server]
subnet = "s"

[aws.instance.other]
subnet = "s"
"#;

/// A step: its node, its script, and other keys.
pub struct Step<'s> {
    pub on: &'s str,
    pub script: &'s str,
    pub keys: &'s str,
}

/// A step of the server's that must exit with 0.
pub fn step(script: &str) -> Step<'_> {
    Step {
        on: "server",
        script,
        keys: "",
    }
}

/// The scenario of these steps.
pub fn scenario(steps: &[Step<'_>]) -> String {
    let mut text = TABLES.to_owned();
    for Step { on, script, keys } in steps {
        assert!(!script.contains("'''"));
        text += &format!("\n[[step]]\non = \"{on}\"\nrun = '''\n{script}\n'''\n{keys}\n");
    }
    text
}

/// The program, as this user.
pub fn program(place: &Open, who: As) -> Command {
    match who {
        As::Caller => place.same_user(),
        As::Somebody => place.somebody(),
    }
}

/// Runs the steps on the kernel backend, and gives what came of it.
pub fn run(place: &Open, command: &mut Command, steps: &[Step<'_>]) -> Run {
    let file = place.scenario("scenario", &scenario(steps));
    Run::of(command.arg("run").arg(file).args(["--backend", "kernel"]))
}

/// What each step wrote to its output; all must have passed.
pub fn said(run: &Run) -> Vec<String> {
    assert_eq!(run.code, Some(0), "{}", run.tale());
    let steps = run.steps();
    let said = steps.iter().map(|step| {
        let text = &step["detail"]["stdout"];
        text.as_str()
            .unwrap_or_else(|| panic!("{step:#}"))
            .to_owned()
    });
    said.collect()
}

/// What one script says.
pub fn attack(who: As, script: &str) -> String {
    let place = Open::new();
    let run = run(&place, &mut program(&place, who), &[step(script)]);
    said(&run).remove(0)
}

/// The start of a script that tries things: `try NAME COMMAND…` says `NAME` where the command succeeds,
/// which none may.
pub const TRY: &str =
    "try() { name=$1; shift; if \"$@\" >/dev/null 2>&1; then echo \"$name\"; fi; }\n";

/// The start of a script that says which files it could open for writing. Nothing is written.
pub const OPEN: &str = "open() { if (: >> \"$1\") 2>/dev/null; then echo \"$1\"; fi; }\n";
