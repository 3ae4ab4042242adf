//! A pair of clouds for tests, driven by the operations' real names.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Action, ApiError, Cloud, Event, Time};

/// Both clouds and a clock.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) now: Time,
}

/// Reads an action as a scenario would give it.
pub(crate) fn action(name: &str, parameters: Value) -> Action {
    Action::read(name, parameters)
        .unwrap_or_else(|| panic!("no operation {name}"))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

impl World {
    /// The walk-through's start: VPC `customer`, running Type-F VPG `vpg`, group `canal` on it, SIMs
    /// `sensor` and `camera` in the group, offline.
    pub(crate) fn with_vpg() -> Self {
        let mut world = Self::default();
        world.run(
            "CreateVpc",
            json!({"as": "customer", "cidr": "10.0.0.0/16"}),
        );
        world.running_vpg("vpg", "F");
        world.run("createGroup", json!({"as": "canal"}));
        world.configure(json!({"useVpg": true, "vpgId": "vpg"}));
        for sim in ["sensor", "camera"] {
            world.run("registerSim", json!({"as": sim, "group": "canal"}));
        }
        world
    }

    /// Makes a VPG and waits for it.
    pub(crate) fn running_vpg(&mut self, name: &str, vpg_type: &str) {
        self.run(
            "createVirtualPrivateGateway",
            json!({"as": name, "type": vpg_type}),
        );
        self.pass(180);
    }

    /// Sets parameters of the group `canal`.
    pub(crate) fn configure(&mut self, parameters: Value) {
        self.run(
            "putConfigurationParameters",
            json!({"group": "canal", "parameters": parameters}),
        );
    }

    /// Carries out an action that has to succeed; gives what happened, a line for each event.
    pub(crate) fn run(&mut self, name: &str, parameters: Value) -> Vec<String> {
        let action = action(name, parameters.clone());
        match self.cloud.apply(&action, self.now) {
            Ok(events) => lines(events),
            Err(error) => panic!("{name} {parameters}: {error}\n{:#?}", self.cloud),
        }
    }

    /// Carries out an action that has to be refused, and leave everything as it was.
    pub(crate) fn refused(&mut self, name: &str, parameters: Value) -> ApiError {
        let before = self.cloud.clone();
        let action = action(name, parameters.clone());
        match self.cloud.apply(&action, self.now) {
            Ok(events) => panic!("{name} {parameters} was carried out: {:#?}", lines(events)),
            Err(error) => {
                assert_eq!(
                    self.cloud, before,
                    "{name} was refused but changed something"
                );
                error
            }
        }
    }

    /// Lets seconds pass; gives what happened meanwhile.
    pub(crate) fn pass(&mut self, seconds: u64) -> Vec<String> {
        self.now += Duration::from_secs(seconds);
        lines(self.cloud.advance(self.now))
    }

    /// A value that has to be there.
    pub(crate) fn value(&self, path: &str) -> String {
        self.cloud
            .value(path)
            .unwrap_or_else(|error| panic!("{error}\n{:#?}", self.cloud))
    }
}

fn lines(events: Vec<Event>) -> Vec<String> {
    events
        .into_iter()
        .map(|event| format!("{}: {}", event.resource, event.what))
        .collect()
}
