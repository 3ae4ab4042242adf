//! What a scenario file says, after reading.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::data::Entries;
use super::links::LinkChange;
use crate::cloud::soracom::SimId;
use crate::cloud::{Action, LinkName, Reason};
use crate::lower::LinkPlan;

pub use crate::cloud::NodeName;

/// A file's text, kept for diagnostics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name, as the user gave it.
    pub file: String,
    /// Its text.
    pub text: Arc<str>,
}

/// A place in the file, in bytes.
pub type Span = Range<usize>;

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// A whole scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file.
    pub source: Source,
    /// The title; the file's name where it gives none.
    pub title: String,
    /// What the tables declare, as actions in an order that works; [`build`](super::build) carries them
    /// out, lets time pass until every VPG runs, and connects every SIM in `connect`'s order.
    pub setup: Vec<Placed<Action>>,
    /// The SIMs that connect at the start: those that are not declared `online = false`.
    pub connect: Vec<Placed<SimId>>,
    /// What listens on instances, devices and the internet.
    pub serve: BTreeMap<NodeName, Vec<Serve>>,
    /// Names that the internet's DNS (and so SORACOM's and the VPC's resolver) knows:
    /// `[internet.dns]`.
    pub dns: BTreeMap<String, Vec<Ipv4Addr>>,
    /// What links do that are not plain, as the tables have it.
    pub links: BTreeMap<LinkName, LinkPlan>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// Something that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serve {
    /// HTTP, with one page for every path.
    Http {
        /// The port.
        port: u16,
        /// The body.
        body: String,
    },
    /// TCP echo.
    Tcp {
        /// The port.
        port: u16,
    },
    /// UDP echo.
    Udp {
        /// The port.
        port: u16,
    },
}

/// Text in which `${name.attribute[index]}` stands for a value that the clouds assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Placed<String>);

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name; for a step without one, what it does.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// What it does.
    pub kind: StepKind,
    /// How many times, one after another; all must pass. 1 as a rule.
    pub repeat: u32,
    /// It may take this long until it passes once: of the clouds' time for a `check`, of the network's own
    /// for the others.
    pub eventually: Option<Duration>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// `do`: one action.
    Do(DoStep),
    /// `expect`: one probe.
    Probe(ProbeStep),
    /// `run`: a shell script on a node.
    Run(RunStep),
    /// `wait`: the clouds' clock goes on.
    Wait(Duration),
    /// `check`: values that the clouds hold.
    Check(Vec<ValueCheck>),
    /// `link`: a link is cut, restored or degraded.
    Link(LinkStep),
}

impl StepKind {
    /// The step's key in the file.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Do(_) => "do",
            Self::Probe(_) => "expect",
            Self::Run(_) => "run",
            Self::Wait(_) => "wait",
            Self::Check(_) => "check",
            Self::Link(_) => "link",
        }
    }
}

/// One action, whose parameters may hold templates: it is read when its turn comes.
#[derive(Clone, Debug)]
pub struct DoStep {
    /// The operation's real name.
    pub operation: Placed<String>,
    /// Its parameters, as they stand in the file.
    pub parameters: Entries,
    /// `error`: the code that the service shall answer; none where it shall succeed.
    pub error: Option<Placed<String>>,
}

/// One probe and what shall come of it.
#[derive(Clone, Debug)]
pub struct ProbeStep {
    /// The node that asks.
    pub from: Placed<String>,
    /// Who is asked: a node's name, a platform endpoint (`pong`, `dns`, `ntp`, `metadata`), or an
    /// address; may hold templates.
    pub to: Template,
    /// How.
    pub ask: Ask,
    /// What shall come of it.
    pub expect: Expectation,
    /// How long to wait for an answer; 2 s where none is given.
    pub timeout: Duration,
}

/// How a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `ping = true`, with `size` (bytes of payload, 56 as a rule) and `df`.
    Ping {
        /// Bytes of payload.
        size: u16,
        /// Don't fragment.
        dont_fragment: bool,
    },
    /// `tcp = port`.
    Tcp {
        /// The port.
        port: u16,
    },
    /// `udp = port`.
    Udp {
        /// The port.
        port: u16,
    },
    /// `http = port`, with `path` (`/` as a rule).
    Http {
        /// The port.
        port: u16,
        /// The path.
        path: String,
    },
    /// `dns = "name"`.
    Dns {
        /// The name.
        name: String,
    },
    /// `ntp = true`.
    Ntp,
}

/// What shall come of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// It is answered, and the answer looks like this.
    Reachable(Box<AnswerExpectation>),
    /// `refused = true`: the far end says that nothing listens.
    Refused,
    /// `blocked = true`, or the reason's code.
    Blocked(Option<Reason>),
    /// `predicted = true`: whatever the clouds' rules say.
    Predicted,
}

/// What is asked of an answer; whatever is absent may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerExpectation {
    /// `ttl`: the answer's TTL as it arrives (ping).
    pub ttl: Option<u8>,
    /// `rtt = ["900ms", "2s"]`: at least this long.
    pub rtt_at_least: Option<Duration>,
    /// The same, or `rtt = "50ms"`: at most this long.
    pub rtt_at_most: Option<Duration>,
    /// `seen_from`: an address or prefix that holds the source address which the far end saw.
    pub seen_from: Option<Template>,
    /// `status`: HTTP; 200 where `body` is given without it.
    pub status: Option<u16>,
    /// `body`: HTTP; the whole body, less white space at its ends.
    pub body: Option<Template>,
    /// `answer`: DNS; the addresses in any order, an empty list for none.
    pub addresses: Option<Vec<Template>>,
}

/// A shell script on a node, and what shall come of it.
#[derive(Clone, Debug)]
pub struct RunStep {
    /// The node.
    pub on: Placed<String>,
    /// The script.
    pub script: Template,
    /// `exit`: the exit status; 0 where none is given.
    pub exit: i32,
    /// `stdout`: what its output must contain.
    pub stdout: Option<Template>,
    /// `stderr`: what its error output must contain.
    pub stderr: Option<Template>,
    /// `timeout`: 30 s where none is given.
    pub timeout: Duration,
}

/// A change of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStep {
    /// Whose link: the name of a SIM, an instance, a peering or a VPG; see [`find`](super::links::find).
    pub link: Placed<String>,
    /// What becomes of it.
    pub change: LinkChange,
}

/// `check = { "vpg.status" = "running" }`: one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueCheck {
    /// The value's path.
    pub path: Placed<String>,
    /// What it shall be.
    pub expected: Template,
}
