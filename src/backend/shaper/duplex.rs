//! Both directions of a link.

use std::time::Duration;

use super::room::OF_A_LINK;
use super::{Counters, Offered, Parcel, Pool, Shaper};
use crate::network::{LinkId, Shapes};

/// Which way a frame goes: its place in [`Link::ends`](crate::network::Link::ends) is where it enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From `ends[0]` to `ends[1]`.
    There,
    /// From `ends[1]` to `ends[0]`.
    Back,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::There, Self::Back];

    /// The place of the end at which a frame enters.
    pub fn from(self) -> usize {
        match self {
            Self::There => 0,
            Self::Back => 1,
        }
    }

    /// The place of the end at which it leaves.
    pub fn to(self) -> usize {
        1 - self.from()
    }
}

/// A shaped link: two [`Shaper`]s with one radio, and room in common.
#[derive(Debug)]
pub struct Duplex<P> {
    ways: [Shaper<P>; 2],
    /// What all links of the network hold.
    pool: Pool,
    /// What of it this one does.
    held: usize,
}

impl<P: Parcel> Duplex<P> {
    /// A link that comes into being at `now`. `seed` is the whole network's; each direction of each link
    /// has its own out of it; `pool` is the network's, too.
    pub fn new(id: &LinkId, shapes: Shapes, seed: u64, now: Duration, pool: &Pool) -> Self {
        let [there, back] = *shapes;
        let way = |shape, direction| Shaper::new(shape, seed_of(seed, id, direction), now);
        Self {
            ways: [way(there, Direction::There), way(back, Direction::Back)],
            pool: pool.clone(),
            held: 0,
        }
    }

    /// See [`Shaper::set_shape`].
    pub fn set_shapes(&mut self, shapes: Shapes, now: Duration) {
        for (way, shape) in self.ways.iter_mut().zip(*shapes) {
            way.set_shape(shape, now);
        }
        self.settle();
    }

    /// A frame enters; see [`Shaper::offer`].
    pub fn offer(&mut self, direction: Direction, parcel: P, now: Duration) -> Offered<P> {
        let left = OF_A_LINK.saturating_sub(self.held).min(self.pool.left());
        let offered = self.offer_within(left, direction, parcel, now);
        self.settle();
        offered
    }

    /// A frame enters, for which there is so much room.
    fn offer_within(
        &mut self,
        left: usize,
        direction: Direction,
        parcel: P,
        now: Duration,
    ) -> Offered<P> {
        let [there, back] = &mut self.ways;
        let (way, other) = match direction {
            Direction::There => (there, back),
            Direction::Back => (back, there),
        };
        way.set_room(way.held().saturating_add(left));
        if way.shape().radio.is_none() {
            return way.offer(parcel, now);
        }
        // What the other direction has sent until now has kept the radio awake.
        other.advance(now);
        way.join_radio(other);
        let offered = way.offer(parcel, now);
        way.join_radio(other);
        offered
    }

    /// When to call [`Duplex::take`] next.
    pub fn wake(&self) -> Option<Duration> {
        self.ways.iter().filter_map(Shaper::wake).min()
    }

    /// The next frame that has come by `now`, and which way; call it until there is none.
    pub fn take(&mut self, now: Duration) -> Option<(Direction, P)> {
        let taken = Direction::BOTH.into_iter().find_map(|direction| {
            let parcel = self.ways[direction.from()].take(now)?;
            Some((direction, parcel))
        });
        self.settle();
        taken
    }

    /// What became of frames so far, for each direction.
    pub fn counters(&self) -> [Counters; 2] {
        [self.ways[0].counters(), self.ways[1].counters()]
    }
}

impl<P> Duplex<P> {
    /// Tells the pool what it holds now.
    fn settle(&mut self) {
        let [there, back] = &self.ways;
        let held = there.held + back.held;
        self.pool.change(self.held, held);
        self.held = held;
    }
}

impl<P> Drop for Duplex<P> {
    fn drop(&mut self) {
        self.pool.change(self.held, 0);
    }
}

/// The seed of one direction: it depends on the network's seed and on the link's name, not on the other
/// links. FNV-1a, which is the same everywhere.
fn seed_of(seed: u64, id: &LinkId, direction: Direction) -> u64 {
    let bytes = id.as_str().bytes().chain([direction.from() as u8]);
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes.fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
