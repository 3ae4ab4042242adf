//! From words to a [`Command`], as iproute2 6.1 and procps read them.

mod address;
mod arguments;
mod bridge;
mod ip;
mod link;
mod neighbour;
mod route;
mod switch;

use super::command::Command;
use super::refusal::Stop;
use arguments::Arguments;

/// Programs that look, wait or send packets, and change nothing.
const NEUTRAL: [&str; 31] = [
    ":",
    "cat",
    "curl",
    "date",
    "dig",
    "echo",
    "grep",
    "head",
    "host",
    "hostname",
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
    "true",
    "uname",
    "uptime",
    "wait",
    "wget",
    "whoami",
];

/// A command; `outputs` are the files that its output goes to.
pub(super) fn command(words: &[&str], outputs: &[String]) -> Result<Command, Stop> {
    let Some((program, rest)) = words.split_first() else {
        return Ok(Command::Nothing);
    };
    let program = ["/sbin/", "/usr/sbin/", "/bin/", "/usr/bin/"]
        .iter()
        .find_map(|folder| program.strip_prefix(folder))
        .unwrap_or(program);
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
        "false" => Ok(Command::Fail),
        // What more a program may do with these arguments isn't looked into, with one exception.
        "hostname" if !rest.is_empty() => Err(Stop::Doubt),
        program if NEUTRAL.contains(&program) => Ok(Command::Nothing),
        _ => Err(Stop::Doubt),
    }
}
