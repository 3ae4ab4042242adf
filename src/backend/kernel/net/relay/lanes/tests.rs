use super::*;
use crate::backend::shaper::Lost;
use crate::network::{NodeId, Shape};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn link(name: &str) -> LinkId {
    LinkId::new(name)
}

fn ports(first: u32) -> [Port; 2] {
    [0, 1].map(|at| Port {
        node: NodeId::new(format!("node {at}")),
        interface: first + at,
    })
}

fn slow(latency: u64) -> Shapes {
    let shape = Shape {
        latency: ms(latency),
        ..Shape::default()
    };
    Box::new([shape.clone(), shape])
}

fn cut() -> Shapes {
    let shape = Shape {
        cut: true,
        ..Shape::default()
    };
    Box::new([shape.clone(), shape])
}

/// A frame with an IPv4 packet of one byte.
fn frame(mark: u8) -> Vec<u8> {
    let mut frame = vec![0; HEADER];
    frame[12..].copy_from_slice(&[8, 0]);
    frame.push(mark);
    frame
}

fn lanes(latency: u64) -> Lanes {
    let mut lanes = Lanes::default();
    lanes.add(&link("a"), ports(10), slow(latency), 1, ms(0));
    lanes.add(&link("b"), ports(20), slow(2 * latency), 1, ms(0));
    lanes
}

/// Offers a frame that gets through.
fn offer(lanes: &mut Lanes, interface: u32, mark: u8, now: Duration) {
    lanes.offer(interface, &frame(mark), now, |loss| panic!("{loss:?}"));
}

/// Offers a frame that doesn't.
fn lose(lanes: &mut Lanes, interface: u32, frame: &[u8], now: Duration) -> Option<(NodeId, Lost)> {
    let mut lost = None;
    lanes.offer(interface, frame, now, |loss| {
        lost = Some((loss.node.clone(), loss.why));
    });
    lost
}

/// What leaves by then: where, and its mark.
fn take(lanes: &mut Lanes, now: Duration) -> Vec<(u32, u8)> {
    let mut out = Vec::new();
    lanes.take(now, usize::MAX, &mut out);
    let marks = out.into_iter();
    marks
        .map(|(interface, frame)| (interface, frame[HEADER]))
        .collect()
}

#[test]
fn what_enters_at_one_end_leaves_at_the_other_in_the_order_of_time() {
    let mut lanes = lanes(50);
    offer(&mut lanes, 20, 1, ms(0));
    offer(&mut lanes, 11, 2, ms(10));
    offer(&mut lanes, 10, 3, ms(20));
    assert_eq!(lanes.wake(), Some(ms(60)));
    assert_eq!(take(&mut lanes, ms(59)), []);
    assert_eq!(take(&mut lanes, ms(60)), [(10, 2)]);
    assert_eq!(lanes.wake(), Some(ms(70)));
    assert_eq!(take(&mut lanes, ms(100)), [(11, 3), (21, 1)]);
    assert_eq!(lanes.wake(), None);
}

#[test]
fn no_more_is_taken_than_asked_for_and_the_rest_comes_next() {
    let mut lanes = lanes(50);
    for mark in 0..5 {
        offer(&mut lanes, 10, mark, ms(0));
    }
    let mut out = Vec::new();
    lanes.take(ms(50), 3, &mut out);
    assert_eq!(out.len(), 3);
    assert_eq!(lanes.wake(), Some(ms(50)));
    assert_eq!(take(&mut lanes, ms(50)), [(11, 3), (11, 4)]);
}

#[test]
fn new_shapes_count_from_their_time_whenever_what_came_before_is_offered() {
    let mut lanes = lanes(50);
    lanes.set_shapes(&link("a"), cut(), ms(10));
    lanes.set_shapes(&link("a"), slow(5), ms(20));
    // Stamped before the cut, and the cut loses it under way.
    offer(&mut lanes, 10, 1, ms(9));
    assert_eq!(
        lose(&mut lanes, 11, &frame(2), ms(15)),
        Some((NodeId::new("node 1"), Lost::Cut))
    );
    offer(&mut lanes, 10, 3, ms(21));
    assert_eq!(take(&mut lanes, ms(100)), [(11, 3)]);
}

#[test]
fn new_shapes_count_without_a_frame_once_what_came_before_is_offered() {
    let mut lanes = lanes(50);
    offer(&mut lanes, 10, 1, ms(0));
    lanes.set_shapes(&link("a"), cut(), ms(10));
    lanes.settle(ms(9));
    assert_eq!(lanes.wake(), Some(ms(50)));
    lanes.settle(ms(10));
    assert_eq!(lanes.wake(), None);
}

#[test]
fn a_late_stamp_does_not_turn_time_back() {
    let mut lanes = lanes(50);
    offer(&mut lanes, 10, 1, ms(100));
    assert_eq!(take(&mut lanes, ms(150)), [(11, 1)]);
    offer(&mut lanes, 10, 2, ms(140));
    assert_eq!(lanes.wake(), Some(ms(200)));
}

#[test]
fn a_flood_is_lost_beyond_what_links_hold_and_that_is_told() {
    let mut lanes = lanes(3_600_000);
    let mut lost = 0;
    let mut long = frame(1);
    long.resize(60_000, 0);
    for _ in 0..2_000 {
        lanes.offer(10, &long, ms(0), |loss| {
            assert_eq!(loss.why, Lost::QueueFull);
            lost += 1;
        });
    }
    assert_eq!(2_000 - lost, (64 << 20) / (60_000 + 128));
    // Others have their own room.
    offer(&mut lanes, 20, 2, ms(0));
}

#[test]
fn a_link_that_goes_takes_along_what_is_under_way() {
    let mut lanes = lanes(50);
    offer(&mut lanes, 10, 1, ms(0));
    offer(&mut lanes, 20, 2, ms(0));
    lanes.set_shapes(&link("a"), cut(), ms(1));
    lanes.remove(&link("a"));
    lanes.remove(&link("a"));
    offer(&mut lanes, 10, 3, ms(2));
    // Another of its name has nothing of it.
    lanes.add(&link("a"), ports(30), slow(50), 1, ms(3));
    offer(&mut lanes, 30, 4, ms(3));
    assert_eq!(take(&mut lanes, ms(1_000)), [(31, 4), (21, 2)]);
}

#[test]
fn only_packets_that_evidence_knows_are_told_of() {
    let mut lanes = lanes(50);
    lanes.set_shapes(&link("a"), cut(), ms(0));
    assert_eq!(lose(&mut lanes, 10, &[], ms(1)), None);
    let mut other = frame(1);
    other[13] = 0xdd;
    assert_eq!(lose(&mut lanes, 10, &other, ms(1)), None);
    other[13] = 6;
    assert!(lose(&mut lanes, 10, &other, ms(1)).is_some());
}
