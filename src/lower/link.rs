//! Links that are to behave like links.

use std::collections::BTreeMap;
use std::fmt;

use crate::cloud::soracom::SPEED_CLASSES;
use crate::cloud::{Cloud, LinkName};
use crate::network::{BitRate, Rate, Shape, Shapes};

/// What a link does to packets, up and down, and what of that the cloud decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkPlan {
    /// Up and down.
    pub ways: [Way; 2],
    /// Rates of speed classes that differ from SORACOM's, by the name of the class.
    pub speed_classes: BTreeMap<String, BitRate>,
}

/// One direction of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// What it does.
    pub shape: Shape,
    /// Whether its rate is that of the SIM's speed class at this time, in place of the shape's own. Without
    /// effect where the link is no SIM's.
    pub by_speed_class: bool,
}

impl fmt::Display for LinkPlan {
    /// What it does: once where both directions do the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [up, down] = &self.ways;
        if up == down {
            up.fmt(f)
        } else {
            write!(f, "up {up}; down {down}")
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.by_speed_class, self.shape == Shape::default()) {
            (false, _) => self.shape.fmt(f),
            (true, true) => f.write_str("the speed class's rate"),
            (true, false) => write!(f, "{}, the speed class's rate", self.shape),
        }
    }
}

impl LinkPlan {
    /// What the link does at this time.
    pub(super) fn shapes(&self, cloud: &Cloud, link: &LinkName) -> Shapes {
        let class = match link {
            LinkName::Sim(sim) => cloud.soracom.sims.get(sim).map(|sim| &sim.speed_class),
            LinkName::Instance(_) | LinkName::Peering(_) | LinkName::Internet(_) => None,
        };
        let rate = class.and_then(|class| self.rate_of(class));
        let shape = |way: &Way| match rate.filter(|_| way.by_speed_class) {
            Some(rate) => Shape {
                rate: Rate::Constant(rate),
                ..way.shape.clone()
            },
            None => way.shape.clone(),
        };
        Box::new([shape(&self.ways[0]), shape(&self.ways[1])])
    }

    fn rate_of(&self, class: &str) -> Option<BitRate> {
        let own = self.speed_classes.get(class).copied();
        own.or_else(|| {
            let (_, bits) = SPEED_CLASSES.iter().find(|(name, _)| *name == class)?;
            BitRate::new(*bits)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_speed_class_has_a_rate_that_a_scenario_can_change() {
        let own = BitRate::new(64_000);
        let plan = LinkPlan {
            speed_classes: own
                .map(|own| ("s1.slow".to_owned(), own))
                .into_iter()
                .collect(),
            ..LinkPlan::default()
        };
        for (class, bits) in SPEED_CLASSES {
            let expected = if class == "s1.slow" { 64_000 } else { bits };
            assert_eq!(plan.rate_of(class).map(BitRate::get), Some(expected));
        }
        assert_eq!(plan.rate_of("s1.other"), None);
    }
}
