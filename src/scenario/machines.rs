//! What scripts did to machines, for as long as it lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::{NodeName, Scenario, Serve};
use crate::cloud::aws::InstanceState;
use crate::cloud::soracom::VpgId;
use crate::cloud::{Cloud, Time, internet};
use crate::guest::{self, Guests, Listen, Transport};

/// The machines that scripts ran on.
#[derive(Clone, Debug, Default)]
pub(super) struct Machines {
    guests: Guests,
    lives: BTreeMap<NodeName, Life>,
}

/// What a machine's own configuration lasts for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Life {
    /// An instance's: from one start to the next.
    Boot(u32),
    /// A device's: a session, as far as the device knows it.
    Session(Time, Option<(VpgId, usize)>, Ipv4Addr),
    /// The user's computer and the server on the internet: for good.
    Good,
}

impl Machines {
    /// Carries a script out on a node, as far as it is understood; one that ends otherwise than it is
    /// expected to casts doubt on the node. A node that does not run carries nothing out.
    pub fn run(
        &mut self,
        node: NodeName,
        (script, exit): (&str, i32),
        cloud: &Cloud,
        scenario: &Scenario,
    ) {
        let Some(life) = life(&node, cloud) else {
            return;
        };
        let listens = listens(&node, scenario);
        let known = self.guests.remove(&node);
        let Some(mut guest) = known.or_else(|| guest::fresh(cloud, &node, listens)) else {
            return;
        };
        let (ended, said) = match guest::shell::carry_out(&mut guest, script) {
            Ok(()) => (0, String::new()),
            Err(refusal) => (i32::from(refusal.exit), refusal.message),
        };
        // What is not understood counts as done, so that an expected failure may be missed.
        if ended != exit && ended != 0 {
            guest.doubts.insert(format!(
                "a script that ends with exit {ended} here, not {exit}: {said}"
            ));
        }
        self.lives.insert(node.clone(), life);
        self.guests.insert(node, guest);
    }

    /// Forgets what a reboot, a stop or a new session has ended.
    pub fn follow(&mut self, cloud: &Cloud) {
        self.lives
            .retain(|node, began| life(node, cloud).as_ref() == Some(&*began));
        self.guests.retain(|node, _| self.lives.contains_key(node));
    }

    /// Every machine that runs: those that no script ran on as the clouds made them.
    pub fn all(mut self, cloud: &Cloud, scenario: &Scenario) -> Guests {
        let sims = cloud.soracom.sims.keys().cloned().map(NodeName::Sim);
        let instances = cloud.aws.instances.keys().cloned();
        let nodes = sims
            .chain(instances.map(NodeName::Instance))
            .chain([NodeName::Pc, NodeName::Internet]);
        for node in nodes {
            if self.guests.contains_key(&node) {
                continue;
            }
            let listens = listens(&node, scenario);
            if let Some(guest) = guest::fresh(cloud, &node, listens) {
                self.guests.insert(node, guest);
            }
        }
        self.guests
    }
}

fn life(node: &NodeName, cloud: &Cloud) -> Option<Life> {
    match node {
        NodeName::Sim(sim) => {
            let session = cloud.soracom.sims.get(sim)?.session.as_ref()?;
            let anchor = session.anchor.clone();
            Some(Life::Session(session.since, anchor, session.ip))
        }
        NodeName::Instance(instance) => {
            let instance = cloud.aws.instances.get(instance)?;
            (instance.state == InstanceState::Running).then_some(Life::Boot(instance.boot))
        }
        NodeName::Pc | NodeName::Internet => Some(Life::Good),
    }
}

/// What listens on a node: what is declared, and the public resolver that the internet's server is.
fn listens(node: &NodeName, scenario: &Scenario) -> BTreeSet<Listen> {
    let resolver = (*node == NodeName::Internet).then_some(Listen {
        transport: Transport::Udp,
        address: internet::SERVER,
        port: 53,
    });
    let declared = scenario.serve.get(node).into_iter().flatten();
    declared
        .map(|serve| {
            let (transport, port) = match serve {
                Serve::Http { port, .. } | Serve::Tcp { port } => (Transport::Tcp, *port),
                Serve::Udp { port } => (Transport::Udp, *port),
            };
            Listen {
                transport,
                address: Ipv4Addr::UNSPECIFIED,
                port,
            }
        })
        .chain(resolver)
        .collect()
}
