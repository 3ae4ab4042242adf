//! Security groups: allow-only and stateful.

use std::collections::BTreeSet;

use canal_sim::cloud::aws::SecurityGroupId;
use canal_sim::reach::{HopKind, Map, Verdict};
use proptest::prelude::*;

use super::{answered, predicted, still_answered};
use crate::any::action::step_of;
use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::flow::known;

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
}
