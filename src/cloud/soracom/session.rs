//! Sessions: what a device gets when it connects, and how a session ends.
//!
//! A session keeps the VPG, the address, the DNS servers and the MTU that it was created with until
//! it is re-established; neither the group nor the IP address map reaches into it
//! (users.soracom.io, VPG, "IoT SIM のセッションを再確立する").

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::address;
use super::error::{self, refuse};
use super::occupancy::Occupancy;
use super::{Group, Session, Sim, SimId, SimStatus, Soracom, VpgId, VpgStatus, platform};
use crate::cloud::{ApiError, Event, Time};

/// How long a session lasts without traffic. SORACOM publishes no figure; it is about an hour.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The MTU where the group sets none.
const DEFAULT_MTU: u32 = 1500;

impl Soracom {
    /// The device connects.
    pub(super) fn connect(&mut self, id: &SimId, now: Time) -> Result<Vec<Event>, ApiError> {
        if self.sim(id)?.session.is_some() {
            return refuse(
                error::SESSION_REFUSED,
                format!("SIM {id} is online already; reconnect it to get a new session"),
            );
        }
        self.establish(id, now)
    }

    /// The device disconnects and connects again. Where it could not connect, the old session is left
    /// alone, since a refused action changes nothing.
    pub(super) fn reconnect(&mut self, id: &SimId, now: Time) -> Result<Vec<Event>, ApiError> {
        self.establish(id, now)
    }

    /// The device disconnects.
    pub(super) fn disconnect(&mut self, id: &SimId) -> Result<Vec<Event>, ApiError> {
        self.sim(id)?;
        match self.end_session(id, "device disconnected") {
            Some(event) => Ok(vec![event]),
            None => refuse(
                error::SESSION_REFUSED,
                format!("SIM {id} is offline already; connect it first"),
            ),
        }
    }

    pub(super) fn delete_session(&mut self, id: &SimId) -> Result<Vec<Event>, ApiError> {
        self.sim(id)?;
        match self.end_session(id, "deleted") {
            Some(event) => Ok(vec![event]),
            None => refuse(
                error::SIM_OFFLINE,
                format!(
                    "SIM {id} is offline, so there is no session to delete; connect the device"
                ),
            ),
        }
    }

    /// Notes that a session was used, for the idle time-out.
    pub fn touch(&mut self, sim: &SimId, now: Time) {
        if let Some(session) = self.sims.get_mut(sim).and_then(|sim| sim.session.as_mut()) {
            session.last_used = session.last_used.max(now);
        }
    }

    /// The sessions that a VPG serves.
    pub fn sessions_on(&self, vpg: &VpgId) -> impl Iterator<Item = (&SimId, &Session)> {
        self.sims
            .iter()
            .filter_map(|(id, sim)| Some((id, sim.session.as_ref()?)))
            .filter(move |(_, session)| {
                session
                    .anchor
                    .as_ref()
                    .is_some_and(|(anchor, _)| anchor == vpg)
            })
    }

    /// Ends the sessions that nobody used for an hour.
    pub(super) fn end_idle_sessions(&mut self, now: Time) -> Vec<Event> {
        self.end_sessions("timed out after an hour without traffic", |session| {
            session.last_used.saturating_add(IDLE_TIMEOUT) <= now
        })
    }

    /// Ends the sessions of which `which` holds.
    pub(super) fn end_sessions(
        &mut self,
        why: &str,
        which: impl Fn(&Session) -> bool,
    ) -> Vec<Event> {
        let ending = self.sims.iter();
        let ending = ending.filter(|(_, sim)| sim.session.as_ref().is_some_and(&which));
        let ending: Vec<SimId> = ending.map(|(id, _)| id.clone()).collect();
        ending
            .iter()
            .filter_map(|id| self.end_session(id, why))
            .collect()
    }

    /// Makes the session that the SIM would get now, in the place of the one that it may have.
    fn establish(&mut self, id: &SimId, now: Time) -> Result<Vec<Event>, ApiError> {
        let session = self.new_session(id, now)?;
        let sim = self.sim_mut(id)?;
        let mut events = Vec::new();
        if sim.status == SimStatus::Ready {
            sim.status = SimStatus::Active;
            events.push(Event::new(format!("SIM {id}"), "ready → active"));
        }
        events.extend(self.end_session(id, "re-established"));
        let place = match &session.anchor {
            Some((vpg, node)) => format!("on VPG {vpg}, node {node}"),
            None => "on the shared platform".into(),
        };
        events.push(Event::new(
            format!("session of SIM {id}"),
            format!("created: {} {place}", session.ip),
        ));
        let place = session.anchor.as_ref().map(|(vpg, _)| vpg.clone());
        self.occupancy.entry(place).or_default().add(&session);
        self.sim_mut(id)?.session = Some(session);
        Ok(events)
    }

    fn new_session(&self, id: &SimId, now: Time) -> Result<Session, ApiError> {
        let sim = self.usable_sim(id)?;
        if !sim.status.may_connect() {
            return refuse(
                error::SESSION_REFUSED,
                format!(
                    "SIM {id} is {}, and only ready, active and standby SIMs may connect; activate it",
                    sim.status.as_str()
                ),
            );
        }
        let no_group = Group::default();
        let group = match &sim.group {
            Some(group) => self.group(group)?,
            None => &no_group,
        };
        let (anchor, ip) = match (&group.vpg, group.use_vpg) {
            (Some(vpg), true) => {
                let ip = self.address_on(id, sim, vpg)?;
                (Some((vpg.clone(), self.anchor_node(vpg, sim))), ip)
            }
            (None, true) => {
                return refuse(
                    error::SESSION_REFUSED,
                    format!(
                        "SIM {id} can't connect: its group uses a VPG but names none; set vpgId"
                    ),
                );
            }
            (_, false) => match self.shared_address(sim) {
                Some(ip) => (None, ip),
                None => {
                    return refuse(
                        error::VPG_EXHAUSTED,
                        format!("SIM {id} can't connect: {} is exhausted", address::SHARED),
                    );
                }
            },
        };
        Ok(Session {
            anchor,
            ip,
            dns: if group.use_custom_dns {
                group.dns_servers.clone()
            } else {
                platform::DNS.to_vec()
            },
            mtu: group.ip_link_mtu.unwrap_or(DEFAULT_MTU),
            since: now,
            last_used: now,
        })
    }

    /// The address that the SIM would get on a VPG: its own of the IP address map, or else the lowest
    /// free one, which need not be the one that it had before.
    fn address_on(&self, id: &SimId, sim: &Sim, name: &VpgId) -> Result<Ipv4Addr, ApiError> {
        let vpg = self.vpg(name)?;
        if vpg.status != VpgStatus::Running {
            return refuse(
                error::SESSION_REFUSED,
                format!(
                    "SIM {id} can't connect: VPG {name} of its group is {}, not running",
                    vpg.status.as_str()
                ),
            );
        }
        if let Some(ip) = vpg.ip_address_map.get(&sim.imsi) {
            return Ok(*ip);
        }
        let place = Some(name.clone());
        let held: BTreeSet<Ipv4Addr> = (vpg.ip_address_map.values())
            .chain(vpg.gate.peers.values())
            .copied()
            .chain(vpg.inner_ips())
            .collect();
        let own = sim.session_on(place.as_ref()).map(|session| session.ip);
        let free = match self.occupancy.get(&place) {
            Some(taken) => taken.lowest_free(vpg.device_subnet, own, |ip| held.contains(&ip)),
            None => {
                Occupancy::default().lowest_free(vpg.device_subnet, None, |ip| held.contains(&ip))
            }
        };
        free.ok_or_else(|| {
            ApiError::soracom(
                error::VPG_EXHAUSTED,
                format!(
                    "SIM {id} can't connect: no address of VPG {name}'s device subnet {} is free",
                    vpg.device_subnet
                ),
            )
        })
    }

    /// The address that the SIM would get on the shared platform.
    fn shared_address(&self, sim: &Sim) -> Option<Ipv4Addr> {
        let own = sim.session_on(None).map(|session| session.ip);
        match self.occupancy.get(&None) {
            Some(taken) => taken.lowest_free(address::SHARED, own, |_| false),
            None => Occupancy::default().lowest_free(address::SHARED, None, |_| false),
        }
    }

    /// The node with fewer sessions; the first one where they have the same number.
    fn anchor_node(&self, vpg: &VpgId, sim: &Sim) -> usize {
        let place = Some(vpg.clone());
        let own = sim.session_on(place.as_ref());
        let own = own.and_then(|session| session.anchor.as_ref());
        let taken = self.occupancy.get(&place);
        taken.map_or(0, |taken| taken.quieter_node(own.map(|(_, node)| *node)))
    }

    /// Takes the SIM offline, if it is online.
    pub(super) fn end_session(&mut self, id: &SimId, why: &str) -> Option<Event> {
        let session = self.sims.get_mut(id)?.session.take()?;
        let place = session.anchor.as_ref().map(|(vpg, _)| vpg.clone());
        if let Some(taken) = self.occupancy.get_mut(&place) {
            taken.remove(&session);
        }
        Some(Event::new(
            format!("session of SIM {id}"),
            format!("ended: {why}"),
        ))
    }
}

impl Sim {
    /// Its session, if that is on this VPG, or on the shared platform.
    fn session_on(&self, place: Option<&VpgId>) -> Option<&Session> {
        let session = self.session.as_ref()?;
        let own = session.anchor.as_ref().map(|(vpg, _)| vpg);
        (own == place).then_some(session)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::SimId;
    use crate::cloud::testing::World;

    #[test]
    fn a_session_keeps_what_it_was_created_with() {
        let mut world = World::with_vpg();
        world.run("connect", json!({"sim": "sensor"}));
        let sensor = SimId::new("sensor");
        let before = world.cloud.soracom.sims[&sensor].session.clone();
        world.configure(
            json!({"useCustomDns": true, "dnsServers": ["192.168.0.5"], "ipLinkMtu": 1400}),
        );
        world.run(
            "putVirtualPrivateGatewayIpAddressMapEntry",
            json!({"vpg": "vpg", "sim": "sensor", "ip": "10.200.0.1"}),
        );
        world.run("createGroup", json!({"as": "other"}));
        world.run("setSimGroup", json!({"sim": "sensor", "group": "other"}));
        assert_eq!(world.cloud.soracom.sims[&sensor].session, before);

        world.run("setSimGroup", json!({"sim": "sensor", "group": "canal"}));
        world.run("reconnect", json!({"sim": "sensor"}));
        assert_eq!(world.value("sensor.ip"), "10.200.0.1");
        assert_eq!(world.value("sensor.dns"), "192.168.0.5");
        assert_eq!(world.value("sensor.mtu"), "1400");
        assert_eq!(world.value("sensor.vpg"), "vpg");
    }

    #[test]
    fn a_sim_without_a_vpg_is_on_the_shared_platform() {
        let mut world = World::with_vpg();
        world.run("unsetSimGroup", json!({"sim": "sensor"}));
        let events = world.run("connect", json!({"sim": "sensor"}));
        assert_eq!(
            events,
            [
                "SIM sensor: ready → active",
                "session of SIM sensor: created: 10.64.0.1 on the shared platform"
            ]
        );
        assert_eq!(world.value("sensor.dns[1]"), "100.127.1.53");
        assert_eq!(world.value("sensor.mtu"), "1500");
    }

    #[test]
    fn sessions_are_spread_over_the_nodes_and_get_the_lowest_free_addresses() {
        let mut world = World::with_vpg();
        world.run("connect", json!({"sim": "sensor"}));
        world.run("connect", json!({"sim": "camera"}));
        assert_eq!(world.value("sensor.ip"), "10.128.0.3");
        assert_eq!(world.value("sensor.node"), "0");
        assert_eq!(world.value("camera.ip"), "10.128.0.4");
        assert_eq!(world.value("camera.node"), "1");
        world.run("disconnect", json!({"sim": "sensor"}));
        world.run("reconnect", json!({"sim": "camera"}));
        assert_eq!(world.value("camera.ip"), "10.128.0.3");
        assert_eq!(world.value("camera.node"), "0");
    }

    #[test]
    fn a_vpg_that_does_not_run_takes_no_sessions() {
        let mut world = World::with_vpg();
        world.run(
            "createVirtualPrivateGateway",
            json!({"as": "late", "type": "F"}),
        );
        world.run("connect", json!({"sim": "sensor"}));
        world.configure(json!({"vpgId": "late"}));
        let error = world.refused("reconnect", json!({"sim": "sensor"}));
        assert_eq!(
            error.to_string(),
            "SEM4003: SIM sensor can't connect: VPG late of its group is creating, not running"
        );
        world.pass(180);
        world.run("reconnect", json!({"sim": "sensor"}));
    }

    #[test]
    fn the_session_of_an_offline_sim_cannot_be_deleted() {
        let mut world = World::with_vpg();
        let error = world.refused("deleteSimSession", json!({"sim": "sensor"}));
        assert_eq!(error.code, "SEM0016");
        world.refused("disconnect", json!({"sim": "sensor"}));
        world.run("connect", json!({"sim": "sensor"}));
        world.refused("connect", json!({"sim": "sensor"}));
        world.run("deleteSimSession", json!({"sim": "sensor"}));
        assert_eq!(world.value("sensor.online"), "false");
    }

    #[test]
    fn an_idle_session_ends_after_an_hour_without_traffic() {
        let mut world = World::with_vpg();
        world.run("connect", json!({"sim": "sensor"}));
        world.pass(3000);
        let sensor = SimId::new("sensor");
        world.cloud.soracom.touch(&sensor, world.now);
        assert!(world.pass(3599).is_empty());
        assert_eq!(
            world.pass(1),
            ["session of SIM sensor: ended: timed out after an hour without traffic"]
        );
        assert_eq!(world.cloud.next_change(), None);
        world.cloud.soracom.touch(&sensor, Duration::MAX);
    }
}
