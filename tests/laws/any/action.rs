//! Random actions: every operation of both clouds, with sound parameters and others.

use std::fmt;
use std::time::Duration;

use canal_sim::cloud::{Action, aws, soracom};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::pool::pool;

/// The operations and their parameters: `name:pool`, with `?` after the name where it may be left
/// out.
const OPERATIONS: &[(&str, &str)] = &[
    (
        "createVirtualPrivateGateway",
        "as:vpg type:type internet_gateway?:bool device_subnet?:device vpg_subnet?:range region?:region",
    ),
    ("terminateVirtualPrivateGateway", "vpg:vpg"),
    (
        "createVpcPeeringConnection",
        "as:pcx vpg:vpg vpc:vpc owner?:account destination?:destination region?:region",
    ),
    ("deleteVpcPeeringConnection", "vpg:vpg peering:pcx"),
    ("openGate", "vpg:vpg vni?:vni privacy_separator?:bool"),
    ("closeGate", "vpg:vpg"),
    ("setVirtualPrivateGatewayVxLanId", "vpg:vpg vni:vni"),
    ("enableGatePrivacySeparator", "vpg:vpg"),
    ("disableGatePrivacySeparator", "vpg:vpg"),
    ("registerGatePeer", "vpg:vpg outer_ip:ip inner_ip?:inner"),
    ("unregisterGatePeer", "vpg:vpg outer_ip:ip"),
    (
        "putVirtualPrivateGatewayIpAddressMapEntry",
        "vpg:vpg sim:sim ip:inner",
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
        "as:route vpg:f2 destination:destination target:attachment",
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
        "as:vpc cidr:vpc_range account?:account region?:region",
    ),
    ("DeleteVpc", "vpc:vpc"),
    ("AssociateVpcCidrBlock", "vpc:vpc cidr:vpc_range"),
    ("DisassociateVpcCidrBlock", "vpc:vpc cidr:vpc_range"),
    ("CreateSubnet", "as:subnet vpc:vpc cidr:subnet_range"),
    ("DeleteSubnet", "subnet:subnet"),
    ("CreateInternetGateway", "as:gateway"),
    ("AttachInternetGateway", "internet_gateway:gateway vpc:vpc"),
    ("DetachInternetGateway", "internet_gateway:gateway vpc:vpc"),
    ("DeleteInternetGateway", "internet_gateway:gateway"),
    ("CreateRouteTable", "as:table vpc:vpc"),
    ("DeleteRouteTable", "route_table:table"),
    ("AssociateRouteTable", "route_table:table subnet:subnet"),
    ("DisassociateRouteTable", "subnet:subnet"),
    (
        "CreateRoute",
        "route_table:table destination:destination target:target",
    ),
    (
        "ReplaceRoute",
        "route_table:table destination:destination target:target",
    ),
    ("DeleteRoute", "route_table:table destination:destination"),
    ("CreateSecurityGroup", "as:security_group vpc:vpc"),
    ("DeleteSecurityGroup", "security_group:security_group"),
    (
        "AuthorizeSecurityGroupIngress",
        "security_group:security_group rule:ingress",
    ),
    (
        "AuthorizeSecurityGroupEgress",
        "security_group:security_group rule:egress",
    ),
    (
        "RevokeSecurityGroupIngress",
        "security_group:security_group rule:ingress",
    ),
    (
        "RevokeSecurityGroupEgress",
        "security_group:security_group rule:egress",
    ),
    ("CreateNetworkAcl", "as:acl vpc:vpc"),
    ("DeleteNetworkAcl", "network_acl:acl"),
    (
        "CreateNetworkAclEntry",
        "network_acl:acl rule_number:number action:verdict cidr:destination egress?:bool protocol?:protocol port?:port icmp_type?:icmp",
    ),
    (
        "ReplaceNetworkAclEntry",
        "network_acl:acl rule_number:number action:verdict cidr:destination egress?:bool protocol?:protocol port?:port icmp_type?:icmp",
    ),
    (
        "DeleteNetworkAclEntry",
        "network_acl:acl rule_number:number egress?:bool",
    ),
    (
        "ReplaceNetworkAclAssociation",
        "subnet:subnet network_acl:acl",
    ),
    (
        "RunInstances",
        "as:instance subnet:subnet private_ip?:ip public_ip?:bool security_groups?:groups source_dest_check?:bool",
    ),
    ("StopInstances", "instance:instance"),
    ("StartInstances", "instance:instance"),
    ("RebootInstances", "instance:instance"),
    ("TerminateInstances", "instance:instance"),
    (
        "ModifyInstanceAttribute",
        "instance:instance security_groups?:groups source_dest_check?:bool",
    ),
    ("AllocateAddress", "as:address"),
    ("AssociateAddress", "address:address instance:instance"),
    ("DisassociateAddress", "address:address"),
    ("ReleaseAddress", "address:address"),
    ("CreateVpcPeeringConnection", "as:pcx vpc:vpc peer_vpc:vpc"),
    ("AcceptVpcPeeringConnection", "peering:pcx"),
    ("RejectVpcPeeringConnection", "peering:pcx"),
    ("DeleteVpcPeeringConnection", "peering:pcx"),
];

/// As many as the longest list of parameters.
const PICKS: usize = 8;

/// One step: something is done some time after the step before.
#[derive(Clone)]
pub struct Step {
    /// The action as a scenario would give it.
    pub text: String,
    /// The action.
    pub action: Action,
    /// How long after the step before.
    pub after: Duration,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{} s {}", self.after.as_secs(), self.text)
    }
}

/// Reads an action as a scenario would give it.
pub fn action(name: &str, parameters: Value) -> Action {
    Action::read(name, parameters)
        .unwrap_or_else(|| panic!("no operation {name}"))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// An operation and its parameters, chosen by numbers: each number picks from one pool.
fn build(operation: usize, picks: &[u8]) -> (String, Action) {
    let (name, parameters) = OPERATIONS[operation];
    let mut object = Map::new();
    for (parameter, pick) in parameters.split(' ').zip(picks) {
        let (key, pool_name) = parameter.split_once(':').unwrap();
        let choices = pool(pool_name);
        // The first choice makes sense more often than the others.
        let choice = usize::from((pick % 64).saturating_sub(24)) % choices.len();
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

fn steps_of(operation: impl Strategy<Value = usize>) -> impl Strategy<Value = Step> {
    let seconds = prop_oneof![20 => Just(0), 4 => 1..300_u64, 1 => Just(4000), 1 => Just(700_000)];
    (operation, any::<[u8; PICKS]>(), seconds).prop_map(|(operation, picks, seconds)| {
        let (text, action) = build(operation, &picks);
        let after = Duration::from_secs(seconds);
        Step {
            text,
            action,
            after,
        }
    })
}

/// Any action. What a device does, and what the customer does to a peering, comes more often.
pub fn step() -> impl Strategy<Value = Step> {
    let all = OPERATIONS.len();
    let (soracom, aws) = (soracom::Action::NAMES.len(), aws::Action::NAMES.len());
    steps_of(prop_oneof![
        6 => 0..soracom,
        6 => all - aws..all,
        3 => soracom - 3..soracom,
        2 => all - 4..all,
    ])
}

/// The named operations only.
pub fn step_of(names: &'static [&'static str]) -> impl Strategy<Value = Step> {
    let found = names.iter().map(|wanted| {
        let place = OPERATIONS.iter().position(|(name, _)| name == wanted);
        place.unwrap_or_else(|| panic!("no operation {wanted}"))
    });
    steps_of(prop::sample::select(found.collect::<Vec<_>>()))
}

#[test]
fn every_operation_can_be_generated() {
    let listed: Vec<_> = OPERATIONS.iter().map(|(name, _)| *name).collect();
    let all = soracom::Action::NAMES.iter().chain(aws::Action::NAMES);
    let mut all: Vec<_> = all.copied().collect();
    // SORACOM's first and AWS's after them, the devices' and the peerings' at the ends.
    assert_eq!(listed.len(), all.len());
    assert!(listed[..soracom::Action::NAMES.len()].ends_with(&[
        "connect",
        "disconnect",
        "reconnect"
    ]));
    assert!(
        listed[listed.len() - 4..]
            .iter()
            .all(|name| name.contains("Peering"))
    );
    let mut sorted = listed;
    sorted.sort_unstable();
    all.sort_unstable();
    assert_eq!(sorted, all);
    for (index, (name, parameters)) in OPERATIONS.iter().enumerate() {
        assert!(parameters.split(' ').count() <= PICKS, "{name}");
        assert_eq!(build(index, &[0; PICKS]).1.name(), *name);
        assert_eq!(build(index, &[255; PICKS]).1.name(), *name);
    }
}
