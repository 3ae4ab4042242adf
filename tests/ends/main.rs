//! Whatever runs out, the program says so once and clearly, ends with the right status and leaves nothing.
//!
//! One thing is made short at a time: descriptors, threads, memory, namespaces, room on a disk, somewhere to
//! write to, and what programs take for granted. Limits are lowered for the program alone: in a process, a user
//! namespace, a mount namespace or a control group of its own. The machine's own switches are left as they are.
//!
//! | module | what is short |
//! |---|---|
//! | `amounts` | descriptors, threads, memory |
//! | `groups` | a control group's processes and memory |
//! | `spaces` | namespaces |
//! | `disk` | room under a report and a capture |
//! | `streams` | stdin, stdout, stderr |
//! | `surroundings` | /proc, /sys, /tmp, PATH, HOME, a locale |
//! | `bench` | runs the program and looks at what it leaves |
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

#[path = "../support/caller.rs"]
#[allow(dead_code)]
mod caller;
#[path = "../support/program.rs"]
mod program;

mod amounts;
mod bench;
mod disk;
mod groups;
mod spaces;
mod streams;
mod surroundings;

use libtest_mimic::{Arguments, Trial};
use program::{can_become_others, tell};

fn main() {
    let arguments = Arguments::from_args();
    // Other users and other mounts are what most of these tests need.
    let why = if can_become_others() {
        None
    } else {
        Some("needs root")
    };
    if let (Some(why), false) = (why, arguments.list) {
        tell(&format!("what runs out, because it {why}"));
    }
    let mut trials = Vec::new();
    for (name, test) in [
        amounts::TRIALS,
        spaces::TRIALS,
        disk::TRIALS,
        streams::TRIALS,
        surroundings::TRIALS,
    ]
    .concat()
    {
        let trial = Trial::test(name, move || {
            test();
            Ok(())
        });
        trials.push(
            trial
                .with_ignored_flag(why.is_some())
                .with_kind(why.unwrap_or_default()),
        );
    }
    trials.extend(groups::trials(why));
    libtest_mimic::run(&arguments, trials).exit();
}
