//! SIMs: registration, status, group and speed class.
//!
//! | operation | from | to |
//! |---|---|---|
//! | first connection | ready | active |
//! | activateSim | ready, inactive, standby, suspended | active |
//! | deactivateSim | ready, active, standby, suspended | inactive |
//! | setSimToStandby | ready, active, inactive, suspended | standby |
//! | suspendSim | ready, active, inactive, standby | suspended |
//! | terminateSim | all but terminated | terminated, for good |
//!
//! The API reference names the operations, not every transition; where it is silent, all statuses but
//! the target itself and terminated may be left. Inactive, suspended and terminated SIMs can't be
//! online, so the session ends with the transition.

use super::error::{self, refuse, taken};
use super::speed;
use super::{RegisterSim, SetSimGroup, Sim, SimId, SimStatus, Soracom, UpdateSimSpeedClass};
use crate::cloud::nearest::hint;
use crate::cloud::{ApiError, Event, service_id};

/// What a SIM registered without a speed class has.
const DEFAULT_SPEED_CLASS: &str = "s1.fast";

/// The first digits of the IMSIs given out: Japan, KDDI, one of the networks behind SORACOM's SIMs.
const IMSI_PREFIX: &str = "440103";
/// How many IMSIs begin with them.
const IMSIS: u64 = 1_000_000_000;

impl Soracom {
    pub(super) fn register_sim(&mut self, op: &RegisterSim) -> Result<Vec<Event>, ApiError> {
        if self.sims.contains_key(&op.name) {
            return Err(taken(error::SIM_INVALID, "SIM", op.name.as_str()));
        }
        if let Some(group) = &op.group {
            self.group(group)?;
        }
        let speed_class = match &op.speed_class {
            Some(class) => known_speed_class(&op.name, class)?,
            None => DEFAULT_SPEED_CLASS.into(),
        };
        let imsi = match &op.imsi {
            Some(imsi) => self.free_imsi(&op.name, imsi)?,
            None => self.next_imsi(&op.name),
        };
        let event = Event::new(
            format!("SIM {}", op.name),
            format!("registered: ready, IMSI {imsi}"),
        );
        self.imsis.insert(imsi.clone(), op.name.clone());
        self.sims.insert(
            op.name.clone(),
            Sim {
                imsi,
                status: SimStatus::Ready,
                group: op.group.clone(),
                speed_class,
                session: None,
            },
        );
        Ok(vec![event])
    }

    /// The IMSI as given, if it is one and nobody has it.
    fn free_imsi(&self, name: &SimId, imsi: &str) -> Result<String, ApiError> {
        if imsi.len() != 15 || !imsi.bytes().all(|byte| byte.is_ascii_digit()) {
            return refuse(
                error::SIM_INVALID,
                format!(
                    "SIM {name}: an IMSI has 15 digits, as in \"440103123456789\"; this is {imsi:?}"
                ),
            );
        }
        match self.imsis.get(imsi) {
            Some(owner) => refuse(
                error::SIM_INVALID,
                format!("SIM {name}: IMSI {imsi} belongs to SIM {owner}; leave it out to get one"),
            ),
            None => Ok(imsi.into()),
        }
    }

    /// An IMSI that follows from the name, and that nobody has.
    fn next_imsi(&self, name: &SimId) -> String {
        let hash = service_id("", &format!("imsi/{name}"), 12);
        let start = u64::from_str_radix(&hash, 16).unwrap_or_default();
        (0..IMSIS)
            .map(|step| format!("{IMSI_PREFIX}{:09}", (start + step) % IMSIS))
            .find(|imsi| !self.imsis.contains_key(imsi))
            .unwrap_or_default()
    }

    pub(super) fn set_sim_group(&mut self, op: &SetSimGroup) -> Result<Vec<Event>, ApiError> {
        self.usable_sim(&op.sim)?;
        self.group(&op.group)?;
        let sim = self.sim_mut(&op.sim)?;
        if sim.group.as_ref() == Some(&op.group) {
            return Ok(Vec::new());
        }
        sim.group = Some(op.group.clone());
        Ok(vec![sim_event(
            &op.sim,
            format!("in group {}{}", op.group, keeps_session(sim)),
        )])
    }

    pub(super) fn unset_sim_group(&mut self, id: &SimId) -> Result<Vec<Event>, ApiError> {
        let sim = self.sim_mut(id)?;
        let Some(group) = sim.group.take() else {
            return Ok(Vec::new());
        };
        Ok(vec![sim_event(
            id,
            format!("no longer in group {group}{}", keeps_session(sim)),
        )])
    }

    pub(super) fn update_speed_class(
        &mut self,
        op: &UpdateSimSpeedClass,
    ) -> Result<Vec<Event>, ApiError> {
        self.usable_sim(&op.sim)?;
        let class = known_speed_class(&op.sim, &op.speed_class)?;
        let sim = self.sim_mut(&op.sim)?;
        let old = std::mem::replace(&mut sim.speed_class, class);
        Ok(vec![sim_event(
            &op.sim,
            format!("speed class {old} → {}", sim.speed_class),
        )])
    }

    /// Moves a SIM to a status, and ends its session where the status can't have one.
    pub(super) fn set_sim_status(
        &mut self,
        id: &SimId,
        to: SimStatus,
    ) -> Result<Vec<Event>, ApiError> {
        self.usable_sim(id)?;
        let sim = self.sim_mut(id)?;
        let from = sim.status;
        if from == to {
            return refuse(
                error::SIM_STATUS,
                format!("SIM {id} is {} already", from.as_str()),
            );
        }
        sim.status = to;
        let mut events = vec![sim_event(
            id,
            format!("{} → {}", from.as_str(), to.as_str()),
        )];
        if !to.may_connect() {
            events.extend(self.end_session(id, to.as_str()));
        }
        if to == SimStatus::Terminated {
            self.sim_mut(id)?.group = None;
        }
        Ok(events)
    }

    /// The SIM, unless it has been terminated.
    pub(super) fn usable_sim(&self, id: &SimId) -> Result<&Sim, ApiError> {
        let sim = self.sim(id)?;
        if sim.status == SimStatus::Terminated {
            return refuse(
                error::SIM_STATUS,
                format!("SIM {id} is terminated, and that is final; register another one"),
            );
        }
        Ok(sim)
    }
}

impl SimStatus {
    /// Whether a SIM of this status may have a session.
    pub const fn may_connect(self) -> bool {
        match self {
            Self::Ready | Self::Active | Self::Standby => true,
            Self::Inactive | Self::Suspended | Self::Terminated => false,
        }
    }

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Standby => "standby",
            Self::Suspended => "suspended",
            Self::Terminated => "terminated",
        }
    }
}

fn sim_event(id: &SimId, what: String) -> Event {
    Event::new(format!("SIM {id}"), what)
}

/// A reminder of what people forget.
fn keeps_session(sim: &Sim) -> &'static str {
    if sim.session.is_some() {
        "; its session stays as it is until it is re-established"
    } else {
        ""
    }
}

fn known_speed_class(sim: &SimId, class: &str) -> Result<String, ApiError> {
    if speed::names().any(|name| name == class) {
        return Ok(class.into());
    }
    refuse(
        error::SIM_INVALID,
        format!(
            "SIM {sim}: no speed class is called {class:?}; {}",
            hint(class, speed::names())
        ),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use crate::cloud::testing::World;

    #[test]
    fn the_first_connection_activates_a_sim_for_good() {
        let mut world = World::with_vpg();
        assert_eq!(world.value("sensor.status"), "ready");
        world.run("connect", json!({"sim": "sensor"}));
        assert_eq!(world.value("sensor.status"), "active");
        world.run("disconnect", json!({"sim": "sensor"}));
        assert_eq!(world.value("sensor.status"), "active");
        let error = world.refused("activateSim", json!({"sim": "sensor"}));
        assert_eq!(error.to_string(), "SEM4002: SIM sensor is active already");
    }

    #[test]
    fn only_ready_active_and_standby_sims_may_be_online() {
        let mut world = World::with_vpg();
        world.run("connect", json!({"sim": "sensor"}));
        world.run("setSimToStandby", json!({"sim": "sensor"}));
        assert_eq!(world.value("sensor.online"), "true");
        for (operation, status) in [("deactivateSim", "inactive"), ("suspendSim", "suspended")] {
            let events = world.run(operation, json!({"sim": "sensor"}));
            assert_eq!(
                events.last().unwrap(),
                &format!("session of SIM sensor: ended: {status}")
            );
            assert_eq!(world.value("sensor.online"), "false");
            world.refused("connect", json!({"sim": "sensor"}));
            world.run("activateSim", json!({"sim": "sensor"}));
            world.run("connect", json!({"sim": "sensor"}));
        }
    }

    #[test]
    fn a_terminated_sim_stays_terminated_and_leaves_its_group() {
        let mut world = World::with_vpg();
        world.run("terminateSim", json!({"sim": "sensor"}));
        for operation in ["activateSim", "terminateSim", "connect", "setSimToStandby"] {
            let error = world.refused(operation, json!({"sim": "sensor"}));
            assert_eq!(error.code, "SEM4002", "{operation}");
        }
        world.run("terminateSim", json!({"sim": "camera"}));
        world.run("deleteGroup", json!({"group": "canal"}));
    }

    #[test]
    fn imsis_are_made_up_the_same_each_time_and_never_twice() {
        let (one, other) = (World::with_vpg(), World::with_vpg());
        let imsi = one.value("sensor.imsi");
        assert_eq!(imsi, other.value("sensor.imsi"));
        assert_eq!(imsi.len(), 15);
        assert!(imsi.starts_with("440103"));
        assert_ne!(imsi, one.value("camera.imsi"));

        let mut world = one;
        let error = world.refused("registerSim", json!({"as": "new", "imsi": imsi}));
        assert!(error.message.contains("belongs to SIM sensor"), "{error}");
        world.refused("registerSim", json!({"as": "new", "imsi": "123"}));
        world.refused("registerSim", json!({"as": "sensor"}));
        world.refused("registerSim", json!({"as": "new", "group": "none"}));
    }

    #[test]
    fn a_speed_class_has_to_exist() {
        let mut world = World::with_vpg();
        assert_eq!(world.value("sensor.speed_class"), "s1.fast");
        world.run(
            "updateSimSpeedClass",
            json!({"sim": "sensor", "speed_class": "s1.minimum"}),
        );
        assert_eq!(world.value("sensor.speed_class"), "s1.minimum");
        let error = world.refused(
            "updateSimSpeedClass",
            json!({"sim": "sensor", "speed_class": "s1.minimun"}),
        );
        assert_eq!(
            error.message,
            "SIM sensor: no speed class is called \"s1.minimun\"; did you mean \"s1.minimum\"?"
        );
    }
}
