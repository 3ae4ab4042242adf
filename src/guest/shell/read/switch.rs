//! `sysctl`, and what is written to `/proc/sys`.

use crate::guest::shell::command::Command;
use crate::guest::shell::refusal::Stop;

/// `sysctl` (sysctl(8)).
pub(super) fn read(arguments: &[&str]) -> Result<Command, Stop> {
    let mut found = Command::Nothing;
    for argument in arguments {
        if let Some(option) = argument.strip_prefix('-') {
            if !matches!(option, "w" | "q" | "n" | "e" | "a" | "-write" | "-quiet") {
                return Err(Stop::Doubt);
            }
            continue;
        }
        let Some((key, value)) = argument.split_once('=') else {
            // Shown, not set.
            continue;
        };
        let forwarding = set(&key.replace('/', "."), value)?;
        found = Command::Forwarding(forwarding);
    }
    Ok(found)
}

/// `echo` or `printf` to a file.
pub(super) fn written(file: &str, arguments: &[&str]) -> Result<Command, Stop> {
    let key = file.strip_prefix("/proc/sys/").ok_or(Stop::Doubt)?;
    let (["-n", value] | [value]) = arguments else {
        return Err(Stop::Doubt);
    };
    let value = value.strip_suffix("\\n").unwrap_or(value);
    Ok(Command::Forwarding(set(&key.replace('/', "."), value)?))
}

/// Whether it forwards from now on; no other switch is understood.
fn set(key: &str, value: &str) -> Result<bool, Stop> {
    match key {
        "net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding" => {}
        _ => return Err(Stop::Doubt),
    }
    match value.trim() {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Stop::Doubt),
    }
}
