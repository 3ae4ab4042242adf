//! `Cloud → Network`: what the clouds' rules come to in Linux terms.
//!
//! One file per thing that becomes a node or a part of one. Every place where a cloud drops a packet is
//! a rule that logs a [`Label`](crate::network::Label) and drops; a destination without a route is
//! routed to `lo`, where such a rule stands. Nothing is dropped by omission, so a verdict never has to
//! wait for a time-out.
//!
//! | node | file | what it is |
//! |---|---|---|
//! | `sim/N` | `device.rs` | the device that a SIM sits in |
//! | `vpg/N/a`, `vpg/N/b` | `vpg.rs`, `gate.rs` | the two nodes of a Virtual Private Gateway |
//! | `pcx/N` | `peering.rs` | an active peering connection |
//! | `tgw/N` | `transit_gateway.rs` | an active Transit Gateway VPC attachment |
//! | `vpc/N` | `vpc.rs` and the files it names | a VPC's implicit router |
//! | `igw/N` | `internet_gateway.rs` | an internet gateway that is attached to a VPC |
//! | `instance/N` | `instance.rs` | an instance |
//! | `platform` | `platform.rs` | SORACOM's platform endpoints, and the way out of SIMs without a VPG |
//! | `internet`, `pc` | `internet.rs` | the internet, and the user's computer on it |
//!
//! Links are plain, but for those that the scenario asks something else of (`link.rs`).

mod builder;
mod device;
mod gate;
mod instance;
mod interface;
mod internet;
mod internet_gateway;
mod link;
mod name;
mod network_acl;
mod peering;
mod platform;
mod route_table;
mod security_group;
mod special;
mod transit_gateway;
mod vpc;
mod vpc_parts;
mod vpg;
mod vpg_parts;

pub use link::{LinkPlan, Way};
pub use name::{attachment_node, instance_node, internet_gateway_node, internet_node, pc_node};
pub use name::{peering_node, platform_node, sim_node, vpc_node, vpg_node};

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::cloud::aws::InstanceId;
use crate::cloud::soracom::SimId;
use crate::cloud::{Cloud, LinkName};
use crate::network::{Listen, Network, Service};
use builder::Builder;

/// What the clouds do not know: what listens where, and which names resolve.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// What listens on instances.
    pub instances: BTreeMap<InstanceId, BTreeMap<Listen, Service>>,
    /// What listens on devices.
    pub devices: BTreeMap<SimId, BTreeMap<Listen, Service>>,
    /// What listens on the internet's server.
    pub internet: BTreeMap<Listen, Service>,
    /// Names that every resolver knows, in lower case.
    pub dns: BTreeMap<String, Vec<Ipv4Addr>>,
    /// What links do to packets, for those that are not plain.
    pub links: BTreeMap<LinkName, LinkPlan>,
}

/// The network that these clouds come to.
pub fn lower(cloud: &Cloud, world: &World) -> Network {
    let mut builder = Builder::new(cloud, world);
    internet::lower(&mut builder);
    platform::lower(&mut builder);
    for id in cloud.aws.vpcs.keys() {
        vpc::lower(&mut builder, id);
    }
    for id in cloud.soracom.vpgs.keys() {
        vpg::lower(&mut builder, id);
    }
    for id in cloud.aws.peerings.keys() {
        peering::lower(&mut builder, id);
    }
    for id in cloud.aws.attachments.keys() {
        transit_gateway::lower(&mut builder, id);
    }
    for id in cloud.soracom.sims.keys() {
        device::lower(&mut builder, id);
    }
    builder.finish()
}
