//! What carries a [`Network`](crate::network::Network) out and measures it.
//!
//! A backend makes changes, sends probes, runs commands and hands back what it saw. It does not decide
//! what a result means: expectations live in `run`.

pub mod evidence;
#[cfg(all(feature = "kernel", target_os = "linux"))]
pub mod kernel;
pub mod memory;
pub mod pcapng;
pub mod probe;
mod protocol;
#[cfg(any(test, fuzzing))]
pub(crate) use protocol::fuzzing as protocol_fuzzing;
pub mod shaper;
pub mod vxlan;

use std::future::Future;
use std::time::Duration;

use crate::guest::Guest;
pub use crate::guest::shell::Skipped;
use crate::network::{Change, NodeId};
use probe::{Measurement, Probe};

/// A place where networks are carried out.
pub trait Backend {
    /// Its name in reports: `kernel`.
    fn name(&self) -> &'static str;

    /// The network's own clock: how long the network has been there. Whatever is timed in reports is timed
    /// by it.
    fn now(&self) -> Duration;

    /// Lets the network's clock go on by this much, and whatever is under way with it.
    fn pause(&mut self, time: Duration) -> impl Future<Output = ()>;

    /// The clouds' clock went on by this much. A network with a time of its own goes along; real time can't
    /// be made to pass.
    fn skip(&mut self, time: Duration);

    /// Carries the changes out in their order. When this returns, the network is usable: links are up,
    /// filters in force, services listening.
    ///
    /// # Errors
    ///
    /// The first change that could not be made, in words that name the node and what it needed.
    fn apply(&mut self, changes: &[Change]) -> impl Future<Output = Result<(), BackendError>>;

    /// Sends one probe and waits for its fate, at most for [`Probe::timeout`].
    ///
    /// # Errors
    ///
    /// Only where the probe could not be carried out at all; a packet that is lost is a result.
    fn probe(&self, probe: &Probe) -> impl Future<Output = Result<Measurement, BackendError>>;

    /// The frames that have passed the links since the last time, as a capture file; none where nobody
    /// captures.
    fn take_capture(&mut self) -> Option<CaptureFile>;

    /// What the node's own kernel says of its configuration at this moment.
    ///
    /// # Errors
    ///
    /// Where there is no such node, or its kernel doesn't answer.
    fn guest(&self, node: &NodeId) -> impl Future<Output = Result<Guest, BackendError>>;

    /// Runs a shell script on a node, with that node's network and name resolution. Processes that it
    /// leaves in the background live on until the node goes.
    ///
    /// # Errors
    ///
    /// Only where the script could not be started; its exit status is a result.
    fn run(&self, script: &Script) -> impl Future<Output = Result<ScriptOutput, BackendError>>;
}

/// Frames that have passed links, in the format pcapng.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureFile {
    /// How many.
    pub packets: u64,
    /// How many more have passed after the capture was full.
    pub left_out: u64,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A shell script to run on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The node.
    pub node: NodeId,
    /// What `sh -eu -c` runs: it ends at the first command that fails, whose own message is on stderr.
    pub text: String,
    /// How long it may take; then it and its children are ended.
    pub timeout: Duration,
}

/// What a script left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptOutput {
    /// How it ended.
    pub end: ScriptEnd,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// The commands that the backend did not carry out, in their order.
    pub skipped: Vec<Skipped>,
}

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptEnd {
    /// By itself, with this exit status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// It took longer than allowed and was ended.
    TimedOut,
}

/// Something that a backend could not do.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// This machine lacks something; exit status 3.
    #[error("{what}\n  to mend it: {mend}")]
    Machine {
        /// What is missing, and what for.
        what: String,
        /// How to get it.
        mend: String,
    },
    /// Something went wrong that should not have.
    #[error("failed to {doing}: {why}")]
    Failed {
        /// What was being done, to which node.
        doing: String,
        /// What went wrong.
        why: String,
    },
}

impl BackendError {
    /// What is missing, or what went wrong.
    pub fn what(&self) -> String {
        match self {
            Self::Machine { what, .. } => what.clone(),
            Self::Failed { .. } => self.to_string(),
        }
    }

    /// How to mend it; empty where nobody knows.
    pub fn mend(&self) -> String {
        match self {
            Self::Machine { mend, .. } => mend.clone(),
            Self::Failed { .. } => String::new(),
        }
    }
}
