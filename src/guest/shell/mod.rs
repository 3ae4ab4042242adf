//! Commands that a machine's owner types, and what they change: a small shell, and the programs `ip`,
//! `bridge` and `sysctl` as far as they concern IPv4.
//!
//! ```text
//! script ──lex──▶ lists of commands ──run──▶ words ──read──▶ Command ──effect──▶ Guest
//!                                                    └───── Refusal ◀─────┘
//! ```
//!
//! A command does here what it does on Linux, side effects included, and is refused with the words and
//! the exit status of iproute2. What isn't understood is passed over, and becomes a doubt of the
//! [`Guest`].

mod command;
mod effect;
mod lex;
mod read;
mod refusal;
mod run;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use refusal::Refusal;

use super::Guest;

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
    run::Shell::new(guest).run(script)
}
