//! What it costs to listen to the kernel's own drops: each packet that is dropped, each that is not, and
//! the beginning of a run. Root only.
//!
//! ```text
//! near 10.0.0.1 ── link ── 10.0.0.2 far
//! ```
//!
//! `far` does not forward: what comes in for others it drops.

#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use canal_sim::backend::Backend;
use canal_sim::backend::kernel::{Kernel, airlock, drops};
use canal_sim::backend::probe::{Outcome, Probe, ProbeKind};
use canal_sim::network::{
    Address, Change, End, IfName, Link, LinkId, Network, NodeId, Route, Table, diff,
};
use criterion::Criterion;
use tokio::runtime::{Builder, Runtime};

const PATIENCE: Duration = Duration::from_secs(5);

fn main() {
    if let Err(error) = airlock::enter() {
        eprintln!("not measured: {error}");
        return;
    }
    if let Some(why) = drops::missing() {
        eprintln!("not measured: {why}");
        return;
    }
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    criterion.bench_function("drops/load and unload", |bencher| {
        bencher.iter(|| drops::try_out().unwrap());
    });
    for listening in [false, true] {
        let with = if listening { "with" } else { "without" };
        criterion.bench_function(&format!("drops/first answer, {with}"), |bencher| {
            bencher.iter_custom(|times| {
                let mut whole = Duration::ZERO;
                for _ in 0..times {
                    let began = Instant::now();
                    let kernel = made(&runtime, listening);
                    ping(&runtime, &kernel);
                    whole += began.elapsed();
                    // So that the next does not run while this one is being unloaded.
                    runtime.block_on(kernel.drops(PATIENCE));
                    drop(kernel);
                    std::thread::sleep(Duration::from_millis(50));
                }
                whole
            });
        });
        let kernel = made(&runtime, listening);
        ping(&runtime, &kernel);
        let counts = runtime.block_on(kernel.drops(PATIENCE));
        assert_eq!(counts.is_some(), listening);
        let socket = |node, at: &str| {
            let at = at.to_owned();
            let namespace = kernel.node(&NodeId::new(node)).unwrap();
            namespace.run(move || UdpSocket::bind(at).unwrap()).unwrap()
        };
        let (near, far) = (socket("near", "10.0.0.1:0"), socket("far", "10.0.0.2:7000"));
        near.connect("10.0.0.2:7000").unwrap();
        far.connect(near.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 64];
        criterion.bench_function(&format!("drops/packet that arrives, {with}"), |bencher| {
            bencher.iter(|| {
                near.send(b"there").unwrap();
                far.recv(&mut buffer).unwrap();
            });
        });
        let lost = socket("near", "10.0.0.1:0");
        lost.connect("10.9.9.9:9").unwrap();
        criterion.bench_function(
            &format!("drops/packet that is dropped, {with}"),
            |bencher| {
                bencher.iter(|| lost.send(b"lost"));
            },
        );
        if let Some(counts) = runtime.block_on(kernel.drops(PATIENCE)) {
            println!("{counts:?}");
        }
    }
    criterion.final_summary();
}

/// The network, from nothing until it can be used.
fn made(runtime: &Runtime, listening: bool) -> Kernel {
    let changes = network();
    runtime.block_on(async {
        let kernel = if listening {
            Kernel::new().await
        } else {
            Kernel::deaf().await
        };
        let mut kernel = kernel.unwrap();
        kernel.apply(&changes).await.unwrap();
        kernel
    })
}

fn ping(runtime: &Runtime, kernel: &Kernel) {
    let probe = Probe {
        from: NodeId::new("near"),
        to: Ipv4Addr::new(10, 0, 0, 2),
        kind: ProbeKind::Ping {
            size: 56,
            dont_fragment: false,
        },
        timeout: PATIENCE,
    };
    let measured = runtime.block_on(kernel.probe(&probe)).unwrap();
    assert!(matches!(measured.outcome, Outcome::Answered(_)));
}

fn network() -> Vec<Change> {
    let mut network = Network::default();
    let (near, far) = (NodeId::new("near"), NodeId::new("far"));
    let dev = IfName::fit("eth0", "");
    let link = Link {
        ends: [
            End::new(near.clone(), dev.clone()),
            End::new(far.clone(), dev.clone()),
        ],
        mtu: 1500,
        shapes: None,
    };
    network.links.insert(LinkId::new("link"), link);
    for (id, net) in [(&near, "10.0.0.1/24"), (&far, "10.0.0.2/24")] {
        let address = Address {
            dev: dev.clone(),
            net: net.parse().unwrap(),
        };
        let node = network.nodes.entry(id.clone()).or_default();
        node.addresses.insert(address);
    }
    let route = Route {
        dev,
        via: Some(Ipv4Addr::new(10, 0, 0, 2)),
        source: None,
    };
    let node = network.nodes.entry(near).or_default();
    node.routes
        .insert((Table::MAIN, "0.0.0.0/0".parse().unwrap()), route);
    diff(&Network::default(), &network)
}
