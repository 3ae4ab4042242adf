//! Random clouds: what comes of random actions.

use std::sync::LazyLock;
use std::time::Duration;

use canal_sim::cloud::{ApiError, Cloud, Event, Time};
use canal_sim::scenario;
use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;

use super::action::{Step, step};

/// Both clouds and a clock.
#[derive(Clone, Debug)]
pub struct World {
    pub cloud: Cloud,
    pub now: Time,
}

impl World {
    /// What a scenario's tables declare.
    fn declared(file: &str, text: &str) -> Self {
        let scenario = scenario::read(file, text.as_bytes());
        let scenario = scenario.unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
        let built = scenario::build(&scenario);
        let (cloud, now) = built.unwrap_or_else(|refused| panic!("{file}: {refused:#?}"));
        Self { cloud, now }
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) -> Vec<Event> {
        self.now += time;
        self.cloud.advance(self.now)
    }

    /// Lets the step's time pass, and does what it says.
    pub fn take(&mut self, step: &Step) -> Result<Vec<Event>, ApiError> {
        self.pass(step.after);
        self.cloud.apply(&step.action, self.now)
    }
}

/// Where random actions begin.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// `connected.toml`.
    Connected,
    /// `bare.toml`.
    Bare,
}

impl Start {
    /// The world there.
    pub fn world(self) -> World {
        static CONNECTED: LazyLock<World> =
            LazyLock::new(|| World::declared("connected.toml", include_str!("connected.toml")));
        static BARE: LazyLock<World> =
            LazyLock::new(|| World::declared("bare.toml", include_str!("bare.toml")));
        match self {
            Self::Connected => CONNECTED.clone(),
            Self::Bare => BARE.clone(),
        }
    }
}

/// A start and steps from there, some of which are refused.
#[derive(Clone, Debug)]
pub struct Walk {
    pub start: Start,
    pub steps: Vec<Step>,
}

impl Walk {
    /// Where it leads.
    pub fn end(&self) -> World {
        let mut world = self.start.world();
        for step in &self.steps {
            // A refusal is a step that leads nowhere.
            let _ = world.take(step);
        }
        world
    }
}

/// Walks from either start.
pub fn walk(steps: impl Into<SizeRange>) -> impl Strategy<Value = Walk> {
    let start = prop_oneof![Just(Start::Connected), Just(Start::Bare)];
    (start, vec(step(), steps)).prop_map(|(start, steps)| Walk { start, steps })
}

/// Walks that don't lead far from the connected world, so that packets still get somewhere.
pub fn stroll() -> impl Strategy<Value = Walk> {
    vec(step(), 0..12).prop_map(|steps| Walk {
        start: Start::Connected,
        steps,
    })
}
