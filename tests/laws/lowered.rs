//! What the clouds come to in Linux terms.

use std::collections::{BTreeMap, BTreeSet};

use canal_sim::cloud::Reason;
use canal_sim::cloud::aws::{AttachmentId, AttachmentStatus, InstanceState};
use canal_sim::cloud::soracom::{CustomerRoute, CustomerRouteId};
use canal_sim::lower::{
    World, attachment_node, instance_node, internet_node, lower, pc_node, peering_node, sim_node,
    vpc_node, vpg_node,
};
use canal_sim::network::{ChainId, IfName, Network, NodeId, Rule, Statement, Test};
use ipnet::Ipv4Net;
use proptest::prelude::*;

use crate::any::cases;
use crate::any::cloud::{stroll, walk};
use crate::any::flow::addresses;

/// The nodes that packets come from.
fn senders(network: &Network) -> Vec<&NodeId> {
    let sends = |node: &&NodeId| {
        **node == pc_node()
            || ["sim/", "instance/"]
                .iter()
                .any(|kind| node.as_str().starts_with(kind))
    };
    network.nodes.keys().filter(sends).collect()
}

proptest! {
    #![proptest_config(cases(96))]

    /// Neither to a third network nor through the other side's gateways (VPC Peering Guide, "VPC peering
    /// limitations"): behind a peering comes its other side, and in that a machine, or nothing.
    #[test]
    fn no_way_leads_on_from_a_peering_but_to_a_machine_of_its_other_side(walk in stroll()) {
        let cloud = walk.end().cloud;
        let network = lower(&cloud, &World::default());
        let peerings: BTreeMap<NodeId, _> = cloud.aws.peerings.iter().map(|(id, peering)| (peering_node(id), peering)).collect();
        let machines: BTreeSet<NodeId> = cloud.aws.instances.keys().map(instance_node).chain(cloud.soracom.sims.keys().map(sim_node)).collect();
        for from in senders(&network) {
            for to in addresses(&cloud) {
                let way = network.walk(from, to);
                let Some(place) = way.iter().position(|node| peerings.contains_key(node)) else {
                    continue;
                };
                let peering = peerings[&way[place]];
                let sides: BTreeSet<NodeId> = [&peering.requester.vpc, &peering.accepter.vpc]
                    .into_iter()
                    .flat_map(|vpc| {
                        let vpg = cloud.soracom.vpgs.keys().find(|vpg| vpg.vpc() == *vpc);
                        vpg.map_or_else(|| vec![vpc_node(vpc)], |vpg| vec![vpg_node(vpg, 0), vpg_node(vpg, 1)])
                    })
                    .collect();
                let behind = &way[place + 1..];
                prop_assert!(sides.contains(&way[place - 1]), "{way:?}");
                match behind {
                    [] => {}
                    [side] => prop_assert!(sides.contains(side) && *side != way[place - 1], "{way:?}"),
                    [side, machine] => prop_assert!(sides.contains(side) && machines.contains(machine), "{way:?}"),
                    _ => prop_assert!(false, "{way:?}"),
                }
                prop_assert!(!behind.contains(&internet_node()), "{way:?}");
            }
        }
    }

    /// Whatever a VPG sends into an attachment: behind it comes the VPC, and in that a machine, or nothing.
    #[test]
    fn no_way_leads_on_from_an_attachment_but_to_a_machine_of_its_vpc(walk in stroll()) {
        let mut cloud = walk.end().cloud;
        let aws = cloud.aws.clone();
        let active = |id: &&AttachmentId| {
            let attachment = aws.attachments.get(*id);
            attachment.is_some_and(|one| one.status == AttachmentStatus::Active)
        };
        for vpg in cloud.soracom.vpgs.values_mut() {
            if let Some(target) = vpg.attachments.iter().find(active).cloned() {
                let destination = Ipv4Net::default();
                let everything = CustomerRoute { destination, target };
                vpg.customer_routes.insert(CustomerRouteId::new("everything"), everything);
            }
        }
        let network = lower(&cloud, &World::default());
        for from in cloud.soracom.sims.keys().map(sim_node) {
            for to in addresses(&cloud) {
                let way = network.walk(&from, to);
                for (id, attachment) in &aws.attachments {
                    let Some(place) = way.iter().position(|node| *node == attachment_node(id)) else {
                        continue;
                    };
                    let of_vpc = |node: &NodeId| {
                        let mut machines = aws.instances.iter();
                        machines.any(|(id, one)| {
                            instance_node(id) == *node && aws.vpc_of(one) == Some(&attachment.vpc)
                        })
                    };
                    match &way[place + 1..] {
                        [vpc] => prop_assert_eq!(vpc, &vpc_node(&attachment.vpc)),
                        [vpc, machine] => {
                            prop_assert!(*vpc == vpc_node(&attachment.vpc) && of_vpc(machine), "{way:?}");
                        }
                        _ => prop_assert!(false, "{way:?}"),
                    }
                }
            }
        }
    }

    /// The source/destination check (Amazon EC2 User Guide, "Source/destination checking"): of what leaves
    /// an interface with the check the source is asked for, of what reaches it the destination, and
    /// nothing where it is switched off.
    #[test]
    fn an_interface_with_the_check_sends_and_gets_only_its_own(walk in stroll()) {
        let cloud = walk.end().cloud;
        let network = lower(&cloud, &World::default());
        for (id, instance) in &cloud.aws.instances {
            if instance.state != InstanceState::Running {
                continue;
            }
            let router = &network.nodes[&vpc_node(&cloud.aws.subnets[&instance.subnet].vpc)];
            let asks = |rule: &&Rule| rule.statements.iter().any(|statement| {
                matches!(statement, Statement::Log(label)
                    if label.reason == Reason::EniSourceDestCheckRestriction.code()
                        && label.resource.starts_with(&format!("network interface of {id},")))
            });
            let rules = router.filter.chains.values().flat_map(|chain| &chain.rules);
            let asked: Vec<_> = rules.filter(asks).map(|rule| rule.matches.clone()).collect();
            let own = Ipv4Net::from(instance.private_ip);
            let expected = match instance.source_dest_check {
                true => vec![vec![!Test::Source(own)], vec![!Test::Destination(own)]],
                false => vec![],
            };
            prop_assert_eq!(asked, expected, "{}", id);
        }
    }

    /// What the kernel would refuse: an interface, a chain or a node that is not there.
    #[test]
    fn whatever_is_named_is_there(walk in walk(0..60)) {
        let network = lower(&walk.end().cloud, &World::default());
        let mut interfaces: BTreeSet<(&NodeId, &IfName)> = BTreeSet::new();
        for (id, link) in &network.links {
            for end in &link.ends {
                prop_assert!(network.nodes.contains_key(&end.node), "{id}: {}", end.node);
                prop_assert!(interfaces.insert((&end.node, &end.name)), "{}: {} twice", end.node, end.name);
            }
        }
        for (id, node) in &network.nodes {
            for name in node.tunnels.keys() {
                prop_assert!(interfaces.insert((id, name)), "{id}: {name} twice");
            }
            let named = (node.addresses.iter().map(|address| &address.dev))
                .chain(node.routes.values().map(|route| &route.dev))
                .chain(node.neighbours.keys().map(|(dev, _)| dev))
                .chain(node.proxies.iter().map(|(dev, _)| dev))
                .chain(&node.proxy_arp)
                .chain(node.rules.iter().filter_map(|rule| rule.iif.as_ref()));
            for dev in named {
                let there = *dev == IfName::lo() || interfaces.contains(&(id, dev));
                prop_assert!(there, "{id} has no interface {dev}");
            }
            for (chain, content) in &node.filter.chains {
                for statement in content.rules.iter().flat_map(|rule| &rule.statements) {
                    if let Statement::Jump(name) = statement {
                        let to = ChainId { name: name.clone(), ..chain.clone() };
                        prop_assert!(node.filter.chains.contains_key(&to), "{id}: no chain {name}");
                    }
                }
            }
        }
    }

    /// An internet gateway has one public address for each private one, and one private one for each
    /// public one; out and in are each other's opposite.
    #[test]
    fn an_internet_gateway_translates_one_to_one_and_back_again(walk in stroll()) {
        let cloud = walk.end().cloud;
        let network = lower(&cloud, &World::default());
        for vpc in cloud.aws.vpcs.keys() {
            let filter = &network.nodes[&vpc_node(vpc)].filter;
            let rules = || filter.chains.values().flat_map(|chain| &chain.rules);
            let mut inwards = BTreeMap::new();
            let mut outwards = BTreeMap::new();
            for rule in rules() {
                let tested = rule.matches.iter().find_map(|one| match &one.test {
                    Test::Source(net) | Test::Destination(net) => Some(net.addr()),
                    _ => None,
                });
                for statement in &rule.statements {
                    match (statement, tested) {
                        (Statement::Dnat(private), Some(public)) => {
                            prop_assert_eq!(inwards.insert(public, *private), None);
                        }
                        (Statement::Snat(public), Some(private)) => {
                            prop_assert_eq!(outwards.insert(*public, private), None);
                        }
                        _ => {}
                    }
                }
            }
            prop_assert_eq!(&inwards, &outwards);
            let privates: BTreeSet<_> = inwards.values().collect();
            prop_assert_eq!(privates.len(), inwards.len());
        }
    }
}

/// The laws on peerings and attachments say nothing where no way leads over one.
#[test]
fn ways_over_peerings_and_attachments_are_among_those_that_are_walked() {
    use crate::any::cloud::Start;

    let cloud = Start::Connected.world().cloud;
    let network = lower(&cloud, &World::default());
    let mut over = BTreeSet::new();
    for from in senders(&network) {
        for to in addresses(&cloud) {
            let way = network.walk(from, to);
            over.extend(way.into_iter().filter(|node| {
                node.as_str().starts_with("pcx/") || node.as_str().starts_with("tgw/")
            }));
        }
    }
    let names: Vec<_> = over.iter().map(NodeId::as_str).collect();
    assert_eq!(names, ["pcx/between", "pcx/pcx", "tgw/tgw"]);
}
