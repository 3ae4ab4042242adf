//! The mistakes that people make, and what is proposed.

use super::lab::{Lab, flow, instance, sim};
use crate::cloud::{NodeName, Reason};
use crate::reach::{Ask, Flow};

fn web() -> Flow {
    flow(sim("sensor"), "10.0.0.254", Ask::Tcp(80))
}

fn call() -> Flow {
    flow(instance("server"), "10.128.0.10", Ask::PING)
}

/// After these actions the flow dies for this reason, and these lines are proposed.
#[track_caller]
fn assert_mend(lab: &Lab, flow: &Flow, reason: Reason, lines: &[&str]) {
    assert_eq!(lab.reason(flow), Some(reason));
    assert_eq!(lab.lines(flow), lines, "{}", lab.mend(flow).words);
}

#[test]
fn nothing_is_proposed_where_everything_works() {
    let lab = Lab::working();
    for flow in [web(), call()] {
        assert_eq!(lab.reason(&flow), None);
    }
}

#[test]
fn a_security_group_gets_the_range_that_the_interface_sees() {
    let all = r#"do = "RevokeSecurityGroupIngress", security_group = "web", rule = { source = "0.0.0.0/0" }"#;
    let ssh = r#"do = "AuthorizeSecurityGroupIngress", security_group = "web", rule = { protocol = "tcp", port = 22, source = "0.0.0.0/0" }"#;
    let lab = Lab::after(&[all, ssh]);
    let http = r#"do = "AuthorizeSecurityGroupIngress", security_group = "web", rule = { protocol = "tcp", port = 80, source = "100.64.0.0/24" }"#;
    assert_mend(&lab, &web(), Reason::EniSgRulesMismatch, &[http]);
    let vxlan = r#"do = "AuthorizeSecurityGroupIngress", security_group = "web", rule = { protocol = "udp", port = 4789, source = "100.64.0.0/24" }"#;
    assert_mend(&lab, &call(), Reason::EniSgRulesMismatch, &[vxlan]);
    let f2 = flow(sim("meter"), "10.1.0.9", Ask::PING);
    let lab = Lab::after(&[
        r#"do = "RevokeSecurityGroupIngress", security_group = "desks", rule = { source = "0.0.0.0/0" }"#,
    ]);
    let echo = r#"do = "AuthorizeSecurityGroupIngress", security_group = "desks", rule = { protocol = "icmp", icmp_type = 8, source = "172.16.0.0/16" }"#;
    assert_mend(&lab, &f2, Reason::SgHasNoRules, &[echo]);
}

#[test]
fn an_entry_of_an_acl_comes_before_the_one_that_denies() {
    let deny = r#"do = "CreateNetworkAclEntry", network_acl = "strict", egress = true, rule_number = 90, action = "deny", protocol = "tcp", cidr = "100.64.0.0/16""#;
    let answer = r#"do = "CreateNetworkAclEntry", network_acl = "strict", egress = true, rule_number = 80, action = "allow", protocol = "tcp", port = "1024-65535", cidr = "100.64.0.0/24""#;
    let reason = Reason::SubnetAclRestriction;
    assert_mend(&Lab::after(&[deny]), &web(), reason, &[answer]);
    let first = deny.replace("90", "1");
    let lab = Lab::after(&[&first]);
    assert_mend(&lab, &web(), reason, &[]);
    assert!(lab.mend(&web()).words.contains("No number below"));
}

#[test]
fn a_route_goes_into_the_table_that_was_asked() {
    let gone = r#"do = "DeleteRoute", route_table = "public", destination = "100.64.0.0/24""#;
    let add = r#"do = "CreateRoute", route_table = "public", destination = "100.64.0.0/24", target = "canal""#;
    let reason = Reason::IgwDestinationAddressNotInRfc6598Egress;
    assert_mend(&Lab::after(&[gone]), &web(), reason, &[add]);
    let wrong = r#"do = "ReplaceRoute", route_table = "public", destination = "100.64.0.0/24", target = "igw""#;
    let right = wrong.replace("igw", "canal");
    assert_mend(&Lab::after(&[wrong]), &web(), reason, &[&right]);
}

#[test]
fn a_blackhole_is_filled_or_gone_around() {
    let gone = r#"do = "DeleteVpcPeeringConnection", peering = "pcx""#;
    let office = flow(instance("server"), "10.1.0.9", Ask::Tcp(443));
    let lab = Lab::after(&[gone]);
    let lines = [
        r#"do = "CreateVpcPeeringConnection", as = "pcx-2", vpc = "customer", peer_vpc = "office""#,
        r#"do = "AcceptVpcPeeringConnection", peering = "pcx-2""#,
        r#"do = "ReplaceRoute", route_table = "public", destination = "10.1.0.0/16", target = "pcx-2""#,
    ];
    assert_mend(&lab, &office, Reason::BadStateRoute, &lines);
    let asked =
        r#"do = "CreateVpcPeeringConnection", as = "again", vpc = "office", peer_vpc = "customer""#;
    let led = r#"do = "ReplaceRoute", route_table = "public", destination = "10.1.0.0/16", target = "again""#;
    let accept = r#"do = "AcceptVpcPeeringConnection", peering = "again""#;
    let lab = Lab::after(&[gone, asked, led]);
    assert_mend(&lab, &office, Reason::BadStateRoute, &[accept]);
}

#[test]
fn a_session_is_made_anew_where_its_group_leads_elsewhere() {
    let lab = Lab::after(&[r#"do = "setSimGroup", sim = "loner", group = "on-f""#]);
    let web = flow(sim("loner"), "10.0.0.254", Ask::Tcp(80));
    let reconnect = r#"do = "reconnect", sim = "loner""#;
    let reason = Reason::NoRouteToDestination;
    assert_mend(&lab, &web, reason, &[reconnect]);
    let group = r#"do = "setSimGroup", sim = "loner", group = "on-f""#;
    assert_mend(&Lab::working(), &web, reason, &[group, reconnect]);
    let off = r#"do = "deactivateSim", sim = "sensor""#;
    let lines = [
        r#"do = "activateSim", sim = "sensor""#,
        r#"do = "connect", sim = "sensor""#,
    ];
    let sensor = flow(sim("sensor"), "10.0.0.254", Ask::Tcp(80));
    assert_mend(
        &Lab::after(&[off]),
        &sensor,
        Reason::SimSessionOffline,
        &lines,
    );
}

#[test]
fn an_instance_without_a_public_address_gets_one() {
    let out = flow(instance("spare"), "198.51.100.10", Ask::Tcp(443));
    let lab = Lab::after(&[
        r#"do = "CreateRoute", route_table = "customer-main", destination = "0.0.0.0/0", target = "igw""#,
    ]);
    let lines = [
        r#"do = "AllocateAddress", as = "eip""#,
        r#"do = "AssociateAddress", address = "eip", instance = "spare""#,
    ];
    assert_mend(&lab, &out, Reason::IgwPublicIpAssociationForEgress, &lines);
    let in_vain = flow(NodeName::Pc, "203.0.113.9", Ask::Tcp(80));
    assert_mend(
        &lab,
        &in_vain,
        Reason::IgwPrivateIpAssociationForIngress,
        &[],
    );
    assert!(lab.mend(&in_vain).words.contains("server has 203.0.113.1"));
}

#[test]
fn the_filter_keeps_its_entries() {
    let lab = Lab::after(&[
        r#"do = "setRoutingFilter", vpg = "f", entries = [{ action = "deny", ip_range = "0.0.0.0/0" }]"#,
    ]);
    let line = r#"do = "setRoutingFilter", vpg = "f", entries = [{ action = "deny", ip_range = "0.0.0.0/0" }, { action = "allow", ip_range = "10.0.0.254/32" }]"#;
    assert_mend(&lab, &web(), Reason::VpgRoutingFilterDeny, &[line]);
}

#[test]
fn what_gate_lacks_is_asked_for_or_typed() {
    let closed = r#"do = "closeGate", vpg = "f""#;
    let open = r#"do = "openGate", vpg = "f""#;
    assert_mend(
        &Lab::after(&[closed]),
        &call(),
        Reason::GateNotOpen,
        &[open],
    );
    let forgotten = r#"do = "unregisterGatePeer", vpg = "f", outer_ip = "10.0.0.254""#;
    let register =
        r#"do = "registerGatePeer", vpg = "f", outer_ip = "10.0.0.254", inner_ip = "10.254.0.254""#;
    let lab = Lab::after(&[forgotten]);
    assert_mend(&lab, &call(), Reason::GatePeerNotRegistered, &[register]);
    let mut lab = Lab::working();
    lab.vxlan(|vxlan| vxlan.flood.clear());
    let [first, second] = ["100.64.0.4", "100.64.0.132"]
        .map(|node| format!("bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst {node}"));
    assert_mend(&lab, &call(), Reason::GateNoFloodEntry, &[&first, &second]);
    assert_eq!(lab.mend(&call()).on, Some(instance("server")));
    lab.vxlan(|vxlan| vxlan.flood = ["100.64.0.132".parse().unwrap()].into());
    assert_mend(&lab, &call(), Reason::GateFloodMissesNode, &[&first]);
    let mut lab = Lab::working();
    lab.vxlan(|vxlan| vxlan.port = 8472);
    let anew = [
        "ip link del vxlan0 2>/dev/null || true",
        "ip link add vxlan0 type vxlan local 10.0.0.254 id 10 dstport 4789 dev eth0",
        "ip addr add 10.254.0.254/9 dev vxlan0",
        "ip link set vxlan0 up",
        &first,
        &second,
    ];
    assert_mend(&lab, &call(), Reason::GatePortMismatch, &anew);
}

#[test]
fn who_calls_a_device_without_gate_is_told_of_gate() {
    let spare = flow(instance("spare"), "10.128.0.10", Ask::PING);
    let lab = Lab::working();
    let mend = lab.mend(&spare);
    assert_eq!(lab.reason(&spare), Some(Reason::NoRouteToDestination));
    let lines = lab.lines(&spare);
    assert_eq!(
        lines[..2],
        [
            r#"do = "registerGatePeer", vpg = "f", outer_ip = "10.0.1.9""#,
            r#"do = "AuthorizeSecurityGroupIngress", security_group = "customer-default", rule = { protocol = "udp", port = 4789, source = "100.64.0.0/24" }"#,
        ],
        "{lines:#?}"
    );
    assert_eq!(mend.commands.len(), 6);
    assert_eq!(mend.on, Some(instance("spare")));
    let back = flow(instance("desk"), "10.128.0.10", Ask::PING);
    assert_mend(&lab, &back, Reason::NoRouteToDestination, &[]);
}
