//! A VPC's implicit router: one node, one interface per running instance, one per way out.
//!
//! A packet's way, in AWS's order: the sender's security groups, the sender's subnet's network ACL,
//! the subnet's route table, the way out or the receiver's subnet's network ACL, the receiver's
//! security groups (Amazon VPC User Guide, "Infrastructure security"; Reachability Analyzer, "How
//! Reachability Analyzer works"). The hypervisor answers ARP, and the TTL stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::builder::{Builder, NodeExt, allow, deny, jump};
use super::interface;
use super::name::vpc_node;
use super::special::host;
use super::vpc_parts::{VpcParts, nth};
use super::{instance, internet_gateway, network_acl, route_table, security_group};
use crate::cloud::Reason;
use crate::cloud::aws::{InstanceState, VpcId};
use crate::network::{HookPoint, IfName, Listen, Page, Protocol, Service, Test, Transport};

/// Where instances ask for their metadata (Amazon EC2 User Guide, "Instance metadata").
const IMDS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Where the resolver answers besides the second address of the VPC (Amazon VPC User Guide, "Amazon
/// DNS server").
const RESOLVER: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);

/// The router of a VPC, its instances and its way to the internet.
pub(super) fn lower(b: &mut Builder, id: &VpcId) {
    let aws = &b.cloud.aws;
    let Some(vpc) = aws.vpcs.get(id) else { return };
    let subnets: BTreeMap<_, _> = aws.subnets.iter().filter(|(_, s)| s.vpc == *id).collect();
    let instances = aws
        .instances
        .iter()
        .filter(|(_, i)| i.state == InstanceState::Running && subnets.contains_key(&i.subnet))
        .collect();
    let parts = VpcParts {
        id,
        node: vpc_node(id),
        cidrs: &vpc.cidrs,
        subnets,
        instances,
    };
    let router = b.node(&parts.node);
    router.forwarding = true;
    router.keep_ttl(Vec::new());
    for instance in parts.instances.keys() {
        instance::lower(b, &parts, instance);
    }
    // The order of these is the order in which a packet meets them.
    security_group::sender(b, &parts);
    network_acl::sender(b, &parts);
    route_table::lower(b, &parts);
    internet_gateway::lower(b, &parts);
    network_acl::receiver(b, &parts);
    security_group::receiver(b, &parts);
    services(b, &parts);
}

/// What the router itself answers. Security groups and ACLs do not see it (Amazon VPC User Guide,
/// "Control traffic with security groups": not filtered).
fn services(b: &mut Builder, parts: &VpcParts) {
    let lo = IfName::lo();
    let metadata = metadata(b, parts);
    let dns = b.world.dns.clone();
    let router = b.node(&parts.node);
    let mut rules = Vec::new();
    for (id, subnet) in &parts.subnets {
        let gateway = nth(subnet.cidr, 1);
        router.address(&lo, host(gateway));
        // The router answers ping only from its own subnet.
        rules.push(allow([
            Test::IifIn(parts.enis_of(id)).into(),
            Test::Destination(host(gateway)).into(),
            Test::Protocol(Protocol::Icmp).into(),
        ]));
    }
    let resolvers: BTreeSet<Ipv4Addr> = parts.resolver().into_iter().chain([RESOLVER]).collect();
    for resolver in &resolvers {
        router.address(&lo, host(*resolver));
    }
    router.address(&lo, host(IMDS));
    let all: BTreeSet<IfName> = parts
        .instances
        .keys()
        .map(|id| interface::eni(id))
        .collect();
    for (address, protocol, port) in resolvers
        .iter()
        .flat_map(|r| [(*r, Protocol::Udp, 53), (*r, Protocol::Tcp, 53)])
        .chain([(IMDS, Protocol::Tcp, 80)])
    {
        rules.push(allow([
            Test::IifIn(all.clone()).into(),
            Test::Destination(host(address)).into(),
            Test::Protocol(protocol).into(),
            Test::DestinationPort(port..=port).into(),
        ]));
    }
    rules.push(deny(
        [!Test::Iif(lo)],
        Reason::NoPossibleDestination,
        format!("VPC {}'s router", parts.id),
    ));
    router.chain("to-router", rules);
    router
        .hook("input", HookPoint::Input, 0)
        .push(jump([], "to-router"));
    for address in resolvers {
        let listen = Listen {
            transport: Transport::Udp,
            address,
            port: 53,
        };
        let records = dns.clone();
        router.services.insert(listen, Service::Dns { records });
    }
    let listen = Listen {
        transport: Transport::Tcp,
        address: IMDS,
        port: 80,
    };
    let pages = metadata;
    router.services.insert(listen, Service::Http { pages });
}

/// The instances' metadata, by who asks (IMDSv1 paths).
fn metadata(b: &Builder, parts: &VpcParts) -> BTreeMap<(Option<Ipv4Addr>, String), Page> {
    let mut pages = BTreeMap::new();
    for (id, instance) in &parts.instances {
        let values = [
            ("local-ipv4", instance.private_ip.to_string()),
            (
                "instance-id",
                crate::cloud::service_id("i-0", id.as_str(), 16),
            ),
        ];
        let public = b.cloud.aws.public_ip(id);
        let public = public.map(|ip| ("public-ipv4", ip.to_string()));
        for (key, body) in values.into_iter().chain(public) {
            let page = Page {
                status: 200,
                content_type: "text/plain".into(),
                body,
            };
            let path = format!("/latest/meta-data/{key}");
            pages.insert((Some(instance.private_ip), path), page);
        }
    }
    pages
}
