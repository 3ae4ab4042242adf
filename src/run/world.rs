//! What a scenario's `serve` and `dns` entries come to.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::lower::World;
use crate::network::{Listen, Page, Service, Transport};
use crate::scenario::{NodeName, Scenario, Serve};

/// What listens where, and which names resolve: what [`lower`](crate::lower::lower) needs beside the
/// clouds.
pub fn world(scenario: &Scenario) -> World {
    let mut world = World {
        dns: scenario.dns.clone(),
        ..World::default()
    };
    for (node, list) in &scenario.serve {
        let services = list.iter().map(service).collect();
        match node {
            NodeName::Instance(id) => {
                world.instances.insert(id.clone(), services);
            }
            NodeName::Sim(id) => {
                world.devices.insert(id.clone(), services);
            }
            NodeName::Internet => world.internet = services,
            // Nothing can be declared for it; the reader refuses that.
            NodeName::Pc => {}
        }
    }
    world
}

fn service(serve: &Serve) -> (Listen, Service) {
    let (transport, port, service) = match serve {
        Serve::Http { port, body } => {
            let page = Page {
                status: 200,
                content_type: "text/plain; charset=utf-8".into(),
                body: body.clone(),
            };
            let pages = BTreeMap::from([((None, "*".to_owned()), page)]);
            (Transport::Tcp, *port, Service::Http { pages })
        }
        Serve::Tcp { port } => (Transport::Tcp, *port, Service::TcpEcho),
        Serve::Udp { port } => (Transport::Udp, *port, Service::UdpEcho),
    };
    let listen = Listen {
        transport,
        address: Ipv4Addr::UNSPECIFIED,
        port,
    };
    (listen, service)
}
