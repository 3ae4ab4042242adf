//! SORACOM's platform: the endpoints that answer on every VPG, whatever its internet gateway and its
//! routing filter (SORACOM, "Network settings": pong, metadata, DNS, NTP), and the gateway of SIMs that
//! use no VPG.
//!
//! Devices of different VPGs may have the same addresses, so a VPG shows each of its devices to the
//! platform under an address of its own out of 198.18.0.0/15, a range that device subnets must keep
//! clear of.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::builder::{Builder, NodeExt, deny, jump, place};
use super::interface;
use super::name::{internet_node, platform_node, side};
use super::special::{ANY, host, private};
use super::vpg_parts::{Side, VpgParts};
use crate::cloud::soracom::{SimId, platform as endpoint};
use crate::cloud::{Reason, internet as address};
use crate::network::{
    CtDirection, CtState, HookPoint, IfName, Listen, Page, Rule, Service, Statement, Table, Test,
    Transport,
};

/// Where VPGs show their devices to the platform.
const ALIASES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15);

/// The platform's interface towards the internet.
fn internet_if() -> IfName {
    IfName::fit("internet", "")
}

/// The addresses under which the platform sees the SIMs; each depends on the SIM's name, and on others
/// only where two names would meet.
fn aliases(b: &Builder) -> BTreeMap<SimId, Ipv4Addr> {
    let size = 1_u32 << (32 - ALIASES.prefix_len());
    let mut taken = BTreeSet::new();
    let mut alias = |sim: &SimId| {
        let offset = place(sim.as_str(), size, &mut taken);
        Ipv4Addr::from(u32::from(ALIASES.network()) + offset)
    };
    let sims = b.cloud.soracom.sims.keys();
    sims.take(size as usize)
        .map(|sim| (sim.clone(), alias(sim)))
        .collect()
}

/// The platform's node, and the sessions that use no VPG.
pub(super) fn lower(b: &mut Builder) {
    let here = platform_node();
    let there = IfName::fit("platform", "");
    b.join((&here, &internet_if()), (&internet_node(), &there), 1500);
    let internet = b.node(&internet_node());
    internet.route(Table::MAIN, host(address::SHARED_PLATFORM), &there);

    let lo = IfName::lo();
    let services = services(b);
    let cloud = b.cloud;
    let node = b.node(&here);
    node.forwarding = true;
    for ip in [endpoint::PONG, endpoint::NTP]
        .into_iter()
        .chain(endpoint::DNS)
    {
        node.address(&lo, host(ip));
    }
    node.services = services;
    for (sim, state) in &cloud.soracom.sims {
        let session = state.session.as_ref().filter(|s| s.anchor.is_none());
        if let Some(session) = session {
            node.route(Table::MAIN, host(session.ip), &interface::sim(sim));
        }
    }
    node.route(Table::MAIN, ANY, &internet_if());
    node.sink(Table::MAIN, endpoint::SHARED_DEVICES);
    node.hook("nat-out", HookPoint::NatPostrouting, 100)
        .push(Rule::new(
            [
                Test::Oif(internet_if()).into(),
                Test::Source(endpoint::SHARED_DEVICES).into(),
            ],
            [Statement::Snat(address::SHARED_PLATFORM)],
        ));
    let name = "SORACOM's shared platform";
    let from_internet = || Test::Iif(internet_if()).into();
    node.chain(
        "shared",
        vec![
            Rule::new(
                [
                    from_internet(),
                    Test::CtDirection(CtDirection::Reply).into(),
                ],
                [Statement::Accept],
            ),
            Rule::new(
                [
                    from_internet(),
                    Test::CtState([CtState::Related].into()).into(),
                ],
                [Statement::Accept],
            ),
            deny([from_internet()], Reason::VpgInboundNotTranslated, name),
            // No VPC, no other device: the way leads to the internet only.
            deny(
                [Test::DestinationIn(private()).into()],
                Reason::NoRouteToDestination,
                format!("{name}: the SIM's group uses no VPG"),
            ),
        ],
    );
    node.hook("forward", HookPoint::Forward, 0)
        .push(jump([], "shared"));
}

/// The endpoints.
fn services(b: &Builder) -> BTreeMap<Listen, Service> {
    let mut records = b.world.dns.clone();
    for (name, ip) in [
        ("pong.soracom.io", endpoint::PONG),
        ("metadata.soracom.io", endpoint::PONG),
        ("ntp.soracom.io", endpoint::NTP),
    ] {
        records.insert(name.to_owned(), vec![ip]);
    }
    let at = |transport, address, port| Listen {
        transport,
        address,
        port,
    };
    let mut services = BTreeMap::new();
    for ip in endpoint::DNS {
        let records = records.clone();
        services.insert(at(Transport::Udp, ip, 53), Service::Dns { records });
    }
    services.insert(at(Transport::Udp, endpoint::NTP, 123), Service::Ntp);
    let pages = metadata(b);
    services.insert(
        at(Transport::Tcp, endpoint::PONG, 80),
        Service::Http { pages },
    );
    services
}

/// What each SIM is told of itself (SORACOM, "Metadata service": `/v1/subscriber`).
fn metadata(b: &Builder) -> BTreeMap<(Option<Ipv4Addr>, String), Page> {
    let mut pages = BTreeMap::new();
    let aliases = aliases(b);
    for (id, sim) in &b.cloud.soracom.sims {
        let Some(session) = &sim.session else {
            continue;
        };
        let source = match session.anchor {
            Some(_) => aliases.get(id).copied(),
            None => Some(session.ip),
        };
        let body = serde_json::json!({
            "imsi": sim.imsi,
            "ipAddress": session.ip,
            "status": sim.status,
            "speedClass": sim.speed_class,
            "groupId": sim.group,
        });
        let page = Page {
            status: 200,
            content_type: "application/json".into(),
            body: body.to_string(),
        };
        pages.insert((source, "/v1/subscriber".to_owned()), page);
    }
    pages
}

/// Joins a VPG's node to the platform.
pub(super) fn attach_vpg(b: &mut Builder, parts: &VpgParts, side: &Side, mtu: u32) {
    let (here, there) = (platform_node(), towards_vpg(parts, side));
    b.join((&side.node, &interface::platform()), (&here, &there), mtu);
    let aliases = aliases(b);
    b.node(&side.node)
        .route(Table::MAIN, endpoint::RANGE, &interface::platform());
    for (sim, anchor, session) in &parts.sessions {
        let Some(alias) = aliases.get(*sim).filter(|_| *anchor == side.index) else {
            continue;
        };
        b.node(&here).route(Table::MAIN, host(*alias), &there);
        b.node(&side.node)
            .hook("nat-out", HookPoint::NatPostrouting, 100)
            .push(Rule::new(
                [
                    Test::Oif(interface::platform()).into(),
                    Test::Source(host(session.ip)).into(),
                ],
                [Statement::Snat(*alias)],
            ));
    }
}

/// The platform's interface towards a VPG's node.
fn towards_vpg(parts: &VpgParts, at: &Side) -> IfName {
    IfName::fit(&format!("vpg-{}", side(at.index)), parts.id.as_str())
}
