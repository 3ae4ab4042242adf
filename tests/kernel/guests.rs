//! A machine's own configuration: what the cloud gives it, what commands change, and what its kernel
//! says.

use std::collections::BTreeSet;
use std::time::Instant;

use canal_sim::backend::kernel::Kernel;
use canal_sim::backend::{Backend, Script, ScriptEnd};
use canal_sim::cloud::aws::InstanceId;
use canal_sim::cloud::soracom::SimId;
use canal_sim::cloud::{Cloud, NodeName};
use canal_sim::guest::{Guest, Listen, Transport, fresh, shell};
use canal_sim::lower::{World, lower};
use canal_sim::network::{Network, NodeId, diff};
use canal_sim::run::world;
use canal_sim::scenario;
use libtest_mimic::Failed;
use tokio::runtime::Runtime;

use crate::Test;
use crate::bench::SOON;

pub const TESTS: &[Test] = &[(
    "guests::fresh_machines_are_what_their_kernel_says",
    fresh_machines,
)];

const GATE: &str = include_str!("../../scenarios/gate.toml");

/// Clouds, carried out.
struct Lab {
    kernel: Kernel,
    cloud: Cloud,
    world: World,
    network: Network,
    runtime: Runtime,
}

impl Lab {
    fn new(text: &str) -> Self {
        let scenario = scenario::read("guests.toml", text.as_bytes()).unwrap();
        let (cloud, _) = scenario::build(&scenario).unwrap();
        // Namespaces belong to threads, and those that run a script are its runtime's.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let kernel = runtime.block_on(Kernel::new()).unwrap();
        let mut lab = Self {
            kernel,
            cloud,
            world: world(&scenario),
            network: Network::default(),
            runtime,
        };
        lab.carry_out();
        lab
    }

    fn carry_out(&mut self) {
        let wanted = lower(&self.cloud, &self.world);
        let changes = diff(&self.network, &wanted);
        self.runtime.block_on(self.kernel.apply(&changes)).unwrap();
        self.network = wanted;
    }

    /// What the kernel says.
    fn seen(&self, node: &str) -> Guest {
        let node = NodeId::new(node);
        self.runtime.block_on(self.kernel.guest(&node)).unwrap()
    }
}

fn all(transport: Transport, port: u16) -> Listen {
    Listen {
        transport,
        address: std::net::Ipv4Addr::UNSPECIFIED,
        port,
    }
}

fn fresh_machines() -> Result<(), Failed> {
    let mut lab = Lab::new(GATE);
    let web = BTreeSet::from([all(Transport::Tcp, 80)]);
    let device = BTreeSet::from([all(Transport::Tcp, 8080), all(Transport::Udp, 7)]);
    let instance = NodeName::Instance(InstanceId::new("server"));
    let sim = NodeName::Sim(SimId::new("sensor"));
    for (node, name, listens) in [
        (&instance, "instance/server", web),
        (&sim, "sim/sensor", device.clone()),
        (&NodeName::Pc, "pc", BTreeSet::new()),
    ] {
        let fresh = fresh(&lab.cloud, node, listens);
        assert_eq!(lab.seen(name), fresh.unwrap(), "{name}");
    }
    let internet = fresh(&lab.cloud, &NodeName::Internet, BTreeSet::new()).unwrap();
    let seen = lab.seen("internet");
    assert_eq!(seen.interfaces["lo"], internet.interfaces["lo"]);
    assert!(seen.forwarding && seen.doubts.is_empty(), "{seen:?}");
    let begin = Instant::now();
    for _ in 0..100 {
        lab.seen("instance/server");
    }
    println!("{:?} per look", begin.elapsed() / 100);
    let _ = (SOON, ScriptEnd::Exit(0));
    Ok(())
}
