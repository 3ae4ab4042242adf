//! The device that a SIM sits in: a node with a cellular interface while the session lasts.

use super::builder::{Builder, NodeExt, deny};
use super::interface;
use super::name::{platform_node, sim_node, vpg_node};
use super::special::{ANY, host};
use crate::cloud::soracom::{SimId, VpgStatus};
use crate::cloud::{LinkName, Reason};
use crate::network::{HookPoint, HostFiles, IfName, Route, Table, Test};

/// One device.
pub(super) fn lower(b: &mut Builder, id: &SimId) {
    let cloud = b.cloud;
    let Some(sim) = cloud.soracom.sims.get(id) else {
        return;
    };
    let here = sim_node(id);
    let services = b.world.devices.get(id).cloned().unwrap_or_default();
    let node = b.node(&here);
    node.services = services;
    node.files.hostname = id.to_string();
    let far = sim
        .session
        .as_ref()
        .and_then(|session| match &session.anchor {
            None => Some(platform_node()),
            Some((vpg, index)) => {
                let running = cloud.soracom.vpgs.get(vpg)?.status == VpgStatus::Running;
                running.then(|| vpg_node(vpg, *index))
            }
        });
    let (Some(session), Some(far)) = (&sim.session, far) else {
        return offline(b, id);
    };
    let wwan0 = IfName::fit("wwan0", "");
    let link = LinkName::Sim(id.clone());
    let theirs = interface::sim(id);
    b.join_as((&link, ""), (&here, &wwan0), (&far, &theirs), session.mtu);
    let node = b.node(&here);
    node.address(&wwan0, host(session.ip));
    node.route(Table::MAIN, ANY, &wwan0);
    node.files = HostFiles {
        nameservers: session.dns.clone(),
        ..node.files.clone()
    };
}

/// Without a session, whatever the device sends goes nowhere.
fn offline(b: &mut Builder, id: &SimId) {
    let lo = IfName::lo();
    let node = b.node(&sim_node(id));
    let route = Route {
        dev: lo.clone(),
        via: None,
        source: Some(std::net::Ipv4Addr::LOCALHOST),
    };
    node.routes.insert((Table::MAIN, ANY), route);
    let loopback = ipnet::Ipv4Net::new_assert(std::net::Ipv4Addr::new(127, 0, 0, 0), 8);
    node.hook("output", HookPoint::Output, 0).push(deny(
        [Test::Oif(lo).into(), !Test::Destination(loopback)],
        Reason::SimSessionOffline,
        format!("SIM {id}"),
    ));
}
