//! A node as the maker thread holds it, and the requests that change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Refusal;
use super::namespace::Namespace;
use super::nft::Tables;
use super::reader::Listener;
use super::rtnl::Request;
use super::socket::NetlinkSocket;
use super::trace::Tracing;
use super::{address, link, neighbour, route, tunnel};
use crate::backend::kernel::features::Feature;
use crate::network::{Change, IfName};

/// A node.
pub(super) struct Place {
    pub namespace: Arc<Namespace>,
    pub route: NetlinkSocket,
    pub interfaces: BTreeMap<IfName, u32>,
    pub filter: Option<PacketFilter>,
    /// Since the first script.
    pub tracing: Option<Tracing>,
}

/// What a node with a filter needs.
pub(super) struct PacketFilter {
    pub socket: NetlinkSocket,
    pub tables: Tables,
    /// Held for as long as packets are to be reported.
    pub _log: Listener,
}

impl Place {
    /// The requests that make a change.
    pub fn requests(
        &mut self,
        change: &Change,
        next_index: &mut u32,
    ) -> Result<Vec<Request>, Refusal> {
        Ok(match change {
            Change::AddTunnel(_, dev, vxlan) => {
                Feature::Vxlan.there()?;
                let index = *next_index;
                *next_index += 1;
                self.interfaces.insert(dev.clone(), index);
                let flood = vxlan.flood.iter();
                std::iter::once(tunnel::add(dev, index, vxlan))
                    .chain(flood.map(|remote| tunnel::add_flood(index, *remote)))
                    .collect()
            }
            Change::DelTunnel(_, dev) => {
                let index = self.interfaces.remove(dev);
                index.map(link::remove).into_iter().collect()
            }
            Change::AddFlood(_, dev, ip) => vec![tunnel::add_flood(self.index(dev)?, *ip)],
            Change::DelFlood(_, dev, ip) => vec![tunnel::remove_flood(self.index(dev)?, *ip)],
            Change::ProxyArp(_, dev, on) => {
                let index = self.index(dev)?;
                vec![
                    neighbour::without_proxy_delay(index),
                    link::proxy_arp(index, *on),
                ]
            }
            Change::AddProxy(_, dev, ip) => {
                let index = self.index(dev)?;
                vec![
                    neighbour::without_proxy_delay(index),
                    neighbour::add_proxy(index, *ip),
                ]
            }
            Change::DelProxy(_, dev, ip) => vec![neighbour::remove_proxy(self.index(dev)?, *ip)],
            Change::AddAddress(_, a) => vec![address::add(self.index(&a.dev)?, a.net)],
            Change::DelAddress(_, a) => vec![address::remove(self.index(&a.dev)?, a.net)],
            Change::AddRule(_, rule) => vec![route::add_rule(rule)],
            Change::DelRule(_, rule) => vec![route::remove_rule(rule)],
            Change::SetRoute(_, table, prefix, route) => {
                let index = self.index(&route.dev)?;
                vec![route::set(index, *table, *prefix, route)]
            }
            Change::DelRoute(_, table, prefix) => vec![route::remove(*table, *prefix)],
            Change::SetNeighbour(_, dev, ip, mac) => {
                vec![neighbour::set(self.index(dev)?, *ip, *mac)]
            }
            Change::DelNeighbour(_, dev, ip) => vec![neighbour::remove(self.index(dev)?, *ip)],
            Change::AddNode(..)
            | Change::DelNode(..)
            | Change::AddLink(..)
            | Change::DelLink(..)
            | Change::SetShapes(..)
            | Change::SetChain(..)
            | Change::DelChain(..)
            | Change::SetService(..)
            | Change::DelService(..)
            | Change::SetFiles(..) => Vec::new(),
        })
    }

    /// The number of an interface; the kernel is asked for one that a script made.
    fn index(&mut self, dev: &IfName) -> Result<u32, Refusal> {
        match self.interfaces.get(dev) {
            Some(index) => Ok(*index),
            None => link::index_of(&mut self.route, dev),
        }
    }
}
