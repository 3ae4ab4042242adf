//! Laws that hold whatever is done, in whatever order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::aws::{AttachmentStatus, RouteState, RouteTarget};
use super::soracom::{Session, VpgStatus};
use super::testing::{World, action};
use super::{Action, Cloud};

/// The operations and their parameters: `name:pool`, with `?` after the name where it may be left
/// out. Pools are small, so that actions meet each other's resources.
const OPERATIONS: &[(&str, &str)] = &[
    (
        "createVirtualPrivateGateway",
        "as:vpg type:type internet_gateway?:bool device_subnet?:device vpg_subnet?:range region?:region",
    ),
    ("terminateVirtualPrivateGateway", "vpg:vpg"),
    (
        "createVpcPeeringConnection",
        "as:pcx vpg:vpg vpc:vpc owner?:account destination?:cidr region?:region",
    ),
    ("deleteVpcPeeringConnection", "vpg:vpg peering:pcx"),
    ("openGate", "vpg:vpg vni?:vni privacy_separator?:bool"),
    ("closeGate", "vpg:vpg"),
    ("setVirtualPrivateGatewayVxLanId", "vpg:vpg vni:vni"),
    ("enableGatePrivacySeparator", "vpg:vpg"),
    ("disableGatePrivacySeparator", "vpg:vpg"),
    ("registerGatePeer", "vpg:vpg outer_ip:ip inner_ip?:ip"),
    ("unregisterGatePeer", "vpg:vpg outer_ip:ip"),
    (
        "putVirtualPrivateGatewayIpAddressMapEntry",
        "vpg:vpg sim:sim ip:ip",
    ),
    (
        "deleteVirtualPrivateGatewayIpAddressMapEntry",
        "vpg:vpg sim:sim",
    ),
    ("setRoutingFilter", "vpg:vpg entries:filter"),
    (
        "createTransitGatewayVpcAttachment",
        "as:attachment vpg:f2 vpc:vpc",
    ),
    (
        "acceptTransitGatewayVpcAttachmentFromCustomer",
        "vpg:f2 attachment:attachment",
    ),
    (
        "deleteTransitGatewayVpcAttachment",
        "vpg:f2 attachment:attachment",
    ),
    (
        "createCustomerRoute",
        "as:route vpg:f2 destination:cidr target:attachment",
    ),
    ("deleteCustomerRoute", "vpg:f2 route:route"),
    ("createGroup", "as:group"),
    ("deleteGroup", "group:group"),
    (
        "putConfigurationParameters",
        "group:group parameters:settings",
    ),
    (
        "registerSim",
        "as:sim imsi?:imsi group?:group speed_class?:class",
    ),
    ("setSimGroup", "sim:sim group:group"),
    ("unsetSimGroup", "sim:sim"),
    ("activateSim", "sim:sim"),
    ("deactivateSim", "sim:sim"),
    ("setSimToStandby", "sim:sim"),
    ("suspendSim", "sim:sim"),
    ("terminateSim", "sim:sim"),
    ("deleteSimSession", "sim:sim"),
    ("updateSimSpeedClass", "sim:sim speed_class:class"),
    ("connect", "sim:sim"),
    ("disconnect", "sim:sim"),
    ("reconnect", "sim:sim"),
    (
        "CreateVpc",
        "as:vpc cidr:cidr account?:account region?:region",
    ),
    ("DeleteVpc", "vpc:vpc"),
    ("AssociateVpcCidrBlock", "vpc:vpc cidr:cidr"),
    ("DisassociateVpcCidrBlock", "vpc:vpc cidr:cidr"),
    ("CreateSubnet", "as:name vpc:vpc cidr:cidr"),
    ("DeleteSubnet", "subnet:name"),
    ("CreateInternetGateway", "as:name"),
    ("AttachInternetGateway", "internet_gateway:name vpc:vpc"),
    ("DetachInternetGateway", "internet_gateway:name vpc:vpc"),
    ("DeleteInternetGateway", "internet_gateway:name"),
    ("CreateRouteTable", "as:name vpc:vpc"),
    ("DeleteRouteTable", "route_table:name"),
    ("AssociateRouteTable", "route_table:name subnet:name"),
    ("DisassociateRouteTable", "subnet:name"),
    (
        "CreateRoute",
        "route_table:name destination:range target:target",
    ),
    (
        "ReplaceRoute",
        "route_table:name destination:range target:target",
    ),
    ("DeleteRoute", "route_table:name destination:range"),
    ("CreateSecurityGroup", "as:name vpc:vpc"),
    ("DeleteSecurityGroup", "security_group:name"),
    (
        "AuthorizeSecurityGroupIngress",
        "security_group:name rule:ingress",
    ),
    (
        "AuthorizeSecurityGroupEgress",
        "security_group:name rule:egress",
    ),
    (
        "RevokeSecurityGroupIngress",
        "security_group:name rule:ingress",
    ),
    (
        "RevokeSecurityGroupEgress",
        "security_group:name rule:egress",
    ),
    ("CreateNetworkAcl", "as:name vpc:vpc"),
    ("DeleteNetworkAcl", "network_acl:name"),
    (
        "CreateNetworkAclEntry",
        "network_acl:name rule_number:number action:verdict cidr:cidr",
    ),
    (
        "ReplaceNetworkAclEntry",
        "network_acl:name rule_number:number action:verdict cidr:cidr",
    ),
    (
        "DeleteNetworkAclEntry",
        "network_acl:name rule_number:number",
    ),
    (
        "ReplaceNetworkAclAssociation",
        "subnet:name network_acl:name",
    ),
    (
        "RunInstances",
        "as:name subnet:name private_ip?:ip public_ip?:bool",
    ),
    ("StopInstances", "instance:name"),
    ("StartInstances", "instance:name"),
    ("RebootInstances", "instance:name"),
    ("TerminateInstances", "instance:name"),
    (
        "ModifyInstanceAttribute",
        "instance:name source_dest_check?:bool",
    ),
    ("AllocateAddress", "as:name"),
    ("AssociateAddress", "address:name instance:name"),
    ("DisassociateAddress", "address:name"),
    ("ReleaseAddress", "address:name"),
    ("CreateVpcPeeringConnection", "as:pcx vpc:vpc peer_vpc:vpc"),
    ("AcceptVpcPeeringConnection", "peering:pcx"),
    ("RejectVpcPeeringConnection", "peering:pcx"),
    ("DeleteVpcPeeringConnection", "peering:pcx"),
];

/// What a parameter may be.
fn pool(name: &str) -> Value {
    match name {
        "vpg" => json!(["vpg", "f2", "second"]),
        "f2" => json!(["f2", "vpg"]),
        "sim" => json!(["sensor", "camera", "third"]),
        "group" => json!(["canal", "other"]),
        "vpc" => json!(["customer", "office"]),
        "pcx" => json!(["pcx", "other-pcx", "third-pcx"]),
        "target" => json!(["pcx", "tgw", "other-pcx", "other-tgw", "igw", "one"]),
        "attachment" => json!(["tgw", "other-tgw"]),
        "route" => json!(["route", "other-route"]),
        "name" => json!(["one", "two", "customer-main", "customer-default"]),
        "type" => json!(["F", "E", "F2"]),
        "bool" => json!([true, false]),
        "device" => json!(["10.1.0.0/29", "10.128.0.0/9", "10.0.0.0/16", "8.8.8.0/24"]),
        "range" => json!([
            "100.64.0.0/28",
            "100.64.0.0/16",
            "100.127.0.0/24",
            "100.67.0.224/27",
            "0.0.0.0/0"
        ]),
        "region" => json!(["ap-northeast-1", "eu-central-1", "moon"]),
        "account" => json!(["111122223333", "444455556666"]),
        "cidr" => json!([
            "10.0.0.0/16",
            "10.0.0.0/24",
            "172.16.0.0/16",
            "100.64.0.0/24",
            "10.1.0.0/8"
        ]),
        "vni" => json!([10, 77, 0, 16_777_216]),
        "ip" => json!([
            "10.128.0.3",
            "10.128.0.4",
            "10.255.255.254",
            "10.1.0.0",
            "10.1.0.3",
            "10.1.0.6",
            "10.0.0.9",
            "10.128.0.1"
        ]),
        "filter" => json!([
            [],
            [{"action": "deny", "ip_range": "0.0.0.0/0"}, {"action": "allow", "ip_range": "10.0.0.0/16"}],
            [{"action": "deny", "ip_range": "0.0.0.0/0"}, {"action": "allow", "ip_range": "0.0.0.0/0"}],
        ]),
        "settings" => json!([
            {"useVpg": true, "vpgId": "vpg"}, {"useVpg": true, "vpgId": "second"}, {"useVpg": false},
            {"useCustomDns": true, "dnsServers": ["8.8.8.8"]}, {"ipLinkMtu": 1400}, {"vpgId": null}, {"usevpg": 1},
        ]),
        "imsi" => json!(["440103000000001", "440103000000002", "1"]),
        "class" => json!(["s1.fast", "s1.minimum", "s2.fast"]),
        "ingress" => {
            json!([{"protocol": "udp", "port": 4789, "source": "100.64.0.0/16"}, {"source": "0.0.0.0/0"}])
        }
        "egress" => {
            json!([{"protocol": "tcp", "port": "1-80", "destination": "0.0.0.0/0"}, {"destination": "one"}])
        }
        "number" => json!([0, 100, 200]),
        "verdict" => json!(["allow", "deny"]),
        _ => panic!("no pool {name}"),
    }
}

/// An operation and its parameters, chosen by numbers: each number picks from one pool.
fn build(operation: usize, picks: &[u8]) -> (String, Action) {
    let (name, parameters) = OPERATIONS[operation];
    let mut object = Map::new();
    for (parameter, pick) in parameters.split(' ').zip(picks) {
        let (key, pool_name) = parameter.split_once(':').unwrap();
        let choices = pool(pool_name);
        let choices = choices.as_array().unwrap();
        // The first choice makes sense more often than the others.
        let choice = usize::from((pick % 64).saturating_sub(32)) % choices.len();
        match key.strip_suffix('?') {
            // One time in four for those that may be left out.
            Some(key) if *pick >= 192 => object.insert(key.into(), choices[choice].clone()),
            Some(_) => None,
            None => object.insert(key.into(), choices[choice].clone()),
        };
    }
    let parameters = Value::Object(object);
    let text = format!("{name} {parameters}");
    (text, action(name, parameters))
}

/// Any operation with any parameters of its pools.
pub(crate) fn any_operation() -> impl Strategy<Value = Action> {
    (0..OPERATIONS.len(), any::<[u8; 6]>())
        .prop_map(|(operation, picks)| build(operation, &picks).1)
}

/// Where the walks begin.
fn start() -> World {
    let mut world = World::with_vpg();
    world.running_vpg("f2", "F2");
    world
}

/// One step: what is done, and how many seconds later.
fn step() -> impl Strategy<Value = (usize, [u8; 6], u64)> {
    let soracom = super::soracom::Action::NAMES.len();
    let connections = soracom - 3..soracom;
    let operation = prop_oneof![
        6 => 0..soracom,
        3 => connections,
        4 => OPERATIONS.len() - 4..OPERATIONS.len(),
        3 => 0..OPERATIONS.len(),
    ];
    let seconds = prop_oneof![20 => Just(0), 4 => 1..300_u64, 1 => Just(4000), 1 => Just(700_000)];
    (operation, any::<[u8; 6]>(), seconds)
}

/// What a session was created with.
fn properties(session: &Session) -> impl PartialEq + std::fmt::Debug {
    let Session {
        anchor,
        ip,
        dns,
        mtu,
        since,
        last_used: _,
    } = session.clone();
    (anchor, ip, dns, mtu, since)
}

/// Sessions may only come into being, or change, by their own device's doing.
fn check_sessions(before: &Cloud, after: &Cloud, connected: Option<&str>) {
    for (id, sim) in &after.soracom.sims {
        let Some(session) = &sim.session else {
            continue;
        };
        if connected == Some(id.as_str()) {
            let (vpg, _) = match &session.anchor {
                Some(anchor) => anchor,
                None => continue,
            };
            if let Some(pin) = after.soracom.vpgs[vpg].ip_address_map.get(&sim.imsi) {
                assert_eq!(session.ip, *pin, "SIM {id} is pinned");
            }
            continue;
        }
        let former = before
            .soracom
            .sims
            .get(id)
            .and_then(|sim| sim.session.as_ref());
        assert_eq!(
            former.map(properties),
            Some(properties(session)),
            "session of SIM {id} changed by itself"
        );
    }
}

/// What holds at any time.
fn check_state(cloud: &Cloud) {
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
            assert!(cloud.aws.peerings[name].is_live(), "peering {name}");
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
    for (kind, name) in soracom.names().chain(cloud.aws.names()) {
        assert!(
            cloud.value(&format!("{kind}.{name}.id")).is_ok(),
            "{kind}.{name}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_is_done_the_laws_hold(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = start();
        for (operation, picks, seconds) in steps {
            let before = world.cloud.clone();
            world.now += Duration::from_secs(seconds);
            world.cloud.advance(world.now);
            check_sessions(&before, &world.cloud, None);
            prop_assert!(world.cloud.next_change().is_none_or(|next| next > world.now));
            let mut again = world.cloud.clone();
            prop_assert!(again.advance(world.now).is_empty());

            let before = world.cloud.clone();
            let (text, action) = build(operation, &picks);
            let done = world.cloud.apply(&action, world.now);
            if let Err(error) = &done {
                prop_assert_eq!(&world.cloud, &before, "{} was refused: {}", text, error);
                prop_assert!(!error.message.is_empty());
            }
            let connected = match &action {
                Action::Soracom(super::soracom::Action::Connect(op)) => Some(op.sim.as_str()),
                Action::Soracom(super::soracom::Action::Reconnect(op)) => Some(op.sim.as_str()),
                _ => None,
            };
            check_sessions(&before, &world.cloud, connected.filter(|_| done.is_ok()));
            check_state(&world.cloud);
        }
    }

    #[test]
    fn any_path_gets_an_answer(path in "(vpg|sensor|sim|pcx|[a-z.\\[\\]0-9]{0,4})[.](ip|outer_ip|id|[a-z]{0,3})(\\[[0-9]\\])?") {
        let _ = World::with_vpg().cloud.value(&path);
    }
}

#[test]
fn every_operation_is_tried() {
    let tried: BTreeSet<_> = OPERATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(tried, Action::names().collect());
    for (index, (name, _)) in OPERATIONS.iter().enumerate() {
        assert_eq!(build(index, &[0; 6]).1.name(), *name);
        assert_eq!(build(index, &[255; 6]).1.name(), *name);
    }
}

/// Each SORACOM operation succeeds at some time in the random walks: otherwise they would prove
/// little.
#[test]
fn random_walks_reach_every_soracom_operation() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut done = BTreeSet::new();
    for _ in 0..400 {
        let mut world = start();
        for _ in 0..50 {
            let (operation, picks, seconds) = step().new_tree(&mut runner).unwrap().current();
            world.now += Duration::from_secs(seconds);
            world.cloud.advance(world.now);
            let (_, action) = build(operation, &picks);
            if world.cloud.apply(&action, world.now).is_ok() {
                done.insert(action.name());
            }
        }
    }
    for name in super::soracom::Action::NAMES {
        assert!(done.contains(name), "{name} never succeeded");
    }
}
