//! Where a command's output goes to.

use super::lex::Target;

/// One place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sink {
    Stdout,
    Stderr,
    Nowhere,
}

/// Where both outputs of a command go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sinks {
    pub out: Sink,
    pub err: Sink,
}

impl Default for Sinks {
    fn default() -> Self {
        Self {
            out: Sink::Stdout,
            err: Sink::Stderr,
        }
    }
}

impl Sinks {
    /// Redirects an output, to the file of this name if it is one; none where that isn't understood.
    /// Switches in `/proc` and `/sys` are written to by other means.
    pub fn redirect(&mut self, from: Option<u8>, to: &Target, file: &str) -> Option<()> {
        let sink = match (to, file) {
            (Target::File(_), "/dev/stdout") | (Target::Output(1), _) => self.out,
            (Target::File(_), "/dev/stderr") | (Target::Output(2), _) => self.err,
            (Target::File(_), "/dev/null") => Sink::Nowhere,
            (Target::File(_), _) if file.starts_with("/proc/") || file.starts_with("/sys/") => {
                Sink::Nowhere
            }
            (Target::File(_) | Target::Output(_) | Target::Closed, _) => return None,
        };
        match from {
            Some(1) => self.out = sink,
            Some(2) => self.err = sink,
            _ => return None,
        }
        Some(())
    }
}
