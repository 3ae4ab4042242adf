//! From words to a [`Command`], as iproute2 6.1 and procps read them.

mod address;
mod arguments;
mod bridge;
mod ip;
mod link;
mod neighbour;
mod route;
mod say;
mod switch;

use super::command::Command;
use super::refusal::Stop;
use arguments::Arguments;

/// Programs that look, wait or send packets, and change nothing.
const NEUTRAL: [&str; 24] = [
    "curl",
    "date",
    "dig",
    "head",
    "host",
    "id",
    "ls",
    "mtr",
    "netstat",
    "nslookup",
    "ping",
    "printf",
    "ps",
    "pwd",
    "sleep",
    "ss",
    "tail",
    "tcpdump",
    "tracepath",
    "traceroute",
    "uname",
    "uptime",
    "wget",
    "whoami",
];

/// The name of a program that may be called by its whole path.
pub(super) fn name(program: &str) -> &str {
    ["/sbin/", "/usr/sbin/", "/bin/", "/usr/bin/"]
        .iter()
        .find_map(|folder| program.strip_prefix(folder))
        .unwrap_or(program)
}

/// Whether a program is known, be it that not each of its forms is.
pub(super) fn is_known(program: &str) -> bool {
    let own = [
        "ip", "bridge", "sysctl", "echo", "cat", "grep", "hostname", "test", "[",
    ];
    own.contains(&program) || NEUTRAL.contains(&program)
}

/// A command; `outputs` are the files that its output goes to.
pub(super) fn command(words: &[&str], outputs: &[String]) -> Result<Command, Stop> {
    let Some((program, rest)) = words.split_first() else {
        return Ok(Command::Nothing);
    };
    let program = name(program);
    for output in outputs {
        if output.starts_with("/proc") || output.starts_with("/sys") {
            let [_] = outputs else {
                return Err(Stop::Doubt);
            };
            return match program {
                "echo" | "printf" => switch::written(output, rest),
                _ => Err(Stop::Doubt),
            };
        }
    }
    match program {
        "ip" => ip::read(Arguments::new(rest)),
        "bridge" => bridge::read(Arguments::new(rest)),
        "sysctl" => switch::read(rest),
        // No script leaves anything in the background here that could be waited for.
        ":" | "true" | "wait" => Ok(Command::Nothing),
        "false" => Ok(Command::Fail),
        "echo" => Ok(say::echo(rest)),
        "cat" => Ok(say::cat(rest)),
        "grep" => Ok(say::grep(rest)),
        "hostname" => say::hostname(rest),
        "test" => say::test(rest),
        "[" => match rest.split_last() {
            Some((&"]", rest)) => say::test(rest),
            _ => Err(Stop::Doubt),
        },
        // What more a program may do with these arguments isn't looked into.
        program if NEUTRAL.contains(&program) => Ok(Command::Look),
        _ => Err(Stop::Doubt),
    }
}
