use super::*;
use crate::network::{BitRate, Burst, Chance, LinkId, Loss, Queue, Radio, Rate, Reorder, Trace};
use std::sync::Arc;

/// A frame around an IP packet of this length, recognised by its first byte.
fn frame(name: u8, packet: usize) -> Vec<u8> {
    let mut frame = vec![0; HEADER + packet];
    frame[0] = name;
    frame
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn shaper(shape: Shape) -> Shaper<Vec<u8>> {
    Shaper::new(shape, 1, Duration::ZERO)
}

/// A rate at which a packet of 1,000 bytes takes 10 ms.
fn slow() -> Rate {
    Rate::Constant(BitRate::new(800_000).unwrap())
}

/// What comes out, with the milliseconds at which it does, as a driver sees it that sleeps in between.
fn drain(shaper: &mut Shaper<Vec<u8>>) -> Vec<(u8, u64)> {
    let mut out = Vec::new();
    while let Some(now) = shaper.wake() {
        while let Some(frame) = shaper.take(now) {
            out.push((frame[0], now.as_millis() as u64));
        }
    }
    out
}

#[test]
fn without_a_shape_a_frame_comes_at_once() {
    let mut link = shaper(Shape::default());
    assert_eq!(link.wake(), None);
    assert_eq!(link.offer(frame(1, 100), ms(7)), Offered::Taken);
    assert_eq!(link.wake(), Some(ms(7)));
    assert_eq!(link.take(ms(7)), Some(frame(1, 100)));
    assert_eq!(link.take(ms(7)), None);
    assert_eq!(link.wake(), None);
}

#[test]
fn rate_comes_first_and_latency_after_it() {
    let mut link = shaper(Shape {
        latency: ms(50),
        rate: slow(),
        ..Shape::default()
    });
    for name in 1..=3 {
        link.offer(frame(name, 1_000), ms(0));
    }
    assert_eq!(link.take(ms(59)), None);
    assert_eq!(drain(&mut link), [(1, 60), (2, 70), (3, 80)]);
}

#[test]
fn a_full_queue_loses_the_last_that_came() {
    let mut link = shaper(Shape {
        rate: slow(),
        queue: Queue {
            frames: 2,
            bytes: 1_500,
        },
        ..Shape::default()
    });
    let full = |name, packet| Offered::Lost(Lost::QueueFull, frame(name, packet));
    // The first does not wait: it is being sent.
    assert_eq!(link.offer(frame(1, 1_000), ms(0)), Offered::Taken);
    assert_eq!(link.offer(frame(2, 1_000), ms(0)), Offered::Taken);
    assert_eq!(link.offer(frame(3, 501), ms(0)), full(3, 501));
    assert_eq!(link.offer(frame(4, 100), ms(0)), Offered::Taken);
    assert_eq!(link.offer(frame(5, 100), ms(0)), full(5, 100));
    // At 10 ms the second is being sent, and waits no more.
    assert_eq!(link.offer(frame(6, 100), ms(10)), Offered::Taken);
    assert_eq!(drain(&mut link), [(1, 10), (2, 20), (4, 21), (6, 22)]);
    assert_eq!(link.counters().queue_full, 2);
}

#[test]
fn a_new_rate_counts_in_the_middle_of_a_frame() {
    let mut link = shaper(Shape {
        rate: slow(),
        ..Shape::default()
    });
    link.offer(frame(1, 1_000), ms(0));
    link.offer(frame(2, 1_000), ms(0));
    let faster = Shape {
        rate: Rate::Constant(BitRate::new(8_000_000).unwrap()),
        ..Shape::default()
    };
    // Half of the first is left, which takes half a millisecond now.
    link.set_shape(faster, ms(5));
    assert_eq!(link.wake(), Some(Duration::from_micros(5_500)));
    assert_eq!(drain(&mut link), [(1, 5), (2, 6)]);
}

#[test]
fn what_travels_is_not_overtaken_when_the_latency_falls() {
    let latency = |latency| Shape {
        latency,
        ..Shape::default()
    };
    let mut link = shaper(latency(ms(100)));
    link.offer(frame(1, 100), ms(0));
    link.set_shape(latency(ms(10)), ms(20));
    link.offer(frame(2, 100), ms(20));
    link.offer(frame(3, 100), ms(95));
    assert_eq!(drain(&mut link), [(1, 100), (2, 100), (3, 105)]);
}

#[test]
fn a_cut_loses_what_is_under_way_and_what_comes() {
    let mut link = shaper(Shape {
        latency: ms(10),
        rate: slow(),
        ..Shape::default()
    });
    for name in 1..=3 {
        link.offer(frame(name, 1_000), ms(0));
    }
    assert_eq!(link.take(ms(20)), Some(frame(1, 1_000)));
    let restored = link.shape().clone();
    let cut = Shape {
        cut: true,
        ..restored.clone()
    };
    link.set_shape(cut, ms(25));
    assert_eq!(link.wake(), None);
    let lost = Offered::Lost(Lost::Cut, frame(4, 100));
    assert_eq!(link.offer(frame(4, 100), ms(26)), lost);
    link.set_shape(restored, ms(30));
    link.offer(frame(5, 1_000), ms(30));
    assert_eq!(drain(&mut link), [(5, 50)]);
    assert_eq!(link.counters().cut, 3);
}

#[test]
fn what_comes_after_a_cut_is_not_behind_what_the_cut_has_lost() {
    let latency = |latency| Shape {
        latency,
        ..Shape::default()
    };
    let mut link = shaper(latency(ms(1_000)));
    link.offer(frame(1, 100), ms(0));
    let cut = Shape {
        cut: true,
        ..Shape::default()
    };
    link.set_shape(cut, ms(10));
    link.set_shape(latency(ms(5)), ms(20));
    link.offer(frame(2, 100), ms(20));
    assert_eq!(drain(&mut link), [(2, 25)]);
}

#[test]
fn what_is_too_long_is_lost_and_the_header_does_not_count() {
    let mut link = shaper(Shape {
        mtu: Some(576),
        ..Shape::default()
    });
    assert_eq!(link.offer(frame(1, 576), ms(0)), Offered::Taken);
    let lost = Offered::Lost(Lost::TooLong, frame(2, 577));
    assert_eq!(link.offer(frame(2, 577), ms(0)), lost);
}

#[test]
fn one_bit_of_the_packet_is_flipped_and_none_of_the_header() {
    let mut link = shaper(Shape {
        corrupt: Chance::ALWAYS,
        ..Shape::default()
    });
    let mut flipped = std::collections::BTreeSet::new();
    for _ in 0..200 {
        link.offer(frame(1, 2), ms(0));
        let got = link.take(ms(0)).unwrap();
        assert_eq!(got[..HEADER], frame(1, 2)[..HEADER]);
        let bits = u16::from_be_bytes([got[HEADER], got[HEADER + 1]]);
        assert_eq!(bits.count_ones(), 1);
        flipped.insert(bits);
    }
    assert_eq!(flipped.len(), 16, "any bit is as good as any other");
}

#[test]
fn a_straggler_is_overtaken_and_the_others_keep_their_order() {
    let mut link = shaper(Shape {
        latency: ms(10),
        reorder: Some(Reorder {
            chance: Chance::ALWAYS,
            late: ms(5),
        }),
        ..Shape::default()
    });
    link.offer(frame(1, 100), ms(0));
    link.set_shape(
        Shape {
            latency: ms(10),
            ..Shape::default()
        },
        ms(1),
    );
    link.offer(frame(2, 100), ms(1));
    link.offer(frame(3, 100), ms(8));
    assert_eq!(drain(&mut link), [(2, 11), (1, 15), (3, 18)]);
}

#[test]
fn a_straggler_overtakes_nothing_itself() {
    let latency = |latency, reorder| Shape {
        latency,
        reorder,
        ..Shape::default()
    };
    let late = Reorder {
        chance: Chance::ALWAYS,
        late: ms(5),
    };
    let mut link = shaper(latency(ms(100), None));
    link.offer(frame(1, 100), ms(0));
    link.set_shape(latency(ms(10), Some(late)), ms(20));
    link.offer(frame(2, 100), ms(20));
    link.set_shape(latency(ms(10), None), ms(30));
    link.offer(frame(3, 100), ms(92));
    assert_eq!(drain(&mut link), [(1, 100), (3, 102), (2, 105)]);
}

#[test]
fn a_copy_follows_its_frame() {
    let mut link = shaper(Shape {
        duplicate: Chance::ALWAYS,
        rate: slow(),
        ..Shape::default()
    });
    link.offer(frame(1, 1_000), ms(0));
    assert_eq!(drain(&mut link), [(1, 10), (1, 20)]);
    let counters = link.counters();
    assert_eq!(
        (counters.offered, counters.duplicated, counters.taken),
        (1, 1, 2)
    );
}

#[test]
fn bursts_stay_in_their_state() {
    // Bad from the first frame on, for ever.
    let mut link = shaper(Shape {
        loss: Loss::Burst(Burst {
            enter: Chance::ALWAYS,
            leave: Chance::NEVER,
            bad: Chance::ALWAYS,
            good: Chance::NEVER,
        }),
        ..Shape::default()
    });
    for name in 0..10 {
        let lost = Offered::Lost(Lost::Loss, frame(name, 100));
        assert_eq!(link.offer(frame(name, 100), ms(0)), lost);
    }
}

#[test]
fn a_trace_gives_its_opportunities_and_no_others() {
    let trace = Trace::parse("10\n20\n20\n100\n").unwrap();
    let mut link = shaper(Shape {
        rate: Rate::Trace(Arc::new(trace)),
        ..Shape::default()
    });
    for name in 1..=5 {
        link.offer(frame(name, 1_500), ms(15));
    }
    assert_eq!(
        drain(&mut link),
        [(1, 20), (2, 20), (3, 100), (4, 110), (5, 120)]
    );
}

fn radio() -> Radio {
    Radio {
        idle: ms(1_000),
        wake_least: ms(300),
        wake_most: ms(300),
    }
}

fn cellular() -> Shape {
    Shape {
        latency: ms(20),
        radio: Some(radio()),
        ..Shape::default()
    }
}

#[test]
fn a_radio_sleeps_after_idling_and_what_comes_waits_for_it() {
    let mut link = shaper(cellular());
    link.offer(frame(1, 100), ms(500));
    assert_eq!(drain(&mut link), [(1, 520)]);
    // The last nanosecond of being awake, and the first of sleep.
    link.offer(frame(2, 100), ms(1_500) - Duration::from_nanos(1));
    assert_eq!(drain(&mut link), [(2, 1_519)]);
    link.offer(frame(3, 100), ms(2_500));
    link.offer(frame(4, 100), ms(2_700));
    link.offer(frame(5, 100), ms(2_900));
    assert_eq!(drain(&mut link), [(3, 2_820), (4, 2_820), (5, 2_920)]);
}

#[test]
fn both_directions_have_one_radio() {
    let shapes = Box::new([cellular(), cellular()]);
    let mut link = Duplex::new(
        &LinkId::new("air"),
        shapes,
        1,
        Duration::ZERO,
        &Pool::default(),
    );
    let (up, down) = (Direction::There, Direction::Back);
    link.offer(up, frame(1, 100), ms(5_000));
    assert_eq!(link.wake(), Some(ms(5_320)));
    assert_eq!(link.take(ms(5_320)), Some((up, frame(1, 100))));
    // The answer finds it awake.
    link.offer(down, frame(2, 100), ms(5_330));
    assert_eq!(link.wake(), Some(ms(5_350)));
    assert_eq!(link.take(ms(5_350)), Some((down, frame(2, 100))));
    // So does the next question, a second after the answer.
    link.offer(up, frame(3, 100), ms(6_320));
    assert_eq!(link.wake(), Some(ms(6_340)));
}

#[test]
fn what_wakes_the_radio_one_way_does_not_let_the_other_way_pass_before() {
    let shapes = Box::new([cellular(), cellular()]);
    let mut link = Duplex::new(
        &LinkId::new("air"),
        shapes,
        1,
        Duration::ZERO,
        &Pool::default(),
    );
    link.offer(Direction::Back, frame(1, 100), ms(5_000));
    link.offer(Direction::There, frame(2, 100), ms(5_100));
    assert_eq!(link.take(ms(5_319)), None);
    assert_eq!(
        link.take(ms(5_320)),
        Some((Direction::There, frame(2, 100)))
    );
    assert_eq!(link.take(ms(5_320)), Some((Direction::Back, frame(1, 100))));
}

/// A frame that says of itself that it is long, and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fat;

impl Parcel for Fat {
    fn wire_len(&self) -> usize {
        1 << 20
    }

    fn corrupt(&mut self, _: u64) {}
}

fn far() -> Box<[Shape; 2]> {
    let far = Shape {
        latency: ms(3_600_000),
        ..Shape::default()
    };
    Box::new([far.clone(), far])
}

/// How many get in.
fn flood(link: &mut Duplex<Fat>, times: usize, now: Duration) -> usize {
    let ways = Direction::BOTH.into_iter().cycle().take(times);
    ways.filter(|way| link.offer(*way, Fat, now) == Offered::Taken)
        .count()
}

#[test]
fn a_link_holds_so_much_and_loses_the_rest() {
    let mut link = Duplex::new(&LinkId::new("a"), far(), 1, ms(0), &Pool::default());
    assert_eq!(flood(&mut link, 1_000, ms(0)), 63);
    let [there, back] = link.counters();
    assert_eq!((there.queued, back.queued), (32, 31));
    assert_eq!((there.queue_full, back.queue_full), (468, 469));
    // What has come makes room.
    for _ in 0..10 {
        assert!(link.take(ms(3_600_000)).is_some());
    }
    assert_eq!(flood(&mut link, 1_000, ms(3_600_000)), 10);
    // So does what a cut has lost.
    let cut = Shape {
        cut: true,
        ..Shape::default()
    };
    link.set_shapes(Box::new([cut.clone(), cut]), ms(3_600_001));
    link.set_shapes(far(), ms(3_600_002));
    assert_eq!(flood(&mut link, 1_000, ms(3_600_002)), 63);
}

#[test]
fn what_waits_is_held_as_well_however_long_the_queue() {
    let shape = Shape {
        rate: slow(),
        queue: Queue {
            frames: 1_000_000,
            bytes: usize::MAX,
        },
        ..Shape::default()
    };
    let mut link = Shaper::new(shape, 1, ms(0));
    for _ in 0..1_000 {
        link.offer(Fat, ms(0));
    }
    assert_eq!(link.counters().queued, 63);
}

#[test]
fn small_frames_count_for_what_they_take() {
    let mut link = shaper(far()[0].clone());
    for _ in 0..1_000_000 {
        link.offer(frame(1, 0), ms(0));
    }
    assert_eq!(link.counters().queued as usize, (64 << 20) / (HEADER + 128));
}

#[test]
fn the_links_of_a_network_hold_so_much_together() {
    let pool = Pool::default();
    let link = |n: usize| Duplex::new(&LinkId::new(format!("{n}")), far(), 1, ms(0), &pool);
    let mut links: Vec<Duplex<Fat>> = (0..10).map(link).collect();
    let taken: usize = links.iter_mut().map(|one| flood(one, 100, ms(0))).sum();
    assert_eq!(taken, 511);
    // A link that goes leaves its room to others.
    links.remove(0);
    assert_eq!(flood(&mut links[8], 100, ms(0)), 63);
    drop(links);
    assert_eq!(pool.left(), 512 << 20);
}

#[test]
fn directions_and_links_have_luck_of_their_own() {
    let half = Shape {
        loss: Loss::Independent(Chance::percent(50)),
        ..Shape::default()
    };
    let fate = |id: &str, direction| {
        let shapes = Box::new([half.clone(), half.clone()]);
        let mut link = Duplex::new(
            &LinkId::new(id),
            shapes,
            1,
            Duration::ZERO,
            &Pool::default(),
        );
        let taken = |_| link.offer(direction, frame(0, 1), ms(0)) == Offered::Taken;
        (0..64).map(taken).collect::<Vec<bool>>()
    };
    let one = fate("a", Direction::There);
    assert_eq!(one, fate("a", Direction::There));
    assert_ne!(one, fate("a", Direction::Back));
    assert_ne!(one, fate("b", Direction::There));
}
