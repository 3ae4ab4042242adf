//! What a command says that does nothing.

/// A command's refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The exit status.
    pub exit: u8,
    /// What it writes to stderr; the first line where there are more. Empty where it writes nothing.
    pub message: String,
}

impl Refusal {
    /// A refusal with this exit status.
    pub(super) fn new(exit: u8, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { exit, message }
    }

    /// The kernel's, by its number alone.
    pub(super) fn answered(what: &str) -> Self {
        Self::new(2, format!("RTNETLINK answers: {what}"))
    }

    /// The kernel's, in its own words.
    pub(super) fn said(what: &str) -> Self {
        Self::new(2, format!("Error: {what}."))
    }

    /// There is no such device.
    pub(super) fn no_device(name: &str) -> Self {
        Self::new(1, format!("Cannot find device \"{name}\""))
    }

    /// The same with another exit status: `bridge` has its own.
    pub(super) fn exit(self, exit: u8) -> Self {
        Self { exit, ..self }
    }
}

/// Why a command isn't simply done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is refused.
    Refused(Refusal),
    /// What it does isn't understood, or not all of it.
    Doubt,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
