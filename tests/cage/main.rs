//! A scenario from a stranger can't touch the machine: each way out that a `run` step could try, as root and
//! as an ordinary user, and what must go on working in there.
//!
//! Each attack says what became of it, and the test looks at the machine as well.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

#[path = "../support/program.rs"]
mod program;

mod attack;
mod calls;
mod files;
mod life;
mod rights;

use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};

/// Who runs the program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// The user that runs the tests.
    Caller,
    /// `nobody`.
    Somebody,
}

type Test = fn(As);

const TESTS: &[(&str, Option<&str>, Test)] = &[
    (
        "the_environment_is_not_the_caller_s",
        None,
        rights::environment,
    ),
    (
        "capabilities_reach_the_node_only",
        None,
        rights::capabilities,
    ),
    (
        "no_descriptor_of_the_caller_s_is_open",
        None,
        rights::descriptors,
    ),
    (
        "nothing_can_be_mounted_or_entered",
        Some("unshare"),
        rights::namespaces,
    ),
    (
        "nobody_outside_can_be_called",
        Some("perl"),
        rights::sockets,
    ),
    (
        "system_calls_that_no_namespace_divides",
        Some("perl"),
        rights::system_calls,
    ),
    ("no_process_escapes_its_parent", Some("perl"), calls::clones),
    (
        "the_program_s_copies_are_not_looked_into",
        Some("setpriv"),
        calls::copies,
    ),
    ("a_crash_is_told_to_nobody", None, calls::crashes),
    (
        "netlink_reaches_the_node_s_network_only",
        Some("perl"),
        calls::netlink,
    ),
    ("no_file_outside_is_written", None, files::writing),
    ("no_file_of_the_caller_s_is_seen", None, files::seeing),
    ("no_switch_of_the_machine_is_turned", None, files::switches),
    (
        "every_mount_but_the_node_s_own_is_read_only",
        None,
        files::mounts,
    ),
    (
        "no_process_is_seen_where_no_proc_may_be_mounted",
        Some("setpriv"),
        files::hidden_proc,
    ),
    ("scratch_is_bounded", None, files::bounded),
    (
        "what_a_script_makes_of_its_files_harms_no_other",
        None,
        files::spoilt,
    ),
    ("a_full_node_fails_its_steps_only", None, files::full),
    ("what_a_script_leaves_is_the_node_s", None, files::node),
    ("no_process_outside_is_seen_or_ended", None, life::processes),
    ("the_time_limit_ends_daemons_too", None, life::time_limit),
    (
        "the_time_limit_leaves_earlier_daemons",
        None,
        life::earlier_daemons,
    ),
    (
        "the_time_limit_ends_orphans_that_were_given_away",
        Some("perl"),
        life::orphans_given_away,
    ),
    (
        "the_time_limit_ends_the_shell_s_siblings",
        Some("perl"),
        life::siblings,
    ),
    (
        "the_time_limit_ends_a_fork_bomb",
        Some("perl"),
        life::fork_bomb,
    ),
    ("what_users_type_still_works", Some("ip"), life::still_works),
];

fn main() {
    let arguments = Arguments::from_args();
    let is_somebody = program::can_become_others();
    if !arguments.list && !is_somebody {
        program::tell(
            "what an ordinary user's scripts can do, because these tests can't become one",
        );
    }
    let trials = TESTS.iter().flat_map(|(name, needs, test)| {
        let missing = needs.filter(|program| !on_path(program));
        let trial = |who: As, by: &str, possible: bool| {
            let test = *test;
            let run = move || -> Result<(), Failed> {
                test(who);
                Ok(())
            };
            let kind = missing.map_or_else(String::new, |program| format!("needs {program}"));
            Trial::test(format!("{by}::{name}"), run)
                .with_kind(kind)
                .with_ignored_flag(!possible || missing.is_some())
        };
        [
            trial(As::Caller, "caller", true),
            trial(As::Somebody, "somebody", is_somebody),
        ]
    });
    let trials = trials.collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .any(|folder: std::path::PathBuf| Path::new(&folder).join(program).is_file())
}
