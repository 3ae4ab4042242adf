//! Many devices on the in-memory network: each attaches, opens a TCP connection to one server in the VPC over
//! Canal, and exchanges a request. How long that takes, how much memory, and whether both grow with the
//! number of devices and no faster.
//!
//! Each size is run in a process of its own, so that its peak is its own. `CANAL_SIM_FLEET` is the list of
//! sizes, `10000,20000,40000,65000` where it isn't set. A bound that isn't kept fails the run.

#![allow(missing_docs, clippy::unwrap_used)]
// It runs itself.
#![allow(clippy::disallowed_methods)]

use std::process::Command;
use std::time::{Duration, Instant};

use canal_sim::backend::Backend;
use canal_sim::backend::memory::Memory;
use canal_sim::backend::probe::{Outcome, Probe, ProbeKind};
use canal_sim::lower::{lower, sim_node};
use canal_sim::network::{Network, diff};
use canal_sim::run::world;
use canal_sim::scenario::{Course, read};

const SIZES: &str = "10000,20000,40000,65000";

/// What a size must keep to: seconds, and bytes at the peak.
const BOUNDS: [(usize, f64, u64); 2] = [(10_000, 2.0, 300_000_000), (65_000, 15.0, 2_000_000_000)];

fn main() {
    if let Ok(size) = std::env::var("CANAL_SIM_FLEET_OF") {
        return one(size.parse().unwrap());
    }
    let sizes = std::env::var("CANAL_SIM_FLEET").unwrap_or(SIZES.into());
    let sizes: Vec<usize> = sizes.split(',').map(|size| size.parse().unwrap()).collect();
    println!("devices   attach  lower  build  exchange    all      peak  a device");
    let (mut points, mut broken) = (Vec::new(), false);
    for size in sizes {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        let output = command.env("CANAL_SIM_FLEET_OF", size.to_string()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let numbers: Vec<f64> = text
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        let [attach, lower, build, exchange, all, peak] = numbers[..] else {
            panic!("{text}");
        };
        println!(
            "{size:>7} {attach:>7.2}s {lower:>5.2}s {build:>5.2}s {exchange:>8.2}s {all:>5.2}s \
             {:>6.0} MB {:>7.1} kB",
            peak / 1e6,
            peak / 1e3 / size as f64
        );
        points.push((size as f64, all, peak));
        for (of, seconds, bytes) in BOUNDS {
            if of == size && (all > seconds || peak > bytes as f64) {
                println!("        more than {seconds} s or {} MB", bytes / 1_000_000);
                broken = true;
            }
        }
    }
    fit(
        "time",
        "µs",
        points.iter().map(|(n, all, _)| (*n, all * 1e6)),
    );
    fit(
        "peak",
        "kB",
        points.iter().map(|(n, _, peak)| (*n, peak / 1e3)),
    );
    std::process::exit(i32::from(broken));
}

/// The straight line through the points by least squares, and how much of the variation it explains.
fn fit(name: &str, unit: &str, points: impl Iterator<Item = (f64, f64)>) {
    let points: Vec<(f64, f64)> = points.collect();
    if points.len() < 3 {
        return;
    }
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        points.iter().map(|(a, b)| of(a - x, b - y)).sum()
    };
    let (xx, xy, yy) = (sum(&|a, _| a * a), sum(&|a, b| a * b), sum(&|_, b| b * b));
    println!(
        "{name}: {:.2} {unit} a device, r² = {:.4}",
        xy / xx,
        xy * xy / xx / yy
    );
}

/// A fleet of one size; prints its figures.
fn one(size: usize) {
    let scenario = read("fleet.toml", text(size).as_bytes()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let began = Instant::now();
    let course = Course::start(&scenario).unwrap();
    let attached = began.elapsed();
    let network = lower(&course.cloud, &world(&scenario));
    let lowered = began.elapsed();
    let mut memory = Memory::new(1);
    let changes = diff(&Network::default(), &network);
    drop(network);
    runtime.block_on(memory.apply(&changes)).unwrap();
    drop(changes);
    let built = began.elapsed();
    let probes: Vec<Probe> = course
        .cloud
        .soracom
        .sims
        .keys()
        .map(|sim| Probe {
            from: sim_node(sim),
            to: "10.0.0.254".parse().unwrap(),
            kind: ProbeKind::Http {
                port: 80,
                path: "/".into(),
                host: "server".into(),
            },
            timeout: Duration::from_secs(60),
        })
        .collect();
    let measured = memory.probe_all(&probes).unwrap();
    let all = began.elapsed();
    assert_eq!(measured.len(), size);
    for one in &measured {
        let Outcome::Answered(answer) = &one.outcome else {
            panic!("{one:?}");
        };
        assert_eq!(answer.body.as_deref(), Some("hello"));
    }
    let steps = [
        attached,
        lowered - attached,
        built - lowered,
        all - built,
        all,
    ];
    let times: Vec<String> = steps.iter().map(|t| t.as_secs_f64().to_string()).collect();
    println!("{} {}", times.join(" "), peak());
}

/// The most memory that the process has had, in bytes (proc_pid_status(5), `VmHWM`).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let number = line.split_whitespace().nth(1).unwrap();
    number.parse::<u64>().unwrap() * 1024
}

fn text(size: usize) -> String {
    let mut text = String::from(
        r#"title = "a fleet"

[aws.vpc.customer]
cidr = "10.0.0.0/16"

[aws.subnet.private]
vpc = "customer"
cidr = "10.0.0.0/24"

[aws.route_table.private]
vpc = "customer"
subnets = ["private"]
routes = [{ destination = "100.64.0.0/16", target = "pcx" }]

[aws.security_group.web]
vpc = "customer"
ingress = [{ protocol = "tcp", port = 80, source = "100.64.0.0/16" }]

[aws.instance.server]
subnet = "private"
private_ip = "10.0.0.254"
security_groups = ["web"]
serve = [{ http = 80, body = "hello" }]

[soracom.vpg.vpg]
type = "F"
vpg_subnet = "100.64.0.0/16"

[soracom.peering.pcx]
vpg = "vpg"
vpc = "customer"
accepted = true

[soracom.group.canal]
vpg = "vpg"
"#,
    );
    for number in 0..size {
        text += &format!("\n[soracom.sim.d{number}]\ngroup = \"canal\"\n");
    }
    text
}
