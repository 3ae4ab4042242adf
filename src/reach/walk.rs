//! A packet on its way: the stops so far, and what is to be remembered.

use std::net::Ipv4Addr;

use super::hop::{Hop, HopKind, Node};
use super::map::{Map, Place};
use super::packet::{Memory, Packet};
use crate::cloud::{LinkName, Reason};

/// The TTL that machines send with (ip-sysctl, `ip_default_ttl`).
const TTL: u8 = 64;

/// One packet's way through the clouds.
pub(super) struct Walk<'m, 'a> {
    pub map: &'m Map<'a>,
    pub hops: Vec<Hop<'a>>,
    /// Whether the packet is an answer, so that who remembers its flow lets it pass.
    pub answer: bool,
    /// The tunnel that the packet is in.
    pub tunnel: Option<Tunnel>,
    pub memory: Memory<'a>,
    /// Where copies of a flooded question died, and what a machine may say before the cloud has
    /// a say: any of these may be seen instead of the reason.
    pub also: Vec<Reason>,
    pub doubtful: Vec<Node<'a>>,
    pub ttl: u8,
}

/// A VXLAN tunnel, as its outer packets show it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tunnel {
    pub vni: u32,
}

/// Where a packet ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Machine(Place),
    /// An endpoint of SORACOM's platform.
    Platform(Ipv4Addr),
    /// The router of a VPC, by its number.
    Router(usize, Ipv4Addr),
    /// A node of a VPG, by the VPG's number and its own: as the end of a tunnel, or of a packet inside.
    Vpg(usize, usize),
}

/// What becomes of a packet: where it ends and how it looks there, or why it dies at the last stop.
pub(super) type Fate = Result<(End, Packet), Reason>;

impl<'m, 'a> Walk<'m, 'a> {
    pub fn new(map: &'m Map<'a>) -> Self {
        Self {
            map,
            hops: Vec::with_capacity(16),
            answer: false,
            tunnel: None,
            memory: Memory::default(),
            also: Vec::new(),
            doubtful: Vec::new(),
            ttl: TTL,
        }
    }

    /// Begins the way back; gives the stops of the way there.
    pub fn turn(&mut self) -> Vec<Hop<'a>> {
        self.answer = true;
        self.ttl = TTL;
        std::mem::replace(&mut self.hops, Vec::with_capacity(16))
    }

    /// Notes a stop.
    pub fn stop(&mut self, kind: HopKind<'a>) {
        self.hops.push(Hop {
            tunnelled: self.tunnel.is_some(),
            kind,
        });
    }

    /// Notes the stop at which the packet dies.
    pub fn die<T>(&mut self, kind: HopKind<'a>, reason: Reason) -> Result<T, Reason> {
        self.stop(kind);
        Err(reason)
    }

    /// Takes one from the TTL, at a stop noted already.
    pub fn decrement(&mut self) -> Result<(), Reason> {
        self.ttl -= 1;
        if self.ttl == 0 {
            return Err(Reason::RoutingLoop);
        }
        Ok(())
    }

    /// Refuses what a link can't carry.
    pub fn fits(&mut self, packet: &Packet, mtu: u32) -> Result<(), Reason> {
        if packet.exceeds(mtu) {
            return self.die(HopKind::Mtu { mtu }, Reason::MtuExceeded);
        }
        Ok(())
    }

    /// Crosses a link, unless it is cut.
    pub fn cross(&mut self, link: impl FnOnce() -> LinkName) -> Result<(), Reason> {
        let cut = self.map.cut;
        // As a rule none is, and then nobody need know which link it is.
        if cut.is_empty() {
            return Ok(());
        }
        match cut.get(&link()) {
            Some(link) => self.die(HopKind::Cut { link }, Reason::LinkCut),
            None => Ok(()),
        }
    }

    /// Follows the outer packet of a tunnel, which is a flow of its own: nobody takes it for an answer.
    pub fn outer(&mut self, tunnel: Tunnel, follow: impl FnOnce(&mut Self) -> Fate) -> Fate {
        let memory = std::mem::take(&mut self.memory);
        let answer = std::mem::replace(&mut self.answer, false);
        let ttl = std::mem::replace(&mut self.ttl, TTL);
        let within = self.tunnel.replace(tunnel);
        let fate = follow(self);
        self.memory = memory;
        self.answer = answer;
        self.ttl = ttl;
        self.tunnel = within;
        fate
    }
}
