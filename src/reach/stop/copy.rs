//! A hop's data, copied: references become names.

use super::kind::{Decision, Direction, End, GateStop, StopKind, TableStop, VpgRouteStop};
use super::place;
use crate::cloud::aws::{AclMatch, RouteState, RuleAction};
use crate::reach::{Choice, GateCheck, HopKind, SgMatch, VpgRoute};

impl StopKind {
    /// A copy of what a hop holds.
    pub(super) fn new(kind: &HopKind<'_>) -> Self {
        match *kind {
            HopKind::Sends {
                node,
                source,
                destination,
            } => Self::Sends {
                node: place::name(node),
                source,
                destination,
            },
            HopKind::Arrives { node, destination } => Self::Arrives {
                node: place::name(node),
                destination,
            },
            HopKind::Forwards { node } => Self::Forwards {
                node: place::name(node),
            },
            HopKind::Answers { address, vpc } => Self::Answers {
                address,
                vpc: vpc.map(ToString::to_string),
            },
            HopKind::Session { sim, online } => Self::Session {
                sim: sim.to_string(),
                online,
            },
            HopKind::SharedPlatform => Self::SharedPlatform,
            HopKind::VpgNode { vpg, index } => Self::VpgNode {
                vpg: vpg.to_string(),
                node: index,
            },
            HopKind::VpgRoute { vpg, route } => vpg_route(vpg.to_string(), route),
            HopKind::RoutingFilter { vpg, entry } => Self::RoutingFilter {
                vpg: vpg.to_string(),
                range: entry.map(|(range, _)| range),
                action: entry.map_or(RuleAction::Allow, |(_, action)| action),
            },
            HopKind::Gate { vpg, check } => gate(vpg.to_string(), check),
            HopKind::Nat {
                place: _,
                source,
                from,
                to,
            } => Self::Nat {
                end: End::of(source),
                before: from,
                after: to,
            },
            HopKind::Encapsulates {
                vni,
                from,
                to,
                port,
            } => Self::Encapsulates {
                vni,
                source: from,
                destination: to,
                port,
            },
            HopKind::Decapsulates { at } => Self::Decapsulates { address: at },
            HopKind::SourceDestCheck {
                instance,
                source,
                address,
            } => Self::SourceDestCheck {
                instance: instance.to_string(),
                end: End::of(source),
                address,
            },
            HopKind::SecurityGroups {
                instance,
                egress,
                matched,
            } => security_groups(instance.to_string(), egress, matched),
            HopKind::NetworkAcl {
                acl,
                subnet,
                egress,
                matched,
            } => Self::NetworkAcl {
                acl: acl.to_string(),
                subnet: subnet.to_string(),
                direction: Direction::of(egress),
                entry: match matched {
                    AclMatch::Entry(number, _) => Some(number),
                    AclMatch::FinalDeny => None,
                },
                action: matched.action(),
            },
            HopKind::RouteTable { table, choice } => route_table(table.to_string(), choice),
            HopKind::Vpc { vpc, destination } => Self::Vpc {
                vpc: vpc.to_string(),
                destination,
            },
            HopKind::Peering { peering, foreign } => Self::Peering {
                peering: peering.to_string(),
                refused: foreign.map(|(source, _)| End::of(source)),
                address: foreign.map(|(_, address)| address),
            },
            HopKind::Attachment { attachment } => Self::Attachment {
                attachment: attachment.to_string(),
            },
            HopKind::InternetGateway { gateway, egress } => Self::InternetGateway {
                gateway: gateway.to_string(),
                direction: Direction::of(egress),
            },
            HopKind::Internet { destination } => Self::Internet { destination },
            HopKind::Cut { link } => Self::Cut {
                link: link.to_string(),
            },
            HopKind::Mtu { mtu } => Self::Mtu { mtu },
        }
    }
}

fn vpg_route(vpg: String, route: VpgRoute<'_>) -> StopKind {
    let (mut destination, mut target, mut active) = (None, None, None);
    let route = match route {
        VpgRoute::Device(sim) => {
            target = Some(sim.to_string());
            VpgRouteStop::Device
        }
        VpgRoute::GatePeer(outer) => {
            target = Some(outer.to_string());
            VpgRouteStop::GatePeer
        }
        VpgRoute::NobodyInDeviceSubnet => VpgRouteStop::NobodyInDeviceSubnet,
        VpgRoute::Platform => VpgRouteStop::Platform,
        VpgRoute::Peering(peering, range, is_active) => {
            (destination, active) = (Some(range), Some(is_active));
            target = Some(peering.to_string());
            VpgRouteStop::Peering
        }
        VpgRoute::Customer(_, range, attachment, is_active) => {
            (destination, active) = (Some(range), Some(is_active));
            target = Some(attachment.to_string());
            VpgRouteStop::CustomerRoute
        }
        VpgRoute::InternetGateway => VpgRouteStop::InternetGateway,
        VpgRoute::InternetGatewayOff => VpgRouteStop::InternetGatewayOff,
        VpgRoute::Uncovered => VpgRouteStop::Uncovered,
        VpgRoute::Itself => VpgRouteStop::Itself,
    };
    StopKind::VpgRoute {
        vpg,
        route,
        destination,
        target,
        active,
    }
}

fn gate(vpg: String, check: GateCheck) -> StopKind {
    let (check, value) = match check {
        GateCheck::Open => (GateStop::Open, None),
        GateCheck::PrivacySeparator => (GateStop::PrivacySeparator, None),
        GateCheck::Registered(outer) => (GateStop::Registered, Some(outer.to_string())),
        GateCheck::Vni(vni) => (GateStop::Vni, Some(vni.to_string())),
        GateCheck::Port(port) => (GateStop::Port, Some(port.to_string())),
        GateCheck::InnerSource(inner) => (GateStop::InnerSource, Some(inner.to_string())),
        GateCheck::InnerDestination(inner) => (GateStop::InnerDestination, Some(inner.to_string())),
        GateCheck::Flood(node) => (GateStop::Flood, Some(node.to_string())),
        GateCheck::NoFlood => (GateStop::NoFlood, None),
        GateCheck::Peer(outer) => (GateStop::Peer, Some(outer.to_string())),
    };
    StopKind::Gate { vpg, check, value }
}

fn security_groups(instance: String, egress: bool, matched: SgMatch<'_>) -> StopKind {
    let (decision, by) = match matched {
        SgMatch::Rule(group, rule) => (Decision::Rule, Some((group, rule))),
        SgMatch::Answer => (Decision::Answer, None),
        SgMatch::Nothing => (Decision::Nothing, None),
        SgMatch::NoRules => (Decision::NoRules, None),
    };
    StopKind::SecurityGroups {
        instance,
        direction: Direction::of(egress),
        decision,
        group: by.map(|(group, _)| group.to_string()),
        rule: by.map(|(_, rule)| rule.sentence(egress)),
    }
}

fn route_table(table: String, choice: Choice<'_>) -> StopKind {
    let (route, destination, target) = match choice {
        Choice::Local(range) => (TableStop::Local, Some(range), None),
        Choice::Route(range, target, RouteState::Active) => {
            (TableStop::Active, Some(range), Some(target.to_string()))
        }
        Choice::Route(range, target, RouteState::Blackhole) => {
            (TableStop::Blackhole, Some(range), Some(target.to_string()))
        }
        Choice::Nothing => (TableStop::None, None, None),
    };
    StopKind::RouteTable {
        table,
        route,
        destination,
        target,
    }
}
