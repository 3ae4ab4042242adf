//! AWS against its model.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Mutex;

use canal_sim::cloud::aws::{
    AddressId, InstanceId, InstanceState, InternetGatewayId, PeeringId, RouteChoice, RouteState,
    SubnetId, VpcId,
};
use proptest_state_machine::StateMachineTest;
use serde_json::json;

use super::aws_model::{Instance, Model, Op, Target};
use super::status::at_rest;
use super::{Doing, Subject, compare, run};

const VPCS: [(&str, &str); 3] = [
    ("a", "10.0.0.0/16"),
    ("b", "10.1.0.0/16"),
    ("c", "10.0.0.0/16"),
];
const SUBNETS: [(&str, &str); 2] = [("a-net", "10.0.0.0/24"), ("b-net", "10.1.0.0/24")];
const INSTANCES: [&str; 2] = ["i", "j"];
const ADDRESSES: [&str; 2] = ["e", "f"];
const PEERINGS: [&str; 4] = ["p", "q", "r", "s"];
/// The destinations of VPC 0's routes, and an address that only they are for.
const ROUTES: [(&str, [u8; 4]); 3] = [
    ("0.0.0.0/0", [198, 51, 100, 10]),
    ("10.1.0.0/16", [10, 1, 0, 9]),
    ("10.1.0.0/24", [10, 1, 0, 9]),
];

/// What was seen on the way, in all cases.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

struct Machine;

fn target(to: Target) -> &'static str {
    match to {
        Target::Gateway => "gateway",
        Target::Peering(one) => PEERINGS[one],
        Target::Instance(one) => INSTANCES[one],
    }
}

fn doing(op: &Op) -> Doing {
    let peering = |name, one: usize| (name, json!({"peering": PEERINGS[one]}));
    let instance = |name, one: usize| (name, json!({"instance": INSTANCES[one]}));
    let address = |name, one: usize| (name, json!({"address": ADDRESSES[one]}));
    let gateway = |name, vpc: usize| {
        (
            name,
            json!({"internet_gateway": "gateway", "vpc": VPCS[vpc].0}),
        )
    };
    let route = |name, place: usize, to| {
        let destination = ROUTES[place].0;
        (
            name,
            json!({"route_table": "a-main", "destination": destination, "target": target(to)}),
        )
    };
    let (name, parameters) = match *op {
        Op::Wait(seconds) => return Doing::Wait(seconds),
        Op::Request(name, from, to) => (
            "CreateVpcPeeringConnection",
            json!({"as": PEERINGS[name], "vpc": VPCS[from].0, "peer_vpc": VPCS[to].0}),
        ),
        Op::Accept(one) => peering("AcceptVpcPeeringConnection", one),
        Op::Reject(one) => peering("RejectVpcPeeringConnection", one),
        Op::Delete(one) => peering("DeleteVpcPeeringConnection", one),
        Op::Attach(vpc) => gateway("AttachInternetGateway", vpc),
        Op::Detach(vpc) => gateway("DetachInternetGateway", vpc),
        Op::Run(one, public) => (
            "RunInstances",
            json!({"as": INSTANCES[one], "subnet": SUBNETS[one].0, "public_ip": public}),
        ),
        Op::Stop(one) => instance("StopInstances", one),
        Op::Start(one) => instance("StartInstances", one),
        Op::Reboot(one) => instance("RebootInstances", one),
        Op::Terminate(one) => instance("TerminateInstances", one),
        Op::Allocate(one) => ("AllocateAddress", json!({"as": ADDRESSES[one]})),
        Op::Associate(one, to) => (
            "AssociateAddress",
            json!({"address": ADDRESSES[one], "instance": INSTANCES[to]}),
        ),
        Op::Disassociate(one) => address("DisassociateAddress", one),
        Op::Release(one) => address("ReleaseAddress", one),
        Op::Route(place, to) => route("CreateRoute", place, to),
        Op::Replace(place, to) => route("ReplaceRoute", place, to),
        Op::Unroute(place) => (
            "DeleteRoute",
            json!({"route_table": "a-main", "destination": ROUTES[place].0}),
        ),
    };
    Doing::Operation(name, parameters)
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Subject;
    type Reference = Model;

    fn init_test(_: &Model) -> Subject {
        let mut subject = Subject::default();
        for (name, cidr) in VPCS {
            subject.must("CreateVpc", json!({"as": name, "cidr": cidr}));
        }
        for ((name, cidr), (vpc, _)) in SUBNETS.iter().zip(VPCS) {
            subject.must(
                "CreateSubnet",
                json!({"as": name, "vpc": vpc, "cidr": cidr}),
            );
        }
        subject.must("CreateInternetGateway", json!({"as": "gateway"}));
        subject.events.clear();
        subject
    }

    fn apply(mut subject: Subject, model: &Model, op: Op) -> Subject {
        subject.act_as(doing(&op), model.allowed, &op);
        subject
    }

    fn check_invariants(subject: &Subject, model: &Model) {
        let aws = &subject.cloud.aws;
        let mut seen: BTreeSet<String> = subject
            .passed()
            .filter(|one| one.starts_with("peering "))
            .collect();
        for (place, name) in PEERINGS.iter().enumerate() {
            let status = aws
                .peerings
                .get(&PeeringId::new(*name))
                .map(|one| one.status);
            assert_eq!(
                status,
                model.peerings.get(&place).map(|one| one.status),
                "{name}"
            );
            seen.extend(status.map(|status| format!("peering at rest {}", at_rest(status))));
        }
        let gateway = aws.internet_gateways[&InternetGatewayId::new("gateway")]
            .vpc
            .as_ref();
        assert_eq!(
            gateway,
            model.gateway.map(|vpc| VpcId::new(VPCS[vpc].0)).as_ref()
        );
        for (place, name) in INSTANCES.iter().enumerate() {
            let id = InstanceId::new(*name);
            let expected = model.instances[place].as_ref();
            let found = aws.instances.get(&id).map(|one| Instance {
                running: one.state == InstanceState::Running,
                auto: one.auto_public_ip,
                assigned: one.assigned_public_ip.is_some(),
                boot: one.boot,
            });
            assert_eq!(
                format!("{found:?}"),
                format!("{:?}", expected.cloned()),
                "{name}"
            );
            let elastic = model
                .elastic_of(place)
                .map(|one| AddressId::new(ADDRESSES[one]));
            let wanted = elastic.as_ref().map(|one| aws.addresses[one].public_ip);
            let public = aws.public_ip(&id);
            match (wanted, expected) {
                (None, None) => assert_eq!(public, None),
                (None, Some(instance)) => assert_eq!(public.is_some(), instance.assigned, "{name}"),
                (Some(_), _) => assert_eq!(public, wanted, "{name}"),
            }
            if let Some(instance) = aws.instances.get(&id) {
                let kind = match (wanted, public) {
                    (Some(_), _) => "with an Elastic IP address",
                    (None, Some(_)) => "with an assigned address",
                    (None, None) => "without a public address",
                };
                seen.insert(format!("instance {} {kind}", at_rest(instance.state)));
            }
        }
        for (place, name) in ADDRESSES.iter().enumerate() {
            let address = aws.addresses.get(&AddressId::new(*name));
            let holder = address.map(|one| one.instance.clone());
            let wanted =
                model.elastic[place].map(|one| one.map(|one| InstanceId::new(INSTANCES[one])));
            assert_eq!(holder, wanted, "{name}");
        }
        seen.extend(check_routes(subject, model));
        crate::state::check(&subject.cloud);
        SEEN.lock().unwrap().extend(seen);
    }
}

/// The routes are those of the model, in its states, and the longest prefix among them counts.
fn check_routes(subject: &Subject, model: &Model) -> Vec<String> {
    let aws = &subject.cloud.aws;
    let mut seen = Vec::new();
    for (_, address) in ROUTES {
        let choice = aws.choose_route(&SubnetId::new("a-net"), Ipv4Addr::from(address));
        // The list goes from the shortest prefix to the longest.
        let matching = |place: &usize| *place == 0 || address == [10, 1, 0, 9];
        let longest = model.routes.iter().rfind(|(place, _)| matching(place));
        let Some((place, to)) = longest else {
            assert_eq!(choice, RouteChoice::None);
            continue;
        };
        let RouteChoice::Route {
            prefix,
            target: chosen,
            state,
            ..
        } = choice
        else {
            panic!("{choice:?} instead of a route to {to:?}");
        };
        assert_eq!(prefix.to_string(), ROUTES[*place].0);
        assert!(
            chosen.to_string().ends_with(&format!(" {}", target(*to))),
            "{chosen}"
        );
        assert_eq!(state == RouteState::Active, model.carries(*to), "{chosen}");
        let kind = match to {
            Target::Gateway => "gateway",
            Target::Peering(_) => "peering",
            Target::Instance(_) => "instance",
        };
        seen.push(format!("route to {kind} {state:?}"));
    }
    seen
}

#[test]
fn aws_does_as_the_model_says_and_all_its_states_are_reached() {
    const CASES: u32 = 256;
    run::<Machine>(CASES, 80);
    let states = [
        "PendingAcceptance",
        "Active",
        "Failed",
        "Expired",
        "Rejected",
        "Deleted",
    ];
    let passed = [
        // These three are passed within one action.
        "initiating-request",
        "provisioning",
        "deleting",
        "pending-acceptance",
        "active",
        "failed",
        "expired",
        "rejected",
        "deleted",
    ];
    let routes = ["gateway", "peering", "instance"];
    let wanted =
        (states
            .map(|state| format!("peering at rest {state}"))
            .into_iter())
        .chain(passed.map(|state| format!("peering {state}")))
        .chain(routes.iter().flat_map(|kind| {
            ["Active", "Blackhole"].map(|state| format!("route to {kind} {state}"))
        }))
        .chain(
            ["an Elastic IP address", "an assigned address"]
                .map(|one| format!("instance Running with {one}")),
        )
        .chain(
            [
                "Running without a public address",
                "Stopped without a public address",
                "Stopped with an Elastic IP address",
            ]
            .map(|one| format!("instance {one}")),
        );
    compare(&SEEN.lock().unwrap(), wanted, CASES);
}
