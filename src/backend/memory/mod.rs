//! The in-memory backend: the same network on virtual time, without privileges and without Linux.
//!
//! Time moves from event to event, and nothing waits: an hour takes as long as what happens in it. The same
//! changes, probes and seed give the same events, to the byte.
//!
//! | module | what it holds |
//! |---|---|
//! | `fabric` | the network as a whole: nodes, links, time |
//! | `core`, `queue`, `time` | what all nodes share, and what happens next |
//! | `net` | a node: Linux's IPv4 forwarding |
//! | `filter`, `conntrack`, `nat` | its packet filter |
//! | `host` | what runs on it: services, probes, TCP by smoltcp |
//! | `frame`, `packet`, `craft` | what is sent |
//! | `capture` | what has passed the links |

mod capture;
mod conntrack;
mod core;
mod craft;
mod fabric;
mod filter;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod host;
mod nat;
mod net;
mod packet;
mod queue;
mod time;

use std::cell::RefCell;
use std::net::SocketAddrV4;
use std::time::Duration;

use capture::Capturing;
use fabric::Fabric;
use host::{AskId, Halt};

use super::evidence::case::Case;
use super::probe::{Measurement, NotSent, Outcome, Probe};
use super::{Backend, BackendError, CaptureFile, Script, ScriptEnd, ScriptOutput};
use crate::guest::{Guest, shell};
use crate::network::{Change, NodeId};

/// How much time passes between two steps: what is still on its way when a probe is over has arrived before
/// the next one begins, as where people go from step to step.
const BETWEEN: Duration = Duration::from_millis(1);

/// A network in memory.
#[derive(Debug)]
pub struct Memory {
    // A probe changes the network as well, and whoever sends it holds the backend shared.
    fabric: RefCell<Fabric>,
}

impl Memory {
    /// An empty network. Everything that is left to chance follows from the seed.
    pub fn new(seed: u64) -> Self {
        Self {
            fabric: RefCell::new(Fabric::new(seed)),
        }
    }

    /// The same, and captures what passes the links.
    pub fn capturing(seed: u64) -> Self {
        let mut memory = Self::new(seed);
        let capturing = Capturing::new(time::EPOCH);
        memory.fabric.get_mut().core.capturing = Some(Box::new(capturing));
        memory
    }

    /// Sends a stream of datagrams; how many have come back when nothing is on its way any more.
    ///
    /// # Errors
    ///
    /// Where a datagram could not be sent.
    pub fn stream(&mut self, stream: &Stream) -> Result<u64, BackendError> {
        let failed = |why: String| BackendError::Failed {
            doing: format!("send datagrams from {}", stream.from),
            why,
        };
        let fabric = self.fabric.get_mut();
        let (node, core) = fabric.node(&stream.from).map_err(failed)?;
        let port = node
            .begin_stream(core)
            .map_err(|halt| failed(format!("{halt:?}")))?;
        let mut left = stream.count;
        while left > 0 {
            let now = left.min(stream.at_once.max(1));
            left -= now;
            let (node, core) = fabric.node(&stream.from).map_err(failed)?;
            for _ in 0..now {
                let sent = node.stream(core, port, stream.to, stream.size);
                sent.map_err(|halt| failed(format!("{halt:?}")))?;
            }
            let until = fabric.core.now + BETWEEN;
            fabric.pass(until);
        }
        let (node, _) = fabric.node(&stream.from).map_err(failed)?;
        Ok(node.host.end_stream(port))
    }

    /// Sends probes, all at the same moment, and waits until the last has come to its end. Their measurements
    /// are in the order of the probes.
    ///
    /// # Errors
    ///
    /// Where one could not be carried out at all; a packet that is lost is a result.
    pub fn probe_all(&self, probes: &[Probe]) -> Result<Vec<Measurement>, BackendError> {
        let fabric = &mut *self.fabric.borrow_mut();
        if fabric.core.asks.is_empty() {
            fabric.core.forget_notes();
        }
        let began = fabric.core.now;
        let mut asked = Vec::with_capacity(probes.len());
        for probe in probes {
            asked.push(ask(fabric, probe)?);
        }
        // Each has its own time, so whichever is over earliest is closed first.
        let mut by_time: Vec<usize> = (0..probes.len()).collect();
        by_time.sort_by_key(|at| probes[*at].timeout);
        let mut measured: Vec<Option<Measurement>> = vec![None; probes.len()];
        for at in by_time {
            let (probe, ask) = match &asked[at] {
                Ok(ask) => (&probes[at], *ask),
                Err(why) => {
                    measured[at] = Some(not_sent(*why));
                    continue;
                }
            };
            let until = began + probe.timeout;
            let undecided = |core: &core::Core| {
                let ask = core.asks.get(&ask);
                ask.is_some_and(|ask| ask.outcome.is_none())
            };
            if fabric.run(until, undecided) {
                fabric.pass(until);
            }
            measured[at] = close(fabric, ask);
        }
        let answered = |one: &Option<Measurement>| {
            matches!(
                one,
                Some(Measurement {
                    outcome: Outcome::Answered(_),
                    ..
                })
            )
        };
        if !measured.iter().all(answered) {
            fabric.forget_unanswered();
        }
        let until = fabric.core.now + BETWEEN;
        fabric.pass(until);
        Ok(measured.into_iter().flatten().collect())
    }
}

/// Many datagrams at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Who sends them.
    pub from: NodeId,
    /// The echo service that they go to.
    pub to: SocketAddrV4,
    /// Bytes of payload of each.
    pub size: usize,
    /// How many.
    pub count: u64,
    /// How many are sent at the same moment; the next ones when nothing is on its way any more.
    pub at_once: u64,
}

/// Sends a probe's first packet: its number, or why it was not sent.
fn ask(fabric: &mut Fabric, probe: &Probe) -> Result<Result<AskId, NotSent>, BackendError> {
    let failed = |why: String| BackendError::Failed {
        doing: format!("send a probe from {}", probe.from),
        why,
    };
    let (node, core) = fabric.node(&probe.from).map_err(failed)?;
    match node.ask(core, probe) {
        Ok(ask) => Ok(Ok(ask)),
        Err(Halt::NotSent(why)) => Ok(Err(why)),
        Err(Halt::Broken(why)) => Err(failed(why)),
    }
}

/// What came of a probe, which is over.
fn close(fabric: &mut Fabric, ask: AskId) -> Option<Measurement> {
    let node = fabric.core.asks.get(&ask).map(|ask| ask.node);
    if let Some((node, core)) = node.and_then(|node| fabric.node_at(node)) {
        node.close_ask(core, ask);
    }
    let now = fabric.core.now;
    let ask = fabric.core.asks.remove(&ask)?;
    let (outcome, ended) = ask.outcome.unwrap_or_else(|| {
        fabric.core.waiting -= 1;
        let silent = if ask.one_copy_died {
            Outcome::Dropped
        } else {
            Outcome::Silent
        };
        (silent, now)
    });
    Some(Measurement {
        outcome,
        evidence: Case::in_order(ask.case),
        elapsed: ended.since(ask.began),
    })
}

/// The asking node would not send.
fn not_sent(why: NotSent) -> Measurement {
    Measurement {
        outcome: Outcome::NotSent(why),
        evidence: Vec::new(),
        elapsed: Duration::ZERO,
    }
}

impl Backend for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn now(&self) -> Duration {
        self.fabric.borrow().core.now.as_duration()
    }

    async fn pause(&mut self, time: Duration) {
        self.skip(time);
    }

    fn skip(&mut self, time: Duration) {
        let fabric = self.fabric.get_mut();
        let until = fabric.core.now + time;
        fabric.pass(until);
    }

    fn take_capture(&mut self) -> Option<CaptureFile> {
        let core = &mut self.fabric.get_mut().core;
        let now = core.now;
        core.capturing.as_mut().map(|capturing| capturing.take(now))
    }

    async fn apply(&mut self, changes: &[Change]) -> Result<(), BackendError> {
        let done = self.fabric.get_mut().apply(changes);
        done.map_err(|why| BackendError::Failed {
            doing: "change the network".into(),
            why,
        })
    }

    async fn probe(&self, probe: &Probe) -> Result<Measurement, BackendError> {
        let measured = self.probe_all(std::slice::from_ref(probe))?;
        measured
            .into_iter()
            .next()
            .ok_or_else(|| BackendError::Failed {
                doing: format!("send a probe from {}", probe.from),
                why: "nothing was measured".into(),
            })
    }

    async fn guest(&self, node: &NodeId) -> Result<Guest, BackendError> {
        let fabric = &mut *self.fabric.borrow_mut();
        let (node, core) = fabric.node(node).map_err(|why| BackendError::Failed {
            doing: format!("look at node {node}"),
            why,
        })?;
        Ok(node.guest(core))
    }

    async fn run(&self, script: &Script) -> Result<ScriptOutput, BackendError> {
        let fabric = &mut *self.fabric.borrow_mut();
        let files = fabric.files(&script.node);
        let (node, core) = fabric
            .node(&script.node)
            .map_err(|why| BackendError::Failed {
                doing: format!("run a script on {}", script.node),
                why,
            })?;
        let before = node.guest(core);
        let mut after = before.clone();
        let done = shell::execute(&mut after, &files, &script.text);
        let cut = node.become_guest(core, &before, &after);
        fabric.cut_all(cut);
        Ok(ScriptOutput {
            end: ScriptEnd::Exit(i32::from(done.exit)),
            stdout: done.stdout,
            stderr: done.stderr,
            skipped: done.skipped,
        })
    }
}
