//! How fast the in-memory network forwards: datagrams from a device over a VPG's node, a Canal peering and the
//! VPC's router to an instance that echoes them, each way with its filters, connection tracking and source
//! translation. And how long the walk-through takes on it, from the file's bytes to the last verdict.

#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use canal_sim::backend::Backend;
use canal_sim::backend::memory::{Memory, Stream};
use canal_sim::lower::{lower, sim_node};
use canal_sim::network::{Network, diff};
use canal_sim::run::{Options, Outcome, run_scenario, world};
use canal_sim::scenario::{Course, read};
use criterion::{Criterion, Throughput};

const TEXT: &str = r#"
title = "forwarding"

[aws.vpc.customer]
cidr = "10.0.0.0/16"

[aws.subnet.private]
vpc = "customer"
cidr = "10.0.0.0/24"

[aws.route_table.private]
vpc = "customer"
subnets = ["private"]
routes = [{ destination = "100.64.0.0/16", target = "pcx" }]

[aws.security_group.echo]
vpc = "customer"
ingress = [{ protocol = "udp", port = 7, source = "100.64.0.0/16" }]

[aws.instance.server]
subnet = "private"
private_ip = "10.0.0.254"
security_groups = ["echo"]
serve = [{ udp = 7 }]

[soracom.vpg.vpg]
type = "F"
vpg_subnet = "100.64.0.0/16"

[soracom.peering.pcx]
vpg = "vpg"
vpc = "customer"
accepted = true

[soracom.group.canal]
vpg = "vpg"

[soracom.sim.sensor]
group = "canal"
"#;

/// How many datagrams a second must pass the routers on one core.
const BOUND: f64 = 1_000_000.0;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let scenario = read("forwarding.toml", TEXT.as_bytes()).unwrap();
    let course = Course::start(&scenario).unwrap();
    let network = lower(&course.cloud, &world(&scenario));
    let mut memory = Memory::new(1);
    let changes = diff(&Network::default(), &network);
    runtime.block_on(memory.apply(&changes)).unwrap();
    let (sim, _) = course.cloud.soracom.sims.first_key_value().unwrap();
    let stream = Stream {
        from: sim_node(sim),
        to: "10.0.0.254:7".parse().unwrap(),
        size: 64,
        count: 100_000,
        at_once: 64,
    };
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let began = Instant::now();
        assert_eq!(memory.stream(&stream).unwrap(), stream.count);
        best = best.min(began.elapsed());
    }
    // Each goes there and back.
    let rate = 2.0 * stream.count as f64 / best.as_secs_f64();
    println!(
        "forwarding: {:.2} million packets/s end to end, {:.2} million a second through each router's filters",
        rate / 1e6,
        3.0 * rate / 1e6
    );

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("memory");
    group.throughput(Throughput::Elements(2 * 1_000));
    let few = Stream {
        count: 1_000,
        ..stream
    };
    group.bench_function("1,000 datagrams there and back", |bencher| {
        bencher.iter(|| memory.stream(&few).unwrap());
    });
    group.throughput(Throughput::Elements(1));
    let gate = include_bytes!("../scenarios/gate.toml");
    group.bench_function("gate.toml from its bytes to the last verdict", |bencher| {
        bencher.iter(|| {
            let scenario = read("gate.toml", gate).unwrap();
            let mut memory = Memory::new(1);
            let options = Options { fail_fast: false };
            let outcome =
                runtime.block_on(run_scenario(&scenario, &mut memory, options, &mut |_| {}));
            assert!(matches!(outcome, Outcome::Passed), "{outcome:?}");
        });
    });
    group.finish();
    criterion.final_summary();
    assert!(rate >= BOUND, "fewer than {BOUND} packets a second");
}
