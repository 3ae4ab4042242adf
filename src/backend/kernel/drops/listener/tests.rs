//! The program in the running kernel, where this process may load it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::net::UdpSocket;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::stat;

use super::*;
use crate::backend::kernel::drops::missing;
use crate::network::Family;

/// A thread's own namespace with nothing in it but `lo`; its number. Sockets that `work` makes stay in it.
fn alone<T: Send + 'static>(work: impl FnOnce(u32) -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let raised = Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status();
        assert!(raised.unwrap().success());
        let number = stat("/proc/thread-self/ns/net").unwrap().st_ino;
        work(u32::try_from(number).unwrap())
    });
    thread.join().unwrap()
}

/// Packets to a port where nothing listens: each is one drop.
fn drop_packets(count: usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..count {
        socket.send_to(b"nobody there", "127.0.0.1:9").unwrap();
    }
}

fn records(loaded: &mut Loaded) -> Vec<Record> {
    let mut bytes = [0; RECORD];
    let mut records = Vec::new();
    while loaded.ring.next(&mut bytes).is_some() {
        records.push(Record::read(&bytes).unwrap());
    }
    records
}

#[test]
fn a_drop_in_a_namespace_of_ours_is_reported_with_its_reason_and_its_packet() {
    if let Some(why) = missing() {
        eprintln!("not tested: {why}");
        return;
    }
    alone(|number| {
        let mut loaded = Loaded::load().unwrap();
        drop_packets(1);
        assert_eq!(
            records(&mut loaded),
            [],
            "the namespace is not listened to yet"
        );
        let namespaces = loaded.namespaces.take().unwrap();
        namespaces.set(&number.to_ne_bytes(), &[1]).unwrap();
        drop_packets(2);
        let records = records(&mut loaded);
        assert_eq!(records.len(), 2, "{records:?}");
        for record in records {
            assert_eq!(record.namespace, number);
            assert_eq!(loaded.names[&record.reason], "NO_SOCKET");
            assert_eq!(record.family, Family::Ip);
            // IP and UDP headers and twelve bytes, no more and no less.
            assert_eq!(record.packet.len(), 40);
            assert_eq!(record.packet[28..], *b"nobody there");
        }
        namespaces.remove(&number.to_ne_bytes()).unwrap();
        drop_packets(1);
        assert_eq!(self::records(&mut loaded), []);
        assert_eq!(loaded.lost(), 0);
    });
}

#[test]
fn drops_for_which_there_is_no_room_are_counted() {
    if let Some(why) = missing() {
        eprintln!("not tested: {why}");
        return;
    }
    const SENT: usize = 100;
    alone(|number| {
        let mut loaded = Loaded::load_with(4096).unwrap();
        let namespaces = loaded.namespaces.take().unwrap();
        namespaces.set(&number.to_ne_bytes(), &[1]).unwrap();
        drop_packets(SENT);
        let lost = usize::try_from(loaded.lost()).unwrap();
        let read = records(&mut loaded).len();
        assert!(read > 0 && lost > 0);
        assert_eq!(read + lost, SENT);
        // There is room again, also across the buffer's end.
        for _ in 0..10 {
            drop_packets(5);
            assert_eq!(records(&mut loaded).len(), 5);
        }
    });
}

#[test]
fn only_in_a_flood_the_reader_rests() {
    let mut pace = Pace::default();
    let mut now = Instant::now();
    for _ in 0..Pace::FLOOD {
        assert_eq!(pace.rest(now, 1), None);
    }
    assert_eq!(pace.rest(now, 1), Some(Pace::REST));
    now += Pace::QUIET;
    assert_eq!(pace.rest(now, 1), None);
}
