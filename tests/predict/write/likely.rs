//! Who is asked by whom as a rule, so that a good part of the questions gets somewhere.

use canal_sim::cloud::Cloud;
use canal_sim::cloud::aws::InstanceId;
use canal_sim::cloud::soracom::{SimId, VpgId};

use super::layout::Layout;
use super::soracom::sim_name;
use crate::plan::{Kind, Public};

/// The names and addresses that a machine may well ask.
pub fn likely(layout: &Layout<'_>, cloud: &Cloud, from: &str) -> Vec<String> {
    let instance = layout.instances.iter().position(|one| one.name == from);
    if let Some(instance) = instance {
        return of_instance(layout, cloud, instance);
    }
    let sim = SimId::new(from);
    if let Some(sim) = cloud.soracom.sims.get(&sim) {
        let anchor = sim.session.as_ref().and_then(|one| one.anchor.as_ref());
        return of_device(layout, cloud, from, anchor.map(|(vpg, _)| vpg));
    }
    // On the internet.
    let mut list: Vec<String> = layout
        .instances
        .iter()
        .filter(|one| cloud.aws.public_ip(&InstanceId::new(&one.name)).is_some())
        .map(|one| one.name.clone())
        .collect();
    list.push(if from == "pc" { "internet" } else { "pc" }.to_owned());
    list
}

fn of_instance(layout: &Layout<'_>, cloud: &Cloud, asker: usize) -> Vec<String> {
    let own = &layout.instances[asker];
    let mut list = Vec::new();
    for other in layout.instances.iter().filter(|one| one.name != own.name) {
        let peered = layout
            .peerings
            .iter()
            .any(|one| [(own.vpc, other.vpc), (other.vpc, own.vpc)].contains(&(one.from, one.to)));
        if other.vpc == own.vpc || peered {
            list.push(other.name.clone());
        }
    }
    if own.plan.public != Public::None {
        list.push("internet".to_owned());
    }
    for (n, vpg) in layout.vpgs.iter().enumerate() {
        let attached = layout.plan.vpgs[n].kind == Kind::F2
            && layout
                .links
                .iter()
                .any(|one| (one.vpg, one.vpc) == (n, own.vpc));
        let joined = layout
            .tunnels
            .iter()
            .any(|one| (one.vpg, one.instance) == (n, asker));
        if attached || joined {
            list.extend(devices(layout, cloud, &vpg.name));
        }
        if joined {
            // Gate has more to go wrong than all else.
            list.extend(devices(layout, cloud, &vpg.name));
            let others = layout.tunnels.iter();
            let others = others.filter(|one| one.vpg == n && one.instance != asker);
            list.extend(others.map(|one| one.inner.to_string()));
        }
    }
    list
}

fn of_device(layout: &Layout<'_>, cloud: &Cloud, from: &str, vpg: Option<&VpgId>) -> Vec<String> {
    let mut list = vec!["internet".to_owned(), "pong".to_owned()];
    let own = layout
        .vpgs
        .iter()
        .position(|one| Some(one.name.as_str()) == vpg.map(VpgId::as_str));
    let Some(own) = own else { return list };
    for instance in &layout.instances {
        let linked = |vpc| {
            layout
                .links
                .iter()
                .any(|one| (one.vpg, one.vpc) == (own, vpc))
        };
        if linked(instance.vpc) {
            list.push(instance.name.clone());
        }
    }
    let peers = layout.tunnels.iter().filter(|one| one.vpg == own);
    list.extend(peers.map(|one| one.inner.to_string()));
    let others = devices(layout, cloud, &layout.vpgs[own].name);
    list.extend(others.into_iter().filter(|one| one != from));
    list
}

/// The SIMs with a session on a VPG.
fn devices(layout: &Layout<'_>, cloud: &Cloud, vpg: &str) -> Vec<String> {
    let sims = (0..layout.plan.sims.len()).map(sim_name);
    let vpg = VpgId::new(vpg);
    let served: Vec<&SimId> = cloud.soracom.sessions_on(&vpg).map(|(id, _)| id).collect();
    sims.filter(|name| served.iter().any(|id| id.as_str() == name))
        .collect()
}
