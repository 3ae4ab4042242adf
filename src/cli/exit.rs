//! What the exit status says.

use std::process::ExitCode;

use crate::run::Signal;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything came out as expected.
    AsExpected,
    /// 1: some expectation failed.
    Unexpected,
    /// 2: a scenario or the command line is wrong.
    Usage,
    /// 3: this machine can't do it, or the run broke off. Counts before 1: what was not run to its
    /// end says nothing.
    Machine,
    /// 130 or 143: SIGINT or SIGTERM ended the run before its time, whatever it had shown so far. As for every
    /// program that a signal ends, it is 128 and the signal's number (sh(1p), 2.8.2).
    Interrupted(Signal),
}

impl Exit {
    /// The status.
    pub const fn code(self) -> u8 {
        match self {
            Self::AsExpected => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Machine => 3,
            Self::Interrupted(signal) => 128 + signal.number(),
        }
    }
}

impl Exit {
    /// This one, or the other where this is as expected.
    pub const fn or(self, other: Self) -> Self {
        match self {
            Self::AsExpected => other,
            Self::Unexpected | Self::Usage | Self::Machine | Self::Interrupted(_) => self,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
