//! What is true of SORACOM at any time.

use std::collections::{BTreeMap, BTreeSet};

use canal_sim::cloud::Cloud;
use canal_sim::cloud::aws::{AttachmentStatus, RouteState, RouteTarget};
use canal_sim::cloud::soracom::VpgStatus;

/// Fails where SORACOM's side makes no sense.
pub fn check(cloud: &Cloud) {
    let soracom = &cloud.soracom;
    let mut imsis = BTreeSet::new();
    let mut shared = BTreeSet::new();
    for (id, sim) in &soracom.sims {
        assert!(imsis.insert(&sim.imsi), "IMSI {} twice", sim.imsi);
        let Some(session) = &sim.session else {
            continue;
        };
        assert!(sim.status.may_connect(), "SIM {id} is online");
        assert!(!session.dns.is_empty());
        match &session.anchor {
            Some((vpg, node)) => {
                assert!(*node < 2);
                assert_eq!(soracom.vpgs[vpg].status, VpgStatus::Running);
            }
            None => assert!(shared.insert(session.ip), "{} twice", session.ip),
        }
    }
    for (id, vpg) in &soracom.vpgs {
        let outer = vpg.outer_ips();
        assert_ne!(outer[0], outer[1]);
        assert!(outer.iter().all(|ip| vpg.vpg_subnet.contains(ip)), "{id}");
        let mut owners: BTreeMap<_, String> = BTreeMap::new();
        let mut own = |ip, owner: String| {
            assert!(vpg.device_subnet.contains(&ip), "{ip} of {owner}");
            let other = owners.insert(ip, owner.clone());
            assert!(other.is_none_or(|other| other == owner), "{ip} of {owner}");
        };
        for ip in vpg.inner_ips() {
            own(ip, format!("node {ip}"));
        }
        for (outer, inner) in &vpg.gate.peers {
            own(*inner, format!("peer {outer}"));
        }
        for (imsi, ip) in &vpg.ip_address_map {
            own(*ip, format!("IMSI {imsi}"));
        }
        for (sim, session) in soracom.sessions_on(id) {
            own(session.ip, format!("IMSI {}", soracom.sims[sim].imsi));
        }
        for name in vpg.peerings.keys() {
            let peering = &cloud.aws.peerings[name];
            assert!(peering.is_live(), "peering {name}");
            assert_eq!(peering.requester.vpc, id.vpc());
            assert_eq!(peering.requester.cidrs, [vpg.vpg_subnet]);
        }
        for name in &vpg.attachments {
            let attachment = &cloud.aws.attachments[name];
            assert!(cloud.aws.vpcs.contains_key(&attachment.vpc), "{name}");
            assert_eq!(
                soracom.vpg_of_attachment(name),
                Some(id),
                "{name} is one VPG's"
            );
        }
        for (name, route) in &vpg.customer_routes {
            assert!(vpg.attachments.contains(&route.target), "route {name}");
        }
        for other in soracom.vpgs.iter().filter(|(other, _)| *other != id) {
            assert!(!vpg.vpg_subnet.contains(&other.1.vpg_subnet), "{id}");
            assert!(vpg.global_ips.is_none() || vpg.global_ips != other.1.global_ips);
        }
    }
    for name in cloud.aws.attachments.keys() {
        assert!(soracom.vpg_of_attachment(name).is_some(), "{name}");
    }
    for (id, table) in &cloud.aws.route_tables {
        for target in table.routes.values() {
            let RouteTarget::TransitGateway(name) = target else {
                continue;
            };
            let attachment = cloud.aws.attachments.get(name);
            let active = attachment.is_some_and(|a| a.status == AttachmentStatus::Active);
            let state = cloud.aws.route_state(&table.vpc, target);
            assert_eq!(state == RouteState::Active, active, "{id}: {target}");
            assert!(attachment.is_none_or(|a| a.vpc == table.vpc), "{target}");
        }
    }
}
