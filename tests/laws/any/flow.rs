//! Flows between everybody, and what may be known of the machines.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use canal_sim::cloud::aws::Instance;
use canal_sim::cloud::soracom::{Vpg, platform};
use canal_sim::cloud::{Cloud, NodeName, internet};
use canal_sim::guest::{Guest, Guests, Interface, Listen, Route, Transport, Vxlan, Way};
use canal_sim::reach::{Ask, Flow};
use ipnet::Ipv4Net;
use proptest::prelude::*;

/// Where Gate's VXLAN goes.
const VXLAN_PORT: u16 = 4789;

/// Every address that somebody has, and some that nobody has.
pub fn addresses(cloud: &Cloud) -> BTreeSet<Ipv4Addr> {
    let (aws, soracom) = (&cloud.aws, &cloud.soracom);
    let private = aws.instances.values().map(|instance| instance.private_ip);
    let public = aws.instances.keys().filter_map(|id| aws.public_ip(id));
    let sessions = soracom.sims.values().filter_map(|sim| sim.session.as_ref());
    let vpgs = || soracom.vpgs.values();
    let nobody = [
        [10, 0, 0, 99],
        [10, 1, 0, 99],
        [10, 200, 0, 1],
        [198, 51, 100, 20],
    ];
    private
        .chain(public)
        .chain(sessions.map(|session| session.ip))
        .chain(vpgs().flat_map(Vpg::outer_ips))
        .chain(vpgs().flat_map(|vpg| vpg.global_ips.into_iter().flatten()))
        .chain(vpgs().flat_map(|vpg| vpg.gate.peers.values().copied()))
        .chain([
            internet::PC,
            internet::SERVER,
            platform::PONG,
            platform::DNS[0],
        ])
        .chain(nobody.map(Ipv4Addr::from))
        .collect()
}

/// Every machine asks for every address, in every way.
pub fn flows(cloud: &Cloud) -> Vec<Flow> {
    let sims = cloud.soracom.sims.keys().cloned().map(NodeName::Sim);
    let instances = cloud.aws.instances.keys().cloned().map(NodeName::Instance);
    let senders = sims
        .chain(instances)
        .chain([NodeName::Pc, NodeName::Internet]);
    let large = Ask::Ping {
        size: 1472,
        dont_fragment: true,
    };
    let asks = [
        Ask::Tcp(80),
        Ask::Tcp(22),
        Ask::Udp(53),
        Ask::Udp(VXLAN_PORT),
        Ask::PING,
        large,
    ];
    let addresses = addresses(cloud);
    let mut flows = Vec::new();
    for from in senders {
        for to in &addresses {
            flows.extend(asks.map(|ask| Flow {
                from: from.clone(),
                to: *to,
                ask,
            }));
        }
    }
    flows
}

/// What is known of the machines.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The instances that are Gate peers have their VXLAN interface, and with which VNI: the VPG's own,
    /// or another.
    pub peers: Option<bool>,
    /// The instance `router` forwards.
    pub router: bool,
}

/// More often than not, what makes packets get through.
pub fn known() -> impl Strategy<Value = Known> {
    let peers = prop::option::weighted(0.8, prop::bool::weighted(0.8));
    (peers, prop::bool::weighted(0.7)).prop_map(|(peers, router)| Known { peers, router })
}

impl Known {
    /// The machines themselves.
    pub fn guests(self, cloud: &Cloud) -> Guests {
        let mut guests = Guests::new();
        for (id, instance) in &cloud.aws.instances {
            let name = || NodeName::Instance(id.clone());
            let vpgs = cloud.soracom.vpgs.values();
            let peer = { vpgs }.find(|vpg| vpg.gate.peers.contains_key(&instance.private_ip));
            if let (Some(right_vni), Some(vpg)) = (self.peers, peer) {
                let guest = guests
                    .entry(name())
                    .or_insert_with(|| plain(cloud, instance));
                join_gate(guest, instance, vpg, right_vni);
            }
            if self.router && id.as_str() == "router" {
                let guest = guests
                    .entry(name())
                    .or_insert_with(|| plain(cloud, instance));
                guest.forwarding = true;
            }
        }
        guests
    }
}

/// An instance as AWS starts it, with a web server.
fn plain(cloud: &Cloud, instance: &Instance) -> Guest {
    let subnet = &cloud.aws.subnets[&instance.subnet];
    let out = |via| Route {
        way: Way::Out {
            dev: "eth0".into(),
            via,
        },
        source: None,
    };
    let interface = Interface {
        up: true,
        mtu: 9001,
        addresses: vec![Ipv4Net::new_assert(
            instance.private_ip,
            subnet.cidr.prefix_len(),
        )],
        vxlan: None,
    };
    Guest {
        interfaces: BTreeMap::from([("eth0".into(), interface)]),
        routes: BTreeMap::from([
            (subnet.cidr, out(None)),
            (Ipv4Net::default(), out(Some(subnet.router()))),
        ]),
        forwarding: false,
        listens: BTreeSet::from([Listen {
            transport: Transport::Tcp,
            address: Ipv4Addr::UNSPECIFIED,
            port: 80,
        }]),
        doubts: BTreeSet::new(),
    }
}

/// What the user of Gate types on the instance.
fn join_gate(guest: &mut Guest, instance: &Instance, vpg: &Vpg, right_vni: bool) {
    let inner = vpg.gate.peers[&instance.private_ip];
    let interface = Interface {
        up: true,
        mtu: 8951,
        addresses: vec![Ipv4Net::new_assert(inner, vpg.device_subnet.prefix_len())],
        vxlan: Some(Vxlan {
            vni: if right_vni {
                vpg.gate.vni
            } else {
                vpg.gate.vni ^ 1
            },
            port: VXLAN_PORT,
            local: Some(instance.private_ip),
            below: Some("eth0".into()),
            flood: vpg.outer_ips().into(),
            learned: BTreeMap::new(),
        }),
    };
    guest.interfaces.insert("vxlan0".into(), interface);
    let route = Route {
        way: Way::Out {
            dev: "vxlan0".into(),
            via: None,
        },
        source: None,
    };
    guest.routes.insert(vpg.device_subnet, route);
}
