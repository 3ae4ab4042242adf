//! What waits to be sent, and what is being sent.

use std::collections::VecDeque;
use std::time::Duration;

use super::dice::Dice;
use super::flight::Flight;
use super::pace::Pace;
use super::parcel::Parcel;
use super::sleep::Sleep;
use crate::network::{Queue, Radio, Shape};

/// A frame in the line, and how it will travel.
#[derive(Clone, Debug)]
pub(super) struct Waiting<P> {
    pub parcel: P,
    /// From its last bit on.
    pub travel: Duration,
    /// By how much it comes late, if later ones may overtake it.
    pub late: Option<Duration>,
}

/// A frame whose last bit has left.
pub(super) struct Sent<P> {
    pub waiting: Waiting<P>,
    pub finish: Duration,
}

/// The frame that is being sent, or will be as soon as the radio is awake.
#[derive(Clone, Debug)]
struct Sending<P> {
    waiting: Waiting<P>,
    start: Duration,
    finish: Duration,
}

#[derive(Clone, Debug)]
pub(super) struct Line<P> {
    sending: Option<Sending<P>>,
    queue: VecDeque<Waiting<P>>,
    /// Bytes of IP packets in the queue.
    bytes: usize,
    pace: Pace,
    pub sleep: Sleep,
}

impl<P: Parcel> Line<P> {
    pub fn new(shape: &Shape, now: Duration) -> Self {
        Self {
            sending: None,
            queue: VecDeque::new(),
            bytes: 0,
            pace: Pace::new(&shape.rate, now),
            sleep: Sleep::new(shape.radio.as_ref(), now),
        }
    }

    pub fn len(&self) -> usize {
        self.queue.len() + usize::from(self.sending.is_some())
    }

    pub fn clear(&mut self) {
        self.sending = None;
        self.queue.clear();
        self.bytes = 0;
        self.pace.rest();
    }

    /// Whether one more may wait. One that can be sent at once does not wait.
    pub fn has_room(&self, parcel: &P, most: &Queue) -> bool {
        self.sending.is_none()
            || (self.queue.len() < most.frames
                && self.bytes.saturating_add(parcel.packet_len()) <= most.bytes)
    }

    /// One more, which there is room for.
    pub fn push(
        &mut self,
        waiting: Waiting<P>,
        radio: Option<&Radio>,
        dice: &mut Dice,
        now: Duration,
    ) {
        if self.sending.is_some() {
            self.bytes += waiting.parcel.packet_len();
            self.queue.push_back(waiting);
            return;
        }
        let start = radio.map_or(now, |radio| self.sleep.wake(radio, now, dice));
        self.send(waiting, radio, start);
    }

    /// The next frame that has been sent by `now`.
    pub fn sent(&mut self, radio: Option<&Radio>, now: Duration) -> Option<Sent<P>> {
        let Sending {
            waiting, finish, ..
        } = self.sending.take_if(|sending| sending.finish <= now)?;
        match self.queue.pop_front() {
            Some(next) => {
                self.bytes -= next.parcel.packet_len();
                self.send(next, radio, finish);
            }
            None => self.pace.rest(),
        }
        Some(Sent { waiting, finish })
    }

    /// When the flight has a frame of the line's, at the earliest.
    pub fn next(&self, flight: &Flight<P>) -> Option<Duration> {
        let sending = self.sending.as_ref()?;
        Some(if sending.waiting.late.is_some() {
            // The one behind it may come before it.
            sending.finish
        } else {
            flight.in_order(sending.finish.saturating_add(sending.waiting.travel))
        })
    }

    /// Goes on as `shape` has it, in the middle of a frame.
    pub fn set_shape(&mut self, before: &Shape, shape: &Shape, now: Duration) {
        if before.radio.is_none() {
            self.sleep = Sleep::new(shape.radio.as_ref(), now);
        }
        if self.pace.is(&shape.rate) {
            return;
        }
        let before = std::mem::replace(&mut self.pace, Pace::new(&shape.rate, now));
        if let Some(sending) = &mut self.sending {
            let packet = sending.waiting.parcel.packet_len() as u64;
            let left = packet.saturating_sub(before.sent(sending.start, now));
            sending.start = sending.start.max(now);
            sending.finish = self.pace.finish(sending.start, left);
        }
    }

    fn send(&mut self, waiting: Waiting<P>, radio: Option<&Radio>, start: Duration) {
        let packet = waiting.parcel.packet_len() as u64;
        let finish = self.pace.finish(start, packet);
        if let Some(radio) = radio {
            self.sleep.used(radio, finish);
        }
        self.sending = Some(Sending {
            waiting,
            start,
            finish,
        });
    }
}
