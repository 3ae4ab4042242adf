//! The kernel backend: the network as network namespaces, veth pairs, routes, nf_tables and VXLAN.
//!
//! | module | what it holds |
//! |---|---|
//! | [`airlock`] | out of the caller's network, before anything else |
//! | `net` | what a node's kernel holds: namespaces, links, routes, filters, their log; and the relay of shaped links |
//! | `drops` | what the kernel drops for reasons of its own |
//! | `catch_up` | waiting until what the kernel has reported is read too |
//! | [`features`] | what is asked of the kernel, and what is lost without it |
//! | [`room`] | whether there is room for a run at all |
//! | `shortage` | what has run out, and where its limit is set |
//! | `host` | one node from inside: sockets, services, probes, scripts |
//! | `sys` | system calls that no crate offers safely: the only unsafe code |
//!
//! Nothing here has a name outside the process: namespaces are held by descriptor, so that when the
//! process ends, however it ends, the kernel removes the whole network.

pub mod airlock;
mod catch_up;
pub mod drops;
pub mod features;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing {
    //! What the fuzzer runs.

    pub use super::drops::fuzzing::drops;
    pub use super::net::fuzzing::{netlink, rules};
}
mod host;
mod net;
pub mod room;
mod shortage;
mod sys;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use self::drops::{DropCounts, Drops};
use self::net::namespace::Namespace;
use self::net::nflog::LoggedPacket;
use self::net::{
    Clock, Counting, Loss, Maker, ReportDrop, ReportLogged, ReportLoss, Reports, Surroundings,
    TracedDrop,
};
use self::shortage::{Need, refused};
use crate::backend::probe::{Measurement, NotSent, Outcome, Probe};
use crate::backend::{Backend, BackendError, CaptureFile, Script, ScriptOutput};
use crate::cloud::Reason;
use crate::guest::Guest;
use crate::network::{Change, HostFiles, Label, Network, NodeId};

pub use self::catch_up::CatchUp;
pub use self::host::{Host, Shared, Sighting, Sightings, Source, forks};
pub use self::net::{Counters, capabilities, namespace, nflog, nft};

/// What links draw chance from where nobody says.
const SEED: u64 = 1;

/// How many logged packets a slow listener may be behind before it loses the oldest.
const LOG_LENGTH: usize = 16_384;

/// How long a probe without an explanation waits for the listener to the kernel's drops, which is being
/// loaded since the network stood.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long an answer may still take once the kernel's drops are listened to.
const ANSWER_DELAY: Duration = Duration::from_millis(20);

/// A network in the kernel. When this is dropped, the network is gone.
#[derive(Debug)]
pub struct Kernel {
    /// The namespaces.
    nodes: BTreeMap<NodeId, Arc<Namespace>>,
    /// The same nodes from inside, and their files of name resolution.
    hosts: BTreeMap<NodeId, (Host, HostFiles)>,
    shared: Arc<Shared>,
    log: broadcast::Sender<LoggedPacket>,
    counting: Counting,
    maker: Maker,
    /// Whether the kernel's own drops are wanted.
    listens: bool,
    /// They, where this process may listen to them, from the first network on.
    drops: Option<Drops>,
    /// What has been asked for so far.
    network: Network,
    began: Instant,
    /// What links keep time by.
    clock: Clock,
}

impl Kernel {
    /// An empty network. The process should be in the [`airlock`].
    ///
    /// # Errors
    ///
    /// Where this machine allows no network namespaces.
    pub async fn new() -> Result<Self, BackendError> {
        Self::seeded(SEED).await
    }

    /// The same, with links that draw chance from this seed. Which frame meets which fate follows from it, and from
    /// the order in which they come; when they come does not.
    ///
    /// # Errors
    ///
    /// As for [`Self::new`].
    pub async fn seeded(seed: u64) -> Result<Self, BackendError> {
        Self::with(true, seed).await
    }

    /// The same, but nobody listens to the kernel's own drops.
    ///
    /// # Errors
    ///
    /// As for [`Self::new`].
    pub async fn deaf() -> Result<Self, BackendError> {
        Self::with(false, SEED).await
    }

    async fn with(listens: bool, seed: u64) -> Result<Self, BackendError> {
        room::raise_file_limit();
        let (log, _) = broadcast::channel(LOG_LENGTH);
        let counting = Counting::default();
        // Tells this process's probes from another's.
        let shared = Shared::start(std::process::id())?;
        let catch_up = CatchUp::new()
            .map_err(|errno| refused("open the packet log's bell", Need::Other, &errno.into()))?;
        let catch_up = Arc::new(catch_up);
        shared.sightings().add_reader(&catch_up);
        let reports = Reports {
            logged: report_logged(log.clone(), shared.sightings().clone()),
            traced: report_traced(shared.sightings().clone()),
            catch_up,
        };
        let clock = Clock::start()
            .map_err(|errno| refused("start the links' clock", Need::Other, &errno.into()))?;
        let surroundings = Surroundings {
            seed,
            clock: clock.clone(),
            report: report_lost(shared.sightings().clone()),
        };
        let maker = Maker::start(counting.clone(), reports, surroundings).await?;
        Ok(Self {
            nodes: BTreeMap::new(),
            hosts: BTreeMap::new(),
            shared,
            log,
            counting,
            maker,
            listens,
            drops: None,
            network: Network::default(),
            began: Instant::now(),
            clock,
        })
    }

    /// Makes changes to the network, in their order: when this returns, links are up and filters in
    /// force. Passes over `SetService`, `DelService` and `SetFiles`, which concern processes.
    ///
    /// # Errors
    ///
    /// The first change that the kernel refuses, in words that name the node; the changes before it,
    /// and some of those that went to the kernel along with it, stay made.
    pub async fn apply_network(&mut self, changes: &[Change]) -> Result<(), BackendError> {
        let (nodes, done) = self.maker.apply(changes.to_vec()).await?;
        self.nodes = nodes;
        self.follow(changes);
        done
    }

    /// Lets the listener to the kernel's drops follow the changes.
    fn follow(&mut self, changes: &[Change]) {
        if !self.listens {
            return;
        }
        // Only now, so that loading it does not hold up what builds the network.
        if self.drops.is_none() {
            self.drops = Drops::start(self.shared.sightings().clone());
        }
        let Some(drops) = &self.drops else {
            self.listens = false;
            return;
        };
        for change in changes {
            self.network.apply(change);
            match change {
                Change::DelNode(id) => drops.remove(id),
                Change::AddNode(id, ..) => {
                    if let Some(namespace) = self.nodes.get(id) {
                        drops.add(id, &namespace.fd);
                    }
                }
                _ => {}
            }
        }
        drops.follow(&self.network);
    }

    /// The namespaces, by node.
    pub fn nodes(&self) -> &BTreeMap<NodeId, Arc<Namespace>> {
        &self.nodes
    }

    /// A node's namespace.
    pub fn node(&self, id: &NodeId) -> Option<&Arc<Namespace>> {
        self.nodes.get(id)
    }

    /// Packets that log rules report from now on.
    pub fn log(&self) -> broadcast::Receiver<LoggedPacket> {
        self.log.subscribe()
    }

    /// Waits until the kernel's own drops are listened to, at most so long. How many there have been
    /// since; none where nobody listens.
    pub async fn drops(&self, patience: Duration) -> Option<DropCounts> {
        let drops = self.drops.as_ref()?;
        drops.ready(patience).await.then(|| drops.counts())
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        self.counting.read()
    }
}

impl Kernel {
    /// Sends a probe while the listener to the kernel's drops is still being loaded. What the kernel
    /// dropped before nobody knows, so a probe that has no answer by the time that it listens is asked
    /// once more.
    async fn probe_with_listener(
        &self,
        host: &Host,
        probe: &Probe,
        drops: &Drops,
    ) -> Result<Measurement, BackendError> {
        let listening = async {
            let listens = drops.ready(PATIENCE).await;
            if listens {
                tokio::time::sleep(ANSWER_DELAY).await;
            }
            listens
        };
        let first = tokio::select! {
            biased;
            first = host.probe(probe) => Some(first?),
            true = listening => None,
        };
        match first {
            Some(first) if !is_unexplained(&first.outcome) => return Ok(first),
            Some(first) if !drops.ready(PATIENCE).await => return Ok(first),
            Some(_) | None => {}
        }
        self.maker.forget_unanswered().await?;
        host.probe(probe).await
    }

    fn host(&self, id: &NodeId) -> Result<&(Host, HostFiles), BackendError> {
        self.hosts.get(id).ok_or_else(|| BackendError::Failed {
            doing: format!("look into the node {id}"),
            why: "it is not there".into(),
        })
    }
}

impl Backend for Kernel {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn pause(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn take_capture(&mut self) -> Option<CaptureFile> {
        None
    }

    /// Links go along: what is under way comes at once, and radios fall asleep.
    fn skip(&mut self, time: Duration) {
        self.clock.skip(time);
    }

    async fn apply(&mut self, changes: &[Change]) -> Result<(), BackendError> {
        // What listens stops first and starts last; processes end before their namespace does.
        for change in changes {
            match change {
                Change::DelService(id, listen) => self.host(id)?.0.stop(listen).await,
                Change::DelNode(id) => {
                    drop(self.hosts.remove(id));
                    self.shared.sightings().set_traced(id, false);
                }
                _ => {}
            }
        }
        crate::fault::point("apply");
        self.apply_network(changes).await?;
        crate::fault::point("applied");
        for change in changes {
            match change {
                Change::AddNode(id, ..) => {
                    let Some(namespace) = self.nodes.get(id) else {
                        continue;
                    };
                    let netns = Arc::clone(&namespace.fd);
                    let host = Host::new(id.clone(), netns, Arc::clone(&self.shared));
                    self.hosts.insert(id.clone(), (host, HostFiles::default()));
                }
                Change::SetFiles(id, files) => {
                    if let Some(host) = self.hosts.get_mut(id) {
                        host.1 = files.clone();
                    }
                }
                Change::SetService(id, listen, service) => {
                    self.host(id)?.0.serve(listen, service).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn probe(&self, probe: &Probe) -> Result<Measurement, BackendError> {
        let host = &self.host(&probe.from)?.0;
        crate::fault::point("probe");
        let deaf = self.drops.as_ref().filter(|drops| !drops.is_listening());
        let measurement = match deaf {
            None => host.probe(probe).await?,
            Some(drops) => self.probe_with_listener(host, probe, drops).await?,
        };
        crate::fault::point("probe over");
        if !matches!(measurement.outcome, Outcome::Answered(_)) {
            self.maker.forget_unanswered().await?;
        }
        Ok(measurement)
    }

    async fn guest(&self, node: &NodeId) -> Result<Guest, BackendError> {
        self.maker.guest(node.clone()).await
    }

    async fn run(&self, script: &Script) -> Result<ScriptOutput, BackendError> {
        let (host, files) = self.host(&script.node)?;
        let output = host.run(script, files).await?;
        crate::fault::point("script over");
        // It may have loaded rules of its own. Where they can't be traced, the script has run all the
        // same, and what they drop is a finding without its cause.
        match self.maker.look_at_rules(&script.node).await {
            Ok(traced) => self.shared.sightings().set_traced(&script.node, traced),
            Err(error) => tracing::warn!("{}", error.what()),
        }
        Ok(output)
    }
}

/// Whether neither an answer nor a drop has decided.
fn is_unexplained(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Silent | Outcome::NotSent(NotSent::NoNeighbour)
    )
}

/// Hands what the nodes' own rules drop to the probes that wait for it.
fn report_traced(to: Sightings) -> ReportDrop {
    Arc::new(move |drop: TracedDrop| {
        to.report(Sighting {
            label: Label {
                is_final: !drop.is_copy,
                reason: Reason::HostFilter.code().into(),
                resource: format!("{}: nft rule: {}", drop.node, drop.rule),
            },
            node: drop.node,
            source: Source::Rule,
            family: drop.family,
            packet: drop.packet,
            at: drop.at,
        });
    })
}

/// Hands what links lose to the probes that wait for it.
fn report_lost(to: Sightings) -> ReportLoss {
    Arc::new(move |loss: Loss<'_>| {
        if !to.is_watched() {
            return;
        }
        to.report(Sighting {
            node: loss.node.clone(),
            label: loss.why.label(loss.link),
            source: Source::Kernel,
            family: loss.family,
            packet: loss.packet.to_vec(),
            at: Instant::now(),
        });
    })
}

/// Hands what the log rules report to the probes that wait for it, and to whoever listens to the log.
fn report_logged(log: broadcast::Sender<LoggedPacket>, to: Sightings) -> ReportLogged {
    Arc::new(move |packet: LoggedPacket| {
        if log.receiver_count() > 0 {
            let _ = log.send(packet.clone());
        }
        // A rule of the user's own may log to the same group.
        if to.is_watched()
            && let Some(label) = Label::from_prefix(&packet.prefix)
        {
            to.report(Sighting {
                node: packet.node,
                label,
                source: Source::Rule,
                family: packet.family,
                packet: packet.packet,
                at: packet.at,
            });
        }
    })
}
