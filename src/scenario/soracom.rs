//! The tables under `[soracom]`, and `[internet]`.

use std::collections::BTreeMap;

use serde_json::json;

use super::aws::accept;
use super::data::{Data, Value};
use super::names::Kind;
use super::reading::{Reading, Stage};
use super::rules;
use super::table::Table;
use super::value::{self, Errors};
use super::{Diagnostic, NodeName, Placed};
use crate::cloud::LinkName;
use crate::cloud::aws::{AttachmentId, PeeringId, VpcId};
use crate::cloud::soracom::{
    AcceptTransitGatewayVpcAttachment, Action, CreateCanalPeering, CreateCustomerRoute,
    CreateGroup, CreateTransitGatewayVpcAttachment, CreateVirtualPrivateGateway, CustomerRouteId,
    GroupId, OpenGate, PutConfigurationParameters, PutIpAddressMapEntry, RegisterGatePeer,
    RegisterSim, SetRoutingFilter, SimId, VpgId, VpgType,
};

const TYPES: &[(&str, VpgType)] = &[("E", VpgType::E), ("F", VpgType::F), ("F2", VpgType::F2)];

pub(super) const VPG: &[&str] = &[
    "type",
    "internet_gateway",
    "internet_link",
    "device_subnet",
    "vpg_subnet",
    "region",
    "gate",
    "routing_filter",
    "ip_address_map",
];

/// Reads `[soracom.vpg.N]`.
pub(super) fn vpg(to: &mut Reading, name: &str, table: &Table<'_>) {
    let id = VpgId::new(name);
    let vpg_type = table.require("type", "\"F\"", &mut to.errors, |key, value, errors| {
        value::word(key, TYPES, value, errors)
    });
    let internet_gateway = table.read("internet_gateway", &mut to.errors, value::boolean);
    to.link(table, "internet_link", LinkName::Internet(id.clone()));
    let device_subnet = table.read("device_subnet", &mut to.errors, value::cidr);
    let vpg_subnet = table.read("vpg_subnet", &mut to.errors, value::cidr);
    let region = table.read("region", &mut to.errors, value::text);
    if let Some(r#type) = vpg_type {
        let create = CreateVirtualPrivateGateway {
            name: id.clone(),
            r#type,
            internet_gateway: internet_gateway.unwrap_or(true),
            device_subnet,
            vpg_subnet,
            region: region.map(|region| region.value),
        };
        to.act(
            Stage::Vpgs,
            &table.span,
            Action::CreateVirtualPrivateGateway(create),
        );
    }
    if let Some(value) = table.value("gate") {
        gate(to, &id, value);
    }
    let filter = table.read("routing_filter", &mut to.errors, |key, value, errors| {
        value::list(key, value, errors, rules::routing_filter_entry)
    });
    if let (Some(entries), Some(span)) = (filter, table.key_span("routing_filter")) {
        let set = SetRoutingFilter {
            vpg: id.clone(),
            entries,
        };
        to.act(Stage::Gates, &span, Action::SetRoutingFilter(set));
    }
    if let Some(value) = table.value("ip_address_map") {
        ip_address_map(to, &id, value);
    }
}

pub(super) const GATE: &[&str] = &["vni", "privacy_separator", "peers"];

pub(super) const GATE_PEER: &[&str] = &["outer_ip", "inner_ip"];

/// Reads `gate = true` or `gate = { vni, privacy_separator, peers }`.
fn gate(to: &mut Reading, vpg: &VpgId, value: &Value) {
    let mut open = OpenGate {
        vpg: vpg.clone(),
        vni: None,
        privacy_separator: None,
    };
    match &value.data {
        Data::Boolean(false) => return,
        Data::Boolean(true) => {
            to.act(Stage::Gates, &value.span.clone(), Action::OpenGate(open));
            return;
        }
        Data::Table(_) => {}
        _ => {
            to.errors.push(
                value::wrong_kind("gate", "`true` or a table", value)
                    .help("as in `gate = true` or `gate = { vni = 10 }`"),
            );
            return;
        }
    }
    let what = format!("Gate of VPG `{vpg}`");
    let Some(table) = Table::of_value(what, "gate", value, GATE, &mut to.errors) else {
        return;
    };
    open.vni = table.read("vni", &mut to.errors, |key, value, errors| {
        value::number(key, 1..=16_777_215, value, errors)
    });
    open.privacy_separator = table.read("privacy_separator", &mut to.errors, value::boolean);
    to.act(Stage::Gates, &value.span.clone(), Action::OpenGate(open));
    let peers = table.read("peers", &mut to.errors, |key, value, errors| {
        value::list(key, value, errors, |key, item, errors| {
            let peer = Table::of_value("a Gate peer", key, item, GATE_PEER, errors)?;
            let outer_ip = peer.require("outer_ip", "\"10.0.0.254\"", errors, value::address);
            let inner_ip = peer.read("inner_ip", errors, value::address);
            let register = RegisterGatePeer {
                vpg: vpg.clone(),
                outer_ip: outer_ip?,
                inner_ip,
            };
            Some((register, item.span.clone()))
        })
    });
    for (register, span) in peers.unwrap_or_default() {
        to.act(Stage::Gates, &span, Action::RegisterGatePeer(register));
    }
}

/// Reads `ip_address_map = { sim = "address" }`.
fn ip_address_map(to: &mut Reading, vpg: &VpgId, value: &Value) {
    let Data::Table(items) = &value.data else {
        to.errors.push(
            value::wrong_kind("ip_address_map", "a table", value)
                .help("as in { sensor = \"10.128.0.10\" }"),
        );
        return;
    };
    for (key, value) in items.iter() {
        let known = to.names.refer(key, &[Kind::Sim]);
        if let Some(ip) = value::address(&key.value, value, &mut to.errors)
            && known
        {
            let put = PutIpAddressMapEntry {
                vpg: vpg.clone(),
                sim: SimId::new(&key.value),
                ip,
            };
            to.act(
                Stage::IpAddressMaps,
                &value.span.clone(),
                Action::PutIpAddressMapEntry(put),
            );
        }
    }
}

pub(super) const PEERING: &[&str] = &["vpg", "vpc", "destination", "accepted", "link"];

/// Reads `[soracom.peering.N]`: a Canal peering.
pub(super) fn peering(to: &mut Reading, name: &str, table: &Table<'_>) {
    let vpg = to.require_reference(table, "vpg", &[Kind::Vpg], VpgId::new);
    let vpc = to.require_reference(table, "vpc", &[Kind::Vpc], VpcId::new);
    let destination = table.read("destination", &mut to.errors, value::cidr);
    let accepted = table.read("accepted", &mut to.errors, value::boolean);
    to.link(table, "link", LinkName::Peering(PeeringId::new(name)));
    if let (Some(vpg), Some(vpc)) = (vpg, vpc) {
        let create = CreateCanalPeering {
            name: PeeringId::new(name),
            vpg,
            vpc,
            owner: None,
            destination,
            region: None,
        };
        to.act(
            Stage::CanalPeerings,
            &table.span,
            Action::CreateCanalPeering(create),
        );
        accept(to, Stage::CanalPeerings, name, table, accepted);
    }
}

pub(super) const ATTACHMENT: &[&str] = &["vpg", "vpc", "accepted"];

/// Reads `[soracom.attachment.N]`: a Transit Gateway VPC attachment of a Type-F2 VPG.
pub(super) fn attachment(to: &mut Reading, name: &str, table: &Table<'_>) {
    let vpg = to.require_reference(table, "vpg", &[Kind::Vpg], VpgId::new);
    let vpc = to.require_reference(table, "vpc", &[Kind::Vpc], VpcId::new);
    let accepted = table.read("accepted", &mut to.errors, value::boolean);
    let (Some(vpg), Some(vpc)) = (vpg, vpc) else {
        return;
    };
    let attachment = AttachmentId::new(name);
    let create = CreateTransitGatewayVpcAttachment {
        name: attachment.clone(),
        vpg: vpg.clone(),
        vpc,
    };
    to.act(
        Stage::Attachments,
        &table.span,
        Action::CreateTransitGatewayVpcAttachment(create),
    );
    if accepted == Some(true) {
        let span = table.key_span("accepted").unwrap_or(table.span.clone());
        let accept = AcceptTransitGatewayVpcAttachment { vpg, attachment };
        to.act(
            Stage::Attachments,
            &span,
            Action::AcceptTransitGatewayVpcAttachment(accept),
        );
    }
}

pub(super) const CUSTOMER_ROUTE: &[&str] = &["vpg", "destination", "target"];

/// Reads `[soracom.customer_route.N]`: a route of a Type-F2 VPG.
pub(super) fn customer_route(to: &mut Reading, name: &str, table: &Table<'_>) {
    let vpg = to.require_reference(table, "vpg", &[Kind::Vpg], VpgId::new);
    let example = "\"10.0.0.0/16\"";
    let destination = table.require("destination", example, &mut to.errors, value::cidr);
    let target = to.require_reference(table, "target", &[Kind::Attachment], AttachmentId::new);
    if let (Some(vpg), Some(destination), Some(target)) = (vpg, destination, target) {
        let create = CreateCustomerRoute {
            name: CustomerRouteId::new(name),
            vpg,
            destination,
            target,
        };
        to.act(
            Stage::CustomerRoutes,
            &table.span,
            Action::CreateCustomerRoute(create),
        );
    }
}

pub(super) const GROUP: &[&str] = &["vpg", "dns_servers", "ip_link_mtu"];

/// Reads `[soracom.group.N]`.
pub(super) fn group(to: &mut Reading, name: &str, table: &Table<'_>) {
    let id = GroupId::new(name);
    to.act(
        Stage::Groups,
        &table.span,
        Action::CreateGroup(CreateGroup { name: id.clone() }),
    );
    let mut parameters = BTreeMap::new();
    if let Some(vpg) = to.reference(table, "vpg", &[Kind::Vpg], VpgId::new) {
        parameters.insert("useVpg".to_owned(), json!(true));
        parameters.insert("vpgId".to_owned(), json!(vpg.as_str()));
    }
    let dns = table.read("dns_servers", &mut to.errors, |key, value, errors| {
        value::list(key, value, errors, value::address)
    });
    if let Some(servers) = dns {
        parameters.insert("useCustomDns".to_owned(), json!(true));
        parameters.insert("dnsServers".to_owned(), json!(servers));
    }
    let mtu = table.read("ip_link_mtu", &mut to.errors, |key, value, errors| {
        // What the group accepts.
        value::number(key, 576..=1_500_u32, value, errors)
    });
    if let Some(mtu) = mtu {
        parameters.insert("ipLinkMtu".to_owned(), json!(mtu));
    }
    if !parameters.is_empty() {
        let put = PutConfigurationParameters {
            group: id,
            namespace: None,
            parameters,
        };
        to.act(
            Stage::Groups,
            &table.span,
            Action::PutConfigurationParameters(put),
        );
    }
}

pub(super) const SIM: &[&str] = &["group", "imsi", "speed_class", "online", "link", "serve"];

/// Reads `[soracom.sim.N]`.
pub(super) fn sim(to: &mut Reading, name: &str, table: &Table<'_>) {
    let id = SimId::new(name);
    let group = to.reference(table, "group", &[Kind::Group], GroupId::new);
    let imsi = table.read("imsi", &mut to.errors, imsi);
    let speed_class = table.read("speed_class", &mut to.errors, value::text);
    let online = table.read("online", &mut to.errors, value::boolean);
    to.link(table, "link", LinkName::Sim(id.clone()));
    to.serve(table, NodeName::Sim(id.clone()));
    let register = RegisterSim {
        name: id.clone(),
        imsi,
        group,
        speed_class: speed_class.map(|class| class.value),
    };
    to.act(Stage::Sims, &table.span, Action::RegisterSim(register));
    if online != Some(false) {
        to.connect.push(Placed {
            value: id,
            span: table.span.clone(),
        });
    }
}

fn imsi(key: &str, value: &Value, errors: &mut Errors) -> Option<String> {
    let text = value::text(key, value, errors)?;
    if text.value.len() == 15 && text.value.bytes().all(|b| b.is_ascii_digit()) {
        Some(text.value)
    } else {
        errors.push(
            Diagnostic::error(text.span, format!("{:?} is not an IMSI", text.value))
                .label("an IMSI has fifteen digits"),
        );
        None
    }
}

pub(super) const INTERNET: &[&str] = &["serve", "dns"];

/// Reads `[internet]`.
pub(super) fn internet(to: &mut Reading, value: &Value) {
    let Some(table) = Table::of_value("the internet", "internet", value, INTERNET, &mut to.errors)
    else {
        return;
    };
    to.serve(&table, NodeName::Internet);
    let Some(zone) = table.value("dns") else {
        return;
    };
    let Data::Table(items) = &zone.data else {
        to.errors.push(
            value::wrong_kind("dns", "a table", zone)
                .help("as in { \"example.com\" = \"198.51.100.10\" }"),
        );
        return;
    };
    for (name, value) in items.iter() {
        let addresses = match &value.data {
            Data::List(_) => value::list(&name.value, value, &mut to.errors, value::address),
            // A name without quotes is several keys to TOML.
            Data::Table(_) => {
                to.errors.push(
                    Diagnostic::error(name.span.clone(), "a domain name stands between quotes")
                        .help("as in \"example.com\" = \"198.51.100.10\""),
                );
                continue;
            }
            _ => value::address(&name.value, value, &mut to.errors).map(|address| vec![address]),
        };
        if !is_domain_name(&name.value) {
            to.errors.push(Diagnostic::error(
                name.span.clone(),
                format!("{:?} is not a domain name", name.value),
            ));
            continue;
        }
        let key = name.value.trim_end_matches('.').to_ascii_lowercase();
        if let Some(addresses) = addresses
            && to.dns.insert(key, addresses).is_some()
        {
            to.errors.push(
                Diagnostic::error(
                    name.span.clone(),
                    format!("the name {:?} is given twice", name.value),
                )
                .note("case and a final dot make no difference in DNS"),
            );
        }
    }
}

/// A domain name of RFC 1035, with underscores.
pub(super) fn is_domain_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}
