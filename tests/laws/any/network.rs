//! Random networks, in Linux terms.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use canal_sim::network::{
    Address, Chain, ChainId, End, IfName, Link, LinkId, Listen, Mac, Network, NodeId, PolicyRule,
    Route, Rule, Service, Shape, Statement, Table, Transport, Vxlan,
};
use ipnet::Ipv4Net;
use proptest::prelude::*;

/// What one interface may hold.
#[derive(Clone, Debug)]
struct Held {
    mtu: u32,
    address: Option<u8>,
    route: Option<(u8, bool)>,
    neighbour: Option<u8>,
    proxy: Option<u8>,
    proxy_arp: bool,
}

/// What one node may hold besides.
#[derive(Clone, Debug)]
struct Own {
    boot: u32,
    forwarding: bool,
    sink: Option<u8>,
    rules: Vec<u8>,
    chains: BTreeMap<u8, bool>,
    service: Option<bool>,
    tunnel: Option<(u8, Vec<u8>)>,
    nameserver: Option<u8>,
}

fn held() -> impl Strategy<Value = Held> {
    let byte = || prop::option::of(0..3_u8);
    (
        prop_oneof![Just(1500_u32), Just(9001)],
        byte(),
        prop::option::of((0..3_u8, any::<bool>())),
        byte(),
        byte(),
        any::<bool>(),
    )
        .prop_map(|(mtu, address, route, neighbour, proxy, proxy_arp)| Held {
            mtu,
            address,
            route,
            neighbour,
            proxy,
            proxy_arp,
        })
}

fn own() -> impl Strategy<Value = Own> {
    (
        0..2_u32,
        any::<bool>(),
        prop::option::of(0..3_u8),
        prop::collection::vec(0..4_u8, 0..3),
        prop::collection::btree_map(0..3_u8, any::<bool>(), 0..3),
        prop::option::of(any::<bool>()),
        prop::option::of((0..2_u8, prop::collection::vec(0..4_u8, 0..3))),
        prop::option::of(0..2_u8),
    )
        .prop_map(
            |(boot, forwarding, sink, rules, chains, service, tunnel, nameserver)| Own {
                boot,
                forwarding,
                sink,
                rules,
                chains,
                service,
                tunnel,
                nameserver,
            },
        )
}

const NODES: [&str; 3] = ["a", "b", "c"];

fn ip(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, n)
}

fn net(n: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(10, n, 0, 0), 16)
}

/// Networks that a kernel could hold: whatever names an interface finds it.
pub fn network() -> impl Strategy<Value = Network> {
    let nodes = prop::collection::vec(prop::option::weighted(0.8, own()), NODES.len());
    let links = prop::collection::vec(
        prop::option::of((held(), held(), prop::option::of((0..2_u8, 0..2_u8)))),
        NODES.len(),
    );
    (nodes, links).prop_map(|(nodes, links)| {
        let mut network = Network::default();
        for (name, own) in NODES.iter().zip(nodes) {
            if let Some(own) = own {
                place(&mut network, NodeId::new(*name), own);
            }
        }
        for (at, held) in links.into_iter().enumerate() {
            let (from, to) = (NODES[at], NODES[(at + 1) % NODES.len()]);
            let both = [from, to].map(NodeId::new);
            if let Some((left, right, latencies)) = held
                && both.iter().all(|id| network.nodes.contains_key(id))
            {
                join(&mut network, at, both, [left, right], latencies);
            }
        }
        network
    })
}

fn place(network: &mut Network, id: NodeId, own: Own) {
    let node = network.nodes.entry(id).or_default();
    node.boot = own.boot;
    node.forwarding = own.forwarding;
    if let Some(n) = own.sink {
        let route = Route {
            dev: IfName::lo(),
            via: None,
            source: None,
        };
        node.routes.insert((Table(1_000), net(n)), route);
    }
    for n in own.rules {
        node.rules.insert(PolicyRule {
            priority: 100 + u32::from(n),
            iif: None,
            table: Table(1_000),
        });
    }
    for (n, drops) in own.chains {
        let statements = drops.then_some(Statement::Drop);
        let rules = vec![Rule::new([], statements)];
        let chain = Chain { hook: None, rules };
        node.filter
            .chains
            .insert(ChainId::ip(format!("c{n}")), chain);
    }
    if let Some(tcp) = own.service {
        let listen = Listen {
            transport: Transport::Tcp,
            address: Ipv4Addr::UNSPECIFIED,
            port: 80,
        };
        let service = if tcp {
            Service::TcpEcho
        } else {
            Service::Http {
                pages: BTreeMap::new(),
            }
        };
        node.services.insert(listen, service);
    }
    if let Some((vni, flood)) = own.tunnel {
        let tunnel = Vxlan {
            vni: vni.into(),
            local: ip(1),
            port: 4789,
            mac: Mac([2, 0, 0, 0, 0, 1]),
            mtu: 1450,
            flood: flood.into_iter().map(ip).collect(),
        };
        node.tunnels.insert(IfName::fit("vxlan0", ""), tunnel);
    }
    node.files.nameservers = own.nameserver.into_iter().map(ip).collect();
}

fn join(
    network: &mut Network,
    at: usize,
    nodes: [NodeId; 2],
    held: [Held; 2],
    latencies: Option<(u8, u8)>,
) {
    let dev = IfName::fit("eth", &at.to_string());
    let mtu = held[0].mtu;
    for (id, held) in nodes.iter().zip(held) {
        let node = network.nodes.get_mut(id).expect("placed before");
        if let Some(n) = held.address {
            let address = Address {
                dev: dev.clone(),
                net: Ipv4Net::new_assert(ip(n), 24),
            };
            node.addresses.insert(address);
        }
        if let Some((n, via)) = held.route {
            let route = Route {
                dev: dev.clone(),
                via: via.then(|| ip(9)),
                source: None,
            };
            node.routes.insert((Table::MAIN, net(n)), route);
        }
        if let Some(n) = held.neighbour {
            let mac = Mac([2, 0, 0, 0, 0, n]);
            node.neighbours.insert((dev.clone(), ip(n)), mac);
        }
        if let Some(n) = held.proxy {
            node.proxies.insert((dev.clone(), ip(n)));
        }
        if held.proxy_arp {
            node.proxy_arp.insert(dev.clone());
        }
    }
    let ends = nodes.map(|node| End::new(node, dev.clone()));
    let shape = |millis: u8| Shape {
        latency: Duration::from_millis(millis.into()),
        ..Shape::default()
    };
    let shapes = latencies.map(|(there, back)| Box::new([shape(there), shape(back)]));
    network
        .links
        .insert(LinkId::new(format!("l{at}")), Link { ends, mtu, shapes });
}
