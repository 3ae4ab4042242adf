//! The network as the maker thread holds it, and how changes are made to it.

mod links;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use self::links::{Waypoint, Wire};
use super::counters::Counting;
use super::describe::describe;
use super::error::Refusal;
use super::link;
use super::look;
use super::namespace::{self, Namespace};
use super::neighbour;
use super::nflog;
use super::nft::Tables;
use super::place::{PacketFilter, Place};
use super::reader::{Reader, Reports};
use super::relay::Surroundings;
use super::rtnl::{self, Mode, Request};
use super::socket::{Batch, NetlinkSocket, Subsystem};
use super::sysctl::Pins;
use super::trace::Tracing;
use crate::backend::BackendError;
use crate::guest::Guest;
use crate::network::{Change, IfName, LinkId, Network, Node, NodeId};

/// The namespaces, as everybody else sees them.
pub(super) type Nodes = BTreeMap<NodeId, Arc<Namespace>>;

/// The first number that an interface of ours gets. The kernel counts from 2 in each namespace, so
/// what a script makes never takes one of ours.
const FIRST_INDEX: u32 = 1_000;

/// All that there is.
pub(super) struct World {
    home: OwnedFd,
    pins: Pins,
    counting: Counting,
    reader: Reader,
    reports: Reports,
    nodes: BTreeMap<NodeId, Place>,
    links: BTreeMap<LinkId, Wire>,
    /// From the first shaped link on.
    waypoint: Option<Waypoint>,
    surroundings: Surroundings,
    next_index: u32,
    /// What has been asked for so far.
    network: Network,
}

impl World {
    /// An empty world. The calling thread must be where the process is at home.
    pub fn new(
        counting: Counting,
        reports: Reports,
        surroundings: Surroundings,
    ) -> Result<Self, BackendError> {
        let doing = "look at the namespace that the process is in";
        Ok(Self {
            home: namespace::current().map_err(|refusal| refusal.of(doing))?,
            pins: Pins::fresh().map_err(|refusal| refusal.of("make a network namespace"))?,
            counting,
            reader: Reader::start(Arc::clone(&reports.catch_up))?,
            reports,
            nodes: BTreeMap::new(),
            links: BTreeMap::new(),
            waypoint: None,
            surroundings,
            next_index: FIRST_INDEX,
            network: Network::default(),
        })
    }

    /// The namespaces as they stand.
    pub fn nodes(&self) -> Nodes {
        let nodes = self.nodes.iter();
        nodes
            .map(|(id, place)| (id.clone(), Arc::clone(&place.namespace)))
            .collect()
    }

    /// Makes changes in their order; those that belong to one node and stand together go to the kernel
    /// together.
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), BackendError> {
        let mut rest = changes;
        while let Some(first) = rest.first() {
            let kind = Kind::of(first);
            let same = |change: &&Change| Kind::of(change) == kind && change.node() == first.node();
            let run = match kind {
                Kind::Node => 1,
                Kind::Link | Kind::Routing | Kind::Filter | Kind::Service => {
                    rest.iter().take_while(same).count()
                }
            };
            let (now, later) = rest.split_at(run);
            crate::fault::point("maker");
            match (kind, first) {
                (Kind::Node, Change::AddNode(id, _, forwarding)) => {
                    self.add_node(id, *forwarding)?
                }
                (Kind::Node, Change::DelNode(id)) => self.remove_node(id)?,
                (Kind::Link, _) => self.links(now, later)?,
                (Kind::Routing, _) => self.routing(now)?,
                (Kind::Filter, _) => self.filter(now)?,
                // Another part of the backend makes these.
                (Kind::Service | Kind::Node, _) => {}
            }
            for change in now {
                self.network.apply(change);
            }
            rest = later;
        }
        Ok(())
    }

    /// Lets every node forget the neighbours that have not answered. People leave minutes between two
    /// tries; a scenario leaves none, and the kernel would hold the next packet back for up to a second
    /// until it asks again.
    pub fn forget_unanswered(&mut self) -> Result<(), BackendError> {
        for (id, place) in &mut self.nodes {
            let refused = |refusal: Refusal| refusal.of(format!("look at neighbours of node {id}"));
            let mut question = Batch::default();
            rtnl::push_dump(&mut question, neighbour::all());
            let unanswered = place.route.list(question, neighbour::unanswered);
            let mut batch = Batch::default();
            for (index, ip) in unanswered.map_err(refused)? {
                rtnl::push(&mut batch, neighbour::remove(index, ip));
            }
            // One that answers at this very moment, or whose interface goes, is no failure.
            let _ = place.route.exchange(batch).map_err(refused)?;
        }
        Ok(())
    }

    /// What a node's own kernel says of its configuration.
    pub fn guest(&mut self, id: &NodeId) -> Result<Guest, BackendError> {
        let refused = |refusal: Refusal| refusal.of(format!("look at node {id}"));
        let place = self.nodes.get_mut(id).ok_or_else(|| refused(no_node(id)))?;
        let fresh = Node::default();
        let ours = self.network.nodes.get(id).unwrap_or(&fresh);
        look::guest(place, ours, &self.counting).map_err(refused)
    }

    /// Looks at the tables that a script may have left on a node, and traces what passes them; whether
    /// there are any.
    pub fn look_at_rules(&mut self, id: &NodeId) -> Result<bool, BackendError> {
        let mut look = || -> Result<bool, Refusal> {
            let place = self.nodes.get_mut(id).ok_or_else(|| no_node(id))?;
            namespace::enter(&*place.namespace.fd)?;
            let tracing = match &mut place.tracing {
                Some(tracing) => tracing,
                none => none.insert(Tracing::new(&self.counting)?),
            };
            tracing.look(id, &mut self.reader, &self.reports.traced, &self.counting)
        };
        let done = look();
        done.map_err(|refusal| refusal.of(format!("look at the packet filter of node {id}")))
    }

    fn add_node(&mut self, id: &NodeId, forwarding: bool) -> Result<(), BackendError> {
        let (fd, mut socket) = self.space(&format!("node {id}"), forwarding)?;
        let mut batch = Batch::default();
        rtnl::push(&mut batch, link::raise(link::LOOPBACK));
        let refused = |refusal: Refusal| refusal.of(format!("make node {id}"));
        let refusals = socket.exchange(batch).map_err(refused)?;
        if let Some((_, refusal)) = refusals.into_iter().next() {
            return Err(refusal.of(format!("raise lo on node {id}")));
        }
        let place = Place {
            namespace: Arc::new(Namespace {
                node: id.clone(),
                fd: Arc::new(fd),
            }),
            route: socket,
            interfaces: BTreeMap::from([(IfName::lo(), link::LOOPBACK)]),
            filter: None,
            tracing: None,
        };
        self.nodes.insert(id.clone(), place);
        Ok(())
    }

    /// A fresh namespace, in which the calling thread stays, and a socket in it. `what` is its name in words.
    fn space(
        &self,
        what: &str,
        forwarding: bool,
    ) -> Result<(OwnedFd, NetlinkSocket), BackendError> {
        let refused = |refusal: Refusal| refusal.of(format!("make {what}"));
        // From home, because a namespace may inherit from the one it was made in.
        namespace::enter(&self.home).map_err(|errno| refused(errno.into()))?;
        let fd = namespace::make().map_err(refused)?;
        self.pins
            .write(forwarding)
            .map_err(|(switch, refusal)| refusal.of(format!("set {switch} on {what}")))?;
        let socket = NetlinkSocket::open(Subsystem::Route, &self.counting).map_err(refused)?;
        self.counting.node();
        Ok((fd, socket))
    }

    fn remove_node(&mut self, id: &NodeId) -> Result<(), BackendError> {
        self.nodes.remove(id);
        self.remove_links_of(id)
    }

    /// A run of one node's changes to interfaces, addresses, routes and neighbours.
    fn routing(&mut self, now: &[Change]) -> Result<(), BackendError> {
        let Some((first, id)) = now.first().and_then(|c| Some((c, c.node()?))) else {
            return Ok(());
        };
        let next_index = &mut self.next_index;
        let node = self.network.nodes.entry(id.clone()).or_default();
        let place = self
            .nodes
            .get_mut(id)
            .ok_or_else(|| no_node(id).of(describe(first)))?;
        let mut batch = Batch::default();
        let mut origins = Vec::new();
        for change in now {
            let requests = place
                .requests(change, next_index)
                .map_err(|refusal| refusal.of(describe(change)))?;
            push_all(&mut batch, &mut origins, change, requests);
        }
        // What the kernel forgets when an interface's last address goes, but nobody asked to remove.
        let mut wanted = node.clone();
        let mut losers = Vec::new();
        for change in now {
            if let Change::DelAddress(_, address) = change {
                losers.push(address.dev.clone());
            }
            apply(&mut wanted, id, change);
        }
        for dev in losers {
            for change in again(id, &wanted, &dev) {
                let requests = place
                    .requests(&change, next_index)
                    .map_err(|refusal| refusal.of(describe(&change)))?;
                push_all(&mut batch, &mut origins, &change, requests);
            }
        }
        let refusals = place
            .route
            .exchange(batch)
            .map_err(|refusal| refusal.of(describe(first)))?;
        let refused = refusals.into_iter().find(|(at, refusal)| {
            let removal = origins
                .get(*at)
                .is_some_and(|(mode, _)| *mode == Mode::Remove);
            !(removal && is_gone(refusal))
        });
        match refused {
            None => Ok(()),
            Some((at, refusal)) => {
                let doing = origins.get(at).map(|(_, doing)| doing.clone());
                Err(refusal.of(doing.unwrap_or_else(|| describe(first))))
            }
        }
    }

    /// A run of one node's chains: one transaction.
    fn filter(&mut self, now: &[Change]) -> Result<(), BackendError> {
        let Some((first, id)) = now.first().and_then(|c| Some((c, c.node()?))) else {
            return Ok(());
        };
        let place = self
            .nodes
            .get_mut(id)
            .ok_or_else(|| no_node(id).of(describe(first)))?;
        let refused = |refusal: Refusal| refusal.of(describe(first));
        if place.filter.is_none() {
            namespace::enter(&*place.namespace.fd).map_err(|errno| refused(errno.into()))?;
            let socket = NetlinkSocket::open(Subsystem::Netfilter, &self.counting);
            place.filter = Some(PacketFilter {
                socket: socket.map_err(refused)?,
                tables: Tables::default(),
                _log: nflog::listen(&mut self.reader, id, &self.reports.logged, &self.counting)?,
            });
        }
        let Some(filter) = &mut place.filter else {
            return Ok(());
        };
        filter
            .tables
            .change(&mut filter.socket, now)
            .map_err(|(change, refusal)| refusal.of(describe(change.unwrap_or(first))))
    }

    fn place(&mut self, id: &NodeId) -> Result<&mut Place, Refusal> {
        self.nodes.get_mut(id).ok_or_else(|| no_node(id))
    }
}

/// What a change touches: changes of one kind that stand together can be made together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Node,
    Link,
    Routing,
    Filter,
    Service,
}

impl Kind {
    fn of(change: &Change) -> Self {
        match change {
            Change::AddNode(..) | Change::DelNode(..) => Self::Node,
            Change::AddLink(..) | Change::DelLink(..) | Change::SetShapes(..) => Self::Link,
            Change::SetChain(..) | Change::DelChain(..) => Self::Filter,
            Change::SetService(..) | Change::DelService(..) | Change::SetFiles(..) => Self::Service,
            Change::AddTunnel(..)
            | Change::DelTunnel(..)
            | Change::AddFlood(..)
            | Change::DelFlood(..)
            | Change::ProxyArp(..)
            | Change::AddProxy(..)
            | Change::DelProxy(..)
            | Change::AddAddress(..)
            | Change::DelAddress(..)
            | Change::AddRule(..)
            | Change::DelRule(..)
            | Change::SetRoute(..)
            | Change::DelRoute(..)
            | Change::SetNeighbour(..)
            | Change::DelNeighbour(..) => Self::Routing,
        }
    }
}

fn one(socket: &mut NetlinkSocket, request: Request) -> Result<(), Refusal> {
    let removal = request.0 == Mode::Remove;
    let mut batch = Batch::default();
    rtnl::push(&mut batch, request);
    match socket.exchange(batch)?.into_iter().next() {
        Some((_, refusal)) if !(removal && is_gone(&refusal)) => Err(refusal),
        _ => Ok(()),
    }
}

fn push_all(
    batch: &mut Batch,
    origins: &mut Vec<(Mode, String)>,
    change: &Change,
    requests: Vec<Request>,
) {
    for request in requests {
        origins.push((request.0, describe(change)));
        rtnl::push(batch, request);
    }
}

/// Makes a change to a node's description.
fn apply(node: &mut Node, id: &NodeId, change: &Change) {
    let mut network = Network::default();
    network.nodes.insert(id.clone(), std::mem::take(node));
    network.apply(change);
    *node = network.nodes.remove(id).unwrap_or_default();
}

/// The changes that restore what an interface loses with its last address: routes, neighbours and
/// those that it answers for (`fib_disable_ip`, `arp_ifdown`).
fn again(id: &NodeId, node: &Node, dev: &IfName) -> Vec<Change> {
    let routes = node.routes.iter().filter(|(_, route)| route.dev == *dev);
    let routes = routes.map(|((table, prefix), route)| {
        Change::SetRoute(id.clone(), *table, *prefix, route.clone())
    });
    let neighbours = node.neighbours.iter().filter(|((d, _), _)| d == dev);
    let neighbours =
        neighbours.map(|((dev, ip), mac)| Change::SetNeighbour(id.clone(), dev.clone(), *ip, *mac));
    let proxies = node.proxies.iter().filter(|(d, _)| d == dev);
    let proxies = proxies.map(|(dev, ip)| Change::AddProxy(id.clone(), dev.clone(), *ip));
    routes.chain(neighbours).chain(proxies).collect()
}

/// Whether a removal was refused because there is nothing to remove.
fn is_gone(refusal: &Refusal) -> bool {
    use nix::errno::Errno;
    matches!(
        refusal.errno,
        Errno::ENOENT | Errno::ESRCH | Errno::ENODEV | Errno::EADDRNOTAVAIL
    )
}

fn no_node(id: &NodeId) -> Refusal {
    Refusal {
        errno: nix::errno::Errno::ENOENT,
        said: Some(format!("there is no node {id}")),
    }
}
