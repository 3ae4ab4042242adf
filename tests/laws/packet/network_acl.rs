//! Network ACLs: ordered and stateless.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use canal_sim::cloud::Reason;
use canal_sim::cloud::aws::{
    AclMatch, Action, IpProtocol, NetworkAclEntry, PortRange, RuleAction, SubnetId,
};
use canal_sim::reach::{HopKind, Map, Node, Prediction, Verdict};
use ipnet::Ipv4Net;
use proptest::prelude::*;

use super::predicted;
use crate::any::action::step_of;
use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::flow::known;

/// Denies everything, before anything else is asked.
const DENY_ALL: NetworkAclEntry = NetworkAclEntry {
    action: RuleAction::Deny,
    protocol: IpProtocol::All,
    ports: PortRange::ALL,
    icmp_type: None,
    cidr: Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0),
};

/// What the ACLs said, on both ways.
fn said<'a>(prediction: &Prediction<'a>) -> Vec<(&'a str, bool, AclMatch)> {
    let hops = prediction.forward.iter().chain(&prediction.back);
    hops.filter_map(|hop| match hop.kind {
        HopKind::NetworkAcl {
            acl,
            egress,
            matched,
            ..
        } => Some((acl.as_str(), egress, matched)),
        _ => None,
    })
    .collect()
}

proptest! {
    #![proptest_config(cases(64))]

    /// A packet that an entry has decided on does not notice one more behind that.
    #[test]
    fn an_entry_behind_the_one_that_decides_changes_nothing(
        walk in stroll(),
        known in known(),
        step in step_of(&["CreateNetworkAclEntry"]),
    ) {
        let world = walk.end();
        let guests = known.guests(&world.cloud);
        let mut more = world.cloud.clone();
        let done = more.apply(&step.action, world.now);
        let canal_sim::cloud::Action::Aws(Action::CreateNetworkAclEntry(op)) = &step.action else {
            unreachable!("nothing else is generated");
        };
        if done.is_ok() {
            let before = Map::new(&world.cloud, &guests);
            let after = Map::new(&more, &guests);
            for (flow, prediction) in predicted(&before, &world.cloud) {
                let decided = said(&prediction).iter().all(|(acl, egress, matched)| {
                    let same = *acl == op.network_acl.as_str() && *egress == op.egress;
                    !same || matches!(matched, AclMatch::Entry(number, _) if *number < op.rule_number)
                });
                if decided {
                    let now = after.predict(&flow);
                    prop_assert_eq!(now.as_ref(), Some(&prediction), "{:?}", flow);
                }
            }
        }
    }

    /// What the question passed at the subnets of its two ends, the answer passes in the other direction;
    /// there the ACL has a say of its own.
    #[test]
    fn an_answer_needs_an_entry(walk in stroll()) {
        let cloud = walk.end().cloud;
        let guests = Default::default();
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            let tunnelled = prediction.forward.iter().any(|hop| hop.tunnelled);
            if tunnelled || prediction.verdict != Verdict::Reachable {
                continue;
            }
            let ends: BTreeSet<&SubnetId> = [prediction.forward.first(), prediction.forward.last()]
                .into_iter()
                .filter_map(|hop| match hop?.kind {
                    HopKind::Sends { node: Node::Instance(id), .. }
                    | HopKind::Arrives { node: Node::Instance(id), .. } => Some(&cloud.aws.instances[id].subnet),
                    _ => None,
                })
                .collect();
            let mut met = BTreeSet::new();
            let mut comes = BTreeSet::new();
            for hop in &prediction.forward {
                if let HopKind::NetworkAcl { acl, subnet, egress, .. } = hop.kind {
                    met.insert((acl, egress));
                    if ends.contains(subnet) {
                        comes.insert((acl, !egress));
                    }
                }
            }
            for (id, egress) in comes.difference(&met) {
                let mut closed = cloud.clone();
                let acl = closed.aws.network_acls.get_mut(*id).unwrap();
                let entries = if *egress { &mut acl.egress } else { &mut acl.ingress };
                entries.insert(0, DENY_ALL);
                let now = Map::new(&closed, &guests).predict(&flow).map(|now| now.verdict);
                let wanted = Verdict::Blocked { reason: Reason::SubnetAclRestriction, answer: true };
                prop_assert_eq!(now, Some(wanted), "{:?}", flow);
            }
        }
    }
}
