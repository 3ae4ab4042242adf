//! Nodes and links.
//!
//! ```text
//! a ──── r ──── b
//! ```

use canal_sim::network::LinkId;
use libtest_mimic::Failed;

use crate::Test;
use crate::bench::{Bench, SOON, node};

pub const TESTS: &[Test] = &[
    ("links::packets_pass_through_a_router", packets_pass),
    ("links::a_host_does_not_forward", a_host_does_not_forward),
    ("links::a_link_that_goes_takes_both_ends", a_link_goes),
    (
        "links::a_node_that_starts_again_is_a_new_one",
        a_node_starts_again,
    ),
    ("links::nothing_is_moved_and_no_process_started", counters),
    ("links::home_stays_empty", home_stays_empty),
    ("links::a_large_star_is_made_and_gone", a_large_star),
];

fn packets_pass() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.apply();
    let from = bench.send("a", ("b", "10.2.0.1")).expect("it arrives");
    assert_eq!(from.ip().to_string(), "10.1.0.1");
    assert!(bench.send("b", ("a", "10.1.0.1")).is_some());
    // Each router on the way takes one off.
    assert_eq!(bench.ping("a", "10.2.0.1", SOON), Some(63));
    Ok(())
}

fn a_host_does_not_forward() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.host("r", false);
    bench.apply();
    assert!(bench.send("a", ("r", "10.1.0.254")).is_some());
    assert!(bench.send("a", ("b", "10.2.0.1")).is_none());
    Ok(())
}

fn a_link_goes() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.apply();
    assert_eq!(bench.interfaces("r"), ["lo", "a", "b"]);
    let id = LinkId::new("a-r");
    let link = bench.wanted.links.remove(&id).unwrap();
    let before = bench.wanted.nodes.clone();
    for name in ["a", "r"] {
        let host = bench.wanted.nodes.get_mut(&node(name)).unwrap();
        host.addresses
            .retain(|a| !["a", "r"].contains(&a.dev.as_str()));
        host.routes.retain(|_, route| route.dev.as_str() == "b");
    }
    bench.apply();
    assert_eq!(bench.interfaces("r"), ["lo", "b"]);
    assert_eq!(bench.interfaces("a"), ["lo"]);
    bench.wanted.links.insert(id, link);
    bench.wanted.nodes = before;
    bench.apply();
    assert!(bench.send("a", ("b", "10.2.0.1")).is_some());
    Ok(())
}

fn a_node_starts_again() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.apply();
    let old = bench.space("a");
    bench.wanted.nodes.get_mut(&node("a")).unwrap().boot += 1;
    bench.apply();
    let dev = bench.interfaces("a");
    assert_eq!(dev, ["lo", "r"]);
    assert!(bench.send("a", ("b", "10.2.0.1")).is_some());
    // The old namespace has lost its link, though somebody still holds it.
    let left = old.run(|| std::fs::read_to_string("/proc/thread-self/net/dev"))??;
    assert_eq!(left.lines().count(), 3, "{left}");
    Ok(())
}

fn counters() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.apply();
    bench.wanted.nodes.get_mut(&node("a")).unwrap().boot += 1;
    bench.apply();
    let counters = bench.kernel.counters();
    assert_eq!((counters.nodes, counters.links), (4, 3));
    assert_eq!(counters.links_moved, 0);
    assert!(counters.netlink_requests < 60, "{counters:?}");
    // And the kernel agrees, where this process runs no other test: it has had no child.
    if std::env::var_os("NEXTEST_RUN_ID").is_some() && !crate::rootless::is_inner() {
        use nix::errno::Errno;
        use nix::sys::wait::wait;
        assert_eq!(wait(), Err(Errno::ECHILD));
    }
    Ok(())
}

fn home_stays_empty() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.apply();
    let table = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    assert_eq!(
        table.lines().count(),
        3,
        "lo and two lines of headings: {table}"
    );
    let routes = std::fs::read_to_string("/proc/thread-self/net/fib_trie")?;
    assert_eq!(routes.trim(), "", "lo is down");
    let sent = std::net::UdpSocket::bind("0.0.0.0:0")?.send_to(b"x", "10.1.0.1:9");
    assert!(sent.is_err(), "there is no way out of the home namespace");
    Ok(())
}

fn a_large_star() -> Result<(), Failed> {
    let mut bench = Bench::new();
    bench.host("hub", true);
    for n in 0..60 {
        let (leaf, hub) = (format!("10.9.{n}.1/24"), format!("10.9.{n}.254/24"));
        bench.join((&format!("leaf{n}"), &leaf), ("hub", &hub));
    }
    bench.apply();
    assert!(bench.ping("leaf0", "10.9.0.254", SOON).is_some());
    assert!(bench.ping("leaf59", "10.9.59.254", SOON).is_some());
    bench.wanted = canal_sim::network::Network::default();
    bench.apply();
    assert!(bench.kernel.nodes().is_empty());
    Ok(())
}
