//! Random operations for the laws: all of them, on few resources, so that they meet.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::cloud::AccountId;

/// Few names, so that operations meet.
macro_rules! named {
    ($id:ident, $($name:literal),+) => {
        select(vec![$($name),+]).prop_map($id::new)
    };
}

fn vpc() -> impl Strategy<Value = VpcId> + Clone {
    named!(VpcId, "a", "b", "c")
}

fn subnet() -> impl Strategy<Value = SubnetId> + Clone {
    named!(SubnetId, "s", "t", "u")
}

fn gateway() -> impl Strategy<Value = InternetGatewayId> + Clone {
    named!(InternetGatewayId, "g", "h")
}

fn table() -> impl Strategy<Value = RouteTableId> + Clone {
    named!(RouteTableId, "r", "a-main", "b-main")
}

fn group() -> impl Strategy<Value = SecurityGroupId> + Clone {
    named!(SecurityGroupId, "w", "a-default", "b-default", "x")
}

fn acl() -> impl Strategy<Value = NetworkAclId> + Clone {
    named!(NetworkAclId, "n", "a-default", "b-default")
}

fn instance() -> impl Strategy<Value = InstanceId> + Clone {
    named!(InstanceId, "i", "j", "k")
}

fn address() -> impl Strategy<Value = AddressId> + Clone {
    named!(AddressId, "e", "f")
}

fn peering() -> impl Strategy<Value = PeeringId> + Clone {
    named!(PeeringId, "p", "q", "o", "m")
}

fn net(choices: &[&str]) -> impl Strategy<Value = Ipv4Net> + Clone + use<> {
    let nets: Vec<Ipv4Net> = choices.iter().map(|net| net.parse().unwrap()).collect();
    select(nets)
}

fn vpc_range() -> impl Strategy<Value = Ipv4Net> + Clone {
    net(&[
        "10.0.0.0/16",
        "10.1.0.0/16",
        "10.0.128.0/20",
        "10.2.0.0/28",
        "10.0.0.0/8",
    ])
}

fn subnet_range() -> impl Strategy<Value = Ipv4Net> + Clone {
    net(&[
        "10.0.0.0/24",
        "10.1.0.0/28",
        "10.0.0.16/28",
        "10.2.0.0/28",
        "10.1.0.0/24",
        "10.0.0.1/24",
    ])
}

pub(super) fn destination() -> impl Strategy<Value = Ipv4Net> + Clone {
    net(&[
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.0.0.0/24",
        "100.64.0.0/16",
        "10.2.0.0/15",
    ])
}

fn target() -> impl Strategy<Value = String> + Clone {
    select(vec!["igw", "g", "h", "i", "j", "p", "q", "x", "nothing"]).prop_map(str::to_owned)
}

fn private_ip() -> impl Strategy<Value = Ipv4Addr> + Clone {
    select(vec!["10.0.0.4", "10.0.0.20", "10.1.0.1", "10.1.0.9"]).prop_map(|ip| ip.parse().unwrap())
}

pub(super) fn protocol() -> impl Strategy<Value = IpProtocol> + Clone {
    select(vec![
        IpProtocol::Tcp,
        IpProtocol::Udp,
        IpProtocol::Icmp,
        IpProtocol::All,
    ])
}

fn ports() -> impl Strategy<Value = Option<Ports>> + Clone {
    select(vec![
        None,
        Some(Ports::One(80)),
        Some(Ports::Range("1024-65535".into())),
        Some(Ports::Range("9-1".into())),
    ])
}

/// Most rules are sound, and there are few of them, so that one is authorized twice or revoked at times.
fn rule() -> impl Strategy<Value = RuleSpec> + Clone {
    let end = || {
        select(vec!["0.0.0.0/0", "w", "a-default", "b-default", "10.0.0.1"]).prop_map(str::to_owned)
    };
    let ends = (end(), 0..8).prop_map(|(end, kind)| match kind {
        0..4 => (Some(end), None),
        4..7 => (None, Some(end)),
        _ => (Some(end.clone()), Some(end)),
    });
    let what = select(vec![
        (IpProtocol::Tcp, Some(Ports::One(80)), None),
        (IpProtocol::Icmp, None, Some(8)),
        (IpProtocol::All, None, None),
        (IpProtocol::All, Some(Ports::Range("9-1".into())), None),
    ]);
    (what, ends).prop_map(
        |((protocol, port, icmp_type), (source, destination))| RuleSpec {
            protocol,
            port,
            icmp_type,
            source,
            destination,
        },
    )
}

pub(super) fn entry_action() -> impl Strategy<Value = RuleAction> + Clone {
    select(vec![RuleAction::Allow, RuleAction::Deny])
}

/// A strategy for an operation: its fields, each with a strategy of its own.
macro_rules! op {
    ($op:ident { $($field:ident: $from:expr),* $(,)? }) => {
        ($($from,)*)
            .prop_map(|($($field,)*)| Action::$op($op { $($field),* }))
            .boxed()
    };
}

fn number() -> impl Strategy<Value = u16> + Clone {
    select(vec![0, 50, 100, 32767])
}

pub(crate) fn any_action() -> impl Strategy<Value = Action> {
    proptest::strategy::Union::new([
        op!(CreateVpc {
            name: vpc(),
            cidr: vpc_range(),
            account: Just(AccountId::default()),
            region: Just(None)
        }),
        op!(CreateVpc {
            name: vpc(),
            cidr: vpc_range(),
            account: Just(AccountId::default()),
            region: Just(None)
        }),
        op!(DeleteVpc { vpc: vpc() }),
        op!(AssociateVpcCidrBlock {
            vpc: vpc(),
            cidr: vpc_range()
        }),
        op!(DisassociateVpcCidrBlock {
            vpc: vpc(),
            cidr: vpc_range()
        }),
        op!(CreateSubnet {
            name: subnet(),
            vpc: vpc(),
            cidr: subnet_range()
        }),
        op!(CreateSubnet {
            name: subnet(),
            vpc: vpc(),
            cidr: subnet_range()
        }),
        op!(DeleteSubnet { subnet: subnet() }),
        op!(CreateInternetGateway { name: gateway() }),
        op!(AttachInternetGateway {
            internet_gateway: gateway(),
            vpc: vpc()
        }),
        op!(DetachInternetGateway {
            internet_gateway: gateway(),
            vpc: vpc()
        }),
        op!(DeleteInternetGateway {
            internet_gateway: gateway()
        }),
        op!(CreateRouteTable {
            name: table(),
            vpc: vpc()
        }),
        op!(DeleteRouteTable {
            route_table: table()
        }),
        op!(AssociateRouteTable {
            route_table: table(),
            subnet: subnet()
        }),
        op!(DisassociateRouteTable { subnet: subnet() }),
        op!(CreateRoute {
            route_table: table(),
            destination: destination(),
            target: target()
        }),
        op!(CreateRoute {
            route_table: table(),
            destination: destination(),
            target: target()
        }),
        op!(ReplaceRoute {
            route_table: table(),
            destination: destination(),
            target: target()
        }),
        op!(ReplaceRoute {
            route_table: table(),
            destination: destination(),
            target: target()
        }),
        op!(DeleteRoute {
            route_table: table(),
            destination: destination()
        }),
        op!(CreateSecurityGroup {
            name: group(),
            vpc: vpc()
        }),
        op!(DeleteSecurityGroup {
            security_group: group()
        }),
        op!(AuthorizeSecurityGroupIngress {
            security_group: group(),
            rule: rule()
        }),
        op!(AuthorizeSecurityGroupEgress {
            security_group: group(),
            rule: rule()
        }),
        op!(RevokeSecurityGroupIngress {
            security_group: group(),
            rule: rule()
        }),
        op!(RevokeSecurityGroupEgress {
            security_group: group(),
            rule: rule()
        }),
        op!(CreateNetworkAcl {
            name: acl(),
            vpc: vpc()
        }),
        op!(DeleteNetworkAcl { network_acl: acl() }),
        op!(CreateNetworkAclEntry {
            network_acl: acl(),
            egress: any::<bool>(),
            rule_number: number(),
            action: entry_action(),
            protocol: protocol(),
            port: ports(),
            icmp_type: Just(None),
            cidr: destination(),
        }),
        op!(ReplaceNetworkAclEntry {
            network_acl: acl(),
            egress: any::<bool>(),
            rule_number: number(),
            action: entry_action(),
            protocol: protocol(),
            port: ports(),
            icmp_type: Just(None),
            cidr: destination(),
        }),
        op!(DeleteNetworkAclEntry {
            network_acl: acl(),
            egress: any::<bool>(),
            rule_number: number()
        }),
        op!(ReplaceNetworkAclAssociation {
            subnet: subnet(),
            network_acl: acl()
        }),
        op!(RunInstances {
            name: instance(),
            subnet: subnet(),
            private_ip: option::of(private_ip()),
            public_ip: any::<bool>(),
            security_groups: proptest::collection::btree_set(group(), 0..2),
            source_dest_check: any::<bool>(),
        }),
        op!(RunInstances {
            name: instance(),
            subnet: subnet(),
            private_ip: Just(None),
            public_ip: any::<bool>(),
            security_groups: Just(BTreeSet::new()),
            source_dest_check: any::<bool>(),
        }),
        op!(StopInstances {
            instance: instance()
        }),
        op!(StartInstances {
            instance: instance()
        }),
        op!(RebootInstances {
            instance: instance()
        }),
        op!(TerminateInstances {
            instance: instance()
        }),
        op!(ModifyInstanceAttribute {
            instance: instance(),
            source_dest_check: option::of(any::<bool>()),
            security_groups: option::of(proptest::collection::btree_set(group(), 0..3)),
        }),
        op!(AllocateAddress { name: address() }),
        op!(AssociateAddress {
            address: address(),
            instance: instance()
        }),
        op!(DisassociateAddress { address: address() }),
        op!(ReleaseAddress { address: address() }),
        op!(CreateVpcPeeringConnection {
            name: peering(),
            vpc: vpc(),
            peer_vpc: vpc()
        }),
        op!(AcceptVpcPeeringConnection { peering: peering() }),
        op!(RejectVpcPeeringConnection { peering: peering() }),
        op!(DeleteVpcPeeringConnection { peering: peering() }),
    ])
}
