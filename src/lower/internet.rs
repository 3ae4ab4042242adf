//! The internet: one router that is also a server, and the user's computer on it.

use std::net::Ipv4Addr;

use super::builder::{Builder, NodeExt, allow, deny, jump};
use super::name::{internet_node, pc_node};
use super::special::{ANY, host, private};
use crate::cloud::{Reason, internet as address};
use crate::network::{HookPoint, HostFiles, IfName, Listen, Service, Table, Test, Transport};

/// The internet and the user's computer. Gateways attach themselves.
pub(super) fn lower(b: &mut Builder) {
    let (here, pc) = (internet_node(), pc_node());
    let (lo, eth0) = (IfName::lo(), IfName::fit("eth0", ""));
    let there = IfName::fit("pc", "");
    b.join((&here, &there), (&pc, &eth0), 1500);

    let computer = b.node(&pc);
    computer.address(&eth0, host(address::PC));
    computer.route(Table::MAIN, ANY, &eth0);
    computer.files = HostFiles {
        hostname: "pc".into(),
        hosts: Default::default(),
        nameservers: vec![address::SERVER],
    };

    let mut services = b.world.internet.clone();
    let resolver = Listen {
        transport: Transport::Udp,
        address: address::SERVER,
        port: 53,
    };
    let records = b.world.dns.clone();
    services.entry(resolver).or_insert(Service::Dns { records });
    let node = b.node(&here);
    node.forwarding = true;
    node.address(&lo, host(address::SERVER));
    node.route(Table::MAIN, host(address::PC), &there);
    node.sink(Table::MAIN, ANY);
    node.services = services;
    node.files.hostname = "internet".into();
    let sink = || Test::Oif(IfName::lo()).into();
    let nowhere = vec![
        deny(
            [sink(), Test::DestinationIn(private()).into()],
            Reason::NoRouteToDestination,
            "internet: private addresses are not routed",
        ),
        deny(
            [sink(), Test::Destination(address::AWS_PUBLIC).into()],
            Reason::IgwPrivateIpAssociationForIngress,
            "AWS's public addresses: nothing has this one",
        ),
        deny(
            [sink()],
            Reason::NoRouteToDestination,
            "internet: nothing has this address",
        ),
    ];
    node.chain("nowhere", nowhere);
    node.hook("forward", HookPoint::Forward, 0)
        .push(jump([], "nowhere"));
    // What the server itself sends there is heard of as well.
    let own = [address::SERVER, Ipv4Addr::LOCALHOST].map(host);
    node.hook("output", HookPoint::Output, 0).extend([
        allow([Test::DestinationIn(own.into()).into()]),
        jump([], "nowhere"),
    ]);
}
