//! The tables under `[aws]`, the firewalls aside.

use super::data::{Data, Value};
use super::names::Kind;
use super::reading::{Reading, Stage};
use super::table::Table;
use super::value;
use super::{Diagnostic, NodeName, Placed};
use crate::cloud::AccountId;
use crate::cloud::LinkName;
use crate::cloud::aws::{
    AcceptVpcPeeringConnection, Action, AddressId, AllocateAddress, AssociateAddress,
    AssociateRouteTable, AssociateVpcCidrBlock, AttachInternetGateway, CreateInternetGateway,
    CreateRoute, CreateRouteTable, CreateSubnet, CreateVpc, CreateVpcPeeringConnection, InstanceId,
    InternetGatewayId, NetworkAclId, PeeringId, ReplaceNetworkAclAssociation, RouteTableId,
    RunInstances, SecurityGroupId, SubnetId, VpcId,
};

pub(super) const VPC: &[&str] = &["account", "region", "cidr", "cidrs", "internet_gateway"];

/// Reads `[aws.vpc.N]`.
pub(super) fn vpc(to: &mut Reading, name: &str, table: &Table<'_>) {
    let id = VpcId::new(name);
    let account = table.read("account", &mut to.errors, |key, value, errors| {
        let text = value::text(key, value, errors)?;
        AccountId::try_from(text.value)
            .map_err(|why| errors.push(Diagnostic::error(text.span, why)))
            .ok()
    });
    let region = table.read("region", &mut to.errors, value::text);
    let gateway = table.read("internet_gateway", &mut to.errors, value::boolean);
    let cidrs: Vec<Placed<ipnet::Ipv4Net>> = match (table.value("cidr"), table.key_span("cidrs")) {
        (Some(_), Some(second)) => {
            to.errors.push(
                Diagnostic::error(
                    second,
                    format!("{} has both `cidr` and `cidrs`", table.what),
                )
                .help("put all ranges into `cidrs`, the primary one first"),
            );
            return;
        }
        (None, Some(span)) => {
            let list = table.read("cidrs", &mut to.errors, |key, value, errors| {
                value::list(key, value, errors, placed_cidr)
            });
            match list {
                Some(list) if list.is_empty() => {
                    if let Some(Value {
                        data: Data::List(items),
                        ..
                    }) = table.value("cidrs")
                        && items.is_empty()
                    {
                        to.errors.push(
                            Diagnostic::error(span, format!("{} has no range", table.what))
                                .help("a VPC has at least one"),
                        );
                    }
                    return;
                }
                Some(list) => list,
                None => return,
            }
        }
        _ => match table.require("cidr", "\"10.0.0.0/16\"", &mut to.errors, placed_cidr) {
            Some(cidr) => vec![cidr],
            None => return,
        },
    };
    for (i, cidr) in cidrs.into_iter().enumerate() {
        if i == 0 {
            let create = CreateVpc {
                name: id.clone(),
                cidr: cidr.value,
                account: account.clone().unwrap_or_default(),
                region: region.clone().map(|region| region.value),
            };
            to.act(Stage::Vpcs, &table.span, Action::CreateVpc(create));
        } else {
            let associate = AssociateVpcCidrBlock {
                vpc: id.clone(),
                cidr: cidr.value,
            };
            to.act(
                Stage::Vpcs,
                &cidr.span,
                Action::AssociateVpcCidrBlock(associate),
            );
        }
    }
    if gateway == Some(true) {
        let span = table
            .key_span("internet_gateway")
            .unwrap_or(table.span.clone());
        let internet_gateway = InternetGatewayId::new(name);
        to.act(
            Stage::InternetGateways,
            &span,
            Action::CreateInternetGateway(CreateInternetGateway {
                name: internet_gateway.clone(),
            }),
        );
        to.act(
            Stage::InternetGateways,
            &span,
            Action::AttachInternetGateway(AttachInternetGateway {
                internet_gateway,
                vpc: id,
            }),
        );
    }
}

fn placed_cidr(
    key: &str,
    value: &Value,
    errors: &mut value::Errors,
) -> Option<Placed<ipnet::Ipv4Net>> {
    Some(Placed {
        value: value::cidr(key, value, errors)?,
        span: value.span.clone(),
    })
}

pub(super) const SUBNET: &[&str] = &["vpc", "cidr", "network_acl"];

/// Reads `[aws.subnet.N]`.
pub(super) fn subnet(to: &mut Reading, name: &str, table: &Table<'_>) {
    let vpc = to.require_reference(table, "vpc", &[Kind::Vpc], VpcId::new);
    let cidr = table.require("cidr", "\"10.0.0.0/24\"", &mut to.errors, value::cidr);
    let acl = to.reference(table, "network_acl", &[Kind::NetworkAcl], NetworkAclId::new);
    let (Some(vpc), Some(cidr)) = (vpc, cidr) else {
        return;
    };
    let subnet = SubnetId::new(name);
    let create = CreateSubnet {
        name: subnet.clone(),
        vpc,
        cidr,
    };
    to.act(Stage::Subnets, &table.span, Action::CreateSubnet(create));
    if let (Some(network_acl), Some(value)) = (acl, table.value("network_acl")) {
        to.act(
            Stage::AclAssociations,
            &value.span.clone(),
            Action::ReplaceNetworkAclAssociation(ReplaceNetworkAclAssociation {
                subnet,
                network_acl,
            }),
        );
    }
}

pub(super) const ROUTE_TABLE: &[&str] = &["vpc", "main", "subnets", "routes"];

pub(super) const ROUTE: &[&str] = &["destination", "target"];

/// Reads `[aws.route_table.N]`. A VPC's main table exists with the VPC, under the name `<vpc>-main`;
/// `main = true` gives it routes instead of making another table.
pub(super) fn route_table(to: &mut Reading, name: &str, table: &Table<'_>) {
    let vpc = to.require_reference(table, "vpc", &[Kind::Vpc], VpcId::new);
    let main = table.read("main", &mut to.errors, value::boolean) == Some(true);
    let id = RouteTableId::new(name);
    if let Some(vpc) = vpc {
        let main_id = vpc.main_route_table();
        if main && id != main_id {
            let span = table.key_span("main").unwrap_or(table.span.clone());
            to.errors.push(
                Diagnostic::error(
                    span,
                    format!("the main route table of VPC `{vpc}` is called `{main_id}`"),
                )
                .help(format!("write [aws.route_table.{main_id}]")),
            );
        } else if !main && id == main_id {
            to.errors.push(
                Diagnostic::error(
                    table.span.clone(),
                    format!("VPC `{vpc}` has a route table `{id}` already: its main one"),
                )
                .help("add `main = true` to give it routes, or choose another name"),
            );
        } else if !main {
            let create = CreateRouteTable {
                name: id.clone(),
                vpc,
            };
            to.act(
                Stage::RouteTables,
                &table.span,
                Action::CreateRouteTable(create),
            );
        }
    }
    for subnet in to
        .references(table, "subnets", &[Kind::Subnet])
        .unwrap_or_default()
    {
        let associate = AssociateRouteTable {
            route_table: id.clone(),
            subnet: SubnetId::new(subnet.value),
        };
        to.act(
            Stage::RouteTables,
            &subnet.span,
            Action::AssociateRouteTable(associate),
        );
    }
    let routes = table.read("routes", &mut to.errors, |key, value, errors| {
        value::list(key, value, errors, |key, item, errors| {
            let route = Table::of_value("a route", key, item, ROUTE, errors)?;
            let destination = route.require("destination", "\"0.0.0.0/0\"", errors, value::cidr);
            let target = route.require("target", "\"igw\"", errors, value::text);
            Some((destination?, target?, item.span.clone()))
        })
    });
    for (destination, target, span) in routes.unwrap_or_default() {
        if target.value != "igw" {
            // A VPC, because its internet gateway goes by its name.
            const TARGETS: &[Kind] = &[
                Kind::Instance,
                Kind::VpcPeering,
                Kind::Canal,
                Kind::Attachment,
                Kind::Vpc,
            ];
            if !to.names.refer(&target, TARGETS) {
                continue;
            }
        }
        let create = CreateRoute {
            route_table: id.clone(),
            destination,
            target: target.value,
        };
        to.act(Stage::Routes, &span, Action::CreateRoute(create));
    }
}

pub(super) const INSTANCE: &[&str] = &[
    "subnet",
    "private_ip",
    "public_ip",
    "source_dest_check",
    "security_groups",
    "link",
    "serve",
];

/// Reads `[aws.instance.N]`.
pub(super) fn instance(to: &mut Reading, name: &str, table: &Table<'_>) {
    let id = InstanceId::new(name);
    let subnet = to.require_reference(table, "subnet", &[Kind::Subnet], SubnetId::new);
    let private_ip = table.read("private_ip", &mut to.errors, value::address);
    let public_ip = table.read("public_ip", &mut to.errors, value::boolean);
    let check = table.read("source_dest_check", &mut to.errors, value::boolean);
    let groups = to.references(table, "security_groups", &[Kind::SecurityGroup]);
    to.link(table, "link", LinkName::Instance(id.clone()));
    to.serve(table, NodeName::Instance(id.clone()));
    let Some(subnet) = subnet else { return };
    let run = RunInstances {
        name: id,
        subnet,
        private_ip,
        public_ip: public_ip.unwrap_or(false),
        security_groups: groups
            .unwrap_or_default()
            .into_iter()
            .map(|group| SecurityGroupId::new(group.value))
            .collect(),
        source_dest_check: check.unwrap_or(true),
    };
    to.act(Stage::Instances, &table.span, Action::RunInstances(run));
}

pub(super) const ADDRESS: &[&str] = &["instance"];

/// Reads `[aws.address.N]`: an Elastic IP address.
pub(super) fn address(to: &mut Reading, name: &str, table: &Table<'_>) {
    let address = AddressId::new(name);
    to.act(
        Stage::Addresses,
        &table.span,
        Action::AllocateAddress(AllocateAddress {
            name: address.clone(),
        }),
    );
    let instance = to.reference(table, "instance", &[Kind::Instance], InstanceId::new);
    if let (Some(instance), Some(value)) = (instance, table.value("instance")) {
        to.act(
            Stage::Addresses,
            &value.span.clone(),
            Action::AssociateAddress(AssociateAddress { address, instance }),
        );
    }
}

pub(super) const PEERING: &[&str] = &["vpc", "peer_vpc", "accepted", "link"];

/// Reads `[aws.peering.N]`.
pub(super) fn peering(to: &mut Reading, name: &str, table: &Table<'_>) {
    let vpc = to.require_reference(table, "vpc", &[Kind::Vpc], VpcId::new);
    let peer_vpc = to.require_reference(table, "peer_vpc", &[Kind::Vpc], VpcId::new);
    let accepted = table.read("accepted", &mut to.errors, value::boolean);
    to.link(table, "link", LinkName::Peering(PeeringId::new(name)));
    if let (Some(vpc), Some(peer_vpc)) = (vpc, peer_vpc) {
        let create = CreateVpcPeeringConnection {
            name: PeeringId::new(name),
            vpc,
            peer_vpc,
        };
        to.act(
            Stage::VpcPeerings,
            &table.span,
            Action::CreateVpcPeeringConnection(create),
        );
        accept(to, Stage::VpcPeerings, name, table, accepted);
    }
}

/// Accepts a peering that is declared `accepted = true`.
pub(super) fn accept(
    to: &mut Reading,
    stage: Stage,
    name: &str,
    table: &Table<'_>,
    accepted: Option<bool>,
) {
    if accepted == Some(true) {
        let span = table.key_span("accepted").unwrap_or(table.span.clone());
        let peering = PeeringId::new(name);
        to.act(
            stage,
            &span,
            Action::AcceptVpcPeeringConnection(AcceptVpcPeeringConnection { peering }),
        );
    }
}
