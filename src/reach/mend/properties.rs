//! Laws of mends, on a world in which this and that was broken at random.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::lab::{Lab, NOW, action, flow, instance, sim};
use super::mend;
use super::packet::Packet;
use crate::cloud::{NodeName, Reason};
use crate::reach::{Ask, Flow, Map, Prediction, Verdict};

/// What breaks something, each for itself; where it is refused, nothing is broken.
const BREAKS: &[&str] = &[
    r#"do = "DeleteRoute", route_table = "public", destination = "0.0.0.0/0""#,
    r#"do = "DeleteRoute", route_table = "public", destination = "100.64.0.0/24""#,
    r#"do = "DeleteRoute", route_table = "public", destination = "10.1.0.0/16""#,
    r#"do = "DeleteRoute", route_table = "customer-main", destination = "100.64.0.0/24""#,
    r#"do = "DeleteRoute", route_table = "office-main", destination = "10.0.0.0/16""#,
    r#"do = "DeleteRoute", route_table = "office-main", destination = "172.16.0.0/16""#,
    r#"do = "ReplaceRoute", route_table = "public", destination = "100.64.0.0/24", target = "igw""#,
    r#"do = "ReplaceRoute", route_table = "public", destination = "10.1.0.0/16", target = "canal""#,
    r#"do = "ReplaceRoute", route_table = "public", destination = "0.0.0.0/0", target = "pcx""#,
    r#"do = "ReplaceRoute", route_table = "public", destination = "0.0.0.0/0", target = "spare""#,
    r#"do = "CreateRoute", route_table = "public", destination = "100.64.0.0/25", target = "igw""#,
    r#"do = "DisassociateRouteTable", subnet = "public""#,
    r#"do = "StopInstances", instance = "server""#,
    r#"do = "StopInstances", instance = "spare""#,
    r#"do = "StopInstances", instance = "desk""#,
    r#"do = "DetachInternetGateway", internet_gateway = "gateway", vpc = "customer""#,
    r#"do = "DeleteInternetGateway", internet_gateway = "gateway""#,
    r#"do = "DeleteVpcPeeringConnection", peering = "pcx""#,
    r#"do = "DeleteVpcPeeringConnection", peering = "canal""#,
    r#"do = "createVpcPeeringConnection", as = "again", vpg = "f", vpc = "customer""#,
    r#"do = "RevokeSecurityGroupIngress", security_group = "web", rule = { source = "0.0.0.0/0" }"#,
    r#"do = "RevokeSecurityGroupEgress", security_group = "web", rule = { destination = "0.0.0.0/0" }"#,
    r#"do = "AuthorizeSecurityGroupIngress", security_group = "web", rule = { protocol = "tcp", port = 22, source = "0.0.0.0/0" }"#,
    r#"do = "RevokeSecurityGroupIngress", security_group = "desks", rule = { source = "0.0.0.0/0" }"#,
    r#"do = "DeleteNetworkAclEntry", network_acl = "strict", rule_number = 100"#,
    r#"do = "DeleteNetworkAclEntry", network_acl = "strict", egress = true, rule_number = 100"#,
    r#"do = "CreateNetworkAclEntry", network_acl = "strict", rule_number = 7, action = "deny", cidr = "0.0.0.0/0""#,
    r#"do = "CreateNetworkAclEntry", network_acl = "strict", rule_number = 6, action = "deny", cidr = "100.64.0.0/16""#,
    r#"do = "CreateNetworkAclEntry", network_acl = "strict", egress = true, rule_number = 1, action = "deny", protocol = "udp", cidr = "100.64.0.0/16""#,
    r#"do = "CreateNetworkAclEntry", network_acl = "strict", egress = true, rule_number = 32766, action = "deny", cidr = "0.0.0.0/0""#,
    r#"do = "AllocateAddress", as = "eip""#,
    r#"do = "AssociateAddress", address = "eip", instance = "server""#,
    r#"do = "DisassociateAddress", address = "eip""#,
    r#"do = "closeGate", vpg = "f""#,
    r#"do = "unregisterGatePeer", vpg = "f", outer_ip = "10.0.0.254""#,
    r#"do = "registerGatePeer", vpg = "f", outer_ip = "10.0.0.254", inner_ip = "10.254.0.1""#,
    r#"do = "registerGatePeer", vpg = "f", outer_ip = "10.0.1.9""#,
    r#"do = "setVirtualPrivateGatewayVxLanId", vpg = "f", vni = 77"#,
    r#"do = "enableGatePrivacySeparator", vpg = "f""#,
    r#"do = "setRoutingFilter", vpg = "f", entries = [{ action = "deny", ip_range = "0.0.0.0/0" }]"#,
    r#"do = "setRoutingFilter", vpg = "f2", entries = [{ action = "deny", ip_range = "10.1.0.9/32" }]"#,
    r#"do = "deleteCustomerRoute", vpg = "f2", route = "to-office""#,
    r#"do = "deleteTransitGatewayVpcAttachment", vpg = "f2", attachment = "tgw""#,
    r#"do = "createTransitGatewayVpcAttachment", as = "tgw-again", vpg = "f2", vpc = "office""#,
    r#"do = "disconnect", sim = "sensor""#,
    r#"do = "deactivateSim", sim = "sensor""#,
    r#"do = "suspendSim", sim = "meter""#,
    r#"do = "terminateSim", sim = "camera""#,
    r#"do = "deleteSimSession", sim = "meter""#,
    r#"do = "unsetSimGroup", sim = "sensor""#,
    r#"do = "setSimGroup", sim = "camera", group = "on-f2""#,
    r#"do = "reconnect", sim = "sensor""#,
    r#"do = "reconnect", sim = "camera""#,
    r#"do = "putConfigurationParameters", group = "on-f", parameters = { useVpg = false }"#,
];

/// What a hand does wrong on the server.
fn slip(lab: &mut Lab, which: usize) {
    match which {
        0 => lab.vxlan(|vxlan| vxlan.vni = 11),
        1 => lab.vxlan(|vxlan| vxlan.port = 8472),
        2 => lab.vxlan(|vxlan| vxlan.flood.clear()),
        3 => lab.vxlan(|vxlan| {
            vxlan.flood.pop_first();
        }),
        4 => lab.vxlan(|vxlan| vxlan.flood = BTreeSet::from(["100.64.0.5".parse().unwrap()])),
        5 => lab.vxlan(|vxlan| vxlan.local = Some("10.0.0.253".parse().unwrap())),
        // Lost at a reboot, but still known.
        6 => {
            let guest = lab.guests.get_mut(&instance("server")).unwrap();
            guest.interfaces.remove("vxlan0");
            guest.routes.remove(&"10.128.0.0/9".parse().unwrap());
        }
        7 => {
            let guest = lab.guests.get_mut(&instance("server")).unwrap();
            guest.routes.remove(&"0.0.0.0/0".parse().unwrap());
        }
        8 => {
            let guest = lab.guests.get_mut(&instance("server")).unwrap();
            let interface = guest.interfaces.get_mut("vxlan0").unwrap();
            interface.addresses = vec!["10.254.0.9/9".parse().unwrap()];
        }
        _ => {}
    }
}

/// Who asks whom.
fn flows() -> Vec<Flow> {
    let from = [
        sim("sensor"),
        sim("camera"),
        sim("meter"),
        sim("loner"),
        instance("server"),
        instance("spare"),
        instance("desk"),
        NodeName::Pc,
        NodeName::Internet,
    ];
    let to = [
        "10.0.0.254",
        "10.0.1.9",
        "10.0.0.77",
        "10.1.0.9",
        "10.128.0.10",
        "10.128.0.3",
        "10.254.0.254",
        "172.16.0.3",
        "100.64.0.4",
        "100.64.0.9",
        "203.0.113.1",
        "203.0.113.129",
        "198.51.100.10",
        "192.0.2.10",
        "192.168.9.9",
        "100.127.9.9",
    ];
    let asks = [
        Ask::Tcp(80),
        Ask::Udp(53),
        Ask::PING,
        Ask::Ping {
            size: 8900,
            dont_fragment: true,
        },
    ];
    let flows = from.iter().flat_map(|from| {
        to.iter()
            .flat_map(move |to| asks.map(|ask| flow(from.clone(), to, ask)))
    });
    flows.collect()
}

/// What is broken, by number: actions, and a slip of the hand; and a flow.
fn broken() -> impl Strategy<Value = (Vec<&'static str>, usize, Flow)> {
    let slips = prop_oneof![3 => Just(99_usize), 2 => 0..9_usize];
    let breaks = prop::collection::vec(proptest::sample::select(BREAKS), 0..7);
    (breaks, slips, proptest::sample::select(flows()))
}

/// The world in which that is broken.
fn world(breaks: &[&str], slipped: usize) -> Lab {
    static WORKING: LazyLock<Lab> = LazyLock::new(Lab::working);
    let mut lab = WORKING.clone();
    for line in breaks {
        // Some need others before them.
        let _ = lab.cloud.apply(&action(line), NOW);
    }
    slip(&mut lab, slipped);
    lab
}

/// Where and why a packet dies: the verdict, the kind of stop and how far it is, and the packet.
type Death = (Verdict, Option<String>, usize, Packet);

fn death(prediction: &Prediction<'_>, flow: &Flow) -> Death {
    let answer = matches!(prediction.verdict, Verdict::Blocked { answer: true, .. });
    let hops = if answer {
        &prediction.back
    } else {
        &prediction.forward
    };
    let kind = prediction.fault().map(|hop| format!("{:?}", hop.kind));
    let kind = kind.and_then(|kind| Some(kind.split(' ').next()?.to_owned()));
    let packet = Packet::at_end(hops, flow, answer, prediction.refused);
    (prediction.verdict, kind, hops.len(), packet)
}

/// Mends until there is nothing left that the clouds can do; gives the reasons that were mended.
fn mend_all(mut lab: Lab, flow: &Flow) -> Vec<Reason> {
    let mut mended = Vec::new();
    loop {
        let before = Map::new(&lab.cloud, &lab.guests)
            .predict(flow)
            .map(|prediction| {
                (
                    death(&prediction, flow),
                    mend(&lab.cloud, flow, &prediction),
                )
            });
        let Some((died, found)) = before else {
            return mended;
        };
        let Verdict::Blocked { reason, .. } = died.0 else {
            assert_eq!(found, None);
            return mended;
        };
        let found = found.unwrap_or_else(|| panic!("nothing is said of {died:?}"));
        assert!(found.words.ends_with('.'), "{found:?}");
        assert_eq!(found.on.is_some(), !found.commands.is_empty(), "{found:?}");
        // It must be carried out whether it is the whole mend or not.
        lab.carry_out(&found);
        // Gate leads to another address than the VPG's own, so the question has to change.
        let whole = found.commands.is_empty() && reason != Reason::VpgInboundNotTranslated;
        if found.actions.is_empty() || !whole {
            return mended;
        }
        let map = Map::new(&lab.cloud, &lab.guests);
        let after = map.predict(flow).map(|prediction| death(&prediction, flow));
        assert_ne!(after, Some(died), "{found:#?} mends nothing of {flow:?}");
        mended.push(reason);
        assert!(mended.len() < 30, "{flow:?} goes round: {mended:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_mend_is_accepted_and_mends((breaks, slipped, flow) in broken()) {
        mend_all(world(&breaks, slipped), &flow);
    }
}

/// Each reason that the clouds can mend is mended at some time: otherwise the property would prove little.
#[test]
fn random_faults_reach_every_mend() {
    let mut runner = TestRunner::deterministic();
    let mut mended = BTreeSet::new();
    for _ in 0..6000 {
        let (breaks, slipped, flow) = broken().new_tree(&mut runner).unwrap().current();
        mended.extend(mend_all(world(&breaks, slipped), &flow));
    }
    let wanted = [
        Reason::NoRouteToDestination,
        Reason::BadStateRoute,
        Reason::EniSgRulesMismatch,
        Reason::SgHasNoRules,
        Reason::SubnetAclRestriction,
        Reason::EniSourceDestCheckRestriction,
        Reason::IgwPublicIpAssociationForEgress,
        Reason::IgwPrivateIpAssociationForIngress,
        Reason::IgwDestinationAddressNotInRfc1918Egress,
        Reason::IgwDestinationAddressNotInRfc6598Egress,
        Reason::PcxRequiresAddressInVpcCidr,
        Reason::NoPossibleDestination,
        Reason::SimSessionOffline,
        Reason::VpgRoutingFilterDeny,
        Reason::GateNotOpen,
        Reason::GatePeerNotRegistered,
        Reason::GateVniMismatch,
        Reason::GateInnerAddressMismatch,
        Reason::GateNoSuchAddress,
        Reason::GatePrivacySeparator,
    ];
    let missing: Vec<_> = wanted.iter().filter(|r| !mended.contains(r)).collect();
    assert!(missing.is_empty(), "{missing:?} are never mended");
}
