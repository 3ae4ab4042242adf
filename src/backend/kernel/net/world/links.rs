//! Links: a plain one is a pair of interfaces; a shaped one is two pairs, between which the relay carries frames.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::{World, no_node, one};
use crate::backend::BackendError;
use crate::backend::kernel::features::Feature;
use crate::backend::kernel::net::describe::describe;
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::link;
use crate::backend::kernel::net::relay::{Port, Relay};
use crate::backend::kernel::net::socket::NetlinkSocket;
use crate::backend::kernel::sys::offload;
use crate::network::{Change, End, IfName, Link, LinkId, NodeId, Shapes};

/// A link as it was made.
pub(super) struct Wire {
    ends: [Interface; 2],
    /// The numbers of the relay's interfaces, one for each end. The first is that of their group.
    relayed: Option<[u32; 2]>,
}

/// One end of a link.
struct Interface {
    node: NodeId,
    name: IfName,
    index: u32,
}

/// The namespace in which shaped links meet. It has no address and forwards nothing: what the relay
/// doesn't carry stays there.
pub(super) struct Waypoint {
    route: NetlinkSocket,
    relay: Relay,
    /// Held for as long as its interfaces shall be there.
    _namespace: OwnedFd,
}

impl World {
    /// A run of links to make, to change or to remove.
    pub(super) fn links(&mut self, now: &[Change], later: &[Change]) -> Result<(), BackendError> {
        let mut fresh = Vec::new();
        for change in now {
            let refused = |refusal: Refusal| refusal.of(describe(change));
            match change {
                Change::AddLink(id, link) => {
                    match &link.shapes {
                        None => self.add_plain(id, link).map_err(refused)?,
                        Some(shapes) => {
                            self.start_relay()?;
                            self.add_shaped(id, link, shapes).map_err(refused)?;
                        }
                    }
                    fresh.push((id, change));
                }
                Change::DelLink(id) => self.remove_link(id, later).map_err(refused)?,
                Change::SetShapes(id, shapes) => {
                    if let Some(waypoint) = &self.waypoint {
                        waypoint.relay.set_shapes(id, shapes.clone());
                    }
                }
                _ => {}
            }
        }
        for (id, change) in fresh {
            self.wait_for(id).map_err(|r| r.of(describe(change)))?;
        }
        Ok(())
    }

    fn add_plain(&mut self, id: &LinkId, link: &Link) -> Result<(), Refusal> {
        Feature::Veth.there()?;
        let [near, far] = &link.ends;
        let [near_index, far_index] = self.next_indexes();
        let far_namespace = self.namespace_of(&far.node)?;
        let pair = link::pair(
            (near, near_index),
            (far, far_index),
            far_namespace.as_fd(),
            link.mtu,
        );
        one(&mut self.place(&near.node)?.route, pair)?;
        one(&mut self.place(&far.node)?.route, link::raise(far_index))?;
        self.counting.link();
        self.enter(id, link, [near_index, far_index], None)
    }

    fn add_shaped(&mut self, id: &LinkId, link: &Link, shapes: &Shapes) -> Result<(), Refusal> {
        Feature::Veth.there()?;
        let (relayed, indexes) = (self.next_indexes(), self.next_indexes());
        let [group, _] = relayed;
        let numbers = relayed.into_iter().zip(indexes);
        for (end, (at_relay, at_node)) in link.ends.iter().zip(numbers) {
            let namespace = self.namespace_of(&end.node)?;
            let Some(waypoint) = &mut self.waypoint else {
                return Ok(());
            };
            let far = (end, at_node);
            let pair = link::relay_pair(at_relay, group, far, namespace.as_fd(), link.mtu);
            one(&mut waypoint.route, pair)?;
            let name = link::relay_name(at_relay);
            offload::switch_off(waypoint.route.as_socket().as_fd(), &name)?;
            let place = self.place(&end.node)?;
            offload::switch_off(place.route.as_socket().as_fd(), end.name.as_str())?;
            one(&mut place.route, link::raise(at_node))?;
            self.counting.link();
        }
        let port = |at: usize| Port {
            node: link.ends[at].node.clone(),
            interface: relayed[at],
        };
        if let Some(waypoint) = &self.waypoint {
            let ports = [port(0), port(1)];
            waypoint.relay.add(id, ports, shapes.clone());
        }
        self.enter(id, link, indexes, Some(relayed))
    }

    /// Makes the namespace in which shaped links meet, unless it is there.
    fn start_relay(&mut self) -> Result<(), BackendError> {
        if self.waypoint.is_some() {
            return Ok(());
        }
        let (namespace, route) = self.space("the namespace of the relay", false)?;
        let relay = Relay::start(self.surroundings.clone());
        self.waypoint = Some(Waypoint {
            route,
            relay: relay?,
            _namespace: namespace,
        });
        Ok(())
    }

    /// Enters a link in the books.
    fn enter(
        &mut self,
        id: &LinkId,
        link: &Link,
        indexes: [u32; 2],
        relayed: Option<[u32; 2]>,
    ) -> Result<(), Refusal> {
        for (end, index) in link.ends.iter().zip(indexes) {
            let place = self.place(&end.node)?;
            place.interfaces.insert(end.name.clone(), index);
        }
        let interface = |end: &End, index| Interface {
            node: end.node.clone(),
            name: end.name.clone(),
            index,
        };
        let ([near, far], [near_index, far_index]) = (&link.ends, indexes);
        let ends = [interface(near, near_index), interface(far, far_index)];
        self.links.insert(id.clone(), Wire { ends, relayed });
        Ok(())
    }

    fn wait_for(&mut self, id: &LinkId) -> Result<(), Refusal> {
        let Some(wire) = self.links.get(id) else {
            return Ok(());
        };
        for end in &wire.ends {
            let place = self
                .nodes
                .get_mut(&end.node)
                .ok_or_else(|| no_node(&end.node))?;
            link::wait_until_up(&mut place.route, end.index)?;
        }
        if let Some(waypoint) = &mut self.waypoint {
            for index in wire.relayed.into_iter().flatten() {
                link::wait_until_up(&mut waypoint.route, index)?;
            }
        }
        Ok(())
    }

    /// Removes a link. Where both its nodes are about to go, their end takes it along, in no time:
    /// removing a link by itself takes the kernel some 20 ms.
    fn remove_link(&mut self, id: &LinkId, later: &[Change]) -> Result<(), Refusal> {
        let Some(wire) = self.links.remove(id) else {
            return Ok(());
        };
        let goes = |end: &Interface| {
            let first = later.iter().find(|change| {
                matches!(change, Change::DelNode(node) | Change::AddNode(node, ..) if *node == end.node)
            });
            matches!(first, Some(Change::DelNode(_)))
        };
        self.forget(id, &wire);
        if wire.ends.iter().all(goes) {
            return Ok(());
        }
        self.remove_interfaces(&wire)
    }

    /// Removes the links that a node takes along, which has gone.
    pub(super) fn remove_links_of(&mut self, node: &NodeId) -> Result<(), BackendError> {
        let at = |wire: &Wire| wire.ends.iter().any(|end| end.node == *node);
        let orphans = self.links.extract_if(.., |_, wire| at(wire));
        let orphans: Vec<(LinkId, Wire)> = orphans.collect();
        for (id, wire) in orphans {
            // The other ends' numbers must not be used again.
            self.forget(&id, &wire);
            // A plain link's other end goes by itself, and so does a shaped one's whose node has gone before.
            let stays = wire
                .ends
                .iter()
                .any(|end| self.nodes.contains_key(&end.node));
            if wire.relayed.is_some() && stays {
                self.remove_interfaces(&wire)
                    .map_err(|refusal| refusal.of(describe(&Change::DelLink(id))))?;
            }
        }
        Ok(())
    }

    fn remove_interfaces(&mut self, wire: &Wire) -> Result<(), Refusal> {
        match (wire.relayed, &mut self.waypoint) {
            (Some([group, _]), Some(waypoint)) => {
                one(&mut waypoint.route, link::remove_group(group))
            }
            _ => {
                let [end, _] = &wire.ends;
                one(&mut self.place(&end.node)?.route, link::remove(end.index))
            }
        }
    }

    /// Takes a link out of the books.
    fn forget(&mut self, id: &LinkId, wire: &Wire) {
        for end in &wire.ends {
            if let Some(place) = self.nodes.get_mut(&end.node)
                && place.interfaces.get(&end.name) == Some(&end.index)
            {
                place.interfaces.remove(&end.name);
            }
        }
        if let (Some(_), Some(waypoint)) = (wire.relayed, &self.waypoint) {
            waypoint.relay.remove(id);
        }
    }

    fn next_indexes(&mut self) -> [u32; 2] {
        let first = self.next_index;
        self.next_index += 2;
        [first, first + 1]
    }

    fn namespace_of(&self, id: &NodeId) -> Result<Arc<OwnedFd>, Refusal> {
        let place = self.nodes.get(id).ok_or_else(|| no_node(id))?;
        Ok(Arc::clone(&place.namespace.fd))
    }
}
