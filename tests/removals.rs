//! Each shipped scenario fails, at the right step and for the right reason, when one thing that it needs
//! is taken away: a route, a rule, an FDB entry, an address, a switch.
//!
//! A scenario that passes with a part missing would show nothing. Every case names a part of the
//! scenario's text that stands there once, what stands in its place, and what the program must say.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

mod support {
    pub mod program;
}

use serde_json::Value;
use support::program::{Run, replace, shipped_text};

/// A change to a scenario's text.
enum Edit {
    /// A part of the text, and what takes its place.
    Replace(&'static str, &'static str),
    /// The one step whose text holds this part goes.
    Step(&'static str),
}

use Edit::{Replace, Step};

/// What the first failing step must tell.
enum Told {
    /// A probe is dropped: the reason's code and the resource.
    Blocked(&'static str, &'static str),
    /// A probe comes out this way, and its first problem holds these words.
    Outcome(&'static str, &'static str),
    /// A step other than a probe has a problem that holds these words.
    Problem(&'static str),
    /// The check before the run refuses the text, with these words.
    Refused(&'static str),
}

use Told::{Blocked, Outcome, Problem, Refused};

/// The scenario's text after the edits.
fn edited(scenario: &str, edits: &[Edit]) -> String {
    let mut text = shipped_text(scenario);
    for edit in edits {
        text = match edit {
            Replace(part, with) => replace(&text, part, with),
            Step(part) => without_step(&text, part),
        };
    }
    text
}

fn without_step(text: &str, part: &str) -> String {
    const HEAD: &str = "[[step]]\n";
    let mut pieces = text.split(HEAD);
    let mut left = pieces.next().unwrap().to_owned();
    assert!(!left.contains(part), "not in a step: {part:?}");
    let mut gone = 0;
    for step in pieces {
        if step.contains(part) {
            gone += 1;
        } else {
            left += HEAD;
            left += step;
        }
    }
    assert_eq!(gone, 1, "{gone} steps hold {part:?}, not one");
    left
}

/// Runs the edited scenario and holds what it says against what it must say.
fn fails(scenario: &str, edits: &[Edit], step: &str, told: &Told) {
    // What fails after the first failure fails because of it.
    let run = Run::text_with(&edited(scenario, edits), &["--fail-fast"]);
    if let Refused(words) = told {
        assert_eq!(run.code, Some(2), "{}", run.tale());
        assert!(run.events.is_empty(), "{}", run.tale());
        assert!(run.stderr.contains(words), "{}", run.stderr);
        return;
    }
    assert_eq!(run.code, Some(1), "{}", run.tale());
    let failed = run.first_failure().unwrap();
    assert_eq!(failed["name"], step, "{}", run.tale());
    let detail = &failed["detail"];
    let problems = detail["problems"].as_array().unwrap();
    let first = problems.first().and_then(Value::as_str).unwrap_or_default();
    match told {
        Blocked(reason, resource) => {
            assert_eq!(detail["outcome"], "blocked", "{}", run.tale());
            assert_eq!(detail["reason"], *reason, "{}", run.tale());
            assert_eq!(detail["resource"], *resource, "{}", run.tale());
            // The reason is what the network said, not a guess: the last label says the same.
            let evidence = detail["evidence"].as_array().unwrap();
            let last = evidence.last().unwrap();
            assert_eq!(last["reason"], *reason, "{}", run.tale());
            assert_ne!(last["packet"], "", "{}", run.tale());
        }
        Outcome(outcome, words) => {
            assert_eq!(detail["outcome"], *outcome, "{}", run.tale());
            assert!(first.contains(words), "{}", run.tale());
        }
        Problem(words) => assert!(first.contains(words), "{}", run.tale()),
        Refused(_) => unreachable!("handled above"),
    }
}

/// `name: scenario, [edits] => step, what is told;`
macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident: $scenario:literal, $edits:expr => $step:literal, $told:expr;)*) => {
        $($(#[$doc])* #[test] fn $name() { fails($scenario, &$edits, $step, &$told); })*

        /// The scenarios that have a case.
        const COVERED: &[&str] = &[$($scenario),*];
    };
}

#[test]
fn every_shipped_scenario_has_a_case() {
    for name in support::program::shipped_names() {
        assert!(
            COVERED.contains(&name.as_str()),
            "nothing was taken away from {name}"
        );
    }
}

const IGW_6598: &str = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS";
const IGW_1918: &str = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS";
const FIRST_FLOOD: &str = "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst ${vpg.outer_ip[0]}\n";
const SECOND_FLOOD: &str =
    "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst ${vpg.outer_ip[1]}\n";

cases! {
    cellular_without_the_link: "cellular", [Replace("\nlink = \"cellular\"", "")]
        => "Canal: 32 to 57 ms from the device to the VPC and back",
        Outcome("reachable", "the answer took");
    cellular_without_the_way_out_of_the_tunnel: "cellular", [Step("restore = true"), Step("out of the tunnel, at the edge of the cell")]
        => "a try or two are lost, and one gets through",
        Blocked("LINK_CUT", "link of SIM sensor");
    canal_without_the_route_back: "canal",
        [Step("do = \"CreateRoute\"\nroute_table = \"public\"")]
        => "the device opens the page", Blocked(IGW_6598, "internet gateway customer, by route table public");
    canal_without_the_default_route: "canal",
        [Replace("routes = [{ destination = \"0.0.0.0/0\", target = \"igw\" }]\n", "")]
        => "no way back: the answer takes the default route to the internet gateway",
        Blocked("NO_ROUTE_TO_DESTINATION", "route table public");
    canal_without_the_security_group_rule: "canal",
        [Step("AuthorizeSecurityGroupIngress")]
        => "no way back: the answer takes the default route to the internet gateway",
        Blocked("ENI_SG_RULES_MISMATCH", "security group web, ingress of server");
    canal_without_the_acceptance: "canal",
        [Step("AcceptVpcPeeringConnection"), Step("\"pcx.status\" = \"active\"")]
        => "the security group names the device subnet, but the VPG's address arrives",
        Blocked("BAD_STATE_ROUTE", "VPG vpg, 10.0.0.0/16 → peering pcx: pending-acceptance");
    canal_without_the_acceptance_is_checked: "canal",
        [Step("AcceptVpcPeeringConnection")]
        => "check pcx.status",
        Problem("pcx.status is \"pending-acceptance\", expected \"active\"");
    canal_without_the_new_session: "canal",
        [Step("so the device must connect again"), Step("\"sensor.vpg\" = \"vpg\"")]
        => "requested, not accepted",
        Blocked("NO_ROUTE_TO_DESTINATION", "SORACOM's shared platform: the SIM's group uses no VPG");
    canal_without_the_internet_gateway: "canal",
        [Replace("internet_gateway = true\n", "")]
        => "", Refused("the VPC customer has no internet gateway; attach one first");
    canal_without_the_service: "canal",
        [Replace("serve = [{ http = 80, body = \"hello from the customer VPC\" }]\n", "")]
        => "the device opens the page", Outcome("refused", "it was refused by the far end");

    gate_without_udp_4789: "gate",
        [Step("AuthorizeSecurityGroupIngress")]
        => "Gate: the server reaches the device, on one layer-2 network",
        Blocked("ENI_SG_RULES_MISMATCH", "security group web, ingress of server");
    gate_without_the_flood_entry_of_the_session_s_node: "gate",
        [Replace(FIRST_FLOOD, "")]
        => "the security group forgot VXLAN",
        Blocked(
            "GATE_FLOOD_MISSES_NODE",
            "Gate of VPG vpg: the address is served by the node 100.64.0.4"
        );
    gate_without_the_flood_entry_of_the_other_node: "gate",
        // The first SIM takes the first node, so that the sensor is served by the second.
        [
            Replace(SECOND_FLOOD, ""),
            Replace(
                "[soracom.sim.sensor]\n",
                "[soracom.sim.first]\ngroup = \"canal\"\n\n[soracom.sim.sensor]\n"
            )
        ]
        => "the security group forgot VXLAN",
        Blocked(
            "GATE_FLOOD_MISSES_NODE",
            "Gate of VPG vpg: the address is served by the node 100.64.128.4"
        );
    gate_without_the_registration: "gate",
        [Step("registerGatePeer")]
        => "the security group forgot VXLAN",
        Blocked("GATE_PEER_NOT_REGISTERED", "Gate of VPG vpg");
    gate_not_opened: "gate",
        [Step("openGate")]
        => "the security group forgot VXLAN", Blocked("GATE_NOT_OPEN", "Gate of VPG vpg");
    gate_without_link_up: "gate",
        [Replace("ip link set vxlan0 up\n", "")]
        => "the security group forgot VXLAN", Blocked(IGW_1918, "internet gateway customer, by route table public");
    gate_without_an_inner_address: "gate",
        [Replace("ip addr add 10.254.0.254/9 dev vxlan0\n", "")]
        => "the security group forgot VXLAN", Blocked(IGW_1918, "internet gateway customer, by route table public");
    gate_with_another_inner_address: "gate",
        [Replace("ip addr add 10.254.0.254/9", "ip addr add 10.254.0.253/9")]
        => "the security group forgot VXLAN",
        Blocked("GATE_INNER_ADDRESS_MISMATCH", "Gate of VPG vpg, peers' inner addresses");
    gate_with_a_short_netmask: "gate",
        [Replace("ip addr add 10.254.0.254/9", "ip addr add 10.254.0.254/24")]
        => "the security group forgot VXLAN", Blocked(IGW_1918, "internet gateway customer, by route table public");
    gate_with_another_vni: "gate",
        [Replace(" id 10 dstport", " id 11 dstport")]
        => "the security group forgot VXLAN",
        Blocked("GATE_VNI_MISMATCH", "Gate of VPG vpg, VNI 10");
    gate_without_the_port: "gate",
        [Replace(" dstport 4789", "")]
        => "the security group forgot VXLAN",
        Blocked("GATE_PORT_MISMATCH", "Gate of VPG vpg, udp/4789");
    gate_without_the_peering_route: "gate",
        [Step("do = \"CreateRoute\"")]
        => "Canal: the device opens the page at the private address",
        Blocked(IGW_6598, "internet gateway customer, by route table public");
    gate_without_the_reboot: "gate",
        [Step("RebootInstances")]
        => "but the VXLAN interface is gone, and the ping takes the default route",
        Outcome("reachable", "it was answered");

    closed_network_without_the_route: "closed-network",
        [Replace("routes = [{ destination = \"100.67.0.224/27\", target = \"pcx\" }]\n", "")]
        => "the VPC is reachable", Blocked("NO_ROUTE_TO_DESTINATION", "route table private");
    closed_network_without_the_rule: "closed-network",
        [Replace(
            "ingress = [{ protocol = \"tcp\", port = 7, source = \"100.67.0.224/27\" }]\n", ""
        )]
        => "the VPC is reachable", Blocked("SG_HAS_NO_RULES", "security group app, ingress of server");
    closed_network_with_the_device_subnet_as_source: "closed-network",
        [Replace("port = 7, source = \"100.67.0.224/27\"", "port = 7, source = \"10.128.0.0/9\"")]
        => "the VPC is reachable",
        Blocked("ENI_SG_RULES_MISMATCH", "security group app, ingress of server");
    closed_network_without_the_acceptance: "closed-network",
        [Replace("accepted = true\n", "")]
        => "the VPC is reachable",
        Blocked("BAD_STATE_ROUTE", "VPG closed, 10.0.0.0/16 → peering pcx: pending-acceptance");
    closed_network_without_the_filter_s_allow_entry: "closed-network",
        [Replace("  { action = \"allow\", ip_range = \"10.0.0.0/24\" },\n", "")]
        => "sensor → server: tcp/7",
        Blocked("VPG_ROUTING_FILTER_DENY", "VPG closed, routing filter: deny 0.0.0.0/0");
    closed_network_without_the_filter_s_deny_entry: "closed-network",
        [Replace(
            "  { action = \"deny\", ip_range = \"0.0.0.0/0\" },\n  { action = \"allow\", ip_range = \"10.0.0.20/32\" },\n",
            "  { action = \"allow\", ip_range = \"10.0.0.20/32\" },\n"
        )]
        => "sensor → server: tcp/7", Outcome("reachable", "it was answered");
    closed_network_with_internet: "closed-network",
        [Replace("internet_gateway = false\n", "")]
        => "the internet is not, and nothing says so", Outcome("reachable", "it was answered");
    closed_network_without_the_name: "closed-network",
        [Replace("dns = { \"example.com\" = \"198.51.100.10\" }\n", "")]
        => "DNS answers, even for names on the internet",
        Outcome("reachable", "expected 198.51.100.10");

    device_to_device_without_gate: "device-to-device",
        [Step("openGate")]
        => "Gate is open: they see each other's own addresses", Blocked("GATE_NOT_OPEN", "VPG vpg");
    device_to_device_with_the_separator_left_on: "device-to-device",
        [Step("disableGatePrivacySeparator")]
        => "sensor → camera: tcp/7", Blocked("GATE_PRIVACY_SEPARATOR", "Gate of VPG vpg");
    device_to_device_without_the_separator: "device-to-device",
        [Step("do = \"enableGatePrivacySeparator\"")]
        => "the privacy separator keeps them apart", Outcome("reachable", "it was answered");
    device_to_device_without_closing: "device-to-device",
        [Step("closeGate")]
        => "closed again", Outcome("reachable", "it was answered");
    device_to_device_without_the_map_entry: "device-to-device",
        [Replace("sensor = \"10.128.0.10\", ", "")]
        => "each has the address that it is pinned to, on a node of its own",
        Problem("sensor.ip is \"10.128.0.3\", expected \"10.128.0.10\"");
    device_to_device_without_the_map_entry_the_far_end_sees_it: "device-to-device",
        [Replace("sensor = \"10.128.0.10\", ", ""), Step("\"sensor.ip\"")]
        => "Gate is open: they see each other's own addresses",
        Outcome("reachable", "the far end saw 10.128.0.3, expected 10.128.0.10");

    clean_up_without_the_route_back: "clean-up",
        [Replace("  { destination = \"100.64.0.0/24\", target = \"pcx\" },\n", "")]
        => "sensor → server: http/80 /", Blocked(IGW_6598, "internet gateway customer, by route table public");
    clean_up_without_the_acceptance: "clean-up",
        [Replace("accepted = true\n", "")]
        => "sensor → server: http/80 /",
        Blocked("BAD_STATE_ROUTE", "VPG vpg, 10.0.0.0/16 → peering pcx: pending-acceptance");
    clean_up_without_the_rule: "clean-up",
        [Replace("ingress = [{ protocol = \"tcp\", port = 80, source = \"100.64.0.0/24\" }]\n", "")]
        => "sensor → server: http/80 /",
        Blocked("SG_HAS_NO_RULES", "security group web, ingress of server");
    clean_up_without_deleting_the_peering: "clean-up",
        [Step("deleteVpcPeeringConnection")]
        => "", Refused("VPG vpg can't be terminated while these use it: peering pcx");

    group_switch_without_the_vpg: "group-switch",
        [Replace("vpg = \"office\"\ndns_servers", "dns_servers")]
        => "the device opens the page in the VPC",
        Blocked("NO_ROUTE_TO_DESTINATION", "SORACOM's shared platform: the SIM's group uses no VPG");
    group_switch_without_the_move: "group-switch",
        [Step("do = \"setSimGroup\"\nsim = \"sensor\"\ngroup = \"with-vpg\"")]
        => "the device opens the page in the VPC",
        Blocked("NO_ROUTE_TO_DESTINATION", "SORACOM's shared platform: the SIM's group uses no VPG");
    group_switch_without_connecting: "group-switch",
        [Step("do = \"connect\"")]
        => "the device opens the page in the VPC", Blocked("SIM_SESSION_OFFLINE", "SIM sensor");
    group_switch_without_the_route: "group-switch",
        [Replace("routes = [{ destination = \"100.64.0.0/24\", target = \"pcx\" }]\n", "")]
        => "the device opens the page in the VPC",
        Blocked("NO_ROUTE_TO_DESTINATION", "route table private");
    group_switch_without_the_acceptance: "group-switch",
        [Replace("accepted = true\n", "")]
        => "the device opens the page in the VPC",
        Blocked("BAD_STATE_ROUTE", "VPG office, 10.0.0.0/16 → peering pcx: pending-acceptance");
    group_switch_without_the_dns_servers: "group-switch",
        [Replace("dns_servers = [\"198.51.100.10\"]\n", "")]
        => "and has the group's DNS servers",
        Problem("stdout does not contain \"nameserver 198.51.100.10\"");

    public_web_without_the_default_route: "public-web",
        [Replace("routes = [{ destination = \"0.0.0.0/0\", target = \"igw\" }]\n", "")]
        => "the computer opens the page", Blocked("NO_ROUTE_TO_DESTINATION", "route table public");
    public_web_without_the_internet_gateway: "public-web",
        [Replace("internet_gateway = true\n", "")]
        => "", Refused("the VPC customer has no internet gateway; attach one first");
    public_web_without_the_public_address: "public-web",
        [
            Replace("public_ip = true\n", ""),
            Replace("seen_from = \"${server.public_ip}\"", "status = 200")
        ]
        => "the computer opens the page",
        Blocked("NO_ROUTE_TO_DESTINATION", "internet: private addresses are not routed");
    public_web_without_the_elastic_ip: "public-web",
        [Step("do = \"AssociateAddress\"")]
        => "pc → worker: http/80 /",
        Blocked("NO_ROUTE_TO_DESTINATION", "internet: private addresses are not routed");
    public_web_without_the_rule: "public-web",
        [Replace("ingress = [{ protocol = \"tcp\", port = 80, source = \"0.0.0.0/0\" }]\n", "")]
        => "the computer opens the page",
        Blocked("SG_HAS_NO_RULES", "security group web, ingress of server");
}
