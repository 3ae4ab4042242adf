//! The shipped scenarios in containers, at each strength that docs/ci.md offers, and what the program says
//! where one takes too much away.
//!
//! The image is made of the built program and of this machine's shell, iproute2 and nftables: no registry
//! is asked. Containers have no network, and go with the test; so does the image.
//!
//! | module | what it holds |
//! |---|---|
//! | `engine` | Docker: whether it is there, the image, one container |
//! | `strength` | what a container may do, and what the program shall make of it |
//! | `taken` | what containers take away, taken away without one |
//!
//! Where Docker is absent, or refuses a strength, the trial is listed as ignored, and the reason is told. Where a
//! container starts and can't do anything, it fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting programs is what these tests do.
#![allow(clippy::disallowed_methods)]

mod engine;
#[path = "../support/program.rs"]
mod program;
mod strength;
mod taken;

use std::sync::Arc;

use engine::{Granted, Image};
use libtest_mimic::{Arguments, Trial};
use program::{can_become_others, tell};
use strength::STRENGTHS;

fn main() {
    let arguments = Arguments::from_args();
    let image = if arguments.list {
        Err("this is only a list".to_owned())
    } else {
        Image::build().map(Arc::new)
    };
    let mut trials = vec![Trial::test("docs::the_recipes_are_those_tested", || {
        strength::documented();
        Ok(())
    })];
    trials.push(Trial::test(
        "docker::nothing_but_its_refusals_is_left_out",
        || {
            engine::refusals();
            Ok(())
        },
    ));
    for strength in &STRENGTHS {
        let name = format!("docker::{}", strength.name);
        let ready = match &image {
            Err(why) => Err(why.clone()),
            Ok(image) => match image.grants(strength) {
                Granted::Yes => Ok(Arc::clone(image)),
                Granted::Refused(why) => Err(why),
                Granted::Broken(why) => {
                    trials.push(Trial::test(name, move || Err(why.into())));
                    continue;
                }
            },
        };
        trials.push(match ready {
            Ok(image) => Trial::test(name, move || {
                strength.hold(&image);
                Ok(())
            }),
            Err(why) => {
                if !arguments.list {
                    tell(&format!("{name}, because {why}"));
                }
                Trial::test(name, || Err("this was not to be run".into())).with_ignored_flag(true)
            }
        });
    }
    let is_root = nix::unistd::geteuid().is_root();
    let can_take = is_root && can_become_others();
    if !can_take && !arguments.list {
        tell("what containers take away, because only root can take it away here");
    }
    for (name, test) in taken::TESTS {
        let trial = Trial::test(format!("taken::{name}"), move || {
            test();
            Ok(())
        });
        trials.push(trial.with_ignored_flag(!can_take));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The image goes before the process does, which runs no destructors.
    drop(image);
    conclusion.exit();
}
