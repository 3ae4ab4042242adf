//! Names and addresses: what follows from a plan before anything is written.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::plan::{Destination, Instance, Kind, Pick, Plan, Registered, State, Tunnel};

/// A plan, and the names and addresses of what it says.
pub struct Layout<'a> {
    pub plan: &'a Plan,
    pub vpcs: Vec<VpcFacts>,
    pub instances: Vec<InstanceFacts<'a>>,
    pub peerings: Vec<PeeringFacts>,
    pub vpgs: Vec<VpgFacts>,
    pub links: Vec<LinkFacts>,
    pub tunnels: Vec<TunnelFacts<'a>>,
}

pub struct VpcFacts {
    pub name: String,
    pub cidr: Ipv4Net,
    pub subnets: Vec<Ipv4Net>,
}

pub struct InstanceFacts<'a> {
    pub plan: &'a Instance,
    pub name: String,
    pub vpc: usize,
    pub subnet: usize,
    pub ip: Ipv4Addr,
}

pub struct PeeringFacts {
    pub name: String,
    pub from: usize,
    pub to: usize,
    /// Whether the ranges overlap, so that the request fails.
    pub fails: bool,
    pub state: State,
}

pub struct VpgFacts {
    pub name: String,
    pub devices: Ipv4Net,
    pub range: Ipv4Net,
    pub outer: [Ipv4Addr; 2],
    pub vni: u32,
}

/// A peering of a Type-F VPG or an attachment of a Type-F2 one.
pub struct LinkFacts {
    pub name: String,
    pub vpg: usize,
    pub vpc: usize,
    pub state: State,
    /// What the VPG routes into it; with attachments that may be nothing.
    pub destination: Option<Ipv4Net>,
}

pub struct TunnelFacts<'a> {
    pub plan: &'a Tunnel,
    pub instance: usize,
    pub vpg: usize,
    /// What it is registered with, if it is.
    pub inner: Ipv4Addr,
    /// Another address of the device subnet, which nobody has.
    pub spare: Ipv4Addr,
}

/// One of several; nothing where there are none.
pub fn choose<T>(list: &[T], pick: Pick) -> Option<&T> {
    list.get(usize::from(pick).checked_rem(list.len())?)
}

fn index(count: usize, pick: Pick) -> Option<usize> {
    usize::from(pick).checked_rem(count)
}

/// The address that many after the first.
pub fn at(net: Ipv4Net, offset: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(net.network()) + offset)
}

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

pub fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// A VPC's range: its own as a rule; rarely the first one's, one in a device subnet, another private one,
/// or one that is only private to carriers.
fn vpc_range(vpc: usize, pick: Pick) -> Ipv4Net {
    match pick {
        20 => net("10.0.0.0/16"),
        21 => net("10.130.0.0/16"),
        22 => net("192.168.0.0/22"),
        23 => net("100.100.0.0/16"),
        _ => net(["10.0.0.0/16", "10.1.0.0/16", "172.16.0.0/20"][vpc % 3]),
    }
}

fn device_subnet(pick: Pick) -> Ipv4Net {
    net(match pick % 6 {
        3 => "10.200.0.0/16",
        4 => "192.168.200.0/24",
        5 => "172.31.0.0/27",
        _ => "10.128.0.0/9",
    })
}

fn vpg_range(vpg: usize, pick: Pick) -> Ipv4Net {
    let ranges = [
        ["100.64.0.0/24", "100.67.0.224/27", "100.68.128.0/17"],
        ["100.65.0.0/24", "100.66.1.0/28", "100.69.16.0/20"],
    ];
    net(ranges[vpg % 2][usize::from(pick) % 3])
}

impl<'a> Layout<'a> {
    pub fn of(plan: &'a Plan) -> Self {
        let vpcs: Vec<VpcFacts> = plan
            .vpcs
            .iter()
            .enumerate()
            .map(|(i, vpc)| {
                let cidr = vpc_range(i, vpc.range);
                let subnets = (0_u32..).zip(&vpc.subnets);
                VpcFacts {
                    name: format!("v{}", i + 1),
                    cidr,
                    subnets: subnets
                        .map(|(n, _)| Ipv4Net::new_assert(at(cidr, n * 256), 24))
                        .collect(),
                }
            })
            .collect();
        let mut instances = Vec::new();
        for (i, vpc) in plan.vpcs.iter().enumerate() {
            for (n, plan) in (0_u32..).zip(&vpc.instances) {
                let Some(subnet) = index(vpc.subnets.len(), plan.subnet) else {
                    continue;
                };
                instances.push(InstanceFacts {
                    plan,
                    name: format!("i{}{}", i + 1, (b'a' + n as u8) as char),
                    vpc: i,
                    subnet,
                    ip: at(vpcs[i].subnets[subnet], 10 + n),
                });
            }
        }
        let vpgs: Vec<VpgFacts> = plan
            .vpgs
            .iter()
            .enumerate()
            .map(|(i, vpg)| {
                let range = vpg_range(i, vpg.range);
                let half = 1 << (31 - range.prefix_len());
                VpgFacts {
                    name: format!("p{}", i + 1),
                    devices: device_subnet(vpg.devices),
                    range,
                    outer: [at(range, 4), at(range, half + 4)],
                    vni: if vpg.other_vni { 20 } else { 10 },
                }
            })
            .collect();
        let peerings = peerings(plan, &vpcs);
        let links = links(plan, &vpcs, &vpgs);
        let tunnels = tunnels(&instances, &vpgs);
        Self {
            plan,
            vpcs,
            instances,
            peerings,
            vpgs,
            links,
            tunnels,
        }
    }

    /// Whether a rule of one VPC may name a group of the other when the tables are carried out.
    pub fn peered(&self, a: usize, b: usize) -> bool {
        self.peerings.iter().any(|peering| {
            [(a, b), (b, a)].contains(&(peering.from, peering.to))
                && !peering.fails
                && accepted_at_first(peering.state)
        })
    }

    /// The name of the VPG's group of SIMs; without a VPG, of those on the shared platform.
    pub fn sim_group(&self, home: Option<Pick>) -> String {
        match home.and_then(|pick| choose(&self.vpgs, pick)) {
            Some(vpg) => format!("g-{}", vpg.name),
            None => "g-none".to_owned(),
        }
    }
}

/// Whether the tables have it accepted: what is deleted afterwards was in force once.
pub fn accepted_at_first(state: State) -> bool {
    matches!(state, State::Accepted | State::Deleted)
}

fn peerings(plan: &Plan, vpcs: &[VpcFacts]) -> Vec<PeeringFacts> {
    let mut pairs = BTreeSet::new();
    let mut list = Vec::new();
    for peering in &plan.peerings {
        let Some(from) = index(vpcs.len(), peering.from) else {
            continue;
        };
        // Never with itself.
        let Some(step) = index(vpcs.len() - 1, peering.to) else {
            continue;
        };
        let to = (from + 1 + step) % vpcs.len();
        if pairs.insert((from.min(to), from.max(to))) {
            list.push(PeeringFacts {
                name: format!("x-{}-{}", vpcs[from].name, vpcs[to].name),
                from,
                to,
                fails: overlap(vpcs[from].cidr, vpcs[to].cidr),
                state: peering.state,
            });
        }
    }
    list
}

fn links(plan: &Plan, vpcs: &[VpcFacts], vpgs: &[VpgFacts]) -> Vec<LinkFacts> {
    let mut list: Vec<LinkFacts> = Vec::new();
    for (vpg, planned) in plan.vpgs.iter().enumerate() {
        for link in &planned.links {
            let Some(vpc) = index(vpcs.len(), link.vpc) else {
                continue;
            };
            let destination = match link.destination {
                Destination::Vpc => vpcs[vpc].cidr,
                Destination::FirstSubnet => vpcs[vpc].subnets[0],
                Destination::Elsewhere => net("10.99.0.0/16"),
            };
            let taken = list
                .iter()
                .any(|other| other.vpg == vpg && other.destination == Some(destination));
            let present = list
                .iter()
                .any(|other| other.vpg == vpg && other.vpc == vpc);
            let (prefix, destination) = match planned.kind {
                Kind::E => continue,
                // Canal's destinations are those of RFC 1918.
                Kind::F if taken || overlap(destination, net("100.64.0.0/10")) => continue,
                Kind::F => ("pcx", Some(destination)),
                Kind::F2 => {
                    let clash = overlap(destination, vpgs[vpg].devices);
                    let kept = matches!(link.state, State::Accepted | State::Requested);
                    (
                        "tgw",
                        Some(destination).filter(|_| kept && !taken && !clash),
                    )
                }
            };
            if present {
                continue;
            }
            list.push(LinkFacts {
                name: format!("{prefix}-{}-{}", vpgs[vpg].name, vpcs[vpc].name),
                vpg,
                vpc,
                state: link.state,
                destination,
            });
        }
    }
    list
}

fn tunnels<'a>(instances: &[InstanceFacts<'a>], vpgs: &[VpgFacts]) -> Vec<TunnelFacts<'a>> {
    let mut list: Vec<TunnelFacts<'_>> = Vec::new();
    for (instance, facts) in instances.iter().enumerate() {
        let Some(plan) = &facts.plan.tunnel else {
            continue;
        };
        let Some(vpg) = index(vpgs.len(), plan.vpg) else {
            continue;
        };
        let clash = list.iter().any(|other| {
            other.vpg == vpg
                && other.plan.registered != Registered::Not
                && instances[other.instance].ip == facts.ip
        });
        // Two VPCs of one range: the VPG can't tell their instances apart.
        if clash {
            continue;
        }
        let k = u32::try_from(list.len()).unwrap();
        let last = u32::from(vpgs[vpg].devices.broadcast());
        list.push(TunnelFacts {
            plan,
            instance,
            vpg,
            inner: Ipv4Addr::from(last - 1 - k),
            spare: Ipv4Addr::from(last - 10 - k % 3),
        });
    }
    list
}
