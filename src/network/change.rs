//! One change to a network, and what it does to the description.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{
    Address, Chain, ChainId, HostFiles, IfName, Link, LinkId, Listen, Mac, Network, Node, NodeId,
    PolicyRule, Route, Service, Shapes, Table, Vxlan,
};

/// The smallest thing that can change. Backends carry changes out in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Make a namespace with this start count and forwarding switch, and nothing else in it.
    AddNode(NodeId, u32, bool),
    /// Remove a namespace; its links and its processes are gone with it.
    DelNode(NodeId),
    /// Join two nodes; both ends are up and usable afterwards.
    AddLink(LinkId, Link),
    /// Remove a link, and with it whatever its two interfaces held (not the policy rules).
    DelLink(LinkId),
    /// Give a shaped link other shapes, from now on. It stays up, and what is under way stays under way.
    SetShapes(LinkId, Shapes),
    /// Make a VXLAN interface, up, with its flood entries.
    AddTunnel(NodeId, IfName, Vxlan),
    /// Remove a VXLAN interface, and with it whatever it held.
    DelTunnel(NodeId, IfName),
    /// Flood unknown addresses to one more remote.
    AddFlood(NodeId, IfName, Ipv4Addr),
    /// One remote less.
    DelFlood(NodeId, IfName, Ipv4Addr),
    /// Answer ARP on an interface for all that is routed elsewhere, or stop.
    ProxyArp(NodeId, IfName, bool),
    /// Answer ARP for one address.
    AddProxy(NodeId, IfName, Ipv4Addr),
    /// Stop that.
    DelProxy(NodeId, IfName, Ipv4Addr),
    /// Give an interface an address.
    AddAddress(NodeId, Address),
    /// Take it away.
    DelAddress(NodeId, Address),
    /// Add a rule of the routing policy.
    AddRule(NodeId, PolicyRule),
    /// Remove it.
    DelRule(NodeId, PolicyRule),
    /// Add a route, or put it in the place of the table's route for the same prefix.
    SetRoute(NodeId, Table, Ipv4Net, Route),
    /// Remove a route.
    DelRoute(NodeId, Table, Ipv4Net),
    /// Set a permanent neighbour.
    SetNeighbour(NodeId, IfName, Ipv4Addr, Mac),
    /// Remove it.
    DelNeighbour(NodeId, IfName, Ipv4Addr),
    /// Make a chain, or replace its rules. Chain changes of a node that follow one another take
    /// effect together; a jump may lead to a chain that stands later among them.
    SetChain(NodeId, ChainId, Chain),
    /// Remove a chain.
    DelChain(NodeId, ChainId),
    /// Start a service, or put it in the place of the one that listens there.
    SetService(NodeId, Listen, Service),
    /// Stop a service.
    DelService(NodeId, Listen),
    /// Set the files of name resolution.
    SetFiles(NodeId, HostFiles),
}

impl Change {
    /// The node that changes; none for a link, which has two.
    pub fn node(&self) -> Option<&NodeId> {
        match self {
            Self::AddNode(node, ..)
            | Self::DelNode(node)
            | Self::AddTunnel(node, ..)
            | Self::DelTunnel(node, ..)
            | Self::AddFlood(node, ..)
            | Self::DelFlood(node, ..)
            | Self::ProxyArp(node, ..)
            | Self::AddProxy(node, ..)
            | Self::DelProxy(node, ..)
            | Self::AddAddress(node, ..)
            | Self::DelAddress(node, ..)
            | Self::AddRule(node, ..)
            | Self::DelRule(node, ..)
            | Self::SetRoute(node, ..)
            | Self::DelRoute(node, ..)
            | Self::SetNeighbour(node, ..)
            | Self::DelNeighbour(node, ..)
            | Self::SetChain(node, ..)
            | Self::DelChain(node, ..)
            | Self::SetService(node, ..)
            | Self::DelService(node, ..)
            | Self::SetFiles(node, ..) => Some(node),
            Self::AddLink(..) | Self::DelLink(..) | Self::SetShapes(..) => None,
        }
    }
}

impl Network {
    /// Makes one change to the description, with the side effects that it has in a kernel. A change
    /// to a node that isn't there changes nothing.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::AddNode(node, boot, forwarding) => {
                let fresh = Node {
                    boot: *boot,
                    forwarding: *forwarding,
                    ..Node::default()
                };
                self.nodes.insert(node.clone(), fresh);
                return;
            }
            Change::DelNode(node) => {
                self.nodes.remove(node);
                let orphans: Vec<LinkId> = self
                    .links
                    .iter()
                    .filter(|(_, link)| link.ends.iter().any(|end| end.node == *node))
                    .map(|(id, _)| id.clone())
                    .collect();
                for id in orphans {
                    self.remove_link(&id);
                }
                return;
            }
            Change::AddLink(id, link) => {
                self.links.insert(id.clone(), link.clone());
                return;
            }
            Change::DelLink(id) => return self.remove_link(id),
            Change::SetShapes(id, shapes) => {
                if let Some(link) = self.links.get_mut(id) {
                    link.shapes = Some(shapes.clone());
                }
                return;
            }
            _ => {}
        }
        if let Some(node) = change.node().and_then(|id| self.nodes.get_mut(id)) {
            node.apply(change);
        }
    }

    fn remove_link(&mut self, id: &LinkId) {
        let Some(link) = self.links.remove(id) else {
            return;
        };
        for end in &link.ends {
            if let Some(node) = self.nodes.get_mut(&end.node) {
                node.forget_interface(&end.name);
            }
        }
    }
}

impl Node {
    /// What goes when an interface goes.
    fn forget_interface(&mut self, dev: &IfName) {
        self.proxy_arp.remove(dev);
        self.proxies.retain(|(d, _)| d != dev);
        self.addresses.retain(|address| address.dev != *dev);
        self.routes.retain(|_, route| route.dev != *dev);
        self.neighbours.retain(|(d, _), _| d != dev);
        self.tunnels.remove(dev);
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::AddTunnel(_, dev, vxlan) => {
                self.tunnels.insert(dev.clone(), vxlan.clone());
            }
            Change::DelTunnel(_, dev) => self.forget_interface(dev),
            Change::AddFlood(_, dev, remote) => {
                if let Some(vxlan) = self.tunnels.get_mut(dev) {
                    vxlan.flood.insert(*remote);
                }
            }
            Change::DelFlood(_, dev, remote) => {
                if let Some(vxlan) = self.tunnels.get_mut(dev) {
                    vxlan.flood.remove(remote);
                }
            }
            Change::ProxyArp(_, dev, true) => {
                self.proxy_arp.insert(dev.clone());
            }
            Change::ProxyArp(_, dev, false) => {
                self.proxy_arp.remove(dev);
            }
            Change::AddProxy(_, dev, ip) => {
                self.proxies.insert((dev.clone(), *ip));
            }
            Change::DelProxy(_, dev, ip) => {
                self.proxies.remove(&(dev.clone(), *ip));
            }
            Change::AddAddress(_, address) => {
                self.addresses.insert(address.clone());
            }
            Change::DelAddress(_, address) => {
                self.addresses.remove(address);
            }
            Change::AddRule(_, rule) => {
                self.rules.insert(rule.clone());
            }
            Change::DelRule(_, rule) => {
                self.rules.remove(rule);
            }
            Change::SetRoute(_, table, prefix, route) => {
                self.routes.insert((*table, *prefix), route.clone());
            }
            Change::DelRoute(_, table, prefix) => {
                self.routes.remove(&(*table, *prefix));
            }
            Change::SetNeighbour(_, dev, ip, mac) => {
                self.neighbours.insert((dev.clone(), *ip), *mac);
            }
            Change::DelNeighbour(_, dev, ip) => {
                self.neighbours.remove(&(dev.clone(), *ip));
            }
            Change::SetChain(_, id, chain) => {
                self.filter.chains.insert(id.clone(), chain.clone());
            }
            Change::DelChain(_, id) => {
                self.filter.chains.remove(id);
            }
            Change::SetService(_, listen, service) => {
                self.services.insert(listen.clone(), service.clone());
            }
            Change::DelService(_, listen) => {
                self.services.remove(listen);
            }
            Change::SetFiles(_, files) => self.files = files.clone(),
            Change::AddNode(..)
            | Change::DelNode(..)
            | Change::AddLink(..)
            | Change::DelLink(..)
            | Change::SetShapes(..) => {}
        }
    }
}
