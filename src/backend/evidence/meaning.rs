//! What a drop of the kernel's own means in the clouds' words.
//!
//! Pure: a reason's name, where it was given and the packet in; a label out. A label is final only
//! where the drop proves that the packet, and every copy of it, is dead for just that cause.

use std::net::Ipv4Addr;

use super::dissect::{Arp, Body, Frame, Ip};
use super::scene::Scene;
use crate::cloud::Reason;
use crate::network::{Family, Label, NodeId};

/// A packet that the kernel dropped.
#[derive(Clone, Copy, Debug)]
pub(in crate::backend) struct Drop<'a> {
    /// The node.
    pub node: &'a NodeId,
    /// The kernel's reason, without `SKB_DROP_REASON_`.
    pub reason: &'a str,
    /// The kind of the device that the packet was on: `vxlan`, `veth`.
    pub kind: &'a str,
    /// The function that dropped it, where only that tells what it means: `NOT_SPECIFIED` on a veth.
    pub place: Option<&'a str>,
    /// IPv4 or ARP.
    pub family: Family,
    /// The packet from its network header on.
    pub packet: &'a [u8],
}

/// What a drop means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::backend) enum Meaning {
    /// This.
    Known(Label),
    /// The kernel's own word is all that there is to say: a hint.
    Unknown,
    /// Nothing: a by-product of ordinary operation, or what another witness tells better.
    Noise,
}

/// Finds out what a drop means.
pub(in crate::backend) fn meaning(drop: &Drop<'_>, scene: &Scene) -> Meaning {
    let Some(packet) = Packet::read(drop) else {
        return Meaning::Noise;
    };
    // The death of a complaint is not the death of what it complains about.
    if packet.is_complaint() {
        return Meaning::Noise;
    }
    let users = scene.is_users(drop.node);
    let name = words(drop.node);
    let on_vxlan = drop.kind == "vxlan";
    let sole = !packet.may_be_a_copy(scene);
    let known = |reason: Reason, resource: String, is_final: bool| {
        Meaning::Known(Label {
            is_final,
            reason: reason.code().to_owned(),
            resource,
        })
    };
    match drop.reason {
        // The far end of a tunnel.
        "VXLAN_VNI_NOT_FOUND" => match packet.tunnel() {
            Some((vni, _)) => known(
                Reason::GateVniMismatch,
                format!("{name}: no VXLAN interface with VNI {vni}"),
                sole,
            ),
            None => Meaning::Unknown,
        },
        "NO_SOCKET" => match packet.tunnel() {
            Some((_, port)) if users => known(
                Reason::GatePeerSilent,
                format!("{name}: nothing ends VXLAN at udp/{port}"),
                sole,
            ),
            // Another machine has the asking one's address. Seen too where an answer is late.
            _ if is_machine(drop.node) && packet.is_answer() => known(
                Reason::AddressConflict,
                format!("{name} gets the answer, and did not ask"),
                false,
            ),
            // A closed port: the far end says so itself.
            _ => Meaning::Noise,
        },

        // The near end of a tunnel.
        "NO_TX_TARGET" if on_vxlan => known(
            Reason::GateNoFloodEntry,
            format!("{name}: its VXLAN interface has no FDB entry"),
            true,
        ),
        // Without a route from `local` the kernel sends nothing; there is none from an address that
        // the machine does not have.
        "IP_OUTNOROUTES" if on_vxlan => known(
            Reason::GateWrongOuterAddress,
            format!("{name}: its VXLAN interface has a `local` or an FDB entry without a route"),
            !packet.is_flooded(),
        ),

        // What arrives where it should not.
        "IP_INADDRERRORS" if is_machine(drop.node) => match packet.outermost() {
            // Through the tunnel it came, so the VPG knows the machine as its peer.
            Some(ip) if on_vxlan && scene.is_behind_tunnel(ip) => known(
                Reason::GatePeerSilent,
                format!("{name} does not have the inner address {ip}"),
                true,
            ),
            Some(ip) => known(
                Reason::HostDoesNotForward,
                format!("{name}, net.ipv4.ip_forward=0: a packet for {ip}"),
                true,
            ),
            None => Meaning::Unknown,
        },
        "IP_INNOROUTES" if is_machine(drop.node) => known(
            Reason::NoRouteToDestination,
            format!("routes of {name}"),
            true,
        ),
        // Round in a circle: back to who sent it, or until nothing is left of the TTL.
        "IP_LOCAL_SOURCE" if is_machine(drop.node) => known(
            Reason::RoutingLoop,
            format!("{name} gets its own packet back"),
            true,
        ),
        "IP_INHDR" if ttl(drop.packet).is_some_and(|ttl| ttl <= 1) => known(
            Reason::RoutingLoop,
            format!("{name}: nothing is left of the TTL"),
            true,
        ),
        "IP_RPFILTER" if is_machine(drop.node) => known(
            Reason::HostFilter,
            format!("{name}, net.ipv4.conf.*.rp_filter: no way back to the source"),
            true,
        ),

        // TCP tries again with smaller packets.
        "PKT_TOO_BIG" => known(
            Reason::MtuExceeded,
            format!("{name}: the link that the packet goes out by"),
            !packet.is_tcp(),
        ),
        // An interface takes nothing that is larger than its own MTU, and nothing at all while it is down.
        "NOT_SPECIFIED" if drop.place.is_some_and(|at| at.contains("dev_forward_skb")) => {
            let length = ip_length(drop.packet);
            if length > ALWAYS_TAKEN {
                known(
                    Reason::MtuExceeded,
                    format!("{name}: the link's far interface takes no packets of {length} bytes"),
                    false,
                )
            } else {
                known(
                    Reason::NoPossibleDestination,
                    format!("{name}: the link's far interface is down"),
                    false,
                )
            }
        }
        "NEIGH_FAILED" => match packet.destination() {
            Some(ip) if on_vxlan && scene.is_behind_tunnel(ip) => known(
                Reason::GatePeerSilent,
                format!("{name}: nobody answers ARP for {ip}"),
                true,
            ),
            _ => Meaning::Unknown,
        },

        // Rules of ours have said why already; those without a label are no evidence.
        "NETFILTER_DROP" if users => known(
            Reason::HostFilter,
            format!("the packet filter of {name}"),
            sole,
        ),
        "NETFILTER_DROP" => Meaning::Noise,
        reason if is_noise(reason) => Meaning::Noise,
        _ => Meaning::Unknown,
    }
}

/// A hint in the kernel's own words. `place` is the function that dropped it.
pub(in crate::backend) fn unknown(drop: &Drop<'_>, place: Option<&str>) -> Label {
    let name = words(drop.node);
    Label {
        is_final: false,
        reason: format!("KERNEL_{}", drop.reason),
        resource: match place {
            Some(place) => format!("{name}, in {place}"),
            None => name,
        },
    }
}

/// What happens all the time: sockets being closed, TCP's own bookkeeping, frames for others.
fn is_noise(reason: &str) -> bool {
    const FAMILIES: [&str; 4] = ["TCP_", "SOCKET_", "UNIX_", "SKB_"];
    const SINGLE: [&str; 7] = [
        // Anything at all, among it the end of many a packet that was read.
        "NOT_SPECIFIED",
        "OTHERHOST",
        "QUEUE_PURGE",
        "PACKET_SOCK_ERROR",
        "UNHANDLED_PROTO",
        "IP_NOPROTO",
        // A neighbour's queue drops the oldest; its end tells the rest.
        "NEIGH_QUEUEFULL",
    ];
    SINGLE.contains(&reason) || FAMILIES.iter().any(|family| reason.starts_with(family))
}

/// What every interface takes in practice: the largest packet that every IPv4 host must (RFC 791).
const ALWAYS_TAKEN: u16 = 576;

/// An IPv4 packet's length by its own header; 0 for what has none.
fn ip_length(packet: &[u8]) -> u16 {
    match packet {
        [first, _, a, b, ..] if first >> 4 == 4 => u16::from_be_bytes([*a, *b]),
        _ => 0,
    }
}

/// An IPv4 packet's TTL by its own header.
fn ttl(packet: &[u8]) -> Option<u8> {
    let version = packet.first()? >> 4;
    packet.get(8).copied().filter(|_| version == 4)
}

/// Whether a node is somebody's machine, not a part of a cloud.
fn is_machine(node: &NodeId) -> bool {
    let name = node.as_str();
    name == "pc" || name.starts_with("instance/") || name.starts_with("sim/")
}

/// A node in words: `instance server`.
pub(in crate::backend) fn words(node: &NodeId) -> String {
    match node.as_str().split_once('/') {
        Some(("sim", sim)) => format!("device {sim}"),
        Some(("vpc", vpc)) => format!("VPC {vpc}"),
        Some(("pcx", peering)) => format!("peering {peering}"),
        Some(("igw", gateway)) => format!("internet gateway {gateway}"),
        Some(("tgw", attachment)) => format!("Transit Gateway attachment {attachment}"),
        Some(("vpg", vpg)) => format!("VPG {}", vpg.replace('/', ", node ")),
        Some((kind, name)) => format!("{kind} {name}"),
        None => node.to_string(),
    }
}

/// A packet, as far as it could be read.
enum Packet<'a> {
    Ip(Ip<'a>),
    Arp(Arp),
}

impl<'a> Packet<'a> {
    fn read(drop: &Drop<'a>) -> Option<Self> {
        match drop.family {
            Family::Ip => Ip::read(drop.packet).map(Self::Ip),
            Family::Arp => Arp::read(drop.packet).map(Self::Arp),
        }
    }

    /// If it is VXLAN: its VNI and UDP port.
    fn tunnel(&self) -> Option<(u32, u16)> {
        let Self::Ip(ip) = self else { return None };
        match &ip.body {
            Body::Udp {
                ports,
                tunnel: Some(tunnel),
                ..
            } => Some((tunnel.vni, ports.destination)),
            _ => None,
        }
    }

    /// The packet in the tunnel, or this one itself.
    fn innermost(&self) -> Innermost<'_, 'a> {
        match self {
            Self::Arp(arp) => Innermost::Arp(arp),
            Self::Ip(Ip {
                body:
                    Body::Udp {
                        tunnel: Some(tunnel),
                        ..
                    },
                ..
            }) => match &tunnel.frame {
                Frame::Ip(ip) => Innermost::Ip(ip),
                Frame::Arp(arp) => Innermost::Arp(arp),
            },
            Self::Ip(ip) => Innermost::Ip(ip),
        }
    }

    /// An ICMP error that is not what a closed UDP port answers.
    fn is_complaint(&self) -> bool {
        let Innermost::Ip(ip) = self.innermost() else {
            return false;
        };
        match &ip.body {
            Body::IcmpError { .. } => !ip.is_refusal(),
            Body::Tcp { .. } | Body::Udp { .. } | Body::Echo { .. } | Body::Other(_) => false,
        }
    }

    fn is_tcp(&self) -> bool {
        matches!(self.innermost(), Innermost::Ip(ip) if matches!(ip.body, Body::Tcp { .. }))
    }

    /// Where it goes by its outermost header.
    fn outermost(&self) -> Option<Ipv4Addr> {
        match self {
            Self::Ip(ip) => Some(ip.destination),
            Self::Arp(_) => None,
        }
    }

    /// Whether it answers something, as far as its own header tells.
    fn is_answer(&self) -> bool {
        /// Where Linux's ephemeral ports begin (ip-sysctl, `ip_local_port_range`).
        const EPHEMERAL: u16 = 32_768;
        let Self::Ip(ip) = self else { return false };
        match &ip.body {
            // A port is open, or closed.
            Body::Tcp { flags, .. } => matches!(flags.as_deref(), Some("S." | "R.")),
            Body::Udp {
                ports,
                tunnel: None,
                ..
            } => ports.destination >= EPHEMERAL && ports.source < EPHEMERAL,
            Body::Echo { reply, .. } => *reply,
            Body::Udp { .. } | Body::IcmpError { .. } | Body::Other(_) => false,
        }
    }

    /// Where it goes, or whom it asks for.
    fn destination(&self) -> Option<Ipv4Addr> {
        match self.innermost() {
            Innermost::Ip(ip) => Some(ip.destination),
            Innermost::Arp(_) => None,
        }
    }

    /// A question to everybody.
    fn is_flooded(&self) -> bool {
        matches!(self.innermost(), Innermost::Arp(arp) if !arp.reply)
    }

    /// Whether others may have got the same: then the death of one copy proves nothing. The network's own
    /// tunnels flood to as many as they are told; how many entries a machine's tunnel has nobody knows.
    fn may_be_a_copy(&self, scene: &Scene) -> bool {
        let several = |asked: usize| asked > 1;
        match self.innermost() {
            Innermost::Ip(ip) => {
                self.tunnel().is_some() && scene.asked(ip.destination).is_some_and(several)
            }
            Innermost::Arp(arp) if arp.reply => false,
            Innermost::Arp(arp) => scene
                .asked(arp.target)
                .map_or(self.tunnel().is_some(), several),
        }
    }
}

enum Innermost<'p, 'a> {
    Ip(&'p Ip<'a>),
    Arp(&'p Arp),
}

#[cfg(test)]
mod tests;
