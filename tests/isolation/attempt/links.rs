//! Interfaces made, joined and given away, with iproute2.

use std::fs;
use std::process::Command;

use super::{knock, namespaces};

/// `ip`; whatever becomes of it is told.
fn ip(line: &str) {
    let output = Command::new("ip").args(line.split(' ')).output().unwrap();
    println!(
        "ip {line}: {} {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

fn interfaces() -> Vec<String> {
    // Not /sys, which may be empty.
    let text = fs::read_to_string("/proc/net/dev").unwrap();
    let names = text.lines().filter_map(|line| line.split_once(':'));
    let names = names.map(|(name, _)| name.trim().to_owned());
    names.filter(|name| name != "lo").collect()
}

/// All interfaces on one bridge, with a MACVLAN and an IPVLAN interface on each, and a frame to everybody.
pub fn bridge() {
    let before = interfaces();
    for (number, name) in before.iter().enumerate() {
        for kind in ["macvlan", "ipvlan"] {
            ip(&format!(
                "link add link {name} name {kind}{number} type {kind}"
            ));
            ip(&format!("link set {kind}{number} up"));
        }
        knock::frames();
        ip(&format!("link del ipvlan{number}"));
        ip(&format!("link del macvlan{number}"));
    }
    ip("link add canal-br type bridge");
    for name in before {
        ip(&format!("link set {name} master canal-br"));
    }
    ip("link set canal-br up");
    knock::frames();
}

/// New interfaces into every network in sight, and one's own after them.
pub fn go_elsewhere() {
    let processes = namespaces::processes("/proc");
    let places = namespaces::paths();
    for (number, place) in processes.iter().chain(&places).enumerate() {
        ip(&format!(
            "link add out{number} type veth peer name in{number} netns {place}"
        ));
        ip(&format!("link set in{number} netns {place} up"));
        ip(&format!(
            "link add name dum{number} netns {place} type dummy"
        ));
        ip(&format!(
            "link add vx{number} type vxlan id {number} dstport 4789 remote 10.0.0.1 dev eth0"
        ));
        ip(&format!("link set vx{number} netns {place}"));
    }
    for (place, name) in processes.iter().zip(interfaces()) {
        ip(&format!("link set {name} netns {place}"));
    }
}
