//! What commands that only look write to stdout, as far as it is known.

use super::bounds::OUTPUT;
use super::command::{Grep, Say, Switch};
use super::refusal::{Refusal, Stop};
use crate::guest::model::LOOPBACK_MTU;
use crate::guest::{Guest, HostFiles};

/// What a command says.
///
/// # Errors
///
/// Its refusal; or doubt, where what it says is not known.
pub(super) fn said(guest: &Guest, files: &HostFiles, say: &Say) -> Result<String, Stop> {
    match say {
        Say::Text(text) => Ok(text.clone()),
        // Without a name of its own a machine has that of another.
        Say::Hostname if files.hostname.is_empty() => Err(Stop::Doubt),
        Say::Hostname => Ok(format!("{}\n", files.hostname)),
        Say::Files(names) => {
            let mut text = String::new();
            for name in names {
                match file(guest, files, name)? {
                    // No more of it would be kept.
                    Some(_) if text.len() > OUTPUT => {}
                    Some(more) => text.push_str(&more),
                    // The others are shown all the same.
                    None if names.len() > 1 => return Err(Stop::Doubt),
                    None => {
                        let message = format!("cat: {name}: No such file or directory");
                        return Err(Refusal::new(1, message).into());
                    }
                }
            }
            Ok(text)
        }
        Say::Lines(grep) => lines(guest, files, grep),
    }
}

fn lines(guest: &Guest, files: &HostFiles, grep: &Grep) -> Result<String, Stop> {
    let Some(text) = file(guest, files, &grep.file)? else {
        let message = format!("grep: {}: No such file or directory", grep.file);
        return Err(Refusal::new(2, message).into());
    };
    let fits = |line: &&str| {
        if grep.fixed {
            line.contains(&grep.pattern)
        } else {
            matches(line, &grep.pattern)
        }
    };
    let found: Vec<&str> = text.lines().filter(fits).collect();
    if found.is_empty() {
        return Err(Refusal::new(1, "").into());
    }
    let shown = found.iter().filter(|_| !grep.quiet);
    Ok(shown.map(|line| format!("{line}\n")).collect())
}

/// Whether a line has the pattern in it: `^`, `$` and `.` mean what they do in a basic regular expression.
fn matches(line: &str, pattern: &str) -> bool {
    let (begins, pattern) = match pattern.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (ends, pattern) = match pattern.strip_suffix('$') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let line: Vec<char> = line.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let Some(last) = line.len().checked_sub(pattern.len()) else {
        return false;
    };
    let mut places = (0..=last).filter(|at| (!begins || *at == 0) && (!ends || *at == last));
    let same = |(c, wanted): (&char, &char)| *wanted == '.' || c == wanted;
    places.any(|at| line.iter().skip(at).zip(&pattern).all(same))
}

/// What is in a file; none where there is no such file.
fn file(guest: &Guest, files: &HostFiles, name: &str) -> Result<Option<String>, Stop> {
    if let Some(name) = name.strip_prefix("/etc/") {
        let found = files.texts().into_iter().find(|(own, _)| *own == name);
        // A machine without a name has its own /etc/hostname.
        let known = found.filter(|_| name != "hostname" || !files.hostname.is_empty());
        return known.map(|(_, text)| Some(text)).ok_or(Stop::Doubt);
    }
    if let Some(switch) = name.strip_prefix("/proc/sys/net/ipv4/") {
        return match switch {
            "ip_forward" | "conf/all/forwarding" => Ok(Some(forwarding(guest) + "\n")),
            _ => Err(Stop::Doubt),
        };
    }
    let dev = name
        .strip_prefix("/sys/class/net/")
        .and_then(|rest| rest.strip_suffix("/mtu"))
        .filter(|dev| !dev.contains('/') && !dev.is_empty())
        .ok_or(Stop::Doubt)?;
    match guest.interfaces.get(dev) {
        Some(interface) => Ok(Some(format!("{}\n", interface.mtu))),
        None if dev == "lo" => Ok(Some(format!("{LOOPBACK_MTU}\n"))),
        // What wasn't understood may have made it.
        None if !guest.doubts.is_empty() => Err(Stop::Doubt),
        None => Ok(None),
    }
}

/// What `sysctl` shows, once it is done.
pub(super) fn switched(guest: &Guest, list: &[Switch]) -> String {
    let mut value = forwarding(guest);
    let mut text = String::new();
    for switch in list {
        if let Some(set) = switch.set {
            value = u8::from(set).to_string();
        }
        if !switch.quiet {
            text.push_str(&format!("{}{value}\n", switch.label));
        }
    }
    text
}

fn forwarding(guest: &Guest) -> String {
    u8::from(guest.forwarding).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (line, pattern, fits) in [
            ("nameserver 100.127.0.53", "nameserver 100.127.0.53", true),
            ("nameserver 100.127.0.53", "100.127.0.5$", false),
            ("nameserver 100.127.0.53", "^100", false),
            ("nameserver 100.127.0.53", "^name", true),
            ("nameserver 100.127.0.53", "0.53$", true),
            ("nameserver 100.127.0.53", "0x53$", false),
            ("nameserver 100.127.0.53", "server.100", true),
            ("short", "much longer than it", false),
            ("", "", true),
            ("", "^$", true),
            ("a", "^$", false),
        ] {
            assert_eq!(matches(line, pattern), fits, "{line} {pattern}");
        }
    }
}
