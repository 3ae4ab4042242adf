//! The customer's AWS.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::layout::{Layout, accepted_at_first, choose};
use super::toml::Text;
use crate::plan::{Acl, Egress, Entry, Public, Routes, Rule, Serve, What, Who};

pub fn write(text: &mut Text, layout: &Layout<'_>) {
    for (i, vpc) in layout.vpcs.iter().enumerate() {
        let plan = &layout.plan.vpcs[i];
        text.table(&format!("aws.vpc.{}", vpc.name));
        text.set("cidr", vpc.cidr.to_string());
        text.set_if(plan.internet_gateway, "internet_gateway", true);
        for (n, (cidr, subnet)) in vpc.subnets.iter().zip(&plan.subnets).enumerate() {
            let name = subnet_name(&vpc.name, n);
            text.table(&format!("aws.subnet.{name}"));
            text.set("vpc", vpc.name.clone());
            text.set("cidr", cidr.to_string());
            if let Some(routes) = &subnet.table {
                text.table(&format!("aws.route_table.{name}"));
                text.set("vpc", vpc.name.clone());
                text.set("subnets", vec![name.clone()]);
                text.set("routes", self::routes(layout, i, routes));
            }
            if let Some(acl) = &subnet.acl {
                text.table(&format!("aws.network_acl.{name}"));
                text.set("vpc", vpc.name.clone());
                text.set("subnets", vec![name]);
                self::acl(text, layout, i, acl);
            }
        }
        // The main table, if it counts anywhere.
        if plan.subnets.iter().any(|subnet| subnet.table.is_none()) {
            text.table(&format!("aws.route_table.{}-main", vpc.name));
            text.set("vpc", vpc.name.clone());
            text.set("main", true);
            text.set("routes", routes(layout, i, &plan.main));
        }
        groups(text, layout, i);
    }
    instances(text, layout);
    for peering in &layout.peerings {
        text.table(&format!("aws.peering.{}", peering.name));
        text.set("vpc", layout.vpcs[peering.from].name.clone());
        text.set("peer_vpc", layout.vpcs[peering.to].name.clone());
        let accepted = accepted_at_first(peering.state) && !peering.fails;
        text.set_if(accepted, "accepted", true);
    }
}

fn subnet_name(vpc: &str, n: usize) -> String {
    format!("{vpc}-s{}", n + 1)
}

pub fn group_name(vpc: &str, n: usize) -> String {
    format!("{vpc}-g{}", n + 1)
}

fn routes(layout: &Layout<'_>, vpc: usize, routes: &Routes) -> Value {
    let (cidr, plan) = (layout.vpcs[vpc].cidr, &layout.plan.vpcs[vpc]);
    let mut targets: Vec<(String, Option<Ipv4Net>)> = Vec::new();
    let mut list: BTreeMap<Ipv4Net, String> = BTreeMap::new();
    let mut add = |destination: Ipv4Net, target: &str| {
        if !cidr.contains(&destination) {
            list.entry(destination).or_insert_with(|| target.to_owned());
        }
    };
    let everywhere: Ipv4Net = "0.0.0.0/0".parse().unwrap();
    if plan.internet_gateway {
        targets.push(("igw".to_owned(), routes.default.then_some(everywhere)));
    }
    for peering in layout.peerings.iter().filter(|peering| !peering.fails) {
        let other = match (peering.from == vpc, peering.to == vpc) {
            (true, _) => peering.to,
            (_, true) => peering.from,
            _ => continue,
        };
        let right = routes.peerings.then_some(layout.vpcs[other].cidr);
        targets.push((peering.name.clone(), right));
    }
    for link in layout.links.iter().filter(|link| link.vpc == vpc) {
        let vpg = &layout.vpgs[link.vpg];
        let right = if link.name.starts_with("pcx") {
            routes.canals.then_some(vpg.range)
        } else {
            routes.attachments.then_some(vpg.devices)
        };
        targets.push((link.name.clone(), right));
    }
    for (target, right) in &targets {
        if let Some(destination) = right {
            add(*destination, target);
        }
    }
    let own = layout.instances.iter().filter(|one| one.vpc == vpc);
    targets.extend(own.map(|instance| (instance.name.clone(), None)));
    let destinations = odd_destinations(layout);
    for odd in &routes.odd {
        let destination = choose(&destinations, odd.destination);
        if let (Some(destination), Some((target, _))) = (destination, choose(&targets, odd.target))
        {
            add(*destination, target);
        }
    }
    let list = list.into_iter().map(
        |(destination, target)| json!({"destination": destination.to_string(), "target": target}),
    );
    list.collect()
}

/// What routes may lead to by mistake, or by way of a machine.
fn odd_destinations(layout: &Layout<'_>) -> Vec<Ipv4Net> {
    let mut list: Vec<Ipv4Net> = [
        "0.0.0.0/0",
        "10.0.0.0/8",
        "198.51.100.0/24",
        "198.51.100.10/32",
    ]
    .iter()
    .map(|one| one.parse().unwrap())
    .collect();
    for vpg in &layout.vpgs {
        list.extend([vpg.range, vpg.devices, Ipv4Net::from(vpg.outer[1])]);
    }
    list.push("100.64.0.0/10".parse().unwrap());
    for vpc in &layout.vpcs {
        list.push(vpc.cidr);
        list.extend(vpc.subnets.first());
    }
    list.extend(layout.instances.iter().map(|one| Ipv4Net::from(one.ip)));
    list
}

fn groups(text: &mut Text, layout: &Layout<'_>, vpc: usize) {
    let facts = &layout.vpcs[vpc];
    for (n, group) in layout.plan.vpcs[vpc].groups.iter().enumerate() {
        text.table(&format!(
            "aws.security_group.{}",
            group_name(&facts.name, n)
        ));
        text.set("vpc", facts.name.clone());
        let ingress = rules(layout, vpc, &group.ingress, "source");
        text.set_if(!group.ingress.is_empty(), "ingress", ingress);
        if let Egress::Rules(list) = &group.egress {
            text.set("egress", rules(layout, vpc, list, "destination"));
        }
    }
}

fn rules(layout: &Layout<'_>, vpc: usize, list: &[Rule], end: &str) -> Value {
    let mut seen = BTreeSet::new();
    let rules = list.iter().map(|rule| {
        let mut fields = what(rule.what);
        fields[end] = who(layout, vpc, rule.who).into();
        fields
    });
    rules.filter(|rule| seen.insert(rule.to_string())).collect()
}

fn what(what: What) -> Value {
    match what {
        What::Everything => json!({}),
        What::Tcp(port) => json!({"protocol": "tcp", "port": port}),
        What::AllTcp => json!({"protocol": "tcp"}),
        What::Udp(port) => json!({"protocol": "udp", "port": port}),
        What::AllUdp => json!({"protocol": "udp"}),
        What::Ephemeral(true) => json!({"protocol": "tcp", "port": "1024-65535"}),
        What::Ephemeral(false) => json!({"protocol": "udp", "port": "1024-65535"}),
        What::Icmp(None) => json!({"protocol": "icmp"}),
        What::Icmp(Some(kind)) => json!({"protocol": "icmp", "icmp_type": kind}),
    }
}

/// The other end of a rule: a range, or a group where the rule may name it.
fn who(layout: &Layout<'_>, vpc: usize, who: Who) -> String {
    let own = &layout.vpcs[vpc];
    let group = |of: usize, pick| {
        let count = layout.plan.vpcs[of].groups.len();
        let n = usize::from(pick).checked_rem(count)?;
        Some(group_name(&layout.vpcs[of].name, n))
    };
    let chosen = match who {
        Who::OwnGroup(pick) => group(vpc, pick),
        Who::PeerGroup(peer, pick) => {
            let peer = usize::from(peer) % layout.vpcs.len();
            let named = peer == vpc || layout.peered(vpc, peer);
            named.then(|| group(peer, pick)).flatten()
        }
        _ => None,
    };
    chosen.unwrap_or_else(|| range(layout, who).unwrap_or(own.cidr).to_string())
}

/// The range that is meant; none is the VPC's own.
fn range(layout: &Layout<'_>, who: Who) -> Option<Ipv4Net> {
    let net = |text: &str| text.parse().ok();
    match who {
        Who::Anywhere => net("0.0.0.0/0"),
        Who::OwnVpc | Who::OwnGroup(_) | Who::PeerGroup(..) => None,
        Who::OtherVpc(pick) => Some(choose(&layout.vpcs, pick)?.cidr),
        Who::VpgRange(pick) => Some(choose(&layout.vpgs, pick)?.range),
        Who::VpgHalf(pick) => {
            let vpg = choose(&layout.vpgs, pick)?;
            Some(Ipv4Net::from(vpg.outer[usize::from(pick / 2) % 2]))
        }
        Who::DeviceSubnet(pick) => Some(choose(&layout.vpgs, pick)?.devices),
        Who::Private => net("10.0.0.0/8"),
        Who::Pc => net("192.0.2.10/32"),
        Who::Nobody => net("198.18.0.0/24"),
    }
}

fn acl(text: &mut Text, layout: &Layout<'_>, vpc: usize, acl: &Acl) {
    for (key, everything, entries) in [
        ("ingress", acl.everything_in, &acl.ingress),
        ("egress", acl.everything_out, &acl.egress),
    ] {
        text.set(key, acl_entries(layout, vpc, everything, entries));
    }
}

fn acl_entries(layout: &Layout<'_>, vpc: usize, everything: bool, entries: &[Entry]) -> Value {
    let mut numbers = BTreeSet::new();
    let entries = entries.iter().filter(|entry| numbers.insert(entry.number));
    let mut list: Vec<Value> = entries
        .map(|entry| {
            let mut fields = what(entry.rule.what);
            let cidr = range(layout, entry.rule.who).unwrap_or(layout.vpcs[vpc].cidr);
            fields["cidr"] = cidr.to_string().into();
            fields["action"] = if entry.deny { "deny" } else { "allow" }.into();
            fields["rule_number"] = (u32::from(entry.number) * 10).into();
            fields
        })
        .collect();
    if everything {
        list.push(json!({"rule_number": 100, "action": "allow", "cidr": "0.0.0.0/0"}));
    }
    list.into()
}

fn instances(text: &mut Text, layout: &Layout<'_>) {
    for instance in &layout.instances {
        let (vpc, plan) = (&layout.vpcs[instance.vpc], instance.plan);
        let planned = &layout.plan.vpcs[instance.vpc];
        text.table(&format!("aws.instance.{}", instance.name));
        text.set("subnet", subnet_name(&vpc.name, instance.subnet));
        text.set("private_ip", instance.ip.to_string());
        text.set_if(plan.public == Public::Assigned, "public_ip", true);
        text.set_if(plan.unchecked, "source_dest_check", false);
        let groups: BTreeSet<String> = plan
            .groups
            .iter()
            .filter_map(|pick| usize::from(*pick).checked_rem(planned.groups.len()))
            .map(|n| group_name(&vpc.name, n))
            .collect();
        let groups: Vec<String> = groups.into_iter().collect();
        text.set_if(!groups.is_empty(), "security_groups", groups);
        serve(text, plan.serve);
        // The VPC needs a gateway for it.
        if plan.public == Public::Elastic && planned.internet_gateway {
            text.table(&format!("aws.address.e-{}", instance.name));
            text.set("instance", instance.name.clone());
        }
    }
}

pub fn serve(text: &mut Text, serve: Serve) {
    let all = [
        (serve.http, json!({"http": 80})),
        (serve.tcp, json!({"tcp": 8080})),
        (serve.udp, json!({"udp": 7})),
    ];
    let list: Vec<Value> = all
        .into_iter()
        .filter_map(|(on, service)| on.then_some(service))
        .collect();
    if !list.is_empty() {
        text.set("serve", list);
    }
}
