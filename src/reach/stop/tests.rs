//! Every kind of hop, passed and died at, in words and as data.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::*;
use crate::cloud::aws::{
    AclMatch, AttachmentId, InstanceId, InternetGatewayId, IpProtocol, NetworkAclId, PeeringId,
    PortRange, RouteState, RouteTableId, RouteTarget, RuleAction, RulePeer, SecurityGroupId,
    SecurityGroupRule, SubnetId, VpcId,
};
use crate::cloud::soracom::{CustomerRouteId, SimId, VpgId, platform};
use crate::cloud::testing::World;
use crate::cloud::{LinkName, Reason, internet};
use crate::reach::{Choice, GateCheck, HopKind, NatPlace, Node, SgMatch, VpgRoute};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);
const SENSOR: Ipv4Addr = Ipv4Addr::new(10, 128, 0, 3);
const OUTER: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 4);
const CUSTOMER: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 16);

/// The names that the samples borrow.
struct Names {
    sim: SimId,
    link: LinkName,
    instance: InstanceId,
    vpc: VpcId,
    vpg: VpgId,
    peering: PeeringId,
    attachment: AttachmentId,
    customer_route: CustomerRouteId,
    gateway: InternetGatewayId,
    acl: NetworkAclId,
    subnet: SubnetId,
    table: RouteTableId,
    group: SecurityGroupId,
    rule: SecurityGroupRule,
    target: RouteTarget,
}

impl Names {
    fn new() -> Self {
        Self {
            sim: SimId::new("sensor"),
            link: LinkName::Sim(SimId::new("sensor")),
            instance: InstanceId::new("server"),
            vpc: VpcId::new("customer"),
            vpg: VpgId::new("vpg"),
            peering: PeeringId::new("pcx"),
            attachment: AttachmentId::new("tgw"),
            customer_route: CustomerRouteId::new("to-vpc"),
            gateway: InternetGatewayId::new("igw"),
            acl: NetworkAclId::new("guard"),
            subnet: SubnetId::new("public"),
            table: RouteTableId::new("public"),
            group: SecurityGroupId::new("web"),
            rule: SecurityGroupRule {
                protocol: IpProtocol::Tcp,
                ports: PortRange { from: 80, to: 80 },
                icmp_type: None,
                peer: RulePeer::Cidr(CUSTOMER),
            },
            target: RouteTarget::Peering(PeeringId::new("pcx")),
        }
    }

    /// A hop of every kind, and of every variant of what is in it.
    fn hops(&self) -> Vec<HopKind<'_>> {
        let mut hops = vec![
            HopKind::Sends {
                node: Node::Sim(&self.sim),
                source: SENSOR,
                destination: SERVER,
            },
            HopKind::Arrives {
                node: Node::Instance(&self.instance),
                destination: SERVER,
            },
            HopKind::Forwards { node: Node::Pc },
            HopKind::Forwards {
                node: Node::Internet,
            },
            HopKind::SharedPlatform,
            HopKind::VpgNode {
                vpg: &self.vpg,
                index: 1,
            },
            HopKind::Encapsulates {
                vni: 10,
                from: SERVER,
                to: OUTER,
                port: 4789,
            },
            HopKind::Decapsulates { at: OUTER },
            HopKind::Vpc {
                vpc: &self.vpc,
                destination: SERVER,
            },
            HopKind::Attachment {
                attachment: &self.attachment,
            },
            HopKind::Internet {
                destination: internet::PC,
            },
            HopKind::Cut { link: &self.link },
            HopKind::Mtu { mtu: 1500 },
        ];
        let endpoints = [platform::PONG, platform::NTP, platform::DNS[1], SERVER];
        hops.extend(endpoints.map(|address| HopKind::Answers { address, vpc: None }));
        hops.push(HopKind::Answers {
            address: SERVER,
            vpc: Some(&self.vpc),
        });
        let sim = &self.sim;
        hops.extend([true, false].map(|online| HopKind::Session { sim, online }));
        let vpg = &self.vpg;
        let routes = [
            VpgRoute::Device(sim),
            VpgRoute::GatePeer(SERVER),
            VpgRoute::NobodyInDeviceSubnet,
            VpgRoute::Platform,
            VpgRoute::Peering(&self.peering, CUSTOMER, true),
            VpgRoute::Peering(&self.peering, CUSTOMER, false),
            VpgRoute::Customer(&self.customer_route, CUSTOMER, &self.attachment, false),
            VpgRoute::InternetGateway,
            VpgRoute::InternetGatewayOff,
            VpgRoute::Uncovered,
            VpgRoute::Itself,
        ];
        hops.extend(routes.map(|route| HopKind::VpgRoute { vpg, route }));
        let entries = [
            None,
            Some((CUSTOMER, RuleAction::Allow)),
            Some((CUSTOMER, RuleAction::Deny)),
        ];
        hops.extend(entries.map(|entry| HopKind::RoutingFilter { vpg, entry }));
        let checks = [
            GateCheck::Open,
            GateCheck::PrivacySeparator,
            GateCheck::Registered(SERVER),
            GateCheck::Vni(10),
            GateCheck::Port(8472),
            GateCheck::InnerSource(SENSOR),
            GateCheck::InnerDestination(SENSOR),
            GateCheck::Flood(0),
            GateCheck::NoFlood,
            GateCheck::Peer(SERVER),
        ];
        hops.extend(checks.map(|check| HopKind::Gate { vpg, check }));
        for (place, source) in [
            (NatPlace::Vpg(vpg, 0), true),
            (NatPlace::SharedPlatform, true),
            (NatPlace::InternetGateway(&self.gateway), false),
        ] {
            hops.push(HopKind::Nat {
                place,
                source,
                from: SENSOR,
                to: OUTER,
            });
        }
        let instance = &self.instance;
        for source in [true, false] {
            hops.push(HopKind::SourceDestCheck {
                instance,
                source,
                address: SENSOR,
            });
            hops.push(HopKind::Peering {
                peering: &self.peering,
                foreign: Some((source, SENSOR)),
            });
            hops.push(HopKind::InternetGateway {
                gateway: &self.gateway,
                egress: source,
            });
        }
        hops.push(HopKind::Peering {
            peering: &self.peering,
            foreign: None,
        });
        for (egress, matched) in [
            (false, SgMatch::Rule(&self.group, &self.rule)),
            (true, SgMatch::Rule(&self.group, &self.rule)),
            (true, SgMatch::Answer),
            (false, SgMatch::Nothing),
            (false, SgMatch::NoRules),
        ] {
            hops.push(HopKind::SecurityGroups {
                instance,
                egress,
                matched,
            });
        }
        for matched in [
            AclMatch::Entry(100, RuleAction::Allow),
            AclMatch::Entry(90, RuleAction::Deny),
            AclMatch::FinalDeny,
        ] {
            hops.push(HopKind::NetworkAcl {
                acl: &self.acl,
                subnet: &self.subnet,
                egress: false,
                matched,
            });
        }
        let table = &self.table;
        let choices = [
            Choice::Local(CUSTOMER),
            Choice::Route(CUSTOMER, &self.target, RouteState::Active),
            Choice::Route(CUSTOMER, &self.target, RouteState::Blackhole),
            Choice::Nothing,
        ];
        hops.extend(choices.map(|choice| HopKind::RouteTable { table, choice }));
        hops
    }
}

/// The clouds that the samples are about.
fn cloud() -> Cloud {
    let mut world = World::with_vpg();
    for (name, parameters) in [
        (
            "CreateSubnet",
            serde_json::json!({"as": "public", "vpc": "customer", "cidr": "10.0.0.0/24"}),
        ),
        (
            "CreateSecurityGroup",
            serde_json::json!({"as": "web", "vpc": "customer"}),
        ),
        (
            "RunInstances",
            serde_json::json!({
                "as": "server", "subnet": "public", "private_ip": "10.0.0.254",
                "security_groups": ["web"],
            }),
        ),
    ] {
        world.run(name, parameters);
    }
    world.cloud
}

#[test]
fn every_hop_reads_like_a_sentence() {
    let (names, cloud) = (Names::new(), cloud());
    let mut text = String::new();
    for kind in names.hops() {
        let hop = Hop {
            tunnelled: false,
            kind,
        };
        for (mark, passes) in [("✓", true), ("✗", false)] {
            let stop = Stop::new(&hop, passes, &cloud);
            text.push_str(&format!("{mark} {:<38} {}\n", stop.place, stop.says));
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_hop_is_a_tagged_object() {
    let (names, cloud) = (Names::new(), cloud());
    let mut text = String::new();
    for kind in names.hops() {
        text.push_str(&serde_json::to_string(&StopKind::new(&kind)).unwrap());
        text.push('\n');
    }
    insta::assert_snapshot!(text);
    let hop = Hop {
        tunnelled: true,
        kind: HopKind::SharedPlatform,
    };
    assert_eq!(
        serde_json::to_string(&Stop::new(&hop, true, &cloud)).unwrap(),
        "{\"tunnelled\":true,\"passes\":true,\"place\":\"SORACOM's shared platform\",\
         \"says\":\"the session is on no VPG\",\"kind\":\"shared-platform\"}"
    );
}

#[test]
fn what_is_at_fault_goes_by_the_name_that_evidence_gives_it() {
    let (names, cloud) = (Names::new(), cloud());
    let mut text = String::new();
    for kind in names.hops() {
        let prediction = Prediction {
            verdict: Verdict::Blocked {
                reason: Reason::NoRouteToDestination,
                answer: false,
            },
            forward: vec![Hop {
                tunnelled: false,
                kind,
            }],
            back: Vec::new(),
            seen_from: None,
            ttl: None,
            also: Vec::new(),
            refused: false,
            doubtful: Vec::new(),
        };
        let stops = Stops::new(&prediction, &cloud);
        assert!(!stops.there[0].passes);
        text.push_str(&resource_at_fault(&prediction, &cloud).unwrap());
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}
