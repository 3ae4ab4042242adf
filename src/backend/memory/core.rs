//! What all nodes share: the time, what happens next, the links, and the probes that wait for evidence.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::capture::Capturing;
use super::frame::{self, Frame};
use super::host::{Ask, AskId, Ends};
use super::net::fib::Dev;
use super::net::neighbour::Key;
use super::packet::Packet;
use super::queue::Queue;
use super::time::Time;
use crate::backend::evidence::Source;
use crate::backend::evidence::case::{Doom, FLOOD_DELAY, Labelled};
use crate::backend::evidence::meaning::{self, Drop, Meaning};
use crate::backend::evidence::scene::Scene;
use crate::backend::evidence::ticket::Tickets;
use crate::backend::probe::Outcome;
use crate::backend::protocol::mark::Mark;
use crate::backend::shaper::{Direction, Duplex, Lost, Offered, Pool};
use crate::network::{Family, Label, LinkId, NodeId};

/// How long a frame takes from one end of a plain link to the other.
const TRANSIT: Duration = Duration::from_micros(5);

/// What happens at a moment.
#[derive(Debug)]
pub(super) enum Event {
    /// A frame arrives at an interface.
    Arrive { node: usize, dev: Dev, frame: Frame },
    /// A packet comes back over a node's `lo`.
    Loop { node: usize, packet: Box<Packet> },
    /// A neighbour has had its time to answer this question.
    Neighbour { node: usize, key: Key, asked: u8 },
    /// A connection has something to do.
    Connection { node: usize, ends: Ends },
    /// A shaped link has something that has come, or is to be sent.
    Link { wire: usize },
    /// The other copies of a probe's question have had their time.
    Flooded { ask: AskId },
}

/// A link.
#[derive(Debug)]
pub(super) struct Wire {
    pub id: LinkId,
    pub ends: [WireEnd; 2],
    /// What it does to frames; none for a plain link.
    pub duplex: Option<Box<Duplex<Frame>>>,
    /// When it has something to do, as far as that is planned.
    pub due: Option<Time>,
}

/// One end of a link.
#[derive(Clone, Copy, Debug)]
pub(super) struct WireEnd {
    pub node: usize,
    pub dev: Dev,
    pub up: bool,
    pub mtu: u32,
}

/// What all nodes share.
#[derive(Debug)]
pub(super) struct Core {
    pub now: Time,
    queue: Queue<Event>,
    /// By number; those that went leave their places empty.
    pub wires: Vec<Option<Wire>>,
    /// What the shaped ones hold together.
    pub pool: Pool,
    pub scene: Scene,
    pub asks: BTreeMap<AskId, Ask>,
    /// How many of them have no outcome yet.
    pub waiting: usize,
    /// From where the services saw each probe come; none where from two places.
    notes: FxHashMap<Mark, Option<Ipv4Addr>>,
    pub tickets: Tickets,
    pub seed: u64,
    /// What passes the links, where somebody wants to know.
    pub capturing: Option<Box<Capturing>>,
    malformed: u64,
    probes: u64,
    /// How many events there have been.
    pub events: u64,
}

impl Core {
    pub fn new(seed: u64) -> Self {
        Self {
            now: Time::default(),
            queue: Queue::new(),
            wires: Vec::new(),
            pool: Pool::default(),
            scene: Scene::default(),
            asks: BTreeMap::new(),
            waiting: 0,
            notes: FxHashMap::default(),
            // The low half tells the runs of neighbouring seeds apart.
            tickets: Tickets::new(seed as u32),
            seed,
            capturing: None,
            malformed: 0,
            probes: 0,
            events: 0,
        }
    }

    /// Plans an event for a moment.
    pub fn at(&mut self, at: Time, event: Event) {
        self.queue.plan(at, event);
    }

    /// Plans an event for when a frame sent now would arrive.
    pub fn soon(&mut self, event: Event) {
        self.queue.plan_steady(self.now + TRANSIT, event);
    }

    /// Takes the next event that is due by then; the time goes on to it.
    pub fn next(&mut self, until: Time) -> Option<Event> {
        let (at, event) = self.queue.next(until)?;
        self.now = at;
        self.events += 1;
        Some(event)
    }

    /// Sends a frame into one end of a link. The far interface takes nothing that is larger than its own MTU,
    /// and nothing at all while it is down (`is_skb_forwardable`).
    pub fn transmit(&mut self, wire: usize, end: usize, frame: Frame, from: &NodeId) {
        let Some(Some(link)) = self.wires.get(wire) else {
            return;
        };
        let far = link.ends[1 - end];
        let most = far.mtu as usize + frame::HEADER + 4;
        if !far.up || frame.len() > most {
            let place = Some("dev_forward_skb");
            return self.dropped(
                from,
                "NOT_SPECIFIED",
                "veth",
                place,
                frame.family,
                &frame.bytes,
            );
        }
        if let Some(capturing) = &mut self.capturing {
            capturing.frame(&link.id, self.now, &frame);
        }
        let (node, dev) = (far.node, far.dev);
        if link.duplex.is_none() {
            return self.soon(Event::Arrive { node, dev, frame });
        }
        if let Some((lost, frame, id)) = self.offer(wire, end, frame) {
            let label = lost.label(&id);
            self.label(from, &label, Source::Kernel, frame.family, &frame.bytes);
        }
    }

    /// Gives a frame to a shaped link; what is lost comes back.
    fn offer(&mut self, wire: usize, end: usize, frame: Frame) -> Option<(Lost, Frame, LinkId)> {
        let link = self.wires.get_mut(wire)?.as_mut()?;
        let duplex = link.duplex.as_mut()?;
        let direction = Direction::BOTH[end];
        let lost = match duplex.offer(direction, frame, self.now.as_duration()) {
            Offered::Taken => None,
            Offered::Lost(lost, frame) => Some((lost, frame, link.id.clone())),
        };
        self.plan_link(wire);
        lost
    }

    /// Plans when a shaped link has something to do next.
    pub fn plan_link(&mut self, wire: usize) {
        let Some(Some(link)) = self.wires.get_mut(wire) else {
            return;
        };
        let wake = link.duplex.as_ref().and_then(|duplex| duplex.wake());
        let due = wake.map(|wake| Time::from_duration(wake).max(self.now));
        // What is planned already and comes too early finds nothing to do.
        if let Some(due) = due.filter(|due| link.due.is_none_or(|planned| *due < planned)) {
            link.due = Some(due);
            self.at(due, Event::Link { wire });
        }
    }

    /// Takes from a shaped link what has come.
    pub fn link_due(&mut self, wire: usize) {
        let now = self.now;
        let Some(Some(link)) = self.wires.get_mut(wire) else {
            return;
        };
        if link.due.is_some_and(|due| due <= now) {
            link.due = None;
        }
        let mut come = Vec::new();
        if let Some(duplex) = &mut link.duplex {
            while let Some((direction, frame)) = duplex.take(now.as_duration()) {
                come.push((link.ends[direction.to()], frame));
            }
        }
        for (end, frame) in come {
            let (node, dev) = (end.node, end.dev);
            self.at(now, Event::Arrive { node, dev, frame });
        }
        self.plan_link(wire);
    }

    /// What can't be read is dropped without a word.
    pub fn count_malformed(&mut self) {
        self.malformed += 1;
    }

    /// A node's kernel drops a packet, for this reason.
    pub fn dropped(
        &mut self,
        node: &NodeId,
        reason: &str,
        kind: &str,
        place: Option<&str>,
        family: Family,
        packet: &[u8],
    ) {
        if self.waiting == 0 && self.capturing.is_none() {
            return;
        }
        let drop = Drop {
            node,
            reason,
            kind,
            place,
            family,
            packet,
        };
        let label = match meaning::meaning(&drop, &self.scene) {
            Meaning::Known(label) => label,
            Meaning::Unknown => meaning::unknown(&drop, place),
            Meaning::Noise => return,
        };
        self.label(node, &label, Source::Kernel, family, packet);
    }

    /// A packet is given a label: the probes that wait hear of it.
    pub fn label(
        &mut self,
        node: &NodeId,
        label: &Label,
        source: Source,
        family: Family,
        packet: &[u8],
    ) {
        if let Some(capturing) = &mut self.capturing {
            capturing.label(node, label, family, packet, self.now);
        }
        if self.waiting == 0 {
            return;
        }
        let labelled = Labelled {
            node,
            label,
            source,
            family,
            packet,
        };
        let mut flooded = Vec::new();
        for (id, ask) in &mut self.asks {
            let id = *id;
            if ask.outcome.is_some() {
                continue;
            }
            match ask.case.weigh(labelled, self.now.since(ask.began)) {
                Doom::Open => {}
                Doom::OfOneCopy if ask.one_copy_died => {}
                Doom::OfOneCopy => {
                    ask.one_copy_died = true;
                    flooded.push(id);
                }
                Doom::Sealed => {
                    ask.outcome = Some((Outcome::Dropped, self.now));
                    self.waiting -= 1;
                }
            }
        }
        for ask in flooded {
            self.at(self.now + FLOOD_DELAY, Event::Flooded { ask });
        }
    }

    /// A probe is under way.
    pub fn open(&mut self, ask: Ask) -> AskId {
        self.probes += 1;
        self.waiting += 1;
        self.asks.insert(self.probes, ask);
        self.probes
    }

    /// A probe has come to its end, unless it has before.
    pub fn decide(&mut self, ask: AskId, outcome: Outcome) {
        if let Some(ask) = self.asks.get_mut(&ask)
            && ask.outcome.is_none()
        {
            ask.outcome = Some((outcome, self.now));
            self.waiting -= 1;
        }
    }

    /// A service has seen a probe with this mark come from there.
    pub fn note(&mut self, mark: Mark, source: Ipv4Addr) {
        let seen = self.notes.entry(mark).or_insert(Some(source));
        if *seen != Some(source) {
            *seen = None;
        }
    }

    /// Where a probe with this mark came from.
    pub fn noted(&self, mark: Mark) -> Option<Ipv4Addr> {
        self.notes.get(&mark).copied().flatten()
    }

    /// Forgets where probes came from: a new one may have the numbers of an old one.
    pub fn forget_notes(&mut self) {
        self.notes.clear();
    }
}
