//! The network as a whole: its nodes and links, and time.

use std::collections::BTreeMap;

use super::core::{Core, Event, Wire, WireEnd};
use super::net::interface::Kind;
use super::net::node::{LOOPBACK, Node};
use super::time::Time;
use crate::backend::evidence::scene::Scene;
use crate::backend::probe::Outcome;
use crate::backend::shaper::Duplex;
use crate::network::{Change, HostFiles, Link, LinkId, Network, NodeId, Shapes};

/// A network in memory.
#[derive(Debug)]
pub(super) struct Fabric {
    pub core: Core,
    /// By number; those that went leave their places empty, so that nothing on its way to them reaches
    /// another.
    nodes: Vec<Option<Node>>,
    by_name: BTreeMap<NodeId, usize>,
    links: BTreeMap<LinkId, usize>,
    files: BTreeMap<NodeId, HostFiles>,
    /// What has been asked for so far.
    network: Network,
}

impl Fabric {
    /// An empty network.
    pub fn new(seed: u64) -> Self {
        Self {
            core: Core::new(seed),
            nodes: Vec::new(),
            by_name: BTreeMap::new(),
            links: BTreeMap::new(),
            files: BTreeMap::new(),
            network: Network::default(),
        }
    }

    /// Makes changes, in their order.
    ///
    /// # Errors
    ///
    /// A change to a node that isn't there.
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), String> {
        for change in changes {
            match change {
                Change::AddNode(id, _, forwarding) => self.add_node(id, *forwarding),
                Change::DelNode(id) => self.remove_node(id),
                Change::AddLink(id, link) => self.add_link(id, link)?,
                Change::DelLink(id) => self.remove_link(id),
                Change::SetShapes(id, shapes) => self.set_shapes(id, shapes),
                Change::SetFiles(id, files) => {
                    self.files.insert(id.clone(), files.clone());
                }
                _ => {
                    if let Some(id) = change.node() {
                        let node = self.by_name.get(id).copied();
                        let node = node.and_then(|at| self.nodes[at].as_mut());
                        let node = node.ok_or_else(|| no_node(id))?;
                        node.change(&mut self.core, change);
                    }
                }
            }
            self.network.apply(change);
        }
        if !changes.is_empty() {
            self.core.scene = Scene::of(&self.network);
        }
        Ok(())
    }

    fn add_node(&mut self, id: &NodeId, forwarding: bool) {
        let number = self.nodes.len();
        self.nodes
            .push(Some(Node::new(id.clone(), number, forwarding)));
        self.by_name.insert(id.clone(), number);
    }

    fn remove_node(&mut self, id: &NodeId) {
        let Some(at) = self.by_name.remove(id) else {
            return;
        };
        self.files.remove(id);
        let links = self.links.iter();
        let orphans = links.filter(|(_, wire)| {
            let wire = self.core.wires[**wire].as_ref();
            wire.is_some_and(|wire| wire.ends.iter().any(|end| end.node == at))
        });
        let orphans: Vec<LinkId> = orphans.map(|(id, _)| id.clone()).collect();
        for link in orphans {
            self.remove_link(&link);
        }
        self.nodes[at] = None;
    }

    fn add_link(&mut self, id: &LinkId, link: &Link) -> Result<(), String> {
        let number = self.core.wires.len();
        let mut ends = [WireEnd {
            node: 0,
            dev: LOOPBACK,
            up: true,
            mtu: link.mtu,
        }; 2];
        for (at, end) in link.ends.iter().enumerate() {
            let node = self.by_name.get(&end.node).copied();
            let node = node.and_then(|at| self.nodes[at].as_mut());
            let node = node.ok_or_else(|| no_node(&end.node))?;
            let kind = Kind::Link {
                link: number,
                end: at,
            };
            ends[at].node = node.number;
            ends[at].dev = node.add_interface(end.name.clone(), end.mac, link.mtu, kind);
        }
        let now = self.core.now.as_duration();
        let seed = self.core.seed;
        let shapes = link.shapes.clone();
        let pool = &self.core.pool;
        let duplex = shapes.map(|shapes| Box::new(Duplex::new(id, shapes, seed, now, pool)));
        self.core.wires.push(Some(Wire {
            id: id.clone(),
            ends,
            duplex,
            due: None,
        }));
        self.links.insert(id.clone(), number);
        Ok(())
    }

    fn remove_link(&mut self, id: &LinkId) {
        if let Some(at) = self.links.remove(id) {
            self.cut(at);
        }
    }

    /// A link does something else to frames from now on; what is under way on it stays so.
    fn set_shapes(&mut self, id: &LinkId, shapes: &Shapes) {
        let Some(at) = self.links.get(id).copied() else {
            return;
        };
        let now = self.core.now.as_duration();
        if let Some(Some(wire)) = self.core.wires.get_mut(at)
            && let Some(duplex) = &mut wire.duplex
        {
            duplex.set_shapes(shapes.clone(), now);
        }
        self.core.plan_link(at);
    }

    /// Removes a link and the interfaces at its ends.
    fn cut(&mut self, at: usize) {
        let Some(wire) = self.core.wires.get_mut(at).and_then(Option::take) else {
            return;
        };
        for end in wire.ends {
            if let Some(node) = self.nodes[end.node].as_mut()
                && let Some(name) = node.interface(end.dev).map(|own| own.name.clone())
            {
                node.remove_interface(&name);
            }
        }
    }

    /// A node, and what all nodes share.
    ///
    /// # Errors
    ///
    /// Where there is no such node.
    pub fn node(&mut self, id: &NodeId) -> Result<(&mut Node, &mut Core), String> {
        let node = self.by_name.get(id).copied();
        let node = node.and_then(|at| self.nodes[at].as_mut());
        Ok((node.ok_or_else(|| no_node(id))?, &mut self.core))
    }

    /// A node by its number.
    pub fn node_at(&mut self, at: usize) -> Option<(&mut Node, &mut Core)> {
        Some((self.nodes.get_mut(at)?.as_mut()?, &mut self.core))
    }

    /// The files of name resolution on a node.
    pub fn files(&self, id: &NodeId) -> HostFiles {
        self.files.get(id).cloned().unwrap_or_default()
    }

    /// Links whose ends their owner has removed.
    pub fn cut_all(&mut self, links: Vec<usize>) {
        for at in links {
            self.cut(at);
        }
    }

    /// Lets what is due by then happen, as long as `go_on` says so. Whether it went on until nothing was
    /// due any more.
    pub fn run(&mut self, until: Time, mut go_on: impl FnMut(&Core) -> bool) -> bool {
        while go_on(&self.core) {
            let Some(event) = self.core.next(until) else {
                return true;
            };
            self.happen(event);
        }
        false
    }

    /// Lets time pass until then, and whatever is due meanwhile happen.
    pub fn pass(&mut self, until: Time) {
        self.run(until, |_| true);
        self.core.now = self.core.now.max(until);
    }

    fn happen(&mut self, event: Event) {
        let (core, nodes) = (&mut self.core, &mut self.nodes);
        match event {
            Event::Arrive { node, dev, frame } => {
                if let Some(node) = there(nodes, node) {
                    node.receive(core, dev, frame);
                }
            }
            Event::Loop { node, packet } => {
                if let Some(node) = there(nodes, node) {
                    node.enter(core, LOOPBACK, *packet);
                }
            }
            Event::Neighbour { node, key, asked } => {
                if let Some(node) = there(nodes, node) {
                    node.neighbour_due(core, key, asked);
                }
            }
            Event::Connection { node, ends } => {
                if let Some(node) = there(nodes, node) {
                    node.connection_due(core, ends);
                }
            }
            Event::Link { wire } => core.link_due(wire),
            Event::Flooded { ask } => core.decide(ask, Outcome::Dropped),
        }
    }

    /// Lets every node forget the neighbours that have not answered: people leave minutes between two tries.
    pub fn forget_unanswered(&mut self) {
        for node in self.nodes.iter_mut().flatten() {
            node.forget_unanswered();
        }
    }
}

/// A node, if it is still there.
fn there(nodes: &mut [Option<Node>], at: usize) -> Option<&mut Node> {
    nodes.get_mut(at)?.as_mut()
}

fn no_node(id: &NodeId) -> String {
    format!("there is no node {id}")
}
