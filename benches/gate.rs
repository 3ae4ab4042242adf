//! How long it takes to make a network, to let it follow a step, and to be rid of it.
//!
//! Two networks: the one of `scenarios/gate.toml` (ten nodes or so, with filters, policy routing and
//! services), and a star of 100 hosts around a router, each with a link, an address, a route and a
//! filter. Set-up is given per node.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use canal_sim::backend::Backend;
use canal_sim::backend::kernel::{Kernel, airlock};
use canal_sim::cloud::{Action, Cloud, Time, aws};
use canal_sim::lower::{World, lower};
use canal_sim::network::{
    Address, Chain, ChainId, Change, CtState, End, Hook, HookPoint, IfName, Label, Link, LinkId,
    Network, NodeId, Route, Rule, Statement, Table, Test, diff,
};
use canal_sim::run::world;
use canal_sim::scenario::{Scenario, StepKind, build, read};
use criterion::{BatchSize, Criterion};
use tokio::runtime::{Builder, Runtime};

const GATE: &[u8] = include_bytes!("../scenarios/gate.toml");
const LEAVES: u32 = 100;

fn main() {
    if let Err(error) = airlock::enter() {
        eprintln!("not measured: {error}");
        return;
    }
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    let scenario = read("gate.toml", GATE).unwrap();
    criterion.bench_function("gate/read, build, lower, diff", |bencher| {
        bencher.iter(|| {
            let scenario = read("gate.toml", black_box(GATE)).unwrap();
            Gate::new(&scenario).changes()
        });
    });
    let changes = Gate::new(&scenario).changes();
    set_up_and_tear_down(&mut criterion, &runtime, "gate", &changes);
    steps(&mut criterion, &runtime, &scenario);
    set_up_and_tear_down(&mut criterion, &runtime, "star-100", &star(LEAVES));
    criterion.final_summary();
}

/// From nothing to a network that can be used, and back.
fn set_up_and_tear_down(
    criterion: &mut Criterion,
    runtime: &Runtime,
    name: &str,
    changes: &[Change],
) {
    let is_node = |change: &&Change| matches!(change, Change::AddNode(..));
    let nodes = u32::try_from(changes.iter().filter(is_node).count()).unwrap();
    criterion.bench_function(&format!("{name}/set-up per node"), |bencher| {
        bencher.iter_custom(|times| {
            let mut whole = Duration::ZERO;
            for _ in 0..times {
                let began = Instant::now();
                let kernel = made(runtime, black_box(changes));
                whole += began.elapsed();
                drop(kernel);
            }
            whole / nodes
        });
    });
    criterion.bench_function(&format!("{name}/tear-down"), |bencher| {
        bencher.iter_batched(
            || made(runtime, changes),
            |kernel| runtime.block_on(async { drop(kernel) }),
            BatchSize::PerIteration,
        );
    });
}

fn made(runtime: &Runtime, changes: &[Change]) -> Kernel {
    runtime.block_on(async {
        let mut kernel = Kernel::new().await.unwrap();
        kernel.apply(changes).await.unwrap();
        kernel
    })
}

/// A step's way into the running network: lower, diff, apply. Each is undone before the next, outside
/// the measurement.
fn steps(criterion: &mut Criterion, runtime: &Runtime, scenario: &Scenario) {
    let mut gate = Gate::new(scenario);
    let mut undo = Vec::new();
    // What comes before the reboot, which would take the instance's interfaces away.
    for step in &scenario.steps {
        let StepKind::Do(step) = &step.kind else {
            continue;
        };
        let action = step.action(&scenario.source, &gate.cloud).unwrap();
        if let Action::Aws(aws::Action::RebootInstances(_)) = action {
            break;
        }
        gate.cloud.apply(&action, gate.now).unwrap();
        undo.extend(opposite(&action).map(|opposite| (action, opposite)));
    }
    let mut kernel = made(runtime, &gate.changes());
    for (action, opposite) in undo {
        let name = format!("gate/step diff/{}", action.name());
        criterion.bench_function(&name, |bencher| {
            bencher.iter_custom(|times| {
                let mut whole = Duration::ZERO;
                for _ in 0..times {
                    gate.follow(runtime, &mut kernel, &opposite);
                    whole += gate.follow(runtime, &mut kernel, &action);
                }
                whole
            });
        });
    }
}

/// The actions that take back those of the scenario which are measured.
fn opposite(action: &Action) -> Option<Action> {
    let Action::Aws(action) = action else {
        return None;
    };
    let opposite = match action {
        aws::Action::CreateRoute(op) => aws::Action::DeleteRoute(aws::DeleteRoute {
            route_table: op.route_table.clone(),
            destination: op.destination,
        }),
        aws::Action::AuthorizeSecurityGroupIngress(op) => {
            aws::Action::RevokeSecurityGroupIngress(aws::RevokeSecurityGroupIngress {
                security_group: op.security_group.clone(),
                rule: op.rule.clone(),
            })
        }
        _ => return None,
    };
    Some(opposite.into())
}

/// The clouds of the scenario, and the network as it stands.
struct Gate {
    cloud: Cloud,
    now: Time,
    world: World,
    network: Network,
}

impl Gate {
    fn new(scenario: &Scenario) -> Self {
        let (cloud, now) = build(scenario).unwrap();
        Self {
            cloud,
            now,
            world: world(scenario),
            network: Network::default(),
        }
    }

    /// What is to be done to the network.
    fn changes(&mut self) -> Vec<Change> {
        let wanted = lower(&self.cloud, &self.world);
        let changes = diff(&self.network, &wanted);
        self.network = wanted;
        changes
    }

    /// Carries an action out; how long the network took to follow.
    fn follow(&mut self, runtime: &Runtime, kernel: &mut Kernel, action: &Action) -> Duration {
        self.cloud.apply(action, self.now).unwrap();
        let began = Instant::now();
        let changes = self.changes();
        runtime.block_on(kernel.apply(&changes)).unwrap();
        began.elapsed()
    }
}

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
            shapes: None,
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
