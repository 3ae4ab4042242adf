//! What was decided at a hop, in words that read on after its place.

use super::place::side;
use crate::cloud::Cloud;
use crate::cloud::aws::{AclMatch, InstanceId, RouteState, RuleAction};
use crate::cloud::soracom::VpgType;
use crate::reach::{Choice, GateCheck, HopKind, SgMatch, VpgRoute};

/// What was decided at a hop that a packet passes, or at which it dies.
pub(super) fn says(kind: &HopKind<'_>, passes: bool, cloud: &Cloud) -> String {
    match *kind {
        HopKind::Sends {
            source,
            destination,
            ..
        } => format!("sends {source} → {destination}"),
        HopKind::Arrives { destination, .. } => format!("gets what is for {destination}"),
        HopKind::Forwards { .. } if passes => "forwards it".to_owned(),
        HopKind::Forwards { .. } => "does not forward it".to_owned(),
        HopKind::Answers { address, .. } => format!("answers at {address}"),
        HopKind::Session { online: true, .. } => "is online".to_owned(),
        HopKind::Session { online: false, .. } => "there is none: the SIM is offline".to_owned(),
        HopKind::SharedPlatform => "the session is on no VPG".to_owned(),
        HopKind::VpgNode { vpg, index } => {
            let vpg = cloud.soracom.vpgs.get(vpg);
            let outer = vpg.and_then(|vpg| vpg.outer_ips().get(index).copied());
            match outer {
                Some(outer) => format!("its outer address is {outer}"),
                None => "is gone".to_owned(),
            }
        }
        HopKind::VpgRoute { vpg, route } => {
            let vpg_type = cloud.soracom.vpgs.get(vpg).map(|vpg| vpg.vpg_type);
            vpg_route(route, vpg_type)
        }
        HopKind::RoutingFilter { entry, .. } => match entry {
            Some((range, RuleAction::Deny)) => format!("deny {range}"),
            Some((range, RuleAction::Allow)) => format!("allow {range}"),
            None => "no entry matches, so it passes".to_owned(),
        },
        HopKind::Gate { check, .. } => gate(check, passes),
        HopKind::Nat {
            source, from, to, ..
        } => format!("{} {from} becomes {to}", end(source)),
        HopKind::Encapsulates {
            vni,
            from,
            to,
            port,
        } => format!("puts it into VNI {vni}: {from} → {to} udp/{port}"),
        HopKind::Decapsulates { at } => format!("takes it out at {at}"),
        HopKind::SourceDestCheck {
            instance,
            source,
            address,
        } => source_dest_check(instance, source, address, passes, cloud),
        HopKind::SecurityGroups {
            instance,
            egress,
            matched,
        } => match matched {
            SgMatch::Rule(group, rule) => {
                let instance = cloud.aws.instances.get(instance);
                let several = instance.is_some_and(|i| i.security_groups.len() > 1);
                let of = if several {
                    format!(" of {group}")
                } else {
                    String::new()
                };
                format!("{}{of} lets it through", rule.sentence(egress))
            }
            SgMatch::Answer => "an answer to what was let through".to_owned(),
            SgMatch::Nothing => "no rule lets it through".to_owned(),
            SgMatch::NoRules => "there are no rules".to_owned(),
        },
        HopKind::NetworkAcl {
            subnet,
            egress,
            matched,
            ..
        } => {
            let decided = match matched {
                AclMatch::Entry(number, RuleAction::Allow) => format!("entry {number} allows it"),
                AclMatch::Entry(number, RuleAction::Deny) => format!("entry {number} denies it"),
                AclMatch::FinalDeny => "no entry matches, so entry * denies it".to_owned(),
            };
            let way = if egress { "out of" } else { "into" };
            format!("{decided}, {way} subnet {subnet}")
        }
        HopKind::RouteTable { choice, .. } => match choice {
            Choice::Local(range) => format!("{range} → local"),
            Choice::Route(range, target, RouteState::Active) => format!("{range} → {target}"),
            Choice::Route(range, target, RouteState::Blackhole) => {
                format!("{range} → {target}: a blackhole")
            }
            Choice::Nothing => "no route matches".to_owned(),
        },
        HopKind::Vpc { destination, .. } if passes => format!("{destination} is one of its own"),
        HopKind::Vpc { destination, .. } => format!("nothing that runs in it has {destination}"),
        HopKind::Peering { foreign, .. } => match foreign {
            Some((true, address)) => {
                format!("the source {address} is none of the sending side's")
            }
            Some((false, address)) => {
                format!("the destination {address} is none of the other side's")
            }
            None => carries(passes),
        },
        HopKind::Attachment { .. } => carries(passes),
        HopKind::InternetGateway { egress, .. } => match (passes, egress) {
            (true, true) => "lets it out to the internet".to_owned(),
            (true, false) => "lets it in from the internet".to_owned(),
            (false, true) => "does not let it out".to_owned(),
            (false, false) => "does not let it in".to_owned(),
        },
        HopKind::Internet { destination } if passes => format!("carries it to {destination}"),
        HopKind::Internet { destination } => format!("nothing in it has {destination}"),
        HopKind::Cut { .. } => "is cut".to_owned(),
        HopKind::Mtu { mtu } => {
            let then = if passes {
                "so it goes in fragments"
            } else {
                "and may not be fragmented"
            };
            format!("the packet is larger than the MTU of {mtu}, {then}")
        }
    }
}

fn carries(passes: bool) -> String {
    let words = if passes {
        "carries it"
    } else {
        "does not carry it"
    };
    words.to_owned()
}

fn end(source: bool) -> &'static str {
    if source { "source" } else { "destination" }
}

fn vpg_route(route: VpgRoute<'_>, vpg_type: Option<VpgType>) -> String {
    let state = |active: bool| {
        if active { "" } else { ", which is not active" }
    };
    match route {
        VpgRoute::Device(sim) => format!("it is the address of SIM {sim}"),
        VpgRoute::GatePeer(outer) => format!("it is the inner address of the Gate peer {outer}"),
        VpgRoute::NobodyInDeviceSubnet => "nothing in the device subnet has the address".to_owned(),
        VpgRoute::Platform => "SORACOM's platform has the address".to_owned(),
        VpgRoute::Peering(peering, range, active) => {
            format!("{range} → peering {peering}{}", state(active))
        }
        VpgRoute::Customer(route, range, attachment, active) => format!(
            "customer route {route}: {range} → attachment {attachment}{}",
            state(active)
        ),
        VpgRoute::InternetGateway => "everything else → the internet".to_owned(),
        VpgRoute::InternetGatewayOff => {
            "everything else → the internet, but the internet gateway is off".to_owned()
        }
        VpgRoute::Uncovered => uncovered(vpg_type).to_owned(),
        VpgRoute::Itself => "it is the node's own address, and nothing is behind it".to_owned(),
    }
}

/// Why a private address has no way out of a VPG.
pub(super) fn uncovered(vpg_type: Option<VpgType>) -> &'static str {
    match vpg_type {
        Some(VpgType::E) => "Type-E has no private connections",
        Some(VpgType::F2) => "no customer route covers it",
        Some(VpgType::F) | None => "no peering covers it",
    }
}

fn gate(check: GateCheck, passes: bool) -> String {
    match (check, passes) {
        (GateCheck::Open, true) => "is open".to_owned(),
        (GateCheck::Open, false) => "is not open".to_owned(),
        (GateCheck::PrivacySeparator, true) => "the privacy separator is off".to_owned(),
        (GateCheck::PrivacySeparator, false) => "the privacy separator is on".to_owned(),
        (GateCheck::Registered(outer), true) => format!("{outer} is a registered peer"),
        (GateCheck::Registered(outer), false) => format!("{outer} is not a registered peer"),
        (GateCheck::Vni(vni), true) => format!("VNI {vni} is the VPG's"),
        (GateCheck::Vni(vni), false) => format!("VNI {vni} is not the VPG's"),
        (GateCheck::Port(port), true) => format!("listens on udp/{port}"),
        (GateCheck::Port(port), false) => format!("does not listen on udp/{port}"),
        (GateCheck::InnerSource(inner), true) => {
            format!("{inner} is the inner address of a registered peer")
        }
        (GateCheck::InnerSource(inner), false) => {
            format!("{inner} is not the inner address that the peer is registered with")
        }
        (GateCheck::InnerDestination(inner), true) => format!("knows who has {inner}"),
        (GateCheck::InnerDestination(inner), false) => format!("nobody has {inner}"),
        (GateCheck::Flood(index), true) => {
            format!(
                "the peer floods to {}, which serves the session",
                side(index)
            )
        }
        (GateCheck::Flood(index), false) => format!(
            "the peer does not flood to {}, which serves the session",
            side(index)
        ),
        (GateCheck::NoFlood, true) => "the peer's VXLAN interface has an entry to flood to".into(),
        (GateCheck::NoFlood, false) => {
            "the peer's VXLAN interface has no entry to flood to".to_owned()
        }
        (GateCheck::Peer(outer), true) => format!("the peer {outer} answers for its inner address"),
        (GateCheck::Peer(outer), false) => {
            format!("the peer {outer} does not answer for its inner address")
        }
    }
}

fn source_dest_check(
    id: &InstanceId,
    source: bool,
    address: std::net::Ipv4Addr,
    passes: bool,
    cloud: &Cloud,
) -> String {
    let end = end(source);
    let instance = cloud.aws.instances.get(id);
    if !passes {
        format!("the {end} {address} is not its own, and the source/destination check is on")
    } else if instance.is_some_and(|instance| instance.private_ip == address) {
        format!("the {end} {address} is its own")
    } else {
        format!("the {end} {address} is not its own, but the source/destination check is off")
    }
}
