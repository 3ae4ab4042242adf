//! Carries out what a [`Shape`] says, for one direction of a link, without clocks, threads or sockets.
//!
//! Frames and the time go in, frames and the time of the next one come out. Time is a [`Duration`] since
//! some beginning, and never goes back; it may jump. The same seed and the same calls give the same fate.
//!
//! ```text
//! offer ─ cut? ─ too long? ─ lost by chance? ─ copied? ─ corrupted? ─▶ line (queue, rate, radio) ─▶ flight (latency, jitter, reorder) ─▶ take
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `mod.rs` | the way through: [`Shaper`] |
//! | `line.rs` | what waits and what is being sent |
//! | `pace.rs` | how long sending takes, at a rate or by a trace |
//! | `sleep.rs` | a radio's sleep |
//! | `flight.rs` | what has been sent and not yet come |
//! | `dice.rs` | seeded chance |
//! | `duplex.rs` | both directions of a link: [`Duplex`] |
//! | `room.rs` | how much may be under way: [`Pool`] |
//! | `parcel.rs`, `counters.rs` | what is carried, and what became of it |

mod counters;
mod dice;
mod duplex;
mod flight;
mod line;
mod pace;
mod parcel;
mod room;
mod sleep;

use std::time::Duration;

pub use counters::Counters;
pub use duplex::{Direction, Duplex};
pub use parcel::Parcel;
pub use room::Pool;

use crate::cloud::Reason;
use crate::network::{Label, LinkId, Shape};
use dice::{Dice, Weather};
use flight::Flight;
use line::{Line, Sent, Waiting};
use parcel::HEADER;
use room::{BESIDE, OF_A_LINK};

/// What became of a frame that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered<P> {
    /// It is under way, perhaps together with a copy.
    Taken,
    /// It is lost, and given back to whoever wants to tell of it.
    Lost(Lost, P),
}

/// Why a frame is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// By chance, as [`Shape::loss`] has it.
    Loss,
    /// Too many were waiting, or too much is under way.
    QueueFull,
    /// It is longer than [`Shape::mtu`] allows.
    TooLong,
    /// The link is cut.
    Cut,
}

impl Lost {
    /// What evidence says of a frame that was lost on a link. A loss by chance, or for want of room, is a hint: the
    /// next try may get through. The other two would meet it again.
    pub fn label(self, link: &LinkId) -> Label {
        let (reason, is_final) = match self {
            Self::Loss => (Reason::LinkLoss, false),
            Self::QueueFull => (Reason::LinkQueueFull, false),
            Self::TooLong => (Reason::LinkTooLong, true),
            Self::Cut => (Reason::LinkCut, true),
        };
        Label {
            is_final,
            reason: reason.code().to_owned(),
            resource: link.to_string(),
        }
    }
}

/// One direction of a link.
#[derive(Clone, Debug)]
pub struct Shaper<P> {
    shape: Shape,
    dice: Dice,
    weather: Weather,
    line: Line<P>,
    flight: Flight<P>,
    counters: Counters,
    /// How much memory that takes which is under way, in bytes.
    held: usize,
    /// How much it may take.
    room: usize,
}

impl<P: Parcel> Shaper<P> {
    /// A direction that comes into being at `now`, with nothing under way and its radio awake: the
    /// session has just come up.
    pub fn new(shape: Shape, seed: u64, now: Duration) -> Self {
        Self {
            line: Line::new(&shape, now),
            shape,
            dice: Dice::new(seed),
            weather: Weather::default(),
            flight: Flight::new(),
            counters: Counters::default(),
            held: 0,
            room: OF_A_LINK,
        }
    }

    /// What it does at present.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Does something else from now on. What waits goes on at the new rate, in the middle of a frame; what
    /// travels comes as it would have. A cut loses both. A trace begins from its beginning, unless it is
    /// the one that is in force.
    pub fn set_shape(&mut self, shape: Shape, now: Duration) {
        self.advance(now);
        if shape.cut {
            self.counters.lose(Lost::Cut, self.queued());
            self.line.clear();
            self.flight.clear();
            self.held = 0;
        }
        self.line.set_shape(&self.shape, &shape, now);
        self.shape = shape;
    }

    /// A frame enters.
    pub fn offer(&mut self, parcel: P, now: Duration) -> Offered<P> {
        self.advance(now);
        self.counters.offered += 1;
        let lost = if self.shape.cut {
            Some(Lost::Cut)
        } else if self.is_too_long(&parcel) {
            Some(Lost::TooLong)
        } else if self.weather.loses(&self.shape.loss, &mut self.dice) {
            Some(Lost::Loss)
        } else {
            None
        };
        if let Some(lost) = lost {
            self.counters.lose(lost, 1);
            return Offered::Lost(lost, parcel);
        }
        if self.dice.hit(self.shape.duplicate) {
            self.counters.duplicated += 1;
            // The copy comes first, so that a queue with one place left takes the copy or the frame:
            // nobody can tell which.
            let copy = self.queue(parcel.clone(), now);
            let frame = self.queue(parcel, now);
            return match (copy, frame) {
                (Offered::Lost(..), frame) => frame,
                (Offered::Taken, _) => Offered::Taken,
            };
        }
        self.queue(parcel, now)
    }

    /// When to call [`Shaper::take`] next: never late, at times early. Nothing comes by itself where there
    /// is none.
    pub fn wake(&self) -> Option<Duration> {
        let line = self.line.next(&self.flight);
        match (line, self.flight.next()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The next frame that has come by `now`; call it until there is none.
    pub fn take(&mut self, now: Duration) -> Option<P> {
        self.advance(now);
        let parcel = self.flight.take(now)?;
        self.counters.taken += 1;
        self.held -= held(&parcel);
        Some(parcel)
    }

    /// What became of frames so far.
    pub fn counters(&self) -> Counters {
        Counters {
            queued: self.queued(),
            ..self.counters
        }
    }

    /// The radio is one for both directions: what wakes it here has woken it there.
    pub(super) fn join_radio(&mut self, other: &mut Self) {
        self.line.sleep.join(&mut other.line.sleep);
    }

    /// How much memory that takes which is under way, in bytes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Holds no more than that from now on; what is under way stays.
    pub(super) fn set_room(&mut self, room: usize) {
        self.room = room;
    }

    fn queued(&self) -> u64 {
        (self.line.len() + self.flight.len()) as u64
    }

    fn is_too_long(&self, parcel: &P) -> bool {
        let most = self.shape.mtu.and_then(|mtu| usize::try_from(mtu).ok());
        most.is_some_and(|most| parcel.packet_len() > most)
    }

    /// Puts a frame into the line, where there is room.
    fn queue(&mut self, mut parcel: P, now: Duration) -> Offered<P> {
        let takes = held(&parcel);
        let fits = self.held.saturating_add(takes) <= self.room;
        if !fits || !self.line.has_room(&parcel, &self.shape.queue) {
            self.counters.lose(Lost::QueueFull, 1);
            return Offered::Lost(Lost::QueueFull, parcel);
        }
        if self.dice.hit(self.shape.corrupt) && parcel.packet_len() > 0 {
            let (header, packet) = (HEADER as u64 * 8, parcel.packet_len() as u64 * 8);
            parcel.corrupt(header + self.dice.below(packet));
            self.counters.corrupted += 1;
        }
        let late = self.shape.reorder.filter(|r| self.dice.hit(r.chance));
        self.counters.reordered += u64::from(late.is_some());
        let jitter = self.shape.jitter;
        let travel = self.dice.between(
            self.shape.latency.saturating_sub(jitter),
            self.shape.latency.saturating_add(jitter),
        );
        let waiting = Waiting {
            parcel,
            travel,
            late: late.map(|reorder| reorder.late),
        };
        self.held += takes;
        self.line
            .push(waiting, self.shape.radio.as_ref(), &mut self.dice, now);
        self.advance(now);
        Offered::Taken
    }

    /// Lets everything be sent whose sending is over by `now`.
    fn advance(&mut self, now: Duration) {
        while let Some(Sent { waiting, finish }) = self.line.sent(self.shape.radio.as_ref(), now) {
            let due = finish.saturating_add(waiting.travel);
            match waiting.late {
                Some(late) => self.flight.stray(due, late, waiting.parcel),
                None => self.flight.keep(due, waiting.parcel),
            }
        }
    }
}

/// What a frame takes while it is under way.
fn held(parcel: &impl Parcel) -> usize {
    parcel.wire_len().saturating_add(BESIDE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
