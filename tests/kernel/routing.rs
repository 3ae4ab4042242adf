//! Addresses, routes, policy rules, neighbours and ARP.

use std::time::Duration;

use canal_sim::network::{
    ChainId, HookPoint, Mac, PolicyRule, Route, Rule, Statement, Table, Test as Packet,
};
use libtest_mimic::Failed;

use crate::Test;
use crate::bench::{Bench, NEVER, SOON, chain, dev, ip, label, net, node};

pub const TESTS: &[Test] = &[
    ("routing::a_policy_rule_chooses_the_table", policy_rule),
    (
        "routing::a_route_takes_the_place_of_another",
        replaced_route,
    ),
    ("routing::a_route_names_the_source_address", source_address),
    ("routing::a_sink_logs_and_drops", sink),
    (
        "routing::routes_survive_the_change_of_an_address",
        address_changes,
    ),
    ("routing::one_address_of_two_goes", one_of_two),
    (
        "routing::proxy_arp_answers_for_what_is_elsewhere",
        proxy_arp,
    ),
    ("routing::a_single_address_is_answered_for", proxies),
    (
        "routing::a_permanent_neighbour_is_not_asked_for",
        neighbours,
    ),
    ("routing::what_a_script_removed_is_no_error", already_gone),
    ("routing::errors_name_node_and_change", errors),
];

fn policy_rule() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let only = Table(100);
    let rule = |iif: &str| PolicyRule {
        priority: 10,
        iif: Some(dev(iif)),
        table: only,
    };
    bench.route_in("r", only, "10.2.0.0/24", "lo", None);
    let r = node("r");
    bench
        .wanted
        .nodes
        .get_mut(&r)
        .unwrap()
        .rules
        .insert(rule("a"));
    bench.apply();
    assert!(bench.send("a", ("b", "10.2.0.1")).is_none());
    assert!(bench.send("b", ("a", "10.1.0.1")).is_some());
    bench.wanted.nodes.get_mut(&r).unwrap().rules.clear();
    bench.apply();
    assert!(bench.send("a", ("b", "10.2.0.1")).is_some());
    Ok(())
}

fn replaced_route() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.route("a", "10.2.0.0/24", "lo", None);
    bench.apply();
    assert!(bench.ping("a", "10.2.0.1", NEVER).is_none());
    bench.route("a", "10.2.0.0/24", "r", Some("10.1.0.254"));
    bench.apply();
    assert!(bench.ping("a", "10.2.0.1", SOON).is_some());
    let routes = &mut bench.wanted.nodes.get_mut(&node("a")).unwrap().routes;
    routes.clear();
    bench.apply();
    assert!(bench.ping("a", "10.2.0.1", NEVER).is_none());
    Ok(())
}

fn source_address() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.address("a", "lo", "10.1.9.9/32");
    bench.route("r", "10.1.9.9/32", "a", None);
    let route = Route {
        dev: dev("r"),
        via: Some(ip("10.1.0.254")),
        source: Some(ip("10.1.9.9")),
    };
    let a = bench.wanted.nodes.get_mut(&node("a")).unwrap();
    a.routes.insert((Table::MAIN, net("10.2.0.0/24")), route);
    bench.apply();
    let from = bench.send("a", ("b", "10.2.0.1")).expect("it arrives");
    assert_eq!(from.ip(), ip("10.1.9.9"));
    Ok(())
}

fn sink() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.route("r", "10.3.0.0/16", "lo", None);
    let rule = Rule::new(
        [Packet::Oif(dev("lo")).into()],
        [
            Statement::Log(label("NO_ROUTE_TO_DESTINATION")),
            Statement::Drop,
        ],
    );
    bench.chain(
        "r",
        ChainId::ip("sink"),
        chain(HookPoint::Forward, 0, [rule]),
    );
    bench.apply();
    let mut log = bench.kernel.log();
    let sent = std::time::Instant::now();
    bench.udp("a", "0.0.0.0:4444").send_to(b"x", "10.3.0.1:9")?;
    let packet = bench.logged(&mut log);
    assert!(packet.at.duration_since(sent) < Duration::from_millis(100));
    assert_eq!(packet.node, node("r"));
    assert_eq!(packet.prefix, "=NO_ROUTE_TO_DESTINATION under test");
    assert_eq!(packet.family, canal_sim::network::Family::Ip);
    assert_eq!(packet.packet[12..20], [10, 1, 0, 1, 10, 3, 0, 1]);
    assert_eq!(packet.packet[20..22], 4444_u16.to_be_bytes());
    Ok(())
}

/// The kernel forgets an interface's routes, neighbours and proxies along with its last address.
fn address_changes() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let a = bench.wanted.nodes.get_mut(&node("a")).unwrap();
    let other = Mac([2, 0, 0, 0, 0, 9]);
    a.neighbours.insert((dev("r"), ip("10.1.0.9")), other);
    bench.apply();
    let addresses = &mut bench.wanted.nodes.get_mut(&node("a")).unwrap().addresses;
    addresses.clear();
    bench.address("a", "r", "10.1.0.2/24");
    bench.apply();
    let from = bench
        .send("a", ("b", "10.2.0.1"))
        .expect("the default route is there");
    assert_eq!(from.ip(), ip("10.1.0.2"));
    let arp = bench.read("a", "/proc/thread-self/net/arp");
    assert!(arp.contains("02:00:00:00:00:09"), "{arp}");
    Ok(())
}

fn one_of_two() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.address("a", "r", "10.1.0.3/24");
    bench.apply();
    let addresses = &mut bench.wanted.nodes.get_mut(&node("a")).unwrap().addresses;
    addresses.retain(|a| a.net != net("10.1.0.1/24"));
    bench.apply();
    assert!(bench.ping("r", "10.1.0.3", SOON).is_some());
    assert!(bench.ping("r", "10.1.0.1", NEVER).is_none());
    Ok(())
}

/// `a`'s prefix covers `b`'s address, which lies behind the router.
fn hidden() -> Bench {
    let mut bench = Bench::new();
    bench.host("r", true);
    bench.join(("a", "10.0.0.1/8"), ("r", "10.1.0.254/24"));
    bench.join(("b", "10.2.0.1/24"), ("r", "10.2.0.254/24"));
    bench.route("b", "0.0.0.0/0", "r", Some("10.2.0.254"));
    bench.route("r", "10.0.0.1/32", "a", None);
    bench
}

fn proxy_arp() -> Result<(), Failed> {
    let mut bench = hidden();
    bench.address("b", "r", "10.2.0.5/24");
    bench.apply();
    assert!(bench.ping("a", "10.2.0.5", NEVER).is_none());
    let r = node("r");
    bench
        .wanted
        .nodes
        .get_mut(&r)
        .unwrap()
        .proxy_arp
        .insert(dev("a"));
    bench.apply();
    // At once: a proxy waits up to 0.8 s by default.
    assert!(bench.ping("a", "10.2.0.1", NEVER).is_some());
    bench.wanted.nodes.get_mut(&r).unwrap().proxy_arp.clear();
    bench.apply();
    let switch = bench.read("r", "/proc/sys/net/ipv4/conf/a/proxy_arp");
    assert_eq!(switch.trim(), "0");
    Ok(())
}

fn proxies() -> Result<(), Failed> {
    let mut bench = hidden();
    bench.address("b", "r", "10.2.0.5/24");
    let one = (dev("a"), ip("10.2.0.1"));
    let r = node("r");
    bench.wanted.nodes.get_mut(&r).unwrap().proxies.insert(one);
    bench.apply();
    assert!(bench.ping("a", "10.2.0.1", NEVER).is_some());
    assert!(bench.ping("a", "10.2.0.5", NEVER).is_none());
    bench.wanted.nodes.get_mut(&r).unwrap().proxies.clear();
    bench.apply();
    let arp = bench.read("r", "/proc/thread-self/net/arp");
    let answered = |line: &str| line.starts_with("10.2.0.1 ") && line.ends_with(" a");
    assert!(!arp.lines().any(answered), "{arp}");
    Ok(())
}

fn neighbours() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let wrong = Mac([2, 0, 0, 0, 0, 1]);
    let a = node("a");
    let key = (dev("r"), ip("10.1.0.254"));
    let neighbours = &mut bench.wanted.nodes.get_mut(&a).unwrap().neighbours;
    neighbours.insert(key.clone(), wrong);
    bench.apply();
    assert!(bench.ping("a", "10.1.0.254", NEVER).is_none());
    let right = bench.wanted.links[&canal_sim::network::LinkId::new("a-r")].ends[1].mac;
    bench
        .wanted
        .nodes
        .get_mut(&a)
        .unwrap()
        .neighbours
        .insert(key, right);
    bench.apply();
    assert!(bench.ping("a", "10.1.0.254", SOON).is_some());
    bench.wanted.nodes.get_mut(&a).unwrap().neighbours.clear();
    bench.apply();
    assert!(bench.ping("a", "10.1.0.254", SOON).is_some());
    Ok(())
}

fn already_gone() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.route("a", "10.7.0.0/16", "r", Some("10.1.0.254"));
    bench.apply();
    let done = crate::machine::ip(&bench, "a", &["route", "del", "10.7.0.0/16"]);
    assert!(done.status.success(), "{done:?}");
    let routes = &mut bench.wanted.nodes.get_mut(&node("a")).unwrap().routes;
    routes.retain(|(_, prefix), _| *prefix != net("10.7.0.0/16"));
    bench.apply();
    Ok(())
}

fn errors() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.route("a", "10.5.0.0/16", "missing", None);
    let error = bench
        .try_apply()
        .expect_err("no such interface")
        .to_string();
    assert_eq!(
        error,
        "failed to route 10.5.0.0/16 through missing in table 254 on node a: \
         there is no such interface"
    );
    let mut bench = Bench::routed();
    let route = Route {
        dev: dev("r"),
        via: None,
        source: Some(ip("10.99.0.1")),
    };
    let a = bench.wanted.nodes.get_mut(&node("a")).unwrap();
    a.routes.insert((Table::MAIN, net("10.6.0.0/16")), route);
    let error = bench
        .try_apply()
        .expect_err("not its own address")
        .to_string();
    assert!(
        error.starts_with("failed to route 10.6.0.0/16 through r in table 254 on node a: "),
        "{error}"
    );
    assert!(
        error.contains("prefsrc"),
        "the kernel's words are kept: {error}"
    );
    Ok(())
}
