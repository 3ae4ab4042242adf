//! VXLAN.
//!
//! ```text
//! a ──── r ──── b      10.1/24, 10.2/24
//! ╰─── VXLAN 10 ───╯   10.128/9
//! ```

use std::collections::BTreeSet;

use canal_sim::network::{ChainId, HookPoint, Mac, Rule, Statement, Test as Packet, Vxlan};
use libtest_mimic::Failed;

use crate::Test;
use crate::bench::{Bench, NEVER, SOON, chain, dev, ip, label, node};

pub const TESTS: &[Test] = &[
    ("tunnels::frames_pass_by_the_flood_entries", flood),
    ("tunnels::another_vni_is_another_network", other_vni),
    ("tunnels::the_vni_can_be_tested_on_the_way", vni_test),
    ("tunnels::large_packets_pass_within_the_mtu", mtu),
    ("tunnels::a_tunnel_that_goes_is_gone", gone),
];

fn vxlan(vni: u32, local: &str, remotes: &[&str], last: u8) -> Vxlan {
    Vxlan {
        vni,
        local: ip(local),
        port: 4789,
        mac: Mac([2, 0, 0, 0, 1, last]),
        mtu: 1450,
        flood: remotes.iter().map(|r| ip(r)).collect(),
    }
}

fn tunnelled() -> Bench {
    let mut bench = Bench::routed();
    // One remote too many: nobody has 10.2.0.77.
    tunnel(
        &mut bench,
        "a",
        vxlan(10, "10.1.0.1", &["10.2.0.77", "10.2.0.1"], 1),
    );
    tunnel(&mut bench, "b", vxlan(10, "10.2.0.1", &["10.1.0.1"], 2));
    bench.address("a", "vxlan0", "10.128.0.1/9");
    bench.address("b", "vxlan0", "10.128.0.2/9");
    bench
}

fn tunnel(bench: &mut Bench, at: &str, vxlan: Vxlan) {
    let host = bench.wanted.nodes.entry(node(at)).or_default();
    host.tunnels.insert(dev("vxlan0"), vxlan);
}

fn flood() -> Result<(), Failed> {
    let mut bench = tunnelled();
    bench.apply();
    assert_eq!(
        bench.ping("a", "10.128.0.2", SOON),
        Some(64),
        "it is one network"
    );
    // Without its entries an end can still answer what it has learnt, but not ask.
    let set = |bench: &mut Bench, at: &str, remotes: BTreeSet<_>| {
        let host = bench.wanted.nodes.get_mut(&node(at)).unwrap();
        host.tunnels.get_mut(&dev("vxlan0")).unwrap().flood = remotes;
    };
    set(&mut bench, "a", BTreeSet::from([ip("10.2.0.77")]));
    bench.address("b", "vxlan0", "10.128.0.3/9");
    bench.apply();
    assert!(bench.ping("a", "10.128.0.3", NEVER).is_none());
    set(
        &mut bench,
        "a",
        BTreeSet::from([ip("10.2.0.77"), ip("10.2.0.1")]),
    );
    bench.address("b", "vxlan0", "10.128.0.4/9");
    bench.apply();
    assert!(bench.ping("a", "10.128.0.4", SOON).is_some());
    Ok(())
}

fn other_vni() -> Result<(), Failed> {
    let mut bench = tunnelled();
    tunnel(&mut bench, "b", vxlan(11, "10.2.0.1", &["10.1.0.1"], 2));
    bench.apply();
    assert!(bench.ping("a", "10.128.0.2", NEVER).is_none());
    tunnel(&mut bench, "b", vxlan(10, "10.2.0.1", &["10.1.0.1"], 2));
    bench.apply();
    assert!(bench.ping("a", "10.128.0.2", SOON).is_some());
    Ok(())
}

fn vni_test() -> Result<(), Failed> {
    let mut bench = tunnelled();
    let udp = || Packet::Protocol(canal_sim::network::Protocol::Udp).into();
    let rules = [
        Rule::new(
            [udp(), Packet::VxlanVni(11).into()],
            [Statement::Log(label("WRONG"))],
        ),
        Rule::new(
            [
                udp(),
                Packet::DestinationPort(4789..=4789).into(),
                Packet::VxlanVni(10).into(),
            ],
            [Statement::Log(label("RIGHT"))],
        ),
    ];
    bench.chain("r", ChainId::ip("vni"), chain(HookPoint::Forward, 0, rules));
    bench.apply();
    let mut log = bench.kernel.log();
    assert!(bench.ping("a", "10.128.0.2", SOON).is_some());
    assert_eq!(bench.logged(&mut log).prefix, "=RIGHT under test");
    Ok(())
}

fn mtu() -> Result<(), Failed> {
    let mut bench = tunnelled();
    bench.apply();
    let receiver = bench.udp("b", "10.128.0.2:7000");
    let sender = bench.udp("a", "0.0.0.0:0");
    sender.send_to(&[7; 1_450 - 28], "10.128.0.2:7000")?;
    let mut buffer = [0; 2_000];
    assert_eq!(receiver.recv(&mut buffer)?, 1_450 - 28);
    Ok(())
}

fn gone() -> Result<(), Failed> {
    let mut bench = tunnelled();
    bench.apply();
    assert_eq!(bench.interfaces("a"), ["lo", "r", "vxlan0"]);
    let a = bench.wanted.nodes.get_mut(&node("a")).unwrap();
    a.tunnels.clear();
    a.addresses.retain(|address| address.dev != dev("vxlan0"));
    bench.apply();
    assert_eq!(bench.interfaces("a"), ["lo", "r"]);
    Ok(())
}
