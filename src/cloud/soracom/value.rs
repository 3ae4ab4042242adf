//! What can be asked of a resource, by the API's names.

use std::collections::BTreeMap;

use super::{CustomerRouteId, Group, GroupId, Sim, SimId, Soracom, Vpg, VpgId};
use crate::cloud::aws::{AttachmentId, Aws, RuleAction};
use crate::cloud::service_id;

/// A resource's attributes. An attribute without a value now has none; a list has several.
type Attributes = BTreeMap<&'static str, Vec<String>>;

impl Soracom {
    /// Every resource by kind and name, those aside that AWS has too: peerings and attachments.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, String)> {
        let sims = self.sims.keys().map(|id| ("sim", id.to_string()));
        let groups = self.groups.keys().map(|id| ("group", id.to_string()));
        let vpgs = self.vpgs.keys().map(|id| ("vpg", id.to_string()));
        let routes = self
            .vpgs
            .values()
            .flat_map(|vpg| vpg.customer_routes.keys());
        sims.chain(groups)
            .chain(vpgs)
            .chain(routes.map(|id| ("customer_route", id.to_string())))
    }

    /// The attributes of the resources of this name, one for each kind that has it.
    ///
    /// | kind | attributes |
    /// |---|---|
    /// | `sim` | `id`, `imsi`, `status`, `online`, `speed_class`, `group`; while online `ip`, `dns`, `mtu`, `vpg`, `node` |
    /// | `group` | `id`, `use_vpg`, `vpg`, `use_custom_dns`, `dns_servers`, `ip_link_mtu` |
    /// | `vpg` | `id`, `type`, `status`, `region`, `internet_gateway`, `device_subnet`, `inner_prefix_length`, `vpg_subnet`, `outer_ip`, `inner_ip`, `global_ip`, `gate_open`, `vni`, `privacy_separator`, `peer_outer_ip`, `peer_inner_ip`, `peering`, `attachment`, `routing_filter` |
    /// | `attachment` | `id`, `vpg`, `vpc`, `status` |
    /// | `customer_route` | `id`, `vpg`, `destination`, `target` |
    pub fn values(&self, name: &str, aws: &Aws) -> Vec<(&'static str, Attributes)> {
        let mut found = Vec::new();
        if let Some(sim) = self.sims.get(&SimId::new(name)) {
            found.push(("sim", sim_attributes(name, sim)));
        }
        if let Some(group) = self.groups.get(&GroupId::new(name)) {
            found.push(("group", group_attributes(name, group)));
        }
        let id = VpgId::new(name);
        if let Some(vpg) = self.vpgs.get(&id) {
            found.push(("vpg", vpg_attributes(&id, vpg)));
        }
        for (vpg_id, vpg) in &self.vpgs {
            let attachment = vpg.attachments.get(&AttachmentId::new(name));
            if let Some(attachment) = attachment.and_then(|id| aws.attachments.get(id)) {
                let attributes = [
                    ("id", service_id("tgw-attach-0", name, 16)),
                    ("vpg", vpg_id.to_string()),
                    ("vpc", attachment.vpc.to_string()),
                    ("status", attachment.status.as_str().into()),
                ];
                found.push(("attachment", scalars(attributes)));
            }
            if let Some(route) = vpg.customer_routes.get(&CustomerRouteId::new(name)) {
                let attributes = [
                    ("id", service_id("cr-", name, 16)),
                    ("vpg", vpg_id.to_string()),
                    ("destination", route.destination.to_string()),
                    ("target", route.target.to_string()),
                ];
                found.push(("customer_route", scalars(attributes)));
            }
        }
        found
    }
}

fn scalars<const N: usize>(attributes: [(&'static str, String); N]) -> Attributes {
    attributes
        .into_iter()
        .map(|(name, value)| (name, vec![value]))
        .collect()
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn sim_attributes(name: &str, sim: &Sim) -> Attributes {
    let session = sim.session.as_ref();
    let anchor = session.and_then(|session| session.anchor.as_ref());
    BTreeMap::from([
        ("id", vec![sim_id(name)]),
        ("imsi", vec![sim.imsi.clone()]),
        ("status", vec![sim.status.as_str().into()]),
        ("online", vec![session.is_some().to_string()]),
        ("speed_class", vec![sim.speed_class.clone()]),
        ("group", texts(&sim.group)),
        ("ip", texts(session.map(|session| session.ip))),
        (
            "dns",
            texts(session.into_iter().flat_map(|session| &session.dns)),
        ),
        ("mtu", texts(session.map(|session| session.mtu))),
        ("vpg", texts(anchor.map(|(vpg, _)| vpg))),
        ("node", texts(anchor.map(|(_, node)| node))),
    ])
}

/// A SIM's id has 19 digits, those of an ICCID of SORACOM's issuer.
fn sim_id(name: &str) -> String {
    let hash = service_id("", &format!("sim/{name}"), 12);
    let number = u64::from_str_radix(&hash, 16).unwrap_or_default();
    format!("8981100{:012}", number % 1_000_000_000_000)
}

fn group_attributes(name: &str, group: &Group) -> Attributes {
    BTreeMap::from([
        ("id", vec![service_id("", &format!("group/{name}"), 32)]),
        ("use_vpg", vec![group.use_vpg.to_string()]),
        ("vpg", texts(&group.vpg)),
        ("use_custom_dns", vec![group.use_custom_dns.to_string()]),
        ("dns_servers", texts(&group.dns_servers)),
        ("ip_link_mtu", texts(group.ip_link_mtu)),
    ])
}

fn vpg_attributes(id: &VpgId, vpg: &Vpg) -> Attributes {
    let filter = vpg.routing_filter.iter().map(|(range, action)| {
        let action = match action {
            RuleAction::Allow => "allow",
            RuleAction::Deny => "deny",
        };
        format!("{action} {range}")
    });
    BTreeMap::from([
        ("id", vec![id.service_id()]),
        ("type", vec![format!("{:?}", vpg.vpg_type)]),
        ("status", vec![vpg.status.as_str().into()]),
        ("region", vec![vpg.region.clone()]),
        (
            "internet_gateway",
            vec![vpg.use_internet_gateway.to_string()],
        ),
        ("device_subnet", vec![vpg.device_subnet.to_string()]),
        (
            "inner_prefix_length",
            vec![vpg.device_subnet.prefix_len().to_string()],
        ),
        ("vpg_subnet", vec![vpg.vpg_subnet.to_string()]),
        ("outer_ip", texts(vpg.outer_ips())),
        ("inner_ip", texts(vpg.inner_ips())),
        ("global_ip", texts(vpg.global_ips.into_iter().flatten())),
        ("gate_open", vec![vpg.gate.open.to_string()]),
        ("vni", vec![vpg.gate.vni.to_string()]),
        (
            "privacy_separator",
            vec![vpg.gate.privacy_separator.to_string()],
        ),
        ("peer_outer_ip", texts(vpg.gate.peers.keys())),
        ("peer_inner_ip", texts(vpg.gate.peers.values())),
        ("peering", texts(vpg.peerings.keys())),
        ("attachment", texts(&vpg.attachments)),
        ("routing_filter", filter.collect()),
    ])
}
