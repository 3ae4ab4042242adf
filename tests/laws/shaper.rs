//! Laws of links that behave like links: whatever the shape, whatever is offered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use canal_sim::backend::shaper::{Offered, Parcel, Shaper};
use canal_sim::network::{
    BitRate, Burst, Chance, Loss, OPPORTUNITY, Queue, Radio, Rate, Reorder, Shape, Trace,
};
use proptest::prelude::*;

use crate::any::cases;

/// A frame that knows which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Numbered {
    number: usize,
    len: usize,
    flips: u32,
}

/// The Ethernet header, which does not count.
const HEADER: usize = 14;

impl Parcel for Numbered {
    fn wire_len(&self) -> usize {
        self.len
    }

    fn corrupt(&mut self, bit: u64) {
        assert!(bit >= HEADER as u64 * 8 && bit < self.len as u64 * 8);
        self.flips += 1;
    }
}

/// A frame of so many bytes, so long after the one before.
type Traffic = Vec<(Duration, usize)>;

fn traffic() -> impl Strategy<Value = Traffic> {
    let gap = prop_oneof![
        4 => Just(Duration::ZERO),
        4 => (0..20_000_u64).prop_map(Duration::from_micros),
        1 => (0..5_000_u64).prop_map(Duration::from_millis),
    ];
    let len = prop_oneof![Just(HEADER), Just(1_514_usize), HEADER..2_000_usize];
    prop::collection::vec((gap, len), 1..60)
}

fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![
        2 => Just(Chance::NEVER),
        1 => (0..=100_u32).prop_map(Chance::percent),
    ]
}

fn millis(most: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        (0..=most * 1_000).prop_map(Duration::from_micros)
    ]
}

fn trace() -> impl Strategy<Value = Arc<Trace>> {
    prop::collection::vec(0..40_u32, 1..12).prop_map(|gaps| {
        let times = gaps.iter().scan(0_u32, |at, gap| {
            *at += gap;
            Some(*at)
        });
        let mut lines: Vec<String> = times.map(|time| time.to_string()).collect();
        lines.push("500".into());
        Arc::new(Trace::parse(&lines.join("\n")).unwrap())
    })
}

fn rate() -> impl Strategy<Value = Rate> {
    prop_oneof![
        Just(Rate::Unlimited),
        prop_oneof![Just(32_000_u64), Just(2_000_000), 1_000..1_000_000_000_u64]
            .prop_map(|bits| Rate::Constant(BitRate::new(bits).unwrap())),
        trace().prop_map(Rate::Trace),
    ]
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![
        chance().prop_map(Loss::Independent),
        (chance(), chance(), chance(), chance()).prop_map(|(enter, leave, bad, good)| {
            Loss::Burst(Burst {
                enter,
                leave,
                bad,
                good,
            })
        }),
    ]
}

fn radio() -> impl Strategy<Value = Radio> {
    (millis(2_000), millis(1_000), millis(600)).prop_map(|(idle, wake_least, more)| Radio {
        idle,
        wake_least,
        wake_most: wake_least + more,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    (
        (millis(100), millis(120), rate(), loss()),
        (0..30_usize, prop_oneof![Just(usize::MAX), 0..20_000_usize]),
        prop::option::of((chance(), millis(50))),
        (chance(), chance()),
        prop::option::of(500..1_600_u32),
        prop::option::weighted(0.3, radio()),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |((latency, jitter, rate, loss), (frames, bytes), late, (a, b), mtu, radio, cut)| {
                Shape {
                    latency,
                    jitter,
                    rate,
                    queue: Queue { frames, bytes },
                    loss,
                    reorder: late.map(|(chance, late)| Reorder { chance, late }),
                    duplicate: a,
                    corrupt: b,
                    mtu,
                    cut,
                    radio,
                }
            },
        )
}

/// What came out: when, and which.
type Came = Vec<(Duration, Numbered)>;

/// Offers everything, and takes whatever comes at the very time that the shaper names. Shapes change at the frames
/// that they stand with.
fn send(shaper: &mut Shaper<Numbered>, traffic: &Traffic, shapes: &BTreeMap<usize, Shape>) -> Came {
    let mut came = Vec::new();
    let mut now = Duration::ZERO;
    for (number, (gap, len)) in traffic.iter().enumerate() {
        now += *gap;
        take(shaper, Some(now), &mut came);
        if let Some(shape) = shapes.get(&number) {
            shaper.set_shape(shape.clone(), now);
        }
        let frame = Numbered {
            number,
            len: *len,
            flips: 0,
        };
        if let Offered::Lost(_, back) = shaper.offer(frame.clone(), now) {
            assert_eq!((back.number, back.len), (frame.number, frame.len));
        }
        balance(shaper);
    }
    take(shaper, None, &mut came);
    came
}

fn take(shaper: &mut Shaper<Numbered>, until: Option<Duration>, came: &mut Came) {
    while let Some(now) = shaper
        .wake()
        .filter(|now| until.is_none_or(|end| *now <= end))
    {
        // Who sleeps until then misses nothing.
        let before = now.saturating_sub(Duration::from_nanos(1));
        if before < now {
            assert_eq!(shaper.clone().take(before), None, "it would come late");
        }
        while let Some(frame) = shaper.take(now) {
            came.push((now, frame));
        }
        balance(shaper);
        let next = shaper.wake();
        assert!(
            next.is_none_or(|next| next > now),
            "it would be asked for ever"
        );
    }
}

/// Conservation: nothing is lost without being counted.
fn balance(shaper: &Shaper<Numbered>) {
    let n = shaper.counters();
    assert_eq!(
        n.offered + n.duplicated,
        n.taken + n.lost() + n.queued,
        "{n:?}"
    );
}

fn new(shape: &Shape, seed: u64) -> Shaper<Numbered> {
    Shaper::new(shape.clone(), seed, Duration::ZERO)
}

/// When each frame of some traffic is offered.
fn times(traffic: &Traffic) -> Vec<Duration> {
    let running = traffic.iter().scan(Duration::ZERO, |now, (gap, _)| {
        *now += *gap;
        Some(*now)
    });
    running.collect()
}

fn packet(frame: &Numbered) -> u64 {
    (frame.len - HEADER) as u64
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn no_frame_comes_early(shape in shape(), traffic in traffic(), seed: u64) {
        let offered = times(&traffic);
        for (time, frame) in send(&mut new(&shape, seed), &traffic, &BTreeMap::new()) {
            let mut least = offered[frame.number] + shape.latency.saturating_sub(shape.jitter);
            if let Rate::Constant(rate) = shape.rate {
                let nanos = u128::from(packet(&frame)) * 8 * 1_000_000_000 / u128::from(rate.get());
                least += Duration::from_nanos(nanos as u64);
            }
            prop_assert!(time >= least, "frame {} came at {time:?}, before {least:?}", frame.number);
        }
    }

    #[test]
    fn without_rate_and_radio_none_comes_late(mut shape in shape(), traffic in traffic(), seed: u64) {
        shape.rate = Rate::Unlimited;
        shape.radio = None;
        shape.reorder = None;
        let offered = times(&traffic);
        for (time, frame) in send(&mut new(&shape, seed), &traffic, &BTreeMap::new()) {
            // One that waits for the one before it waits for one that was offered before it.
            let most = offered[frame.number] + shape.latency + shape.jitter;
            prop_assert!(time <= most, "frame {} came at {time:?}, after {most:?}", frame.number);
        }
    }

    #[test]
    fn the_order_is_kept_unless_reordering_is_asked_for(
        mut shape in shape(),
        traffic in traffic(),
        mut others in prop::collection::btree_map(0..60_usize, shape(), 0..4),
        seed: u64,
    ) {
        shape.reorder = None;
        others.values_mut().for_each(|shape| shape.reorder = None);
        let came = send(&mut new(&shape, seed), &traffic, &others);
        let numbers: Vec<usize> = came.iter().map(|(_, frame)| frame.number).collect();
        prop_assert!(numbers.is_sorted(), "{numbers:?}");
    }

    #[test]
    fn reordering_alone_makes_no_frame_later_than_it_says(
        mut shape in shape(),
        traffic in traffic(),
        seed: u64,
    ) {
        shape.rate = Rate::Unlimited;
        shape.radio = None;
        let late = shape.reorder.map_or(Duration::ZERO, |reorder| reorder.late);
        let offered = times(&traffic);
        for (time, frame) in send(&mut new(&shape, seed), &traffic, &BTreeMap::new()) {
            prop_assert!(time <= offered[frame.number] + shape.latency + shape.jitter + late);
        }
    }

    /// The rate is that of sending: jitter comes after it, and lets frames come closer by twice its own.
    #[test]
    fn the_rate_is_not_exceeded_over_any_window(
        mut shape in shape(),
        bits in prop_oneof![Just(32_000_u64), Just(2_000_000), 3_000..1_000_000_000_u64],
        traffic in traffic(),
        seed: u64,
    ) {
        shape.rate = Rate::Constant(BitRate::new(bits).unwrap());
        shape.reorder = None;
        let came = send(&mut new(&shape, seed), &traffic, &BTreeMap::new());
        for (at, (start, _)) in came.iter().enumerate() {
            let mut sum = 0_u128;
            // The frame at the window's beginning has been sent before it.
            for (time, frame) in &came[at + 1..] {
                sum += u128::from(packet(frame)) * 8;
                let window = *time - *start + shape.jitter * 2;
                let most = u128::from(bits) * window.as_nanos();
                prop_assert!(sum * 1_000_000_000 <= most, "{sum} bits in {window:?}");
            }
        }
    }

    #[test]
    fn an_opportunity_of_a_trace_carries_no_more_than_its_bytes(
        mut shape in shape(),
        trace in trace(),
        traffic in traffic(),
        seed: u64,
    ) {
        shape.rate = Rate::Trace(Arc::clone(&trace));
        (shape.latency, shape.jitter, shape.reorder) = (Duration::ZERO, Duration::ZERO, None);
        let came = send(&mut new(&shape, seed), &traffic, &BTreeMap::new());
        for (at, (start, _)) in came.iter().enumerate() {
            let mut bytes = 0;
            for (time, frame) in &came[at..] {
                bytes += packet(frame);
                let last = trace.after(*time);
                let first = (0..last).rfind(|n| trace.time(*n) < *start).map_or(0, |n| n + 1);
                // What is left of a packet's first opportunities may have come before the window.
                let before = packet(&came[at].1);
                prop_assert!(bytes <= (last - first) * OPPORTUNITY + before);
                prop_assert!((0..last).any(|n| trace.time(n) == *time), "nothing passes at {time:?}");
            }
        }
    }

    #[test]
    fn a_link_that_is_kept_busy_is_used_to_the_full(
        bits in prop_oneof![Just(32_000_u64), 3_000..1_000_000_000_u64],
        lens in prop::collection::vec(HEADER + 1..2_000_usize, 1..60),
        seed: u64,
    ) {
        let shape = Shape { rate: Rate::Constant(BitRate::new(bits).unwrap()), ..Shape::default() };
        let traffic: Traffic = lens.iter().map(|len| (Duration::ZERO, *len)).collect();
        let came = send(&mut new(&shape, seed), &traffic, &BTreeMap::new());
        let sum: u128 = came.iter().map(|(_, frame)| u128::from(packet(frame)) * 8).sum();
        let exact = sum * 1_000_000_000 / u128::from(bits);
        let end = came.last().map_or(0, |(time, _)| time.as_nanos());
        prop_assert!(end - exact <= came.len() as u128, "{end} ns, not {exact}");
    }

    #[test]
    fn what_goes_in_comes_out_or_is_counted_whatever_changes(
        shape in shape(),
        traffic in traffic(),
        others in prop::collection::btree_map(0..60_usize, shape(), 0..4),
        seed: u64,
    ) {
        let mut shaper = new(&shape, seed);
        // `send` strikes the balance after each call.
        let came = send(&mut shaper, &traffic, &others);
        let counters = shaper.counters();
        prop_assert_eq!(counters.queued, 0);
        prop_assert_eq!(counters.taken, came.len() as u64);
        prop_assert_eq!(counters.offered, traffic.len() as u64);
    }

    #[test]
    fn the_same_seed_is_the_same_fate(
        shape in shape(),
        traffic in traffic(),
        others in prop::collection::btree_map(0..60_usize, shape(), 0..4),
        seed: u64,
    ) {
        let (mut one, mut two) = (new(&shape, seed), new(&shape, seed));
        prop_assert_eq!(send(&mut one, &traffic, &others), send(&mut two, &traffic, &others));
        prop_assert_eq!(one.counters(), two.counters());
    }

    /// Who asks too often learns nothing else than who asks at the named times.
    #[test]
    fn it_does_not_matter_how_often_it_is_asked(
        shape in shape(),
        traffic in traffic(),
        seed: u64,
    ) {
        let lazy = send(&mut new(&shape, seed), &traffic, &BTreeMap::new());
        let mut shaper = new(&shape, seed);
        let (mut eager, mut now) = (Vec::new(), Duration::ZERO);
        for (number, (gap, len)) in traffic.iter().enumerate() {
            for piece in 1..=4 {
                let at = now + *gap * piece / 4;
                take(&mut shaper, Some(at), &mut eager);
                prop_assert_eq!(shaper.take(at), None);
            }
            now += *gap;
            shaper.offer(Numbered { number, len: *len, flips: 0 }, now);
        }
        take(&mut shaper, None, &mut eager);
        prop_assert_eq!(eager, lazy);
    }

    #[test]
    fn a_shape_that_is_set_again_changes_nothing(
        shape in shape(),
        traffic in traffic(),
        at in 0..60_usize,
        seed: u64,
    ) {
        prop_assume!(!shape.cut);
        let again = BTreeMap::from([(at, shape.clone())]);
        prop_assert_eq!(
            send(&mut new(&shape, seed), &traffic, &again),
            send(&mut new(&shape, seed), &traffic, &BTreeMap::new())
        );
    }

    #[test]
    fn one_copy_at_most_and_one_bit_at_most(shape in shape(), traffic in traffic(), seed: u64) {
        let mut copies: BTreeMap<usize, u32> = BTreeMap::new();
        for (_, frame) in send(&mut new(&shape, seed), &traffic, &BTreeMap::new()) {
            *copies.entry(frame.number).or_default() += 1;
            prop_assert!(frame.flips <= 1);
        }
        prop_assert!(copies.values().all(|copies| *copies <= 2));
    }
}

proptest! {
    #![proptest_config(cases(32))]

    /// 100,000 frames. Bursts are short enough for that to be many of them: a burst and the time between two
    /// last at most 20 and 100 frames, so that six standard deviations of the mean are 2 %.
    #[test]
    fn loss_has_the_mean_that_was_asked_for(
        enter in 1..=100_u32,
        leave in 5..=100_u32,
        bad in 0..=100_u32,
        good in 0..=100_u32,
        seed: u64,
    ) {
        let burst = Burst {
            enter: Chance::percent(enter),
            leave: Chance::percent(leave),
            bad: Chance::percent(bad),
            good: Chance::percent(good),
        };
        let asked = burst.mean();
        let lost = lost_share(Loss::Burst(burst), seed);
        prop_assert!((lost - asked).abs() < 0.02, "{lost}, not {asked}");
        let alone = lost_share(Loss::Independent(Chance::percent(bad)), seed);
        let asked = f64::from(bad) / 100.0;
        prop_assert!((alone - asked).abs() < 0.01, "{alone}, not {asked}");
    }
}

fn lost_share(loss: Loss, seed: u64) -> f64 {
    const FRAMES: u32 = 100_000;
    let mut shaper = new(
        &Shape {
            loss,
            ..Shape::default()
        },
        seed,
    );
    for number in 0..FRAMES {
        let frame = Numbered {
            number: number as usize,
            len: 100,
            flips: 0,
        };
        shaper.offer(frame, Duration::ZERO);
        let _ = shaper.take(Duration::ZERO);
    }
    shaper.counters().loss as f64 / f64::from(FRAMES)
}
