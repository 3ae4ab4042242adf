//! Security groups: allow-only and stateful.

use std::collections::BTreeSet;

use canal_sim::cloud::aws::{
    Aws, IpProtocol, PortRange, RulePeer, SecurityGroupId, SecurityGroupRule, VpcId,
};
use canal_sim::reach::{HopKind, Map, Verdict};
use ipnet::Ipv4Net;
use proptest::prelude::*;

use super::{answered, predicted, still_answered};
use crate::any::action::step_of;
use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::flow::known;

/// The groups of a VPC.
fn groups_of(aws: &Aws, vpc: &VpcId) -> Vec<SecurityGroupId> {
    let groups = aws.security_groups.iter();
    groups
        .filter(|(_, group)| group.vpc == *vpc)
        .map(|(id, _)| id.clone())
        .collect()
}

/// A rule on everything.
fn everything(peer: RulePeer) -> SecurityGroupRule {
    SecurityGroupRule {
        protocol: IpProtocol::All,
        ports: PortRange::ALL,
        icmp_type: None,
        peer,
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn adding_an_allow_rule_blocks_nothing(
        walk in stroll(),
        known in known(),
        steps in prop::collection::vec(
            step_of(&["AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"]),
            1..6,
        ),
    ) {
        let mut world = walk.end();
        let guests = known.guests(&world.cloud);
        for step in steps {
            let before = answered(&world.cloud, &guests);
            // Its time does not pass: sessions would end.
            if world.cloud.apply(&step.action, world.now).is_ok() {
                still_answered(&before, &world.cloud, &guests, &step.text);
            }
        }
    }

    /// Every rule that the way there did not ask is taken away: the answer comes all the same.
    #[test]
    fn an_answer_needs_no_rule(walk in stroll()) {
        let cloud = walk.end().cloud;
        let guests = Default::default();
        let map = Map::new(&cloud, &guests);
        for (flow, prediction) in predicted(&map, &cloud) {
            if prediction.verdict != Verdict::Reachable {
                continue;
            }
            let mut asked: BTreeSet<(&SecurityGroupId, bool)> = BTreeSet::new();
            for hop in &prediction.forward {
                if let HopKind::SecurityGroups { instance, egress, .. } = hop.kind {
                    let groups = &cloud.aws.instances[instance].security_groups;
                    asked.extend(groups.iter().map(|group| (group, egress)));
                }
            }
            if asked.is_empty() {
                continue;
            }
            let mut bare = cloud.clone();
            for (id, group) in &mut bare.aws.security_groups {
                if !asked.contains(&(id, false)) {
                    group.ingress.clear();
                }
                if !asked.contains(&(id, true)) {
                    group.egress.clear();
                }
            }
            still_answered(&[(flow, prediction.verdict)], &bare, &guests, "rules taken away");
        }
    }

    /// The union over an interface's groups: what one group has to say, another can't take back.
    #[test]
    fn one_more_group_blocks_nothing(walk in stroll(), known in known()) {
        let cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let before = answered(&cloud, &guests);
        for (id, instance) in &cloud.aws.instances {
            let vpc = cloud.aws.vpc_of(instance);
            for (group, other) in &cloud.aws.security_groups {
                if Some(&other.vpc) == vpc {
                    let mut more = cloud.clone();
                    more.aws.instances.get_mut(id).unwrap().security_groups.insert(group.clone());
                    still_answered(&before, &more, &guests, &format!("{group} of {id}"));
                }
            }
        }
    }

    /// To name a group is to list the addresses of all that have it, whatever other groups they have.
    #[test]
    fn to_name_a_group_is_to_name_everybody_in_it(
        walk in stroll(),
        known in known(),
        members in prop::collection::vec(any::<u8>(), 8),
    ) {
        let mut cloud = walk.end().cloud;
        let guests = known.guests(&cloud);
        let aws = cloud.aws.clone();
        for (instance, bits) in cloud.aws.instances.values_mut().zip(members) {
            let Some(vpc) = aws.vpc_of(instance) else { continue };
            let own = groups_of(&aws, vpc).into_iter().enumerate();
            instance.security_groups = own.filter(|(n, _)| bits & (1 << n) != 0).map(|(_, id)| id).collect();
        }
        for (naming, vpc) in aws.security_groups.iter().map(|(id, group)| (id, &group.vpc)) {
            for named in groups_of(&aws, vpc) {
                let with = |rules| {
                    let mut changed = cloud.clone();
                    changed.aws.security_groups.get_mut(naming).unwrap().ingress = rules;
                    answered(&changed, &guests)
                };
                let instances = cloud.aws.instances.values();
                let members = instances.filter(|instance| instance.security_groups.contains(&named));
                let addresses = members
                    .map(|instance| everything(RulePeer::Cidr(Ipv4Net::from(instance.private_ip))))
                    .collect();
                let by_name = with([everything(RulePeer::Group(named.clone()))].into());
                prop_assert_eq!(by_name, with(addresses), "{} names {}", naming, named);
            }
        }
    }
}
