//! SORACOM, and the internet.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::aws::serve;
use super::layout::{Layout, VpgFacts, accepted_at_first, at, choose};
use super::toml::Text;
use crate::plan::{FilterEntry, Kind, Pick, Registered, Serve, Session};

pub fn write(text: &mut Text, layout: &Layout<'_>) {
    for (i, vpg) in layout.vpgs.iter().enumerate() {
        let plan = &layout.plan.vpgs[i];
        text.table(&format!("soracom.vpg.{}", vpg.name));
        let kind = match plan.kind {
            Kind::E => "E",
            Kind::F => "F",
            Kind::F2 => "F2",
        };
        text.set("type", kind);
        text.set_if(!plan.internet_gateway, "internet_gateway", false);
        text.set("device_subnet", vpg.devices.to_string());
        text.set("vpg_subnet", vpg.range.to_string());
        if plan.gate {
            text.set("gate", gate(layout, i));
        }
        let entries = filter(layout, &plan.filter);
        text.set_if(!plan.filter.is_empty(), "routing_filter", entries);
        let pins = pins(layout, i);
        text.set_if(!pins.is_empty(), "ip_address_map", json!(pins));
        text.table(&format!("soracom.group.g-{}", vpg.name));
        text.set("vpg", vpg.name.clone());
        if let Some(mtu) = plan.mtu {
            text.set("ip_link_mtu", mtu);
        }
    }
    links(text, layout);
    if !layout.plan.sims.is_empty() {
        text.table("soracom.group.g-none");
    }
    for (n, sim) in layout.plan.sims.iter().enumerate() {
        text.table(&format!("soracom.sim.{}", sim_name(n)));
        text.set("group", layout.sim_group(sim.home));
        text.set_if(sim.session == Session::Offline, "online", false);
        serve(text, sim.serve);
    }
    let Serve { http, tcp, udp } = layout.plan.internet;
    if http || tcp || udp {
        text.table("internet");
        serve(text, layout.plan.internet);
    }
}

pub fn sim_name(n: usize) -> String {
    format!("d{}", n + 1)
}

fn gate(layout: &Layout<'_>, vpg: usize) -> Value {
    let plan = &layout.plan.vpgs[vpg];
    let own = layout.tunnels.iter().filter(|tunnel| tunnel.vpg == vpg);
    let peers = own.filter_map(|tunnel| {
        let outer = layout.instances[tunnel.instance].ip;
        let (outer, inner) = match tunnel.plan.registered {
            Registered::Right => (outer, tunnel.inner),
            Registered::OtherInner => (outer, tunnel.spare),
            // An address of the same subnet that no instance has.
            Registered::OtherOuter => (
                std::net::Ipv4Addr::from(u32::from(outer) + 100),
                tunnel.inner,
            ),
            Registered::Not => return None,
        };
        Some((outer, inner))
    });
    // Each outer address once, and each inner one.
    let mut list: BTreeMap<String, String> = BTreeMap::new();
    for (outer, inner) in peers {
        let inner = inner.to_string();
        if !list.values().any(|other| *other == inner) {
            list.entry(outer.to_string()).or_insert(inner);
        }
    }
    let peers: Vec<Value> = list
        .into_iter()
        .map(|(outer, inner)| json!({"outer_ip": outer, "inner_ip": inner}))
        .collect();
    json!({
        "vni": layout.vpgs[vpg].vni,
        "privacy_separator": plan.separator,
        "peers": peers,
    })
}

/// The SIMs that the VPG's IP address map pins.
fn pins(layout: &Layout<'_>, vpg: usize) -> BTreeMap<String, String> {
    let facts = &layout.vpgs[vpg];
    let sims = layout.plan.sims.iter().enumerate();
    sims.filter(|(_, sim)| sim.pinned && is_home(layout, facts, sim.home))
        .map(|(n, _)| {
            let offset = u32::try_from(n).unwrap() + 12;
            (sim_name(n), at(facts.devices, offset).to_string())
        })
        .collect()
}

fn is_home(layout: &Layout<'_>, vpg: &VpgFacts, home: Option<Pick>) -> bool {
    home.and_then(|pick| choose(&layout.vpgs, pick))
        .is_some_and(|chosen| chosen.name == vpg.name)
}

pub fn filter(layout: &Layout<'_>, entries: &[FilterEntry]) -> Value {
    let mut ranges = vec![
        "0.0.0.0/0".to_owned(),
        "198.51.100.10/32".to_owned(),
        "10.0.0.0/8".to_owned(),
        "100.127.0.0/16".to_owned(),
        "203.0.113.0/24".to_owned(),
    ];
    ranges.extend(layout.vpcs.iter().map(|vpc| vpc.cidr.to_string()));
    ranges.extend(layout.instances.iter().map(|one| format!("{}/32", one.ip)));
    let mut list: BTreeMap<&String, &str> = BTreeMap::new();
    for entry in entries {
        if let Some(range) = choose(&ranges, entry.range) {
            let action = if entry.allow { "allow" } else { "deny" };
            list.entry(range).or_insert(action);
        }
    }
    list.into_iter()
        .map(|(range, action)| json!({"action": action, "ip_range": range}))
        .collect()
}

fn links(text: &mut Text, layout: &Layout<'_>) {
    for link in &layout.links {
        let (vpg, vpc) = (&layout.vpgs[link.vpg], &layout.vpcs[link.vpc]);
        let canal = link.name.starts_with("pcx");
        let kind = if canal { "peering" } else { "attachment" };
        text.table(&format!("soracom.{kind}.{}", link.name));
        text.set("vpg", vpg.name.clone());
        text.set("vpc", vpc.name.clone());
        if let Some(destination) = link.destination.filter(|one| canal && *one != vpc.cidr) {
            text.set("destination", destination.to_string());
        }
        text.set_if(accepted_at_first(link.state), "accepted", true);
        if let Some(destination) = link.destination.filter(|_| !canal) {
            text.table(&format!("soracom.customer_route.to-{}", link.name));
            text.set("vpg", vpg.name.clone());
            text.set("destination", destination.to_string());
            text.set("target", link.name.clone());
        }
    }
}
