//! How long a prediction takes, over a topology of 1,000 machines: ten VPCs of fifty instances, each
//! peered with the next, and one VPG with 500 devices on Canal peerings to all of them.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::hint::black_box;

use canal_sim::cloud::aws::InstanceId;
use canal_sim::cloud::soracom::SimId;
use canal_sim::cloud::{Cloud, NodeName, internet};
use canal_sim::explain::{Request, When, Who, explain};
use canal_sim::guest::Guests;
use canal_sim::reach::{Ask, Flow, Map};
use canal_sim::scenario::{Moment, build, read};
use criterion::{Criterion, Throughput};

const VPCS: usize = 10;
const INSTANCES: usize = 50;
const SIMS: usize = 500;

fn main() {
    let cloud = cloud();
    let guests = Guests::new();
    let map = Map::new(&cloud, &guests);
    let flows = flows(&cloud);
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("reach");
    group.throughput(Throughput::Elements(flows.len() as u64));
    group.bench_function("predict, 1,000 machines", |bencher| {
        bencher.iter(|| {
            for flow in &flows {
                black_box(map.predict(black_box(flow)));
            }
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("arrange 1,000 machines", |bencher| {
        bencher.iter(|| black_box(Map::new(&cloud, &guests)));
    });
    group.bench_function("predict one flow from the clouds, Gate", |bencher| {
        let text = include_bytes!("../scenarios/gate.toml");
        let scenario = read("gate.toml", text).unwrap();
        let (cloud, _) = build(&scenario).unwrap();
        let flow = Flow {
            from: NodeName::Sim(SimId::new("sensor")),
            to: "10.0.0.254".parse().unwrap(),
            ask: Ask::Tcp(80),
        };
        bencher.iter(|| {
            let map = Map::new(black_box(&cloud), &guests);
            black_box(map.predict(&flow));
        });
    });
    group.bench_function("explain after the last step, Gate", |bencher| {
        let text = include_bytes!("../scenarios/gate.toml");
        let scenario = read("gate.toml", text).unwrap();
        let request = Request {
            who: Who::One {
                from: "server".into(),
                to: "sensor".into(),
            },
            ask: Ask::PING,
            when: When::At(Moment::After(scenario.steps.len())),
        };
        bencher.iter(|| black_box(explain(black_box(&scenario), &request).unwrap()));
    });
    group.finish();
    criterion.final_summary();
}

/// The clouds, by way of a scenario file.
fn cloud() -> Cloud {
    let mut text = String::new();
    for v in 0..VPCS {
        writeln!(
            text,
            "[aws.vpc.v{v}]\ncidr = \"10.{v}.0.0/16\"\ninternet_gateway = true\n\
             [aws.subnet.s{v}]\nvpc = \"v{v}\"\ncidr = \"10.{v}.0.0/24\"\n\
             [aws.security_group.g{v}]\nvpc = \"v{v}\"\ningress = [\
             {{ protocol = \"tcp\", port = 80, source = \"100.64.0.0/16\" }}, \
             {{ protocol = \"tcp\", port = 443, source = \"10.0.0.0/8\" }}, \
             {{ protocol = \"icmp\", source = \"0.0.0.0/0\" }}]\n\
             [soracom.peering.c{v}]\nvpg = \"vpg\"\nvpc = \"v{v}\"\naccepted = true"
        )
        .unwrap();
        let next = (v + 1) % VPCS;
        let before = (v + VPCS - 1) % VPCS;
        writeln!(
            text,
            "[aws.peering.p{v}]\nvpc = \"v{v}\"\npeer_vpc = \"v{next}\"\naccepted = true\n\
             [aws.route_table.r{v}]\nvpc = \"v{v}\"\nsubnets = [\"s{v}\"]\nroutes = [\
             {{ destination = \"0.0.0.0/0\", target = \"igw\" }}, \
             {{ destination = \"100.64.0.0/16\", target = \"c{v}\" }}, \
             {{ destination = \"10.{next}.0.0/16\", target = \"p{v}\" }}, \
             {{ destination = \"10.{before}.0.0/16\", target = \"p{before}\" }}]"
        )
        .unwrap();
        for i in 0..INSTANCES {
            writeln!(
                text,
                "[aws.instance.i{v}-{i}]\nsubnet = \"s{v}\"\nprivate_ip = \"10.{v}.0.{}\"\n\
                 security_groups = [\"g{v}\"]\npublic_ip = {}",
                i + 10,
                i == 0
            )
            .unwrap();
        }
    }
    text.push_str(
        "[soracom.vpg.vpg]\ntype = \"F\"\ninternet_gateway = true\nvpg_subnet = \"100.64.0.0/16\"\n\
         [soracom.group.canal]\nvpg = \"vpg\"\n",
    );
    for s in 0..SIMS {
        writeln!(text, "[soracom.sim.d{s}]\ngroup = \"canal\"").unwrap();
    }
    let scenario = read("bench.toml", text.as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}"));
    build(&scenario).unwrap().0
}

/// A thousand flows of every kind: devices to instances, instances to each other within a VPC, over one
/// peering and over none, and to the internet.
fn flows(cloud: &Cloud) -> Vec<Flow> {
    let instance = |v: usize, i: usize| format!("i{}-{}", v % VPCS, i % INSTANCES);
    let address =
        |v: usize, i: usize| cloud.aws.instances[&InstanceId::new(instance(v, i))].private_ip;
    let asks = [Ask::Tcp(80), Ask::Tcp(443), Ask::Udp(53), Ask::PING];
    (0..1_000)
        .map(|n| {
            let from = if n % 2 == 0 {
                NodeName::Sim(SimId::new(format!("d{}", n % SIMS)))
            } else {
                NodeName::Instance(InstanceId::new(instance(n, n / 7)))
            };
            let to = match n % 5 {
                0 => internet::SERVER,
                1 => address(n, n / 3),
                2 => address(n + 1, n / 3),
                3 => address(n + 9, n / 3),
                _ => address(n + 4, n / 3),
            };
            let ask = asks[n % asks.len()];
            Flow { from, to, ask }
        })
        .collect()
}
