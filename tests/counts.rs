//! The Gate scenario on the kernel, held to numbers: how it is built, not how fast.
//!
//! ```text
//!   sensor ── VPG (a│b) ── pcx ── VPC 10.0.0.0/16 ── server
//!                ╰────────── VXLAN ──────────╯
//! ```
//!
//! Moving a link costs some fifty times its birth in place, and a process some 3 ms, so neither may
//! creep in. The one bound on time is ten times what it takes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use canal_sim::backend::kernel::{Counters, Kernel, airlock, forks};
use canal_sim::network::{End, IfName, Link, LinkId, Network, NodeId, diff};
use canal_sim::run::event::{Event, StepReport};
use canal_sim::run::{Options, Outcome, run_scenario};
use canal_sim::scenario::{Scenario, Step, StepKind, read};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

const GATE: &[u8] = include_bytes!("../scenarios/gate.toml");

/// Ten times what a node takes on a slow machine with two cores.
const SET_UP_PER_NODE: Duration = Duration::from_millis(20);

fn main() {
    let airlock = airlock::enter();
    let mut arguments = Arguments::from_args();
    if let Err(error) = &airlock {
        eprintln!("not run: {error}");
    }
    // Processes are counted for the program as a whole.
    arguments.test_threads = Some(1);
    let trials = vec![
        Trial::test("steps_move_no_link_and_start_no_process", without_scripts),
        Trial::test("only_scripts_start_processes", with_scripts),
        Trial::test("shaped_links_leave_nothing", without_trace),
    ];
    let trials = trials
        .into_iter()
        .map(|trial| trial.with_ignored_flag(airlock.is_err()))
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// The scenario with only those steps that `keep` keeps.
fn gate(keep: impl Fn(&Step) -> bool) -> Scenario {
    let mut scenario = read("gate.toml", GATE).unwrap();
    scenario.steps.retain(keep);
    scenario
}

/// What a run left.
struct Ran {
    outcome: Outcome,
    reports: Vec<StepReport>,
    nodes: usize,
    links: usize,
    set_up: Duration,
    counters: Counters,
    processes: u64,
}

fn run(scenario: &Scenario) -> Ran {
    let before = forks();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut kernel = Kernel::new().await.unwrap();
        let mut reports = Vec::new();
        let mut ready = None;
        let mut sink = |event| match event {
            Event::StepFinished(report) => reports.push(*report),
            Event::NetworkReady {
                nodes,
                links,
                elapsed,
                ..
            } => ready = Some((nodes, links, elapsed)),
            _ => {}
        };
        let outcome = run_scenario(scenario, &mut kernel, Options::default(), &mut sink).await;
        let (nodes, links, set_up) = ready.expect("the network was built");
        Ran {
            outcome,
            reports,
            nodes,
            links,
            set_up,
            counters: kernel.counters(),
            processes: forks() - before,
        }
    })
}

fn without_scripts() -> Result<(), Failed> {
    let actions = gate(|step| matches!(step.kind, StepKind::Do(_)));
    assert!(actions.steps.len() >= 6, "the scenario has its actions");
    let ran = run(&actions);
    assert!(matches!(ran.outcome, Outcome::Passed), "{:?}", ran.reports);
    let counters = ran.counters;
    assert_eq!(counters.links_moved, 0, "{counters:?}");
    assert_eq!(ran.processes, 0);
    // The peering connection's node, and the instance's second life.
    let made = (counters.nodes as usize, counters.links as usize);
    assert_eq!(made, (ran.nodes + 2, ran.links + 4), "{counters:?}");
    let per_node = ran.set_up / u32::try_from(ran.nodes)?;
    assert!(per_node < SET_UP_PER_NODE, "{per_node:?} a node");
    Ok(())
}

fn with_scripts() -> Result<(), Failed> {
    let whole = gate(|_| true);
    let scripts = whole
        .steps
        .iter()
        .filter(|step| matches!(step.kind, StepKind::Run(_)))
        .count() as u64;
    let ran = run(&whole);
    assert!(matches!(ran.outcome, Outcome::Passed), "{:?}", ran.reports);
    assert_eq!(ran.counters.links_moved, 0, "{:?}", ran.counters);
    // One each, and one for the node that runs them all.
    assert_eq!(ran.processes, scripts + 1);
    Ok(())
}

/// The relay ends with its network, for its socket is the thread's own; and what it holds does not grow with the
/// number of links.
fn without_trace() -> Result<(), Failed> {
    // Whatever a process opens once and for all.
    drop(Relayed::new(1));
    let before = held();
    let few = Relayed::new(1);
    let with_few = held();
    assert!(with_few > before);
    drop(few);
    assert_eq!(held(), before);
    let many = Relayed::new(20);
    assert_eq!(held(), with_few);
    drop(many);
    assert_eq!(held(), before);
    Ok(())
}

/// How many sockets and event descriptors this process has. A network has let go of those by the time that it is
/// gone; the thread that makes the probes' sockets takes its leave later, and the namespace that it is at home in.
fn held() -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().filter(|fd| {
        let path = fd.as_ref().unwrap().path();
        // The one that reads this folder is gone by now.
        let kind = std::fs::read_link(path).unwrap_or_default();
        let kind = kind.to_string_lossy();
        kind.starts_with("socket:") || kind.ends_with("[eventfd]")
    });
    descriptors.count()
}

/// Two nodes with so many shaped links between them.
struct Relayed {
    _kernel: Kernel,
    _runtime: Runtime,
}

impl Relayed {
    fn new(links: usize) -> Self {
        let mut network = Network::default();
        for number in 0..links {
            let end = |node: &str| {
                let name = IfName::fit("eth", &number.to_string());
                End::new(NodeId::new(node), name)
            };
            let link = Link {
                ends: [end("a"), end("b")],
                mtu: 1500,
                shapes: Some(Box::default()),
            };
            network.links.insert(LinkId::new(number.to_string()), link);
        }
        for node in ["a", "b"] {
            network.nodes.entry(NodeId::new(node)).or_default();
        }
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let kernel = runtime.block_on(async {
            let mut kernel = Kernel::deaf().await.unwrap();
            let changes = diff(&Network::default(), &network);
            kernel.apply_network(&changes).await.unwrap();
            kernel
        });
        Self {
            _kernel: kernel,
            _runtime: runtime,
        }
    }
}
