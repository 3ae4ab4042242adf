//! Commands that a machine's owner types, and what they change: a small shell, and the programs `ip`,
//! `bridge` and `sysctl` as far as they concern IPv4.
//!
//! ```text
//! script ──lex──▶ lists of commands ──run──▶ words ──read──▶ Command ──effect──▶ Guest
//!                                          ▲         │          ├──────say─────▶ stdout
//!                                          └─────────┴─ Refusal ◀┘
//! ```
//!
//! A command does here what it does on Linux, side effects included, and is refused with the words and
//! the exit status of iproute2. What isn't understood is passed over, and becomes a doubt of the
//! [`Guest`].

mod bounds;
mod command;
mod compound;
mod effect;
mod lex;
mod read;
mod refusal;
mod run;
mod say;
mod sinks;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use refusal::Refusal;

use super::{Guest, HostFiles};

/// Carries out a script as `sh -eu -c` would on this machine: what it changes, it changes in `guest`. It
/// stops where the shell would stop.
///
/// A command that isn't understood changes nothing, counts as one that succeeded, and is named in
/// [`Guest::doubts`]; so is one whose effect depends on what a [`Guest`] doesn't hold. Programs that only
/// look, wait or send packets change nothing, and are taken for successful.
///
/// # Errors
///
/// The refusal of the last command, where the script ends with one.
pub fn carry_out(guest: &mut Guest, script: &str) -> Result<(), Refusal> {
    run::Shell::new(guest, None).run(script)
}

/// What a script left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// The shell's exit status.
    pub exit: u8,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr: of each refusal the first line.
    pub stderr: String,
    /// The commands that were not carried out, in their order.
    pub skipped: Vec<Skipped>,
}

/// A command that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// The command, in one line.
    pub command: String,
    /// Why: ``there is no `nft` here``.
    pub reason: String,
}

/// Carries out a script as `sh -eu -c` does on this machine, with these files: what it changes, it changes
/// in `guest`, and what it would write is kept.
///
/// A command that isn't understood is skipped: it changes nothing, shows nothing, and the script goes on as
/// though it had succeeded. It is named in [`Execution::skipped`], and in [`Guest::doubts`] too if it may
/// have changed something. So is one whose effect depends on what a [`Guest`] doesn't hold. Programs that
/// look, wait or send packets are skipped where what they show isn't known.
pub fn execute(guest: &mut Guest, files: &HostFiles, script: &str) -> Execution {
    run::Shell::new(guest, Some(files)).execute(script)
}
