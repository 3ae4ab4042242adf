//! SORACOM against its model.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use canal_sim::cloud::aws::{AttachmentId, AttachmentStatus, PeeringId};
use canal_sim::cloud::soracom::{GroupId, SimId, SimStatus, VpgId, VpgStatus};
use proptest_state_machine::StateMachineTest;
use serde_json::json;

use super::soracom_model::{Life, Model, Op, Vpg};
use super::status::at_rest;
use super::{Doing, Subject, compare, run};

const SIMS: [&str; 2] = ["sensor", "camera"];
const GROUPS: [&str; 2] = ["canal", "other"];
const VPGS: [(&str, &str); 2] = [("f", "F"), ("f2", "F2")];
const PEERINGS: [&str; 4] = ["p", "q", "r", "s"];
const PEERS: [&str; 2] = ["10.0.0.10", "10.0.0.11"];

/// What was seen on the way, in all cases.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

struct Machine;

fn doing(op: &Op) -> Doing {
    let sim = |name, one: usize| (name, json!({"sim": SIMS[one]}));
    let vpg = |name, one: usize| (name, json!({"vpg": VPGS[one].0}));
    let peering = |name, one: usize| (name, json!({"peering": PEERINGS[one]}));
    let (name, parameters) = match *op {
        Op::Wait(seconds) => return Doing::Wait(seconds),
        Op::Traffic(one) => return Doing::Traffic(SIMS[one]),
        Op::Connect(one) => sim("connect", one),
        Op::Reconnect(one) => sim("reconnect", one),
        Op::Disconnect(one) => sim("disconnect", one),
        Op::DeleteSession(one) => sim("deleteSimSession", one),
        Op::Status(one, to) => match to {
            SimStatus::Ready => unreachable!("no operation leads back to ready"),
            SimStatus::Active => sim("activateSim", one),
            SimStatus::Inactive => sim("deactivateSim", one),
            SimStatus::Standby => sim("setSimToStandby", one),
            SimStatus::Suspended => sim("suspendSim", one),
            SimStatus::Terminated => sim("terminateSim", one),
        },
        Op::Group(one, None) => sim("unsetSimGroup", one),
        Op::Group(one, Some(group)) => (
            "setSimGroup",
            json!({"sim": SIMS[one], "group": GROUPS[group]}),
        ),
        Op::Settings(group, vpg) => {
            let parameters = match vpg {
                None => json!({"useVpg": false}),
                Some(vpg) => json!({"useVpg": true, "vpgId": VPGS[vpg].0}),
            };
            (
                "putConfigurationParameters",
                json!({"group": GROUPS[group], "parameters": parameters}),
            )
        }
        Op::Create(one) => (
            "createVirtualPrivateGateway",
            json!({"as": VPGS[one].0, "type": VPGS[one].1}),
        ),
        Op::Terminate(one) => vpg("terminateVirtualPrivateGateway", one),
        Op::Request(one, name, wrong) => {
            let owner = if wrong {
                "444455556666"
            } else {
                "111122223333"
            };
            let request = json!({"as": PEERINGS[name], "vpg": VPGS[one].0, "vpc": "customer", "owner": owner});
            ("createVpcPeeringConnection", request)
        }
        Op::Accept(one) => peering("AcceptVpcPeeringConnection", one),
        Op::Reject(one) => peering("RejectVpcPeeringConnection", one),
        Op::CustomerDeletes(one) => peering("DeleteVpcPeeringConnection", one),
        Op::SoracomDeletes(one, name) => (
            "deleteVpcPeeringConnection",
            json!({"vpg": VPGS[one].0, "peering": PEERINGS[name]}),
        ),
        Op::Attach(one) => (
            "createTransitGatewayVpcAttachment",
            json!({"as": "tgw", "vpg": VPGS[one].0, "vpc": "customer"}),
        ),
        Op::AcceptAttachment => (
            "acceptTransitGatewayVpcAttachmentFromCustomer",
            json!({"vpg": "f2", "attachment": "tgw"}),
        ),
        Op::Detach => (
            "deleteTransitGatewayVpcAttachment",
            json!({"vpg": "f2", "attachment": "tgw"}),
        ),
        Op::Route => (
            "createCustomerRoute",
            json!({"as": "home", "vpg": "f2", "destination": "10.0.0.0/16", "target": "tgw"}),
        ),
        Op::Unroute => ("deleteCustomerRoute", json!({"vpg": "f2", "route": "home"})),
        Op::Open(one, None) => vpg("openGate", one),
        Op::Open(one, Some(vni)) => ("openGate", json!({"vpg": VPGS[one].0, "vni": vni})),
        Op::Close(one) => vpg("closeGate", one),
        Op::Vni(one, vni) => (
            "setVirtualPrivateGatewayVxLanId",
            json!({"vpg": VPGS[one].0, "vni": vni}),
        ),
        Op::Separator(one, true) => vpg("enableGatePrivacySeparator", one),
        Op::Separator(one, false) => vpg("disableGatePrivacySeparator", one),
        Op::Register(one, peer) => (
            "registerGatePeer",
            json!({"vpg": VPGS[one].0, "outer_ip": PEERS[peer]}),
        ),
        Op::Unregister(one, peer) => (
            "unregisterGatePeer",
            json!({"vpg": VPGS[one].0, "outer_ip": PEERS[peer]}),
        ),
    };
    Doing::Operation(name, parameters)
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Subject;
    type Reference = Model;

    fn init_test(model: &Model) -> Subject {
        let mut subject = Subject::default();
        subject.must(
            "CreateVpc",
            json!({"as": "customer", "cidr": "10.0.0.0/16"}),
        );
        for group in GROUPS {
            subject.must("createGroup", json!({"as": group}));
        }
        for sim in SIMS {
            subject.must("registerSim", json!({"as": sim}));
        }
        // What the model begins with.
        for (one, _) in model
            .vpgs
            .iter()
            .enumerate()
            .filter(|(_, vpg)| vpg.is_some())
        {
            for op in [
                Op::Create(one),
                Op::Settings(one, model.groups[one]),
                Op::Group(one, model.sims[one].group),
            ] {
                subject.act_as(doing(&op), true, &op);
            }
        }
        subject.act_as(Doing::Wait(model.now), true, &"wait");
        subject.events.clear();
        subject
    }

    fn apply(mut subject: Subject, model: &Model, op: Op) -> Subject {
        subject.act_as(doing(&op), model.allowed, &op);
        subject
    }

    fn check_invariants(subject: &Subject, model: &Model) {
        let soracom = &subject.cloud.soracom;
        let mut seen: BTreeSet<String> = subject
            .passed()
            .filter(|one| one.starts_with("VPG "))
            .collect();
        for (name, expected) in SIMS.iter().zip(&model.sims) {
            let sim = &soracom.sims[&SimId::new(*name)];
            assert_eq!(sim.status, expected.status);
            assert_eq!(
                sim.group,
                expected.group.map(|group| GroupId::new(GROUPS[group]))
            );
            let session = sim.session.as_ref().map(|session| {
                let vpg = session.anchor.as_ref().map(|(vpg, _)| vpg.clone());
                (vpg, session.since, session.last_used)
            });
            let wanted = expected.session.as_ref().map(|session| {
                let vpg = session.vpg.map(|vpg| VpgId::new(VPGS[vpg].0));
                (
                    vpg,
                    Duration::from_secs(session.since),
                    Duration::from_secs(session.used),
                )
            });
            assert_eq!(session, wanted, "session of {name}");
            let place = match session {
                None => "offline",
                Some((None, ..)) => "on the platform",
                Some((Some(_), ..)) => "on a VPG",
            };
            seen.insert(format!("SIM {} {place}", at_rest(sim.status)));
        }
        for (name, vpg) in GROUPS.iter().zip(model.groups) {
            let group = &soracom.groups[&GroupId::new(*name)];
            let wanted = vpg.map(|vpg| VpgId::new(VPGS[vpg].0));
            assert_eq!(
                group.vpg.as_ref().filter(|_| group.use_vpg),
                wanted.as_ref()
            );
        }
        for ((name, vpg_type), expected) in VPGS.iter().zip(&model.vpgs) {
            let vpg = soracom.vpgs.get(&VpgId::new(*name));
            assert_eq!(vpg.is_some(), expected.is_some(), "{name}");
            if let (Some(vpg), Some(expected)) = (vpg, expected) {
                check_vpg(vpg, expected);
                let gate = if vpg.gate.open { "open" } else { "closed" };
                seen.insert(format!("VPG of Type-{vpg_type} {}", at_rest(vpg.status)));
                seen.insert(format!("Gate {gate} {}", at_rest(vpg.status)));
            }
        }
        let aws = &subject.cloud.aws;
        for (place, name) in PEERINGS.iter().enumerate() {
            let status = aws
                .peerings
                .get(&PeeringId::new(*name))
                .map(|one| one.status);
            assert_eq!(
                status,
                model.peerings.get(&place).map(|one| one.0),
                "{name}"
            );
            seen.extend(status.map(|status| format!("peering {}", at_rest(status))));
        }
        let attachment = aws
            .attachments
            .get(&AttachmentId::new("tgw"))
            .map(|one| one.status);
        let wanted = model.attachment.map(|active| match active {
            true => AttachmentStatus::Active,
            false => AttachmentStatus::AcceptancePending,
        });
        assert_eq!(attachment, wanted);
        seen.extend(attachment.map(|status| format!("attachment {}", at_rest(status))));
        crate::state::check(&subject.cloud);
        SEEN.lock().unwrap().extend(seen);
    }
}

fn check_vpg(vpg: &canal_sim::cloud::soracom::Vpg, expected: &Vpg) {
    let (status, until) = match expected.life {
        Life::Creating(until) => (VpgStatus::Creating, Some(until)),
        Life::Running => (VpgStatus::Running, None),
        Life::Terminating(until) => (VpgStatus::Terminating, Some(until)),
    };
    assert_eq!(vpg.status, status);
    assert_eq!(vpg.changes_at, until.map(Duration::from_secs));
    let gate = &vpg.gate;
    assert_eq!(
        (gate.open, gate.vni, gate.privacy_separator),
        (expected.open, expected.vni, expected.separator)
    );
    let peers: BTreeSet<_> = gate.peers.keys().map(ToString::to_string).collect();
    assert_eq!(
        peers,
        expected
            .peers
            .iter()
            .map(|peer| PEERS[*peer].to_owned())
            .collect()
    );
    assert_eq!(
        vpg.gate_is_open(),
        expected.open && expected.life == Life::Running
    );
}

#[test]
fn soracom_does_as_the_model_says_and_all_its_states_are_reached() {
    const CASES: u32 = 256;
    run::<Machine>(CASES, 80);
    let online = ["Active", "Standby"];
    let offline = [
        "Ready",
        "Active",
        "Inactive",
        "Standby",
        "Suspended",
        "Terminated",
    ];
    let sims = online
        .iter()
        .flat_map(|status| {
            ["on the platform", "on a VPG"].map(|place| format!("SIM {status} {place}"))
        })
        .chain(offline.iter().map(|status| format!("SIM {status} offline")));
    let vpgs = ["F", "F2"].iter().flat_map(|vpg_type| {
        ["Creating", "Running", "Terminating"]
            .map(|status| format!("VPG of Type-{vpg_type} {status}"))
    });
    let others = [
        "VPG creating",
        "VPG running",
        "VPG terminating",
        // A terminated VPG is gone, so this is seen in passing only.
        "VPG terminated",
        "Gate closed Creating",
        "Gate closed Running",
        "Gate closed Terminating",
        "Gate open Running",
        "Gate open Terminating",
        "peering PendingAcceptance",
        "peering Active",
        "peering Failed",
        "peering Expired",
        "peering Rejected",
        "peering Deleted",
        "attachment AcceptancePending",
        "attachment Active",
    ];
    let wanted = sims.chain(vpgs).chain(others.map(str::to_owned));
    compare(&SEEN.lock().unwrap(), wanted, CASES);
}
