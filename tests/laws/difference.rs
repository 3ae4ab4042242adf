//! Laws of the changes from one network to another.

use std::time::Duration;

use canal_sim::lower::{World, lower};
use canal_sim::network::{Change, NodeId, diff};
use proptest::prelude::*;

use crate::any::cases;
use crate::any::cloud::stroll;
use crate::any::network::network;

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn applying_the_difference_gives_the_other(a in network(), b in network()) {
        let mut state = a.clone();
        for change in diff(&a, &b) {
            state.apply(&change);
        }
        prop_assert_eq!(state, b);
    }

    #[test]
    fn there_is_no_difference_to_itself(a in network()) {
        prop_assert_eq!(diff(&a, &a), Vec::new());
    }

    #[test]
    fn no_change_is_without_effect(a in network(), b in network()) {
        let mut state = a.clone();
        for change in diff(&a, &b) {
            let before = state.clone();
            state.apply(&change);
            prop_assert_ne!(&state, &before, "{:?}", change);
        }
    }

    #[test]
    fn what_stays_is_not_rebuilt(a in network(), b in network()) {
        for change in diff(&a, &b) {
            match change {
                Change::DelNode(id) => {
                    let (old, new) = (&a.nodes[&id], b.nodes.get(&id));
                    let same = new.is_some_and(|new| {
                        (new.boot, new.forwarding) == (old.boot, old.forwarding)
                    });
                    prop_assert!(!same, "{id} was rebuilt");
                }
                Change::DelLink(id) => {
                    let rebuilt = |node: &NodeId| {
                        let (old, new) = (&a.nodes[node], b.nodes.get(node));
                        new.is_none_or(|new| (new.boot, new.forwarding) != (old.boot, old.forwarding))
                    };
                    let ends = &a.links[&id].ends;
                    let same = b.links.get(&id).is_some_and(|link| link.same_but_shapes(&a.links[&id]))
                        && !ends.iter().any(|end| rebuilt(&end.node));
                    prop_assert!(!same, "{id} was rebuilt");
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn new_shapes_are_all_that_a_living_link_notices(a in network(), to in 2..9_u64) {
        let mut b = a.clone();
        let mut changed = Vec::new();
        for (id, link) in &mut b.links {
            if let Some(shapes) = &mut link.shapes {
                shapes[0].latency = Duration::from_millis(to);
                changed.push(Change::SetShapes(id.clone(), shapes.clone()));
            }
        }
        prop_assert_eq!(diff(&a, &b), changed);
    }
}

/// The same, of networks that clouds come to: larger, and less unlike each other.
mod of_clouds {
    use super::*;

    proptest! {
        #![proptest_config(cases(32))]

        #[test]
        fn applying_the_difference_gives_the_other(walk in stroll()) {
            let mut world = walk.start.world();
            let mut state = lower(&world.cloud, &World::default());
            for step in &walk.steps {
                let _ = world.take(step);
                let wanted = lower(&world.cloud, &World::default());
                for change in diff(&state, &wanted) {
                    let before = state.clone();
                    state.apply(&change);
                    prop_assert_ne!(&state, &before, "{:?}", change);
                }
                prop_assert_eq!(&state, &wanted, "{:?}", step);
                prop_assert_eq!(diff(&state, &wanted), Vec::new());
            }
        }
    }
}
