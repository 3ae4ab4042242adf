//! Tests of VPC peering connections.

#![allow(clippy::unwrap_used)]

use ipnet::Ipv4Net;

use super::lab::Lab;
use super::*;
use crate::cloud::AccountId;

fn pcx(lab: &Lab) -> &Peering {
    &lab.aws.peerings[&PeeringId::new("pcx")]
}

fn whats(events: Vec<String>) -> Vec<String> {
    events
        .iter()
        .map(|event| event.trim_start_matches("peering pcx: ").to_owned())
        .collect()
}

const PCX: &str = r#"peering = "pcx""#;

#[test]
fn a_request_waits_and_acceptance_passes_through_provisioning() {
    let mut lab = Lab::with_peering();
    assert_eq!(pcx(&lab).status, PeeringStatus::PendingAcceptance);
    assert_eq!(
        whats(lab.ok("AcceptVpcPeeringConnection", PCX)),
        ["pending-acceptance → provisioning", "provisioning → active"]
    );
    let (customer, other) = (VpcId::new("customer"), VpcId::new("other"));
    assert_eq!(
        lab.aws.active_peering(&other, &customer),
        Some(&PeeringId::new("pcx"))
    );
    assert_eq!(
        whats(lab.ok("DeleteVpcPeeringConnection", PCX)),
        ["active → deleting", "deleting → deleted"]
    );
    assert_eq!(lab.aws.active_peering(&other, &customer), None);
}

#[test]
fn only_a_pending_request_can_be_answered() {
    let mut lab = Lab::with_peering();
    lab.ok("RejectVpcPeeringConnection", PCX);
    for operation in [
        "AcceptVpcPeeringConnection",
        "RejectVpcPeeringConnection",
        "DeleteVpcPeeringConnection",
    ] {
        assert_eq!(
            lab.code(operation, PCX),
            "InvalidStateTransition",
            "{operation}"
        );
    }
    let error = lab.refused("AcceptVpcPeeringConnection", r#"peering = "pxc""#);
    assert_eq!(error.code, "InvalidVpcPeeringConnectionID.NotFound");
    assert!(error.message.contains("did you mean"), "{error}");
}

#[test]
fn a_request_expires_after_seven_days() {
    let mut lab = Lab::with_peering();
    assert_eq!(lab.aws.next_change(), Some(pcx(&lab).expires_at));
    assert!(lab.wait(6).is_empty());
    let events = lab.wait(1);
    assert_eq!(
        events,
        [Event::new("peering pcx", "pending-acceptance → expired")]
    );
    assert_eq!(lab.aws.next_change(), None);
    assert_eq!(
        lab.code("AcceptVpcPeeringConnection", PCX),
        "InvalidStateTransition"
    );
}

#[test]
fn acceptance_comes_too_late_even_before_the_expiry_is_noted() {
    let mut lab = Lab::with_peering();
    lab.now = pcx(&lab).expires_at;
    assert_eq!(
        lab.code("AcceptVpcPeeringConnection", PCX),
        "InvalidStateTransition"
    );
}

#[test]
fn overlapping_ranges_make_a_peering_that_has_failed() {
    let mut lab = Lab::customer();
    lab.ok("CreateVpc", r#"as = "twin", cidr = "10.0.128.0/20""#);
    let events = lab.ok(
        "CreateVpcPeeringConnection",
        r#"as = "pcx", vpc = "customer", peer_vpc = "twin""#,
    );
    assert_eq!(
        whats(events),
        ["initiating-request", "initiating-request → failed"]
    );
    assert!(pcx(&lab).status_message.contains("10.0.128.0/20 of twin"));
    let error = lab.refused("AcceptVpcPeeringConnection", PCX);
    assert!(error.message.contains("overlapping"), "{error}");
}

#[test]
fn a_pair_of_vpcs_has_one_peering_at_a_time() {
    let mut lab = Lab::with_peering();
    let back = r#"as = "back", vpc = "other", peer_vpc = "customer""#;
    assert_eq!(
        lab.code("CreateVpcPeeringConnection", back),
        "VpcPeeringConnectionAlreadyExists"
    );
    lab.ok("DeleteVpcPeeringConnection", PCX);
    lab.ok("CreateVpcPeeringConnection", back);
    lab.ok("DeleteVpcPeeringConnection", r#"peering = "back""#);
    let again = r#"as = "pcx", vpc = "customer", peer_vpc = "other""#;
    assert_eq!(
        lab.code("CreateVpcPeeringConnection", again),
        "InvalidParameterValue"
    );
}

fn canal(lab: &mut Lab, account: AccountId) -> Vec<Event> {
    let range: Ipv4Net = "100.64.0.0/16".parse().unwrap();
    let requester = PeeringSide {
        vpc: VpcId::new("vpg:vpg"),
        account: AccountId::soracom(),
        region: "ap-northeast-1".into(),
        cidrs: vec![range],
    };
    let accepter = PeeringSide {
        vpc: VpcId::new("customer"),
        account,
        region: "ap-northeast-1".into(),
        cidrs: vec!["10.0.0.0/16".parse().unwrap()],
    };
    lab.aws
        .request_peering(&PeeringId::new("pcx"), requester, accepter, lab.now)
        .unwrap()
}

#[test]
fn soracoms_request_is_the_customers_to_answer_and_soracoms_to_take_back() {
    let mut lab = Lab::customer();
    canal(&mut lab, AccountId::default());
    assert_eq!(
        lab.code("DeleteVpcPeeringConnection", PCX),
        "OperationNotPermitted"
    );
    lab.ok("AcceptVpcPeeringConnection", PCX);
    lab.ok("DeleteVpcPeeringConnection", PCX);

    let mut lab = Lab::customer();
    canal(&mut lab, AccountId::default());
    lab.aws
        .delete_peering(&PeeringId::new("pcx"), lab.now)
        .unwrap();
    assert_eq!(pcx(&lab).status, PeeringStatus::Deleted);
}

#[test]
fn a_request_to_the_wrong_account_fails() {
    let mut lab = Lab::customer();
    canal(&mut lab, AccountId::soracom());
    assert_eq!(pcx(&lab).status, PeeringStatus::Failed);
    assert!(pcx(&lab).status_message.contains("account 999999999999"));
}

#[test]
fn a_vpc_that_grows_keeps_away_from_its_peers() {
    let grow = |vpc: &str, cidr: &str| format!("vpc = \"{vpc}\", cidr = \"{cidr}\"");
    let mut lab = Lab::with_peering();
    assert_eq!(
        lab.code("AssociateVpcCidrBlock", &grow("customer", "10.7.0.0/16")),
        "InvalidVpc.Range",
        "the requester waits"
    );
    lab.ok("AcceptVpcPeeringConnection", PCX);
    assert_eq!(
        lab.code("AssociateVpcCidrBlock", &grow("customer", "10.1.0.0/20")),
        "InvalidVpc.Range"
    );
    lab.ok("AssociateVpcCidrBlock", &grow("customer", "10.7.0.0/16"));
    assert_eq!(pcx(&lab).requester.cidrs.len(), 2);
    lab.ok("DisassociateVpcCidrBlock", &grow("customer", "10.7.0.0/16"));
    assert_eq!(pcx(&lab).requester.cidrs.len(), 1);
}

#[test]
fn a_request_fails_when_the_accepter_grows_into_the_requester() {
    let mut lab = Lab::with_peering();
    lab.ok(
        "AssociateVpcCidrBlock",
        r#"vpc = "other", cidr = "10.0.64.0/20""#,
    );
    assert_eq!(pcx(&lab).status, PeeringStatus::Failed);
}
