//! An instance: a node with one interface, attached to its VPC's router.

use super::builder::{Builder, NodeExt};
use super::interface;
use super::name::instance_node;
use super::special::{ANY, host};
use super::vpc_parts::{MTU, VpcParts, nth};
use crate::cloud::LinkName;
use crate::cloud::aws::InstanceId;
use crate::network::{HostFiles, IfName, Mac, Table};

/// One running instance and its attachment.
pub(super) fn lower(b: &mut Builder, parts: &VpcParts, id: &InstanceId) {
    let instance = parts.instances[id];
    let subnet = parts.subnets[&instance.subnet];
    let (here, eth0, eni) = (
        instance_node(id),
        IfName::fit("eth0", ""),
        interface::eni(id),
    );
    let link = LinkName::Instance(id.clone());
    b.join_as((&link, ""), (&here, &eth0), (&parts.node, &eni), MTU);

    let services = b.world.instances.get(id).cloned().unwrap_or_default();
    let node = b.node(&here);
    node.boot = instance.boot;
    // Its neighbour is whoever answers ARP: the hypervisor.
    node.neighbours.clear();
    let length = subnet.cidr.prefix_len();
    let address = ipnet::Ipv4Net::new_assert(instance.private_ip, length);
    node.address(&eth0, address);
    node.route_via(Table::MAIN, ANY, &eth0, nth(subnet.cidr, 1));
    node.services = services;
    node.files = HostFiles {
        // As Amazon's images name themselves (Amazon EC2 User Guide, "Instance hostname types").
        hostname: format!("ip-{}", instance.private_ip.to_string().replace('.', "-")),
        hosts: Default::default(),
        nameservers: parts.resolver().into_iter().collect(),
    };

    let mac = Mac::derived(&format!("{here}/{eth0}"));
    let router = b.node(&parts.node);
    router.proxy_arp.insert(eni.clone());
    // The hypervisor knows its guests; it need not ask.
    let neighbour = (eni.clone(), instance.private_ip);
    router.neighbours.insert(neighbour, mac);
    let local = super::vpc_parts::LOCAL;
    router.route_via(local, host(instance.private_ip), &eni, instance.private_ip);
}
