//! The IP address map: SIMs pinned to addresses of the device subnet.
//!
//! Entries go by IMSI and count from the SIM's next connection on (API reference,
//! `putVirtualPrivateGatewayIpAddressMapEntry`; users.soracom.io, VPG, "IP アドレスマップ"). The
//! addresses of Gate peers and of the VPG itself can't be given away. Nor, here, can the address of
//! another SIM's session: two devices would have it once the pinned one connects.

use super::address::{held, objection};
use super::error::{self, refuse};
use super::{DeleteIpAddressMapEntry, PutIpAddressMapEntry, SimId, Soracom, VpgId};
use crate::cloud::{ApiError, Event};

impl Soracom {
    pub(super) fn put_map_entry(
        &mut self,
        op: &PutIpAddressMapEntry,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.lasting_vpg(&op.vpg)?;
        let imsi = self.usable_sim(&op.sim)?.imsi.clone();
        let held = held(self, &op.vpg, vpg, Some(&op.sim));
        if let Some(why) = objection(vpg.device_subnet, op.ip, &held) {
            return refuse(
                error::MAP_ADDRESS,
                format!(
                    "VPG {}, IP address map, SIM {}: {why}; take another address",
                    op.vpg, op.sim
                ),
            );
        }
        self.vpg_mut(&op.vpg)?.ip_address_map.insert(imsi, op.ip);
        Ok(vec![map_event(
            &op.vpg,
            format!("SIM {} gets {} from its next connection on", op.sim, op.ip),
        )])
    }

    pub(super) fn delete_map_entry(
        &mut self,
        op: &DeleteIpAddressMapEntry,
    ) -> Result<Vec<Event>, ApiError> {
        self.lasting_vpg(&op.vpg)?;
        let imsi = self.sim(&op.sim)?.imsi.clone();
        let map = &mut self.vpg_mut(&op.vpg)?.ip_address_map;
        if map.remove(&imsi).is_some() {
            return Ok(vec![map_event(
                &op.vpg,
                format!("SIM {} is no longer pinned", op.sim),
            )]);
        }
        let pinned: Vec<_> = self
            .pinned_on(&op.vpg)
            .map(|(sim, _)| sim.as_str())
            .collect();
        let there_is = if pinned.is_empty() {
            "it has none at all".to_owned()
        } else {
            format!("it has entries for {}", pinned.join(", "))
        };
        refuse(
            error::MAP_NOT_FOUND,
            format!(
                "VPG {} has no IP address map entry for SIM {}; {there_is}",
                op.vpg, op.sim
            ),
        )
    }

    /// The SIMs that a VPG's IP address map pins, and their addresses.
    pub fn pinned_on(&self, vpg: &VpgId) -> impl Iterator<Item = (&SimId, std::net::Ipv4Addr)> {
        let map = self.vpgs.get(vpg).map(|vpg| &vpg.ip_address_map);
        self.sims
            .iter()
            .filter_map(move |(id, sim)| Some((id, *map?.get(&sim.imsi)?)))
    }
}

fn map_event(id: &VpgId, what: String) -> Event {
    Event::new(format!("IP address map of VPG {id}"), what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cloud::testing::World;

    #[test]
    fn a_pinned_address_is_kept_for_its_sim() {
        let mut world = World::with_vpg();
        let entry = |sim, ip| json!({"vpg": "vpg", "sim": sim, "ip": ip});
        let put = "putVirtualPrivateGatewayIpAddressMapEntry";
        world.run(put, entry("sensor", "10.128.0.3"));
        world.run("connect", json!({"sim": "camera"}));
        assert_eq!(world.value("camera.ip"), "10.128.0.4");
        world.run("connect", json!({"sim": "sensor"}));
        assert_eq!(world.value("sensor.ip"), "10.128.0.3");
        for (ip, part) in [
            ("10.128.0.3", "for IMSI"),
            ("10.128.0.1", "node 0"),
            ("10.0.0.1", "outside"),
        ] {
            let error = world.refused(put, entry("camera", ip));
            assert!(error.message.contains(part), "{error}");
        }
        // The pin moves away, but the session still has the address.
        world.run(put, entry("sensor", "10.200.0.1"));
        let error = world.refused(put, entry("camera", "10.128.0.3"));
        assert!(error.message.contains("session of SIM sensor"), "{error}");

        let delete = "deleteVirtualPrivateGatewayIpAddressMapEntry";
        let error = world.refused(delete, json!({"vpg": "vpg", "sim": "camera"}));
        assert_eq!(
            error.to_string(),
            "IPM4041: VPG vpg has no IP address map entry for SIM camera; it has entries for sensor"
        );
        world.run(delete, json!({"vpg": "vpg", "sim": "sensor"}));
    }
}
