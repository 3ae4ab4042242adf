//! How fast the shaper is: the time that one frame takes from offer to take, with the line kept full or the flight long.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use canal_sim::backend::shaper::{Offered, Shaper};
use canal_sim::network::{BitRate, Burst, Chance, Loss, Radio, Rate, Reorder, Shape};
use criterion::{Criterion, Throughput};

const FRAMES: u64 = 10_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("shaper");
    group.throughput(Throughput::Elements(FRAMES));
    for (name, shape) in shapes() {
        group.bench_function(name, |bencher| {
            let mut shaper = Shaper::new(shape.clone(), 1, Duration::ZERO);
            let mut frame = Some(vec![0_u8; 1_514]);
            let mut now = Duration::ZERO;
            bencher.iter(|| {
                for _ in 0..FRAMES {
                    now += Duration::from_micros(10);
                    // One buffer goes round: what is measured is the shaper, not the allocator.
                    let next = frame.take().unwrap_or_else(|| vec![0; 1_514]);
                    if let Offered::Lost(_, back) = shaper.offer(next, now) {
                        frame = Some(back);
                    }
                    while let Some(out) = shaper.take(now) {
                        frame = Some(black_box(out));
                    }
                    black_box(shaper.wake());
                }
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

fn shapes() -> Vec<(&'static str, Shape)> {
    let latency = Shape {
        latency: Duration::from_millis(50),
        ..Shape::default()
    };
    let rate = Shape {
        rate: Rate::Constant(BitRate::new(1_200_000_000).unwrap()),
        ..latency.clone()
    };
    let full = Shape {
        // Half of what is offered: the queue is full, and every other frame is lost.
        rate: Rate::Constant(BitRate::new(600_000_000).unwrap()),
        ..latency.clone()
    };
    let everything = Shape {
        jitter: Duration::from_millis(5),
        loss: Loss::Burst(Burst {
            enter: Chance::percent(1),
            leave: Chance::percent(10),
            bad: Chance::percent(50),
            good: Chance::NEVER,
        }),
        reorder: Some(Reorder {
            chance: Chance::percent(1),
            late: Duration::from_millis(5),
        }),
        duplicate: Chance::percent(1),
        corrupt: Chance::percent(1),
        mtu: Some(1_500),
        radio: Some(Radio {
            idle: Duration::from_secs(10),
            wake_least: Duration::from_millis(950),
            wake_most: Duration::from_millis(1_600),
        }),
        ..rate.clone()
    };
    vec![
        ("nothing", Shape::default()),
        ("latency 50 ms", latency),
        ("latency and rate", rate),
        ("latency and a full queue", full),
        ("everything", everything),
    ]
}
