//! What a direction of a link does to the frames that it carries.
//!
//! A [`Shape`] is a value; what carries it out is `backend::shaper`. Numbers are integers, so that a
//! shape can be compared and gives the same on every machine.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use super::Trace;

/// The shapes of a link's two directions: number `i` is of what enters at `ends[i]`.
pub type Shapes = Box<[Shape; 2]>;

/// What one direction of a link does to frames. The default does nothing at all.
///
/// A frame is lost, copied or corrupted as it enters. It then waits in the queue, leaves it at the
/// rate, and travels for the latency. So the order is kept, unless [`Shape::reorder`] says otherwise:
/// a frame that jitter would let overtake arrives together with the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// How long a frame travels, from its last bit on.
    pub latency: Duration,
    /// How far that varies: uniform from `latency - jitter` to `latency + jitter`, never below zero.
    pub jitter: Duration,
    /// How fast frames leave the queue.
    pub rate: Rate,
    /// How many frames may wait; the next one is lost (drop-tail).
    pub queue: Queue,
    /// Which frames are lost by chance.
    pub loss: Loss,
    /// Which frames come late, so that later ones overtake them.
    pub reorder: Option<Reorder>,
    /// How often a frame is sent twice.
    pub duplicate: Chance,
    /// How often one bit of a frame is flipped, anywhere behind its Ethernet header.
    pub corrupt: Chance,
    /// The largest IP packet in bytes that passes, where that is less than the interfaces know of: a
    /// larger one is lost without a word.
    pub mtu: Option<u32>,
    /// Whether the link is cut: whatever is under way is lost, and so is whatever enters.
    pub cut: bool,
    /// The radio of a cellular link. Both directions have one and the same; give both the same value.
    pub radio: Option<Radio>,
}

impl fmt::Display for Shape {
    /// What it does, in the order in which it does it: `latency 50ms, 2Mbit/s, loss 1%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::default();
        let mut parts = Vec::new();
        let mut say = |differs: bool, words: String| parts.extend(differs.then_some(words));
        say(self.cut, "cut".to_owned());
        say(
            self.latency != usual.latency,
            format!("latency {:?}", self.latency),
        );
        say(
            self.jitter != usual.jitter,
            format!("jitter {:?}", self.jitter),
        );
        say(self.rate != usual.rate, self.rate.to_string());
        say(
            self.queue != usual.queue,
            format!("queue of {}", self.queue),
        );
        say(self.loss != usual.loss, format!("loss {}", self.loss));
        if let Some(Reorder { chance, late }) = self.reorder {
            say(true, format!("{chance} late by {late:?}"));
        }
        say(
            self.duplicate != usual.duplicate,
            format!("{} twice", self.duplicate),
        );
        say(
            self.corrupt != usual.corrupt,
            format!("{} corrupted", self.corrupt),
        );
        if let Some(mtu) = self.mtu {
            say(true, format!("MTU {mtu}"));
        }
        if let Some(radio) = self.radio {
            say(true, format!("asleep after {:?}", radio.idle));
        }
        if parts.is_empty() {
            return f.write_str("nothing");
        }
        f.write_str(&parts.join(", "))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::Constant(rate) => rate.fmt(f),
            Self::Trace(trace) => write!(f, "a trace of {:?}", trace.length()),
        }
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packets", self.frames)?;
        if self.bytes < usize::MAX {
            write!(f, " and {} bytes", self.bytes)?;
        }
        Ok(())
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Independent(chance) => chance.fmt(f),
            Self::Burst(burst) => write!(
                f,
                "in bursts (begin {}, end {}, {} in them, {} else)",
                burst.enter, burst.leave, burst.bad, burst.good
            ),
        }
    }
}

/// How fast a link sends. What counts of a frame is its IP packet, without the Ethernet header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rate {
    /// At once.
    #[default]
    Unlimited,
    /// Always alike.
    Constant(BitRate),
    /// At the times that were once measured of a real link.
    Trace(Arc<Trace>),
}

/// Bits a second, at least 1 and at most [`BitRate::MOST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BitRate(NonZeroU64);

impl BitRate {
    /// The highest rate that is told from none: one Tbit/s.
    pub const MOST: u64 = 1_000_000_000_000;

    /// This many bits a second; none for 0 and beyond [`BitRate::MOST`].
    pub fn new(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits)
            .filter(|bits| bits.get() <= Self::MOST)
            .map(Self)
    }

    /// Bits a second.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.get();
        let (unit, name) = match bits {
            1_000_000_000.. => (1_000_000_000, "Gbit/s"),
            1_000_000.. => (1_000_000, "Mbit/s"),
            1_000.. => (1_000, "kbit/s"),
            _ => (1, "bit/s"),
        };
        decimal(f, bits, unit)?;
        f.write_str(name)
    }
}

/// What may wait. A frame waits until its sending begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Frames.
    pub frames: usize,
    /// Bytes of IP packets.
    pub bytes: usize,
}

impl Default for Queue {
    /// 1,000 frames, as Linux has it for an interface (`txqueuelen`).
    fn default() -> Self {
        Self {
            frames: 1_000,
            bytes: usize::MAX,
        }
    }
}

/// Which frames are lost by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Each with the same chance, whatever became of the others.
    Independent(Chance),
    /// In bursts.
    Burst(Burst),
}

impl Default for Loss {
    fn default() -> Self {
        Self::Independent(Chance::NEVER)
    }
}

/// The model of Gilbert and Elliott: a link is in a good or in a bad state, good at first; before each
/// frame the state may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// How often a frame finds that a good link has gone bad.
    pub enter: Chance,
    /// How often a frame finds that a bad link has become good; 1 / `leave` frames is the mean length of
    /// a burst.
    pub leave: Chance,
    /// How often a frame is lost while the link is bad.
    pub bad: Chance,
    /// How often while it is good.
    pub good: Chance,
}

impl Burst {
    /// The share of frames that is lost in the long run, from 0 to 1.
    pub fn mean(&self) -> f64 {
        let [enter, leave, bad, good] =
            [self.enter, self.leave, self.bad, self.good].map(Chance::share);
        if enter + leave == 0.0 {
            // The state that it begins in is for ever.
            return good;
        }
        (leave * good + enter * bad) / (enter + leave)
    }
}

/// Frames that come late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reorder {
    /// How often.
    pub chance: Chance,
    /// By how much beyond their latency.
    pub late: Duration,
}

/// A radio that sleeps when nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radio {
    /// After how long without a frame in either direction it sleeps.
    pub idle: Duration,
    /// The shortest time that it takes to wake up; frames wait for it in the queue.
    pub wake_least: Duration,
    /// The longest; in between, any is as likely as any other.
    pub wake_most: Duration,
}

/// How often something happens: parts of a thousand million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance(u32);

impl Chance {
    /// Never.
    pub const NEVER: Self = Self(0);
    /// Always.
    pub const ALWAYS: Self = Self(Self::WHOLE);
    /// What the parts are parts of.
    pub const WHOLE: u32 = 1_000_000_000;

    /// This many parts of [`Chance::WHOLE`]; none beyond all of them.
    pub fn parts(parts: u32) -> Option<Self> {
        (parts <= Self::WHOLE).then_some(Self(parts))
    }

    /// This many per cent; all beyond 100.
    pub const fn percent(percent: u32) -> Self {
        if percent >= 100 {
            Self::ALWAYS
        } else {
            Self(percent * (Self::WHOLE / 100))
        }
    }

    /// The parts.
    pub fn get(self) -> u32 {
        self.0
    }

    /// From 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.0) / f64::from(Self::WHOLE)
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, u64::from(self.0), u64::from(Self::WHOLE / 100))?;
        f.write_str("%")
    }
}

/// `value / unit` without zeros at its end; `unit` is a power of ten.
fn decimal(f: &mut fmt::Formatter<'_>, value: u64, unit: u64) -> fmt::Result {
    let digits = unit.ilog10() as usize;
    write!(f, "{}", value / unit)?;
    let rest = format!("{:0digits$}", value % unit);
    let rest = rest.trim_end_matches('0');
    if digits > 0 && !rest.is_empty() {
        write!(f, ".{rest}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn rates_and_chances_read_as_they_are_written() {
        let rate = |bits| BitRate::new(bits).unwrap().to_string();
        assert_eq!(rate(32_000), "32kbit/s");
        assert_eq!(rate(1_500_000), "1.5Mbit/s");
        assert_eq!(rate(999), "999bit/s");
        assert_eq!(rate(BitRate::MOST), "1000Gbit/s");
        assert_eq!(Chance::percent(30).to_string(), "30%");
        assert_eq!(Chance::parts(5_000_000).unwrap().to_string(), "0.5%");
        assert_eq!(Chance::parts(1).unwrap().to_string(), "0.0000001%");
        assert_eq!(Chance::ALWAYS.to_string(), "100%");
        assert_eq!(Chance::NEVER.to_string(), "0%");
    }

    #[test]
    fn a_shape_says_what_it_does_and_nothing_else() {
        assert_eq!(Shape::default().to_string(), "nothing");
        let shape = Shape {
            latency: Duration::from_micros(22_250),
            rate: Rate::Constant(BitRate::new(2_000_000).unwrap()),
            loss: Loss::Independent(Chance::percent(1)),
            duplicate: Chance::percent(2),
            mtu: Some(576),
            ..Shape::default()
        };
        assert_eq!(
            shape.to_string(),
            "latency 22.25ms, 2Mbit/s, loss 1%, 2% twice, MTU 576"
        );
    }

    #[test]
    fn what_cannot_be_is_no_rate_and_no_chance() {
        assert_eq!(BitRate::new(0), None);
        assert_eq!(BitRate::new(BitRate::MOST + 1), None);
        assert_eq!(Chance::parts(Chance::WHOLE + 1), None);
    }

    #[test]
    fn the_mean_of_bursts_weighs_both_states() {
        let burst = Burst {
            enter: Chance::percent(1),
            leave: Chance::percent(9),
            bad: Chance::percent(50),
            good: Chance::NEVER,
        };
        assert!((burst.mean() - 0.05).abs() < 1e-9);
        let never = Burst {
            enter: Chance::NEVER,
            leave: Chance::NEVER,
            ..burst
        };
        assert!(never.mean().abs() < 1e-9);
    }
}
