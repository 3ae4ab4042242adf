//! `canal-sim doctor`: what this machine can and can't do, what that costs, and what mends it.

use crate::plain::plain;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::args::{DoctorArguments, Format};
use super::console::Console;
use super::exit::Exit;
use crate::report::text::{visible, wrap};

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All is there.
    Good,
    /// Something is missing that can be done without.
    Degraded,
    /// Something is missing without which the kernel backend can't run.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What: `network namespaces`.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What was seen.
    pub detail: String,
    /// What its lack costs; empty where nothing is missing.
    pub cost: String,
    /// What mends it; empty where nothing is missing.
    pub mend: String,
}

/// All findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether the kernel backend can run.
    pub ready: bool,
    /// What the kernel backend needs.
    pub kernel: Vec<Finding>,
    /// Programs that scripts in scenarios call.
    pub programs: Vec<Finding>,
}

impl Health {
    /// Puts the findings together. Without any about the kernel nothing is known to work.
    pub fn new(kernel: Vec<Finding>, programs: Vec<Finding>) -> Self {
        let works = |finding: &Finding| finding.state != State::Missing;
        Self {
            ready: !kernel.is_empty() && kernel.iter().all(works),
            kernel,
            programs,
        }
    }
}

/// Programs that `run` steps call as a rule, and the package of Debian and Ubuntu that brings each.
const PROGRAMS: [(&str, &str); 6] = [
    ("sh", "dash"),
    ("ip", "iproute2"),
    ("bridge", "iproute2"),
    ("nft", "nftables"),
    ("sysctl", "procps"),
    ("iperf3", "iperf3"),
];

/// Looks for the programs in the folders of `path`, a value of `PATH`.
pub fn programs(path: &OsStr) -> Vec<Finding> {
    PROGRAMS
        .iter()
        .map(|(name, package)| match look_up(name, path) {
            Some(place) => Finding {
                name: (*name).to_owned(),
                state: State::Good,
                detail: place.display().to_string(),
                cost: String::new(),
                mend: String::new(),
            },
            None => Finding {
                name: (*name).to_owned(),
                state: State::Degraded,
                detail: "not found".to_owned(),
                cost: if *name == "sh" {
                    "run steps fail".to_owned()
                } else {
                    format!("run steps that call {name} fail; nothing else needs it")
                },
                mend: format!("apt-get install {package}"),
            },
        })
        .collect()
}

fn look_up(name: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|place| std::fs::metadata(place).is_ok_and(|meta| is_executable(&meta)))
}

#[cfg(unix)]
fn is_executable(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.is_file() && meta.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(meta: &std::fs::Metadata) -> bool {
    meta.is_file()
}

/// Shows the findings: for people, too, on stdout, since they are what was asked for.
pub fn doctor_command(
    arguments: &DoctorArguments,
    console: &mut Console<'_>,
    health: &Health,
) -> Exit {
    let written = match arguments.format {
        Format::Human => {
            let text = text(health, console.out_color, usize::from(console.width));
            console.out.write_all(text.as_bytes())
        }
        Format::Json => json(console.out, health),
    };
    match written.and_then(|()| console.out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            console.error(format!("failed to write: {}", plain(error)));
            Exit::Machine
        }
        _ if health.ready => Exit::AsExpected,
        _ => Exit::Machine,
    }
}

fn json(out: &mut dyn Write, health: &Health) -> io::Result<()> {
    writeln!(out, "{}", serde_json::to_string(health)?)
}

fn text(health: &Health, color: bool, width: usize) -> String {
    let mut text = String::new();
    let sections = [
        ("kernel backend", &health.kernel),
        ("programs for run steps", &health.programs),
    ];
    let names = sections.iter().flat_map(|(_, findings)| findings.iter());
    let column = names.map(|f| f.name.chars().count()).max().unwrap_or(0);
    for (title, findings) in sections {
        text.push_str(&format!("{title}\n"));
        for finding in findings {
            text.push_str(&shown(finding, color, column, width));
        }
        text.push('\n');
    }
    text.push_str(if health.ready {
        "This machine can run scenarios with the kernel backend.\n"
    } else {
        "This machine can't run scenarios with the kernel backend.\n"
    });
    for row in wrap(MEMORY, width) {
        text.push_str(&row);
        text.push('\n');
    }
    text
}

/// What needs nothing of the machine.
const MEMORY: &str = "The memory backend runs them on any machine, on virtual time. Of what run steps call it \
    knows ip, bridge and sysctl, and skips the rest: docs/scenarios.md says which forms.";

fn shown(finding: &Finding, color: bool, column: usize, width: usize) -> String {
    let (mark, paint) = match finding.state {
        State::Good => ("✓ ok     ", "\u{1b}[32m"),
        State::Degraded => ("! without", "\u{1b}[33m"),
        State::Missing => ("✗ MISSING", "\u{1b}[1;31m"),
    };
    let mark = if color {
        format!("{paint}{mark}\u{1b}[0m")
    } else {
        mark.to_owned()
    };
    let indent = 2 + 9 + 1 + column + 2;
    let room = width.saturating_sub(indent).max(20);
    let mut rows = wrap(&visible(&finding.detail), room);
    for (label, said) in [("cost", &finding.cost), ("to mend it", &finding.mend)] {
        if !said.is_empty() {
            rows.extend(wrap(&format!("{label}: {said}"), room));
        }
    }
    let mut rows = rows.into_iter();
    let first = rows.next().unwrap_or_default();
    let name = visible(&finding.name);
    let mut text = format!("  {mark} {name:<column$}  {first}");
    text.truncate(text.trim_end().len());
    text.push('\n');
    for row in rows {
        text.push_str(&format!("{:indent$}{row}\n", ""));
    }
    text
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn finding(name: &str, state: State, said: [&str; 3]) -> Finding {
        Finding {
            name: name.into(),
            state,
            detail: said[0].into(),
            cost: said[1].into(),
            mend: said[2].into(),
        }
    }

    fn kernel(nftables: State) -> Vec<Finding> {
        let said = match nftables {
            State::Good => ["tables can be made over netlink", "", ""],
            _ => [
                "the kernel has no nf_tables (EPROTONOSUPPORT)",
                "no filters, so no verdicts",
                "load the module nf_tables, or boot a kernel with CONFIG_NF_TABLES",
            ],
        };
        vec![
            finding("network namespaces", State::Good, ["made as root", "", ""]),
            finding("nftables", nftables, said),
            finding(
                "BPF",
                State::Degraded,
                [
                    "the kernel has no BTF",
                    "drops outside the clouds' rules carry no reason of the kernel's",
                    "boot a kernel with CONFIG_DEBUG_INFO_BTF",
                ],
            ),
        ]
    }

    fn some_programs() -> Vec<Finding> {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("sh", 0o755), ("ip", 0o755), ("nft", 0o644)] {
            let place = folder.path().join(name);
            std::fs::write(&place, "").unwrap();
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&place, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut found = programs(folder.path().as_os_str());
        for finding in &mut found {
            let root = folder.path().display().to_string();
            finding.detail = finding.detail.replace(&root, "/usr/bin");
        }
        found
    }

    #[test]
    fn what_can_be_done_without_does_not_make_a_machine_unfit() {
        let health = Health::new(kernel(State::Good), some_programs());
        assert!(health.ready);
        insta::assert_snapshot!(text(&health, false, 100));
    }

    #[test]
    fn what_is_missing_does() {
        let health = Health::new(kernel(State::Missing), some_programs());
        assert!(!health.ready);
        insta::assert_snapshot!(text(&health, false, 72));
        assert!(!Health::new(Vec::new(), some_programs()).ready);
    }
}
