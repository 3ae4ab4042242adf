//! The machine around the network: its switches, its tools, what it can do.

use std::process::{Command, Output};

use canal_sim::backend::kernel::capabilities;
use libtest_mimic::Failed;

use crate::Test;
use crate::bench::Bench;

pub const TESTS: &[Test] = &[
    ("machine::switches_are_pinned", switches),
    ("machine::what_it_can_do_is_found_out", can_do),
];

/// Runs a program inside a node.
pub fn run(bench: &Bench, at: &str, program: &'static str, arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
    let output = bench.within(at, move || Command::new(program).args(arguments).output());
    output.unwrap_or_else(|error| panic!("this test needs the program {program}: {error}"))
}

/// Runs iproute2's `ip` inside a node.
pub fn ip(bench: &Bench, at: &str, arguments: &[&str]) -> Output {
    run(bench, at, "ip", arguments)
}

fn switches() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.apply();
    let pinned = [
        ("a", "ipv4/ip_forward", "0"),
        ("r", "ipv4/ip_forward", "1"),
        ("r", "ipv4/conf/all/accept_redirects", "0"),
        ("r", "ipv4/conf/a/rp_filter", "0"),
        ("r", "ipv4/conf/a/forwarding", "1"),
        ("r", "ipv4/conf/b/send_redirects", "0"),
        ("r", "ipv4/conf/all/send_redirects", "0"),
        ("r", "ipv4/icmp_ratemask", "0"),
        ("a", "ipv4/ip_unprivileged_port_start", "0"),
        ("a", "ipv4/ping_group_range", "0\t0"),
        ("a", "ipv4/tcp_orphan_retries", "4"),
        ("a", "ipv6/conf/r/disable_ipv6", "1"),
    ];
    for (at, key, value) in pinned {
        let path = format!("/proc/sys/net/{key}");
        if std::path::Path::new(&path).exists() || key.contains("conf/") {
            assert_eq!(bench.read(at, &path).trim(), value, "{key} on {at}");
        }
    }
    Ok(())
}

fn can_do() -> Result<(), Failed> {
    let found = capabilities::probe();
    for capability in &found.list {
        assert!(
            capability.available || !capability.mend.is_empty(),
            "{capability:?}"
        );
    }
    let namespaces = &found.list[0];
    assert!(
        namespaces.available,
        "or nothing else would run here: {namespaces:?}"
    );
    Ok(())
}
