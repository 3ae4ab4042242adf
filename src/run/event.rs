//! The stream of events that a run gives. `--format json` is this, one event a line.
//!
//! Every duration is in milliseconds with fractions.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::backend::Skipped;
use crate::backend::probe::Evidence;
use crate::cloud;
use crate::explain::Proposal;
use crate::network::NodeId;
use crate::run::stop::Signal;

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// How many scenarios.
        scenarios: usize,
        /// What carries the networks out: `kernel`, `memory`.
        backend: &'static str,
        /// Why that one.
        why: String,
        /// What chance is drawn from; none where nothing repeats it.
        seed: Option<u64>,
    },
    /// A scenario begins.
    ScenarioStarted {
        /// Its file.
        file: String,
        /// Its title.
        title: String,
        /// How many steps.
        steps: usize,
    },
    /// The network that the file declares stands.
    NetworkReady {
        /// The scenario's file.
        file: String,
        /// What carries it out.
        backend: &'static str,
        /// How many nodes.
        nodes: usize,
        /// How many links.
        links: usize,
        /// How long it took.
        #[serde(rename = "elapsed_ms", serialize_with = "millis")]
        elapsed: Duration,
    },
    /// A step begins.
    StepStarted {
        /// The scenario's file.
        file: String,
        /// The step's place, from 1.
        step: usize,
        /// Its name.
        name: String,
        /// Its key: `do`, `expect`, `run`, `wait`, `check`, `link`.
        kind: &'static str,
    },
    /// A step is over.
    StepFinished(Box<StepReport>),
    /// What has passed the links of a scenario's network, where it was captured.
    Captured {
        /// The scenario's file.
        file: String,
        /// How many frames, and packets that were dropped.
        packets: u64,
        /// How many more after the capture was full; the capture ends before them.
        left_out: u64,
        /// A digest of the capture file (FNV-1a, 64 bits, hexadecimal): the same for the same bytes.
        digest: String,
        /// The capture file, in the format pcapng; no part of the JSON.
        #[serde(skip)]
        capture: Vec<u8>,
    },
    /// A scenario is over.
    ScenarioFinished {
        /// Its file.
        file: String,
        /// Its title.
        title: String,
        /// Steps that came out as expected.
        passed: usize,
        /// Steps that did not.
        failed: usize,
        /// Steps that were not carried out, or not whole: an earlier one failed under `--fail-fast`, or the
        /// backend skipped commands of a script.
        skipped: usize,
        /// Why it could not go on, if so: not a failed expectation, but a backend's failure.
        error: Option<String>,
        /// How long it took, set-up included.
        #[serde(rename = "elapsed_ms", serialize_with = "millis")]
        elapsed: Duration,
    },
    /// The run was asked to end before its time: what was under way is left, nothing further begins, and the
    /// steps that were not carried out are skipped. At most once, and before the first of those.
    Interrupted {
        /// By this signal.
        signal: Signal,
    },
    /// The run is over.
    RunFinished {
        /// How many scenarios passed.
        passed: usize,
        /// How many did not.
        failed: usize,
        /// In how many nothing failed, and steps were skipped.
        skipped: usize,
        /// How long it took.
        #[serde(rename = "elapsed_ms", serialize_with = "millis")]
        elapsed: Duration,
    },
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// The scenario's file.
    pub file: String,
    /// The step's place, from 1.
    pub step: usize,
    /// The line of the file where it begins, from 1.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Whether it came out as expected.
    pub status: Status,
    /// How many times it was carried out.
    pub attempts: u32,
    /// What happened, at the last attempt.
    pub detail: Detail,
    /// How long it took.
    #[serde(rename = "elapsed_ms", serialize_with = "millis")]
    pub elapsed: Duration,
}

/// Whether a step came out as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It did.
    Passed,
    /// It did not.
    Failed,
    /// It was not carried out, or not whole, so that nobody knows.
    Skipped,
}

/// What happened in a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Detail {
    /// An action.
    Do {
        /// The operation's real name.
        operation: String,
        /// The error code that was expected.
        expected_error: Option<String>,
        /// What the service answered, where it refused.
        error: Option<cloud::ApiError>,
        /// What happened in the clouds.
        events: Vec<cloud::Event>,
        /// How many changes to the network followed.
        changes: usize,
    },
    /// A probe.
    Expect(Box<ProbeReport>),
    /// A script.
    Run {
        /// The node, as the scenario calls it.
        node: String,
        /// How it ended: `exit 0`, `signal 9`, `a time-out after 30.0 s`.
        end: String,
        /// What it wrote to stdout.
        stdout: String,
        /// What it wrote to stderr.
        stderr: String,
        /// What was wrong with that, one line each; empty where nothing was.
        problems: Vec<String>,
        /// The commands that the backend did not carry out.
        skipped: Vec<Skipped>,
    },
    /// The clouds' clock went on.
    Wait {
        /// By this much.
        #[serde(rename = "waited_ms", serialize_with = "millis")]
        waited: Duration,
        /// What that did.
        events: Vec<cloud::Event>,
        /// How many changes to the network followed.
        changes: usize,
    },
    /// Values were compared.
    Check {
        /// What differs, one line each: `vpg.status is "creating", expected "running"`.
        problems: Vec<String>,
    },
    /// A link was cut, restored or degraded.
    Link {
        /// The link: `link of SIM sensor`.
        link: String,
        /// What has become of it: `cut`, `restored`, `degraded: latency 500ms, loss 30%`.
        became: String,
        /// How many changes to the network followed.
        changes: usize,
    },
    /// The step could not be carried out: a name in it stands for nothing any more.
    Impossible {
        /// Why.
        why: String,
    },
}

/// A probe, what was expected of it and what was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProbeReport {
    /// Who asked.
    pub from: String,
    /// Who was asked, as the scenario calls it.
    pub to: String,
    /// The address that was asked.
    pub to_ip: Ipv4Addr,
    /// How: `ping`, `tcp/80`.
    pub probe: String,
    /// What was expected, in words: `reachable, seen from 100.64.0.0/16`.
    pub expected: String,
    /// What was measured, in words: `blocked: ENI_SG_RULES_MISMATCH at security group web`.
    pub measured: String,
    /// The kind of outcome.
    pub outcome: OutcomeKind,
    /// Where it was blocked: the reason's code.
    pub reason: Option<String>,
    /// Where it was blocked: the resource at fault.
    pub resource: Option<String>,
    /// What the reason means and what mends it.
    pub explanation: Option<String>,
    /// The nodes between the asking one and the one where the packet died, or the answering one.
    pub path: Vec<NodeId>,
    /// What was wrong, one line each; empty where nothing was.
    pub problems: Vec<String>,
    /// Answered: the round-trip time.
    #[serde(rename = "rtt_ms", serialize_with = "maybe_millis")]
    pub rtt: Option<Duration>,
    /// Answered: the answer's TTL.
    pub ttl: Option<u8>,
    /// Answered: the source address that the far end saw.
    pub seen_from: Option<Ipv4Addr>,
    /// Answered over HTTP: the status.
    pub status: Option<u16>,
    /// Answered over HTTP: the body.
    pub body: Option<String>,
    /// Answered over DNS: the addresses.
    pub addresses: Option<Vec<Ipv4Addr>>,
    /// From the first packet to the outcome.
    #[serde(rename = "decided_ms", serialize_with = "millis")]
    pub decided_after: Duration,
    /// Every label that the network put on the probe's packets.
    pub evidence: Vec<Evidence>,
    /// What the clouds' rules say should have come of it; none where the asking node sends nothing.
    pub prediction: Option<PredictionReport>,
}

/// What was predicted of a probe, before it was sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictionReport {
    /// In words: `blocked: ENI_SG_RULES_MISMATCH at security group web, ingress of server`.
    pub predicted: String,
    /// The kind of outcome.
    pub outcome: OutcomeKind,
    /// Where it is blocked: the reason's code.
    pub reason: Option<String>,
    /// Where it is blocked: codes of other reasons that may be seen instead, because a flooded question
    /// dies in several places, or because a machine speaks before the cloud does.
    pub also: Vec<String>,
    /// Where it is blocked: the resource at fault.
    pub resource: Option<String>,
    /// Where it is blocked: whether it is the answer that dies.
    pub answer: bool,
    /// The source address that the far end sees, where the packet gets there and that can be told.
    pub seen_from: Option<Ipv4Addr>,
    /// Answered: the answer's TTL as it arrives, if it leaves with 64.
    pub ttl: Option<u8>,
    /// Where it is blocked: what would mend it.
    pub mend: Option<Proposal>,
    /// What is not understood of the machines on the way, one line each. A difference is no failure then.
    pub doubts: Vec<String>,
    /// How the measurement differs, where it does.
    pub difference: Option<String>,
}

/// The kind of outcome of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// The far end answered.
    Reachable,
    /// The far end's host said that nothing listens.
    Refused,
    /// Something on the way discarded it, with evidence.
    Blocked,
    /// Neither an answer nor evidence: a finding, never a pass.
    LostWithoutEvidence,
}

fn millis<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_nanos() as f64 / 1e6)
}

fn maybe_millis<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => millis(duration, to),
        None => to.serialize_none(),
    }
}
