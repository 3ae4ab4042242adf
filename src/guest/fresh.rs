//! What the cloud alone gives a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::Listen;
use super::model::{Guest, Interface, LOOPBACK_MTU, Route, Way};
use crate::cloud::aws::InstanceState;
use crate::cloud::{Cloud, NodeName, internet};

/// The largest packet of an instance's interface, in bytes (Amazon EC2 User Guide, "Network MTU").
const INSTANCE_MTU: u32 = 9001;

/// The largest packet on the internet, in bytes.
const INTERNET_MTU: u32 = 1500;

/// The next hop of a machine whose address has no network around it: the other end of its link, by an
/// address that never leaves it (RFC 3927).
const OTHER_END: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);

/// Everything.
const ANY: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

/// The configuration of a machine that has just started, before anybody typed anything on it: nothing but
/// what the cloud gave it, and the given services. None for a machine that there isn't, or that doesn't
/// run.
///
/// The server on the internet has its address on `lo`; the links to all the others are the internet's
/// own, and not in here.
pub fn fresh(cloud: &Cloud, node: &NodeName, listens: BTreeSet<Listen>) -> Option<Guest> {
    let guest = match node {
        NodeName::Instance(id) => {
            let instance = cloud.aws.instances.get(id)?;
            if instance.state != InstanceState::Running {
                return None;
            }
            let subnet = cloud.aws.subnets.get(&instance.subnet)?.cidr;
            let address = Ipv4Net::new(instance.private_ip, subnet.prefix_len()).ok()?;
            // "The VPC router": the first address after the network's own (Amazon VPC User Guide,
            // "Subnet sizing").
            let router = Ipv4Addr::from(u32::from(subnet.network()).checked_add(1)?);
            let mut guest = attached("eth0", address, INSTANCE_MTU, router);
            let connected = Route {
                way: Way::Out {
                    dev: "eth0".into(),
                    via: None,
                },
                source: Some(instance.private_ip),
            };
            guest.routes.insert(subnet.trunc(), connected);
            guest
        }
        NodeName::Sim(id) => match &cloud.soracom.sims.get(id)?.session {
            Some(session) => attached("wwan0", session.ip.into(), session.mtu, OTHER_END),
            None => Guest::default(),
        },
        NodeName::Pc => attached("eth0", internet::PC.into(), INTERNET_MTU, OTHER_END),
        NodeName::Internet => Guest {
            interfaces: BTreeMap::from([interface("lo", internet::SERVER.into(), LOOPBACK_MTU)]),
            forwarding: true,
            ..Guest::default()
        },
    };
    Some(Guest { listens, ..guest })
}

/// A machine with one interface, and a default route over it.
fn attached(name: &str, address: Ipv4Net, mtu: u32, via: Ipv4Addr) -> Guest {
    let out = Way::Out {
        dev: name.into(),
        via: Some(via),
    };
    let route = Route {
        way: out,
        source: None,
    };
    Guest {
        interfaces: BTreeMap::from([interface(name, address, mtu)]),
        routes: BTreeMap::from([(ANY, route)]),
        ..Guest::default()
    }
}

fn interface(name: &str, address: Ipv4Net, mtu: u32) -> (String, Interface) {
    let interface = Interface {
        up: true,
        mtu,
        addresses: vec![address],
        vxlan: None,
    };
    (name.into(), interface)
}
