//! The way that packets take through the networks that the shipped scenarios come to.

#![allow(clippy::unwrap_used)]

use std::net::Ipv4Addr;

use canal_sim::lower::{World, lower};
use canal_sim::network::{Network, NodeId};
use canal_sim::scenario;

/// The network that a scenario's tables declare.
fn declared(file: &str, text: &str) -> Network {
    let scenario = scenario::read(file, text.as_bytes()).unwrap();
    let (cloud, _) = scenario::build(&scenario).unwrap();
    lower(&cloud, &World::default())
}

fn way(network: &Network, from: &str, to: [u8; 4]) -> Vec<String> {
    let way = network.walk(&NodeId::new(from), Ipv4Addr::from(to));
    way.iter().map(ToString::to_string).collect()
}

#[test]
fn from_a_device_over_canal_to_an_instance_and_no_further_than_the_vpg_to_the_internet() {
    let network = declared(
        "closed-network.toml",
        include_str!("../scenarios/closed-network.toml"),
    );
    assert_eq!(
        way(&network, "sim/sensor", [10, 0, 0, 10]),
        [
            "sim/sensor",
            "vpg/closed/a",
            "pcx/pcx",
            "vpc/customer",
            "instance/server"
        ]
    );
    assert_eq!(
        way(&network, "sim/sensor", [198, 51, 100, 10]),
        ["sim/sensor", "vpg/closed/a"]
    );
    assert_eq!(
        way(&network, "sim/sensor", [100, 127, 100, 127]),
        ["sim/sensor", "vpg/closed/a", "platform"]
    );
}

#[test]
fn to_a_public_address_through_its_translation() {
    let network = declared(
        "public-web.toml",
        include_str!("../scenarios/public-web.toml"),
    );
    assert_eq!(
        way(&network, "pc", [203, 0, 113, 1]),
        [
            "pc",
            "internet",
            "igw/customer",
            "vpc/customer",
            "instance/server"
        ]
    );
    assert_eq!(way(&network, "pc", [10, 0, 0, 254]), ["pc", "internet"]);
    assert_eq!(
        way(&network, "instance/server", [10, 0, 0, 20]),
        ["instance/server", "vpc/customer", "instance/worker"]
    );
}

#[test]
fn between_devices_over_both_nodes() {
    let network = declared(
        "device-to-device.toml",
        include_str!("../scenarios/device-to-device.toml"),
    );
    assert_eq!(
        way(&network, "sim/sensor", [10, 128, 0, 20]),
        ["sim/sensor", "vpg/vpg/a", "vpg/vpg/b", "sim/camera"]
    );
}
