//! VXLAN (RFC 7348; drivers/net/vxlan/vxlan_core.c): encapsulation with an FDB that learns.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::super::core::Core;
use super::super::craft;
use super::super::frame::{BROADCAST, Frame};
use super::super::packet::{Packet, TCP, UDP};
use super::fib::Dev;
use super::interface::{Kind, Vxlan};
use super::node::Node;
use crate::backend::vxlan::{self, HEADER_LEN};
use crate::network::{Family, Mac};

/// How long something learned holds without being seen again (`ageing`, ip-link(8)).
const AGEING: Duration = Duration::from_secs(300);

/// The source ports of outer packets (`ip_local_port_range`): one for each inner flow.
const PORTS: std::ops::Range<u16> = 32_768..60_999;

impl Node {
    /// A tunnel's end by its number.
    fn tunnel_mut(&mut self, dev: Dev) -> Option<&mut Vxlan> {
        match &mut self.interface_mut(dev)?.kind {
            Kind::Vxlan(vxlan) => Some(vxlan),
            Kind::Loopback | Kind::Link { .. } => None,
        }
    }

    /// Sends a frame through a tunnel: to where its address was learned, else to all that are flooded to.
    pub fn encapsulate(&mut self, core: &mut Core, dev: Dev, frame: Frame) {
        let now = core.now;
        let Some(tunnel) = self.tunnel_mut(dev) else {
            return;
        };
        let known = tunnel.learned.get(&frame.destination);
        let known = known.filter(|(_, until)| *until > now).map(|(to, _)| *to);
        let remotes = match known.filter(|_| frame.destination != BROADCAST) {
            Some(remote) => BTreeSet::from([remote]),
            None => tunnel.flood.clone(),
        };
        let (vni, port, local) = (tunnel.vni, tunnel.port, tunnel.local);
        let below = tunnel.below.clone();
        let below = below.and_then(|name| self.named(&name));
        if remotes.is_empty() {
            return core.dropped(
                &self.id,
                "NO_TX_TARGET",
                "vxlan",
                None,
                frame.family,
                &frame.bytes,
            );
        }
        for remote in remotes {
            let done = self.send_outer(core, (vni, port), (local, remote), below, &frame);
            if done.is_none() {
                let (family, bytes) = (frame.family, &frame.bytes);
                core.dropped(&self.id, "IP_OUTNOROUTES", "vxlan", None, family, bytes);
            }
        }
    }

    /// Sends one outer packet; none where there is no way from `local` to `remote`.
    fn send_outer(
        &mut self,
        core: &mut Core,
        (vni, port): (u32, u16),
        (local, remote): (Option<Ipv4Addr>, Ipv4Addr),
        below: Option<Dev>,
        frame: &Frame,
    ) -> Option<()> {
        // What is not the node's own can't be its source.
        if local.is_some_and(|ip| !self.is_local(ip)) {
            return None;
        }
        let (oif, next) = self.way_by(remote, below).ok()?;
        let chosen = self.way(remote).ok().filter(|(dev, ..)| *dev == oif);
        let chosen = chosen.and_then(|(.., route)| route.source);
        let source = local.or(chosen).or_else(|| self.source_on(oif, next))?;
        let length = HEADER_LEN + frame.len();
        let ports = (source_port(frame), port);
        let bytes = craft::udp_with((source, remote), ports, length, |body| {
            let (header, inner) = body.split_at_mut(HEADER_LEN);
            vxlan::Repr { vni }.emit(&mut vxlan::Packet::new_unchecked(header));
            frame.write(inner);
        });
        // What the node's own rules forbid dies there, and they say so.
        let _ = self.send_by(core, bytes, below);
        Some(())
    }

    /// A datagram that has arrived, if one of the node's tunnels ends at its port. Whether it was one.
    pub fn decapsulate(&mut self, core: &mut Core, iif: Dev, packet: &Packet) -> bool {
        let port = packet.meta.ports.1;
        let ends = self
            .devices()
            .filter_map(|(dev, interface)| match &interface.kind {
                Kind::Vxlan(vxlan) if interface.up && vxlan.port == port => Some((dev, vxlan.vni)),
                _ => None,
            });
        let ends: Vec<(Dev, u32)> = ends.collect();
        if ends.is_empty() {
            return false;
        }
        let payload = packet.payload().get(8..).unwrap_or_default();
        let Ok(outer) = vxlan::Packet::new_checked(payload) else {
            self.dropped(core, "PKT_TOO_SMALL", iif, packet);
            return true;
        };
        let Ok(header) = vxlan::Repr::parse(&outer) else {
            self.dropped(core, "VXLAN_INVALID_HDR", iif, packet);
            return true;
        };
        let Some((dev, _)) = ends.iter().find(|(_, vni)| *vni == header.vni) else {
            self.dropped(core, "VXLAN_VNI_NOT_FOUND", iif, packet);
            return true;
        };
        let Some(frame) = Frame::read(outer.payload()) else {
            return true;
        };
        self.learn_remote(core, *dev, frame.source, packet.meta.source);
        self.receive(core, *dev, frame);
        true
    }

    fn learn_remote(&mut self, core: &Core, dev: Dev, mac: Mac, remote: Ipv4Addr) {
        if let Some(tunnel) = self.tunnel_mut(dev) {
            tunnel.learned.insert(mac, (remote, core.now + AGEING));
        }
    }
}

/// The outer source port: the same for all packets of an inner flow (RFC 7348, section 5). What tells flows
/// apart are addresses, and the ports of TCP and UDP (`skb_get_hash`): all pings between two hosts are one.
fn source_port(frame: &Frame) -> u16 {
    let bytes = &frame.bytes;
    let ports = match (frame.family, bytes.get(9)) {
        (Family::Ip, Some(&TCP | &UDP)) => bytes.get(20..24).unwrap_or_default(),
        _ => &[],
    };
    let addresses = match frame.family {
        Family::Ip => bytes.get(12..20).unwrap_or_default(),
        Family::Arp => &[],
    };
    let macs = frame.source.0.iter().chain(&frame.destination.0);
    let hash = macs.chain(addresses).chain(ports);
    let hash = hash.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    let count = u32::from(PORTS.end - PORTS.start);
    // Below the number of ports.
    PORTS.start + (hash % count) as u16
}
