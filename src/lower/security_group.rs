//! Security groups: two independent gates, the sender's egress and the receiver's ingress.
//!
//! They are stateful. A connection's mark remembers which gate it was tracked by: an answer passes the
//! receiver's egress because the receiver's ingress tracked it, and the sender's ingress because the
//! sender's egress did. So a tracked flow survives a change of rules, and a flow that the EC2 User
//! Guide ("Untracked connections") calls untracked is asked again packet by packet, and cut at once.

use super::builder::{Builder, NodeExt, allow, deny, jump};
use super::interface;
use super::special::{ANY, host};
use super::vpc_parts::VpcParts;
use crate::cloud::Reason;
use crate::cloud::aws::{
    Instance, InstanceId, IpProtocol, PortRange, RulePeer, SecurityGroupRule, VpcId,
};
use crate::network::{CtDirection, CtState, HookPoint, Match, Protocol, Rule, Statement, Test};

/// The connection was tracked by its sender's egress gate.
const TRACKED_AT_SENDER: u32 = 1;
/// The connection was tracked by its receiver's ingress gate.
const TRACKED_AT_RECEIVER: u32 = 2;

/// The gate at a packet's sender: its address, and the egress rules of its groups.
pub(super) fn sender(b: &mut Builder, parts: &VpcParts) {
    for (id, instance) in &parts.instances {
        let chain = format!("from.{id}");
        let gate = format!("egress.{id}");
        let mut rules = Vec::new();
        if instance.source_dest_check {
            rules.push(deny(
                [!Test::Source(host(instance.private_ip))],
                Reason::EniSourceDestCheckRestriction,
                format!("network interface of {id}, source"),
            ));
        }
        rules.push(jump([], &gate));
        let gate_rules = gate_rules(b, parts.id, (id, instance), Gate::Egress);
        let router = b.node(&parts.node);
        router.chain(&gate, gate_rules);
        router.chain(&chain, rules);
        router
            .hook("forward", HookPoint::Forward, 0)
            .push(jump([Test::Iif(interface::eni(id)).into()], &chain));
    }
}

/// The gate at a packet's receiver: its address, and the ingress rules of its groups.
pub(super) fn receiver(b: &mut Builder, parts: &VpcParts) {
    for (id, instance) in &parts.instances {
        let chain = format!("to.{id}");
        let gate = format!("ingress.{id}");
        let mut rules = Vec::new();
        if instance.source_dest_check {
            rules.push(deny(
                [!Test::Destination(host(instance.private_ip))],
                Reason::EniSourceDestCheckRestriction,
                format!("network interface of {id}, destination"),
            ));
        }
        rules.push(jump([], &gate));
        let gate_rules = gate_rules(b, parts.id, (id, instance), Gate::Ingress);
        let router = b.node(&parts.node);
        router.chain(&gate, gate_rules);
        router.chain(&chain, rules);
        router
            .hook("forward", HookPoint::Forward, 0)
            .push(jump([Test::Oif(interface::eni(id)).into()], &chain));
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Gate {
    Ingress,
    Egress,
}

impl Gate {
    /// The bit that this gate sets, and by which it knows the connection again.
    fn own_bit(self) -> u32 {
        match self {
            Self::Egress => TRACKED_AT_SENDER,
            Self::Ingress => TRACKED_AT_RECEIVER,
        }
    }

    /// The bit that this gate sets for what it lets through without tracking it. It counts for ICMP errors
    /// only, which would need a rule of their own otherwise.
    fn own_untracked_bit(self) -> u32 {
        self.own_bit() << 2
    }

    /// The bit that lets an answer through: that of the same interface's other gate.
    fn answer_bit(self) -> u32 {
        match self {
            Self::Egress => TRACKED_AT_RECEIVER,
            Self::Ingress => TRACKED_AT_SENDER,
        }
    }
}

/// The union of an interface's groups, in one direction.
fn gate_rules(
    b: &Builder,
    vpc: &VpcId,
    (id, instance): (&InstanceId, &Instance),
    gate: Gate,
) -> Vec<Rule> {
    let marked = |direction, bit| -> [Match; 2] {
        let mark = Test::CtMark {
            mask: bit,
            value: bit,
        };
        [Test::CtDirection(direction).into(), mark.into()]
    };
    // An ICMP error goes with the flow that it is about.
    let error = || Match::from(Test::CtState([CtState::Related].into()));
    let about =
        |direction, bit: u32| allow(marked(direction, bit << 2).into_iter().chain([error()]));
    let mut rules = vec![
        allow(marked(CtDirection::Original, gate.own_bit())),
        allow(marked(CtDirection::Reply, gate.answer_bit())),
        about(CtDirection::Original, gate.own_bit()),
        about(CtDirection::Reply, gate.answer_bit()),
    ];
    let aws = &b.cloud.aws;
    let mut any = false;
    for group_id in &instance.security_groups {
        let Some(group) = aws.security_groups.get(group_id) else {
            continue;
        };
        let of_gate = match gate {
            Gate::Ingress => &group.ingress,
            Gate::Egress => &group.egress,
        };
        for rule in of_gate {
            any = true;
            let track = Statement::CtMarkOr(gate.own_bit());
            let matches = rule_matches(b, vpc, rule, gate);
            let noted = Statement::CtMarkOr(gate.own_untracked_bit());
            if !aws.untracked(id, rule, gate == Gate::Ingress) {
                rules.push(Rule::new(matches.clone(), [track]));
            } else {
                // ICMP is always tracked.
                if rule.protocol == IpProtocol::All {
                    let icmp = [Test::Protocol(Protocol::Icmp).into()];
                    let matches = icmp.into_iter().chain(matches.clone());
                    rules.push(Rule::new(matches, [track]));
                }
                rules.push(Rule::new(matches.clone(), [noted]));
            }
            // A rule of its own: what belongs to no connection, like an answer that went astray, can't be
            // marked, and the rest of the rule that would do so is passed over.
            rules.push(allow(matches));
        }
    }
    let groups: Vec<_> = instance
        .security_groups
        .iter()
        .map(|g| g.as_str())
        .collect();
    let (direction, noun) = (
        if gate == Gate::Ingress {
            "ingress"
        } else {
            "egress"
        },
        if groups.len() == 1 { "group" } else { "groups" },
    );
    let resource = format!("security {noun} {}, {direction} of {id}", groups.join(", "));
    let reason = if any {
        Reason::EniSgRulesMismatch
    } else {
        Reason::SgHasNoRules
    };
    rules.push(deny([], reason, resource));
    rules
}

fn rule_matches(b: &Builder, vpc: &VpcId, rule: &SecurityGroupRule, gate: Gate) -> Vec<Match> {
    let mut matches = transport(rule.protocol, rule.ports, rule.icmp_type);
    let peers = match &rule.peer {
        RulePeer::Cidr(ANY) => return matches,
        RulePeer::Cidr(cidr) => [*cidr].into(),
        RulePeer::Group(group) => b
            .cloud
            .aws
            .group_addresses(vpc, group)
            .into_iter()
            .map(host)
            .collect(),
    };
    matches.push(match gate {
        Gate::Ingress => Test::SourceIn(peers).into(),
        Gate::Egress => Test::DestinationIn(peers).into(),
    });
    matches
}

/// Protocol and destination ports, as security groups and network ACLs name them alike.
pub(super) fn transport(
    protocol: IpProtocol,
    ports: PortRange,
    icmp_type: Option<u8>,
) -> Vec<Match> {
    let with_ports = |protocol| {
        let mut matches = vec![Test::Protocol(protocol).into()];
        if ports != PortRange::ALL {
            matches.push(Test::DestinationPort(ports.from..=ports.to).into());
        }
        matches
    };
    match protocol {
        IpProtocol::All => Vec::new(),
        IpProtocol::Tcp => with_ports(Protocol::Tcp),
        IpProtocol::Udp => with_ports(Protocol::Udp),
        IpProtocol::Icmp => [Test::Protocol(Protocol::Icmp).into()]
            .into_iter()
            .chain(icmp_type.map(|kind| Test::IcmpType(kind).into()))
            .collect(),
    }
}
