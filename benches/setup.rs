//! How long it takes to make a network and to be rid of it: a star of hosts around a router, each
//! with a link, an address, a route and a filter.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use canal_sim::backend::kernel::{Kernel, airlock};
use canal_sim::network::{
    Address, Chain, ChainId, Change, CtState, End, Hook, HookPoint, IfName, Label, Link, LinkId,
    Network, NodeId, Route, Rule, Statement, Table, Test, diff,
};
use criterion::{BatchSize, Criterion};
use tokio::runtime::{Builder, Runtime};

/// The router and `leaves` hosts.
fn star(leaves: u32) -> Vec<Change> {
    let mut network = Network::default();
    let hub = NodeId::new("hub");
    network.nodes.entry(hub.clone()).or_default().forwarding = true;
    for n in 0..leaves {
        let leaf = NodeId::new(format!("leaf{n}"));
        let (up, down) = (IfName::fit("eth0", ""), IfName::fit("eth", &n.to_string()));
        let link = Link {
            ends: [
                End::new(hub.clone(), down.clone()),
                End::new(leaf.clone(), up.clone()),
            ],
            mtu: 9001,
        };
        network.links.insert(LinkId::new(format!("l{n}")), link);
        let net = |last: u32| {
            format!("10.{}.{}.{last}/24", n / 256, n % 256)
                .parse()
                .unwrap()
        };
        let address = |dev: &IfName, last| Address {
            dev: dev.clone(),
            net: net(last),
        };
        let router = network.nodes.entry(hub.clone()).or_default();
        router.addresses.insert(address(&down, 1));
        let host = network.nodes.entry(leaf).or_default();
        host.addresses.insert(address(&up, 2));
        let route = Route {
            dev: up,
            via: Some(net(1).addr()),
            source: None,
        };
        host.routes
            .insert((Table::MAIN, "0.0.0.0/0".parse().unwrap()), route);
        host.filter.chains.insert(ChainId::ip("group"), group());
    }
    diff(&Network::default(), &network)
}

fn group() -> Chain {
    let denied = Label {
        is_final: true,
        reason: "ENI_SG_RULES_MISMATCH".into(),
        resource: "web".into(),
    };
    let known = [CtState::Established, CtState::Related].into();
    Chain {
        hook: Some(Hook {
            point: HookPoint::Input,
            priority: 0,
        }),
        rules: vec![
            Rule::new([Test::CtState(known).into()], [Statement::Accept]),
            Rule::new(
                [Test::Source("10.0.0.0/8".parse().unwrap()).into()],
                [Statement::Accept],
            ),
            Rule::new([], [Statement::Log(denied), Statement::Drop]),
        ],
    }
}

fn made(runtime: &Runtime, changes: &[Change]) -> Kernel {
    runtime.block_on(async {
        let mut kernel = Kernel::new().await.unwrap();
        kernel.apply_network(changes).await.unwrap();
        kernel
    })
}

fn main() {
    if let Err(error) = airlock::enter() {
        eprintln!("not measured: {error}");
        return;
    }
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    for leaves in [10, 100] {
        let changes = star(leaves);
        criterion.bench_function(&format!("set up a star of {leaves}"), |bencher| {
            bencher.iter_batched(
                || (),
                |()| made(&runtime, black_box(&changes)),
                BatchSize::PerIteration,
            );
        });
        criterion.bench_function(&format!("tear down a star of {leaves}"), |bencher| {
            bencher.iter_batched(|| made(&runtime, &changes), drop, BatchSize::PerIteration);
        });
    }
    criterion.final_summary();
}
