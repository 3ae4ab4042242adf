//! `sysctl`, and what is written to `/proc/sys`.

use crate::guest::shell::command::{Command, Switch};
use crate::guest::shell::refusal::Stop;

/// `sysctl` (sysctl(8)).
pub(super) fn read(arguments: &[&str]) -> Result<Command, Stop> {
    let (mut quiet, mut bare) = (false, false);
    let mut switches = Vec::new();
    let mut unknown = false;
    for argument in arguments {
        if let Some(option) = argument.strip_prefix('-') {
            let letters = match option {
                "-write" => "w",
                "-quiet" => "q",
                "-values" => "n",
                letters => letters,
            };
            for letter in letters.chars() {
                match letter {
                    'w' | 'e' => {}
                    'q' => quiet = true,
                    'n' => bare = true,
                    'a' => unknown = true,
                    _ => return Err(Stop::Doubt),
                }
            }
            continue;
        }
        let (key, value) = match argument.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (*argument, None),
        };
        let key = key.trim().replace('/', ".");
        let set = match value {
            Some(value) => Some(set(&key, value)?),
            None => None,
        };
        unknown |= !is_forwarding(&key);
        switches.push(Switch {
            set,
            label: format!("{key} = "),
            quiet: false,
        });
    }
    for switch in &mut switches {
        switch.quiet = quiet && switch.set.is_some();
        if bare {
            switch.label.clear();
        }
    }
    let changes = switches.iter().any(|switch| switch.set.is_some());
    match (unknown, changes) {
        // One is shown that is not known, and one is set.
        (true, true) => Err(Stop::Doubt),
        (true, false) => Ok(Command::Look),
        (false, _) => Ok(Command::Switch(switches)),
    }
}

/// `echo` or `printf` to a file.
pub(super) fn written(file: &str, arguments: &[&str]) -> Result<Command, Stop> {
    let key = file.strip_prefix("/proc/sys/").ok_or(Stop::Doubt)?;
    let (["-n", value] | [value]) = arguments else {
        return Err(Stop::Doubt);
    };
    let value = value.strip_suffix("\\n").unwrap_or(value);
    let set = set(&key.replace('/', "."), value)?;
    Ok(Command::Switch(vec![Switch {
        set: Some(set),
        label: String::new(),
        quiet: true,
    }]))
}

/// Whether the switch is the one that is known; it has two names.
fn is_forwarding(key: &str) -> bool {
    matches!(key, "net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding")
}

/// Whether it forwards from now on; no other switch is understood.
fn set(key: &str, value: &str) -> Result<bool, Stop> {
    if !is_forwarding(key) {
        return Err(Stop::Doubt);
    }
    match value.trim() {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Stop::Doubt),
    }
}
