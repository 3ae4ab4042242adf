//! Where a hop is, in words.

use crate::cloud::aws::{InstanceId, RouteTarget};
use crate::cloud::soracom::{VpgId, platform};
use crate::cloud::{Cloud, NodeName};
use crate::reach::{Ask, HopKind, NatPlace, Node};

/// How it is asked: `tcp/80`, `ping`, `ping of 1400 bytes, don't fragment`.
pub fn ask(ask: Ask) -> String {
    match ask {
        Ask::Tcp(port) => format!("tcp/{port}"),
        Ask::Udp(port) => format!("udp/{port}"),
        Ask::Ping {
            size,
            dont_fragment,
        } => {
            let usual = matches!(Ask::PING, Ask::Ping { size: usual, .. } if usual == size);
            let size = if usual {
                String::new()
            } else {
                format!(" of {size} bytes")
            };
            let df = if dont_fragment {
                ", don't fragment"
            } else {
                ""
            };
            format!("ping{size}{df}")
        }
    }
}

/// A machine by its kind and name: `SIM sensor`, `instance server`.
pub fn node(node: Node<'_>) -> String {
    match node {
        Node::Sim(sim) => format!("SIM {sim}"),
        Node::Instance(instance) => format!("instance {instance}"),
        Node::Pc => "the pc".to_owned(),
        Node::Internet => "the internet's server".to_owned(),
    }
}

/// A machine by the name that the scenario uses.
pub(super) fn name(node: Node<'_>) -> String {
    match node {
        Node::Sim(sim) => sim.to_string(),
        Node::Instance(instance) => instance.to_string(),
        Node::Pc => NodeName::Pc.to_string(),
        Node::Internet => NodeName::Internet.to_string(),
    }
}

/// `node a`, `node b`.
pub(super) fn side(index: usize) -> &'static str {
    if index == 0 { "node a" } else { "node b" }
}

/// SORACOM's platform without a VPG.
pub(super) const SHARED: &str = "SORACOM's shared platform";

/// Where a hop is.
pub(super) fn place(kind: &HopKind<'_>, cloud: &Cloud) -> String {
    match *kind {
        HopKind::Sends { node, .. }
        | HopKind::Arrives { node, .. }
        | HopKind::Forwards { node } => self::node(node),
        HopKind::Answers { vpc: Some(vpc), .. } => format!("router of VPC {vpc}"),
        HopKind::Answers { address, vpc: None } => endpoint(address),
        HopKind::Session { sim, .. } => format!("session of SIM {sim}"),
        HopKind::SharedPlatform => SHARED.to_owned(),
        HopKind::VpgNode { vpg, index } => vpg_node(vpg, index),
        HopKind::VpgRoute { vpg, .. } => format!("VPG {vpg}, routes"),
        HopKind::RoutingFilter { vpg, .. } => format!("VPG {vpg}, routing filter"),
        HopKind::Gate { vpg, .. } => format!("Gate of VPG {vpg}"),
        HopKind::Nat { place, .. } => match place {
            NatPlace::Vpg(vpg, index) => vpg_node(vpg, index),
            NatPlace::SharedPlatform => SHARED.to_owned(),
            NatPlace::InternetGateway(gateway) => format!("internet gateway {gateway}"),
        },
        HopKind::Encapsulates { .. } | HopKind::Decapsulates { .. } => "VXLAN".to_owned(),
        HopKind::SourceDestCheck { instance, .. } => format!("network interface of {instance}"),
        HopKind::SecurityGroups {
            instance, egress, ..
        } => security_groups(instance, egress, cloud),
        HopKind::NetworkAcl { acl, egress, .. } => {
            format!("network ACL {acl}, {}", direction(egress))
        }
        HopKind::RouteTable { table, .. } => format!("route table {table}"),
        HopKind::Vpc { vpc, .. } => format!("VPC {vpc}"),
        HopKind::Peering { peering, .. } => format!("peering {peering}"),
        HopKind::Attachment { attachment } => {
            RouteTarget::TransitGateway(attachment.clone()).to_string()
        }
        HopKind::InternetGateway { gateway, .. } => format!("internet gateway {gateway}"),
        HopKind::Internet { .. } => "the internet".to_owned(),
        HopKind::Cut { link } => link.to_string(),
        HopKind::Mtu { .. } => "link".to_owned(),
    }
}

fn vpg_node(vpg: &VpgId, index: usize) -> String {
    format!("VPG {vpg}, {}", side(index))
}

/// `egress`, `ingress`.
pub(super) fn direction(egress: bool) -> &'static str {
    if egress { "egress" } else { "ingress" }
}

fn endpoint(address: std::net::Ipv4Addr) -> String {
    let name = match address {
        platform::PONG => "pong",
        platform::NTP => "ntp",
        address if platform::DNS.contains(&address) => "dns",
        _ => "endpoint",
    };
    format!("SORACOM's {name}")
}

/// `security groups a, b, ingress of server`.
fn security_groups(id: &InstanceId, egress: bool, cloud: &Cloud) -> String {
    let instance = cloud.aws.instances.get(id);
    let groups: Vec<&str> = instance
        .into_iter()
        .flat_map(|instance| &instance.security_groups)
        .map(|group| group.as_str())
        .collect();
    let noun = if groups.len() == 1 { "group" } else { "groups" };
    format!(
        "security {noun} {}, {} of {id}",
        groups.join(", "),
        direction(egress)
    )
}
