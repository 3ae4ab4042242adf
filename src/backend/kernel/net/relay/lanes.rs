//! The shaped links as the relay sees them: what comes in where, and what leaves where and when. No clock, no
//! socket.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::{Loss, Port};
use crate::backend::shaper::{Direction, Duplex, Offered, Pool};
use crate::network::{Family, LinkId, Shapes};

/// The length of an Ethernet header in bytes.
const HEADER: usize = 14;

/// The number of a lane: that of its first interface, which no other has.
type Key = u32;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<Key, Lane>,
    names: BTreeMap<LinkId, Key>,
    /// What they hold together.
    pool: Pool,
    /// Where a frame that comes in at an interface enters.
    entries: BTreeMap<u32, (Key, Direction)>,
    /// Shapes that are in force from a time on, in its order.
    pending: VecDeque<(Duration, Key, Shapes)>,
    /// Which has something to do when.
    plan: BTreeSet<(Duration, Key)>,
}

/// One link.
#[derive(Debug)]
struct Lane {
    id: LinkId,
    ports: [Port; 2],
    duplex: Duplex<Vec<u8>>,
    /// The latest time that the duplex knows of: it must not go back.
    latest: Duration,
    /// Its entry in the plan.
    planned: Option<Duration>,
}

impl Lanes {
    /// One more, in the place of one of the same name.
    pub fn add(&mut self, id: &LinkId, ports: [Port; 2], shapes: Shapes, seed: u64, now: Duration) {
        self.remove(id);
        let [first, _] = &ports;
        let key = first.interface;
        for (port, direction) in ports.iter().zip(Direction::BOTH) {
            self.entries.insert(port.interface, (key, direction));
        }
        let lane = Lane {
            id: id.clone(),
            ports,
            duplex: Duplex::new(id, shapes, seed, now, &self.pool),
            latest: now,
            planned: None,
        };
        self.lanes.insert(key, lane);
        self.names.insert(id.clone(), key);
    }

    /// One less, and what is under way with it.
    pub fn remove(&mut self, id: &LinkId) {
        let Some(key) = self.names.remove(id) else {
            return;
        };
        self.entries.retain(|_, (of, _)| *of != key);
        self.pending.retain(|(_, of, _)| *of != key);
        self.plan.retain(|(_, of)| *of != key);
        self.lanes.remove(&key);
    }

    /// One does something else from `at` on: it is in force for whatever comes later, though what came before may
    /// be offered after this. [`Lanes::settle`] says when there is no more of that.
    pub fn set_shapes(&mut self, id: &LinkId, shapes: Shapes, at: Duration) {
        if let Some(key) = self.names.get(id) {
            self.pending.push_back((at, *key, shapes));
        }
    }

    /// Everything has been offered that came before `now`.
    pub fn settle(&mut self, now: Duration) {
        let due = |(at, ..): &(Duration, Key, Shapes)| *at <= now;
        while self.pending.front().is_some_and(due)
            && let Some((at, key, shapes)) = self.pending.pop_front()
        {
            if let Some(lane) = self.lanes.get_mut(&key) {
                let at = lane.at(at);
                lane.duplex.set_shapes(shapes, at);
                replan(&mut self.plan, key, lane);
            }
        }
    }

    /// A frame has come in at an interface at `now`; `lost` is told where it is lost. One that comes at an
    /// interface that is no link's any more is nobody's.
    pub fn offer(
        &mut self,
        interface: u32,
        frame: &[u8],
        now: Duration,
        lost: impl FnOnce(Loss<'_>),
    ) {
        self.settle(now);
        let Some((key, direction)) = self.entries.get(&interface).copied() else {
            return;
        };
        let Some(lane) = self.lanes.get_mut(&key) else {
            return;
        };
        let now = lane.at(now);
        if let Offered::Lost(why, frame) = lane.duplex.offer(direction, frame.to_vec(), now)
            && let Some((family, packet)) = packet(&frame)
        {
            lost(Loss {
                node: &lane.ports[direction.from()].node,
                link: &lane.id,
                why,
                family,
                packet,
            });
        }
        replan(&mut self.plan, key, lane);
    }

    /// When there is something to take, at the earliest.
    pub fn wake(&self) -> Option<Duration> {
        self.plan.first().map(|(due, _)| *due)
    }

    /// Takes what leaves by `now`, each with the interface that it leaves by, at most so many.
    pub fn take(&mut self, now: Duration, most: usize, out: &mut Vec<(u32, Vec<u8>)>) {
        while out.len() < most && self.wake().is_some_and(|due| due <= now) {
            let Some((_, key)) = self.plan.pop_first() else {
                return;
            };
            let Some(lane) = self.lanes.get_mut(&key) else {
                continue;
            };
            lane.planned = None;
            let now = lane.at(now);
            while out.len() < most
                && let Some((direction, frame)) = lane.duplex.take(now)
            {
                out.push((lane.ports[direction.to()].interface, frame));
            }
            replan(&mut self.plan, key, lane);
        }
    }
}

impl Lane {
    /// A time that doesn't go back: what is stamped while the lane was looked after is as late as that.
    fn at(&mut self, now: Duration) -> Duration {
        self.latest = self.latest.max(now);
        self.latest
    }
}

/// Plans a lane for when it has something to do next.
fn replan(plan: &mut BTreeSet<(Duration, Key)>, key: Key, lane: &mut Lane) {
    let wake = lane.duplex.wake();
    if wake == lane.planned {
        return;
    }
    if let Some(planned) = lane.planned {
        plan.remove(&(planned, key));
    }
    if let Some(wake) = wake {
        plan.insert((wake, key));
    }
    lane.planned = wake;
}

/// The packet in a frame, where it is of a family that evidence is of.
fn packet(frame: &[u8]) -> Option<(Family, &[u8])> {
    let (header, packet) = frame.split_at_checked(HEADER)?;
    let family = match header[12..] {
        [8, 0] => Family::Ip,
        [8, 6] => Family::Arp,
        _ => return None,
    };
    Some((family, packet))
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests;
