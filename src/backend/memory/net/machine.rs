//! A node as its owner sees it: its configuration read, and changed by hand.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rustc_hash::FxHashMap;

use super::super::core::Core;
use super::fib::{Dev, Route};
use super::interface::{Interface, Kind, Vxlan};
use super::neighbour::Neighbour;
use super::node::{LOOPBACK, Node};
use crate::guest::{self, Guest, Way};
use crate::network::{IfName, Mac, Table};

impl Node {
    /// The configuration as it is now.
    pub fn guest(&self, core: &Core) -> Guest {
        let mut guest = Guest {
            forwarding: self.forwarding,
            listens: self.host.services.keys().cloned().collect(),
            doubts: self.doubts.clone(),
            ..Guest::default()
        };
        for (dev, interface) in self.devices() {
            if dev != LOOPBACK || !interface.addresses.is_empty() {
                let name = interface.name.as_str().to_owned();
                let described = self.described(core, dev, interface);
                guest.interfaces.insert(name, described);
            }
        }
        let main = self.tables.get(Table::MAIN);
        for (prefix, route) in main.into_iter().flat_map(|fib| fib.iter()) {
            let way = match route.dev {
                None => Way::Nowhere,
                // A sink: the filter drops what goes there, and says why.
                Some(LOOPBACK) => continue,
                Some(dev) => match self.interface(dev) {
                    Some(interface) => Way::Out {
                        dev: interface.name.as_str().to_owned(),
                        via: route.via,
                    },
                    None => continue,
                },
            };
            let source = route.source;
            guest.routes.insert(prefix, guest::Route { way, source });
        }
        guest
    }

    fn described(&self, core: &Core, dev: Dev, interface: &Interface) -> guest::Interface {
        let vxlan = match &interface.kind {
            Kind::Vxlan(vxlan) => Some(guest::Vxlan {
                vni: vxlan.vni,
                port: vxlan.port,
                local: vxlan.local,
                below: vxlan.below.clone(),
                flood: vxlan.flood.clone(),
                learned: self.learned(core, dev, vxlan),
            }),
            Kind::Loopback | Kind::Link { .. } => None,
        };
        guest::Interface {
            up: interface.up,
            mtu: interface.mtu,
            addresses: interface.addresses.clone(),
            vxlan,
        }
    }

    /// Inner address → outer address, of those whose Ethernet address is known and has been seen.
    fn learned(&self, core: &Core, dev: Dev, vxlan: &Vxlan) -> BTreeMap<Ipv4Addr, Ipv4Addr> {
        let own = self.neighbours.iter().filter(|((own, _), _)| *own == dev);
        let macs = own.filter_map(|((_, ip), neighbour)| match neighbour {
            Neighbour::Permanent(mac) | Neighbour::Known { mac, .. } => Some((*ip, *mac)),
            Neighbour::Incomplete { .. } => None,
        });
        macs.filter_map(|(ip, mac)| {
            let (remote, until) = vxlan.learned.get(&mac)?;
            (*until > core.now).then_some((ip, *remote))
        })
        .collect()
    }

    /// Brings the node from one configuration to another, which its owner has made of it. Links that their
    /// owner has removed are named.
    pub fn become_guest(&mut self, core: &mut Core, before: &Guest, after: &Guest) -> Vec<usize> {
        self.forwarding = after.forwarding;
        self.doubts.clone_from(&after.doubts);
        let mut cut = Vec::new();
        for name in before.interfaces.keys() {
            if !after.interfaces.contains_key(name)
                && let Some(dev) = self.named(name)
                && let Some(interface) = self.interface(dev)
            {
                let owned = interface.name.clone();
                if let Kind::Link { link, .. } = interface.kind {
                    cut.push(link);
                }
                if dev == LOOPBACK {
                    self.set_addresses(dev, before, after, name);
                }
                self.remove_interface(&owned);
            }
        }
        for (name, wanted) in &after.interfaces {
            let dev = match self.named(name) {
                Some(dev) => dev,
                None => match self.add_machine_tunnel(name, wanted) {
                    Some(dev) => dev,
                    None => continue,
                },
            };
            self.set_addresses(dev, before, after, name);
            self.set_interface(core, dev, wanted);
            if let Some(wanted) = &wanted.vxlan {
                self.set_tunnel(dev, before, name, wanted);
            }
        }
        self.set_routes(before, after);
        cut
    }

    /// An interface's number.
    pub fn named(&self, name: &str) -> Option<Dev> {
        let mut all = self.devices();
        all.find(|(_, interface)| interface.name.as_str() == name)
            .map(|(dev, _)| dev)
    }

    fn add_machine_tunnel(&mut self, name: &str, wanted: &guest::Interface) -> Option<Dev> {
        let tunnel = wanted.vxlan.as_ref()?;
        let name = IfName::fit(name, "");
        let mac = Mac::derived(&format!("{}/{name}", self.id));
        let kind = Kind::Vxlan(Box::new(Vxlan {
            vni: tunnel.vni,
            port: tunnel.port,
            local: tunnel.local,
            below: tunnel.below.clone(),
            flood: tunnel.flood.clone(),
            learned: FxHashMap::default(),
        }));
        let dev = self.add_interface(name, mac, wanted.mtu, kind);
        if let Some(interface) = self.interface_mut(dev) {
            interface.up = false;
        }
        Some(dev)
    }

    fn set_addresses(&mut self, dev: Dev, before: &Guest, after: &Guest, name: &str) {
        let of = |guest: &Guest| {
            let interface = guest.interfaces.get(name);
            interface.map_or_else(Vec::new, |interface| interface.addresses.clone())
        };
        let (old, new) = (of(before), of(after));
        if old == new {
            return;
        }
        let Some(interface) = self.interface_mut(dev) else {
            return;
        };
        interface.addresses.clone_from(&new);
        for net in old {
            self.uncount_local(net);
        }
        for net in new {
            self.count_local(net);
        }
    }

    fn set_interface(&mut self, core: &mut Core, dev: Dev, wanted: &guest::Interface) {
        let Some(interface) = self.interface_mut(dev) else {
            return;
        };
        let falls = interface.up && !wanted.up;
        (interface.up, interface.mtu) = (wanted.up, wanted.mtu);
        if let Kind::Link { link, end } = interface.kind
            && let Some(Some(wire)) = core.wires.get_mut(link)
        {
            (wire.ends[end].up, wire.ends[end].mtu) = (wanted.up, wanted.mtu);
        }
        if falls {
            if let Kind::Vxlan(tunnel) = &mut interface.kind {
                tunnel.learned.clear();
            }
            self.neighbours.retain(|(own, _), neighbour| {
                *own != dev || matches!(neighbour, Neighbour::Permanent(_))
            });
        }
    }

    fn set_tunnel(&mut self, dev: Dev, before: &Guest, name: &str, wanted: &guest::Vxlan) {
        let Some(Interface {
            kind: Kind::Vxlan(tunnel),
            ..
        }) = self.interface_mut(dev)
        else {
            return;
        };
        // One of the same name may have taken its place.
        let same =
            (tunnel.vni, tunnel.port, tunnel.local) == (wanted.vni, wanted.port, wanted.local);
        tunnel.below.clone_from(&wanted.below);
        if !same {
            (tunnel.vni, tunnel.port, tunnel.local) = (wanted.vni, wanted.port, wanted.local);
            tunnel.learned.clear();
        }
        tunnel.flood.clone_from(&wanted.flood);
        let old = before.interfaces.get(name);
        let old = old.and_then(|interface| interface.vxlan.as_ref());
        for ip in old.into_iter().flat_map(|old| old.learned.keys()) {
            if !wanted.learned.contains_key(ip) {
                self.neighbours.remove(&(dev, *ip));
            }
        }
    }

    fn set_routes(&mut self, before: &Guest, after: &Guest) {
        for prefix in before.routes.keys() {
            if !after.routes.contains_key(prefix) {
                self.tables.table(Table::MAIN).remove(*prefix);
            }
        }
        for (prefix, wanted) in &after.routes {
            if before.routes.get(prefix) == Some(wanted) {
                continue;
            }
            let (dev, via) = match &wanted.way {
                Way::Nowhere => (None, None),
                Way::Out { dev, via } => match self.named(dev) {
                    Some(dev) => (Some(dev), *via),
                    None => continue,
                },
            };
            let source = wanted.source;
            let route = Route { dev, via, source };
            self.tables.table(Table::MAIN).set(*prefix, route);
        }
    }
}
