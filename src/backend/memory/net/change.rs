//! The changes that a backend is asked to make to one node.

use ipnet::Ipv4Net;

use super::super::core::Core;
use super::fib::Route;
use super::interface::{Kind, Vxlan};
use super::neighbour::Neighbour;
use super::node::{LOOPBACK, Node};
use crate::network::{Change, IfName, Route as Described, Table};

impl Node {
    /// Makes a change. One that concerns something that isn't there changes nothing, as a removal should;
    /// everything else there is by the order of the changes.
    pub fn change(&mut self, core: &mut Core, change: &Change) {
        match change {
            Change::AddTunnel(_, name, wanted) => {
                let tunnel = Vxlan {
                    vni: wanted.vni,
                    port: wanted.port,
                    local: Some(wanted.local),
                    below: None,
                    flood: wanted.flood.clone(),
                    learned: Default::default(),
                };
                let kind = Kind::Vxlan(Box::new(tunnel));
                self.add_interface(name.clone(), wanted.mac, wanted.mtu, kind);
            }
            Change::DelTunnel(_, name) => self.remove_interface(name),
            Change::AddFlood(_, name, remote) => {
                if let Some(tunnel) = self.tunnel_named(name) {
                    tunnel.flood.insert(*remote);
                }
            }
            Change::DelFlood(_, name, remote) => {
                if let Some(tunnel) = self.tunnel_named(name) {
                    tunnel.flood.remove(remote);
                }
            }
            Change::ProxyArp(_, name, on) => {
                let dev = self.dev(name);
                if let Some(interface) = dev.and_then(|dev| self.interface_mut(dev)) {
                    interface.proxy_arp = *on;
                }
            }
            Change::AddProxy(_, name, ip) => {
                if let Some(dev) = self.dev(name) {
                    self.proxies.insert((dev, *ip));
                }
            }
            Change::DelProxy(_, name, ip) => {
                if let Some(dev) = self.dev(name) {
                    self.proxies.remove(&(dev, *ip));
                }
            }
            Change::AddAddress(_, address) => {
                self.add_address(&address.dev, address.net);
                self.connect_network(&address.dev, address.net);
            }
            Change::DelAddress(_, address) => {
                self.remove_address(&address.dev, address.net);
                self.disconnect_network(&address.dev, address.net);
            }
            Change::AddRule(_, rule) => {
                let iif = rule.iif.as_ref().map(|name| self.filter.name(name));
                self.tables.add_rule(rule.clone(), iif);
            }
            Change::DelRule(_, rule) => self.tables.remove_rule(rule),
            Change::SetRoute(_, table, prefix, route) => {
                if let Some(route) = self.route_of(route) {
                    self.tables.table(*table).set(*prefix, route);
                }
            }
            Change::DelRoute(_, table, prefix) => self.tables.table(*table).remove(*prefix),
            Change::SetNeighbour(_, name, ip, mac) => {
                if let Some(dev) = self.dev(name) {
                    let neighbour = Neighbour::Permanent(*mac);
                    self.neighbours.insert((dev, *ip), neighbour);
                }
            }
            Change::DelNeighbour(_, name, ip) => {
                if let Some(dev) = self.dev(name) {
                    self.neighbours.remove(&(dev, *ip));
                }
            }
            Change::SetChain(_, id, chain) => self.filter.set(id, chain),
            Change::DelChain(_, id) => self.filter.remove(id),
            Change::SetService(_, listen, service) => {
                self.host.services.insert(listen.clone(), service.clone());
            }
            Change::DelService(_, listen) => {
                self.host.services.remove(listen);
                self.stop_service(core, listen);
            }
            // Of the whole network, or of processes.
            Change::AddNode(..)
            | Change::DelNode(..)
            | Change::AddLink(..)
            | Change::DelLink(..)
            | Change::SetShapes(..)
            | Change::SetFiles(..) => {}
        }
    }

    fn tunnel_named(&mut self, name: &IfName) -> Option<&mut Vxlan> {
        let dev = self.dev(name)?;
        match &mut self.interface_mut(dev)?.kind {
            Kind::Vxlan(tunnel) => Some(tunnel),
            Kind::Loopback | Kind::Link { .. } => None,
        }
    }

    fn route_of(&self, route: &Described) -> Option<Route> {
        Some(Route {
            dev: Some(self.dev(&route.dev)?),
            via: route.via,
            source: route.source,
        })
    }

    /// Removes an interface and whatever it held.
    pub fn remove_interface(&mut self, name: &IfName) {
        let Some(dev) = self.dev(name).filter(|dev| *dev != LOOPBACK) else {
            return;
        };
        self.by_name.remove(name);
        let Some(gone) = self.interfaces[dev].take() else {
            return;
        };
        for net in gone.addresses {
            self.uncount_local(net);
        }
        for table in self.tables.all() {
            table.retain(|route| route.dev != Some(dev));
        }
        self.neighbours.retain(|(own, _), _| *own != dev);
        self.proxies.retain(|(own, _)| *own != dev);
    }

    /// Gives an interface an address, behind those that it has.
    pub fn add_address(&mut self, name: &IfName, net: Ipv4Net) {
        let dev = self.dev(name);
        if let Some(interface) = dev.and_then(|dev| self.interface_mut(dev))
            && !interface.addresses.contains(&net)
        {
            interface.addresses.push(net);
            self.count_local(net);
        }
    }

    /// Takes an address away.
    pub fn remove_address(&mut self, name: &IfName, net: Ipv4Net) {
        let dev = self.dev(name);
        if let Some(interface) = dev.and_then(|dev| self.interface_mut(dev))
            && let Some(at) = interface.addresses.iter().position(|own| *own == net)
        {
            interface.addresses.remove(at);
            self.uncount_local(net);
        }
    }

    /// An address brings a route to its network (`fib_add_ifaddr`).
    fn connect_network(&mut self, name: &IfName, net: Ipv4Net) {
        let Some(dev) = self.dev(name) else { return };
        let table = self.tables.table(Table::MAIN);
        if net.prefix_len() < 32 && table.get(net.trunc()).is_none() {
            let route = Route {
                dev: Some(dev),
                via: None,
                source: Some(net.addr()),
            };
            table.set(net.trunc(), route);
        }
    }

    fn disconnect_network(&mut self, name: &IfName, net: Ipv4Net) {
        let Some(dev) = self.dev(name) else { return };
        let others = self.interface(dev).map(|interface| &interface.addresses);
        let others = others.into_iter().flatten();
        let heir = others.copied().find(|other| other.trunc() == net.trunc());
        let table = self.tables.table(Table::MAIN);
        let own = table.get(net.trunc());
        if own.is_some_and(|route| route.dev == Some(dev) && route.via.is_none()) {
            table.remove(net.trunc());
        }
        if let Some(heir) = heir {
            self.connect_network(name, heir);
        }
    }

    /// Forgets the neighbours that have not answered, and the connections whose opening nobody has confirmed:
    /// both would ask again in the middle of what comes next.
    pub fn forget_unanswered(&mut self) {
        self.host.forget_half_open();
        self.neighbours
            .retain(|_, neighbour| !matches!(neighbour, Neighbour::Incomplete { .. }));
    }
}
