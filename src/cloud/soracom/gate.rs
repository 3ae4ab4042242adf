//! Gate: opening, VNI, privacy separator and peers.
//!
//! Sources: API reference, `openGate`, `registerGatePeer` and their neighbours; developers.soracom.io,
//! Gate, "Tunneling and Overlay". The reference doesn't say that Gate must be open to change its
//! settings or its peers, so it need not be here; the settings stay when Gate is closed. It doesn't
//! bind Gate to a type of VPG either: between devices it works without a peering.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use super::address::{held, highest_free, objection};
use super::error::{self, refuse, unknown};
use super::{
    OpenGate, RegisterGatePeer, SetVxLanId, Soracom, UnregisterGatePeer, VpgId, VpgStatus,
};
use crate::cloud::{ApiError, Event};

/// VNIs that can be set (API reference, `setVirtualPrivateGatewayVxLanId`).
const VNI: RangeInclusive<u32> = 1..=16_777_215;

impl Soracom {
    pub(super) fn open_gate(&mut self, op: &OpenGate) -> Result<Vec<Event>, ApiError> {
        self.running_vpg(&op.vpg)?;
        if let Some(vni) = op.vni {
            check_vni(&op.vpg, vni)?;
        }
        let gate = &mut self.vpg_mut(&op.vpg)?.gate;
        let before = gate.clone();
        gate.open = true;
        gate.vni = op.vni.unwrap_or(gate.vni);
        gate.privacy_separator = op.privacy_separator.unwrap_or(gate.privacy_separator);
        if *gate == before {
            return Ok(Vec::new());
        }
        let separator = if gate.privacy_separator { "on" } else { "off" };
        let what = format!("open, VNI {}, privacy separator {separator}", gate.vni);
        Ok(vec![gate_event(&op.vpg, what)])
    }

    pub(super) fn close_gate(&mut self, id: &VpgId) -> Result<Vec<Event>, ApiError> {
        self.running_vpg(id)?;
        let gate = &mut self.vpg_mut(id)?.gate;
        if !std::mem::replace(&mut gate.open, false) {
            return Ok(Vec::new());
        }
        Ok(vec![gate_event(id, "closed".into())])
    }

    pub(super) fn set_vni(&mut self, op: &SetVxLanId) -> Result<Vec<Event>, ApiError> {
        self.lasting_vpg(&op.vpg)?;
        check_vni(&op.vpg, op.vni)?;
        let old = std::mem::replace(&mut self.vpg_mut(&op.vpg)?.gate.vni, op.vni);
        Ok(vec![gate_event(&op.vpg, format!("VNI {old} → {}", op.vni))])
    }

    pub(super) fn set_privacy_separator(
        &mut self,
        id: &VpgId,
        on: bool,
    ) -> Result<Vec<Event>, ApiError> {
        self.lasting_vpg(id)?;
        self.vpg_mut(id)?.gate.privacy_separator = on;
        let what = if on { "on" } else { "off" };
        Ok(vec![gate_event(id, format!("privacy separator {what}"))])
    }

    pub(super) fn register_peer(&mut self, op: &RegisterGatePeer) -> Result<Vec<Event>, ApiError> {
        let vpg = self.running_vpg(&op.vpg)?;
        let (id, outer) = (&op.vpg, op.outer_ip);
        if let Some(inner) = vpg.gate.peers.get(&outer) {
            return refuse(
                error::GATE_ADDRESS,
                format!(
                    "VPG {id} has Gate peer {outer} already, with inner address {inner}; unregister \
                     it first to change that"
                ),
            );
        }
        if outer.is_unspecified()
            || outer.is_loopback()
            || outer.is_multicast()
            || outer.is_broadcast()
            || vpg.vpg_subnet.contains(&outer)
        {
            return refuse(
                error::GATE_ADDRESS,
                format!(
                    "{outer} can't be the outer address of a Gate peer; give the host's own private \
                     address"
                ),
            );
        }
        let held = held(self, id, vpg, None);
        let inner = match op.inner_ip {
            Some(ip) => match objection(vpg.device_subnet, ip, &held) {
                Some(why) => {
                    return refuse(
                        error::GATE_ADDRESS,
                        format!(
                            "VPG {id}, Gate peer {outer}: {why}; take another inner address, or none \
                             to get one"
                        ),
                    );
                }
                None => ip,
            },
            None => highest_free(vpg.device_subnet, &held).ok_or_else(|| {
                ApiError::soracom(
                    error::VPG_EXHAUSTED,
                    format!(
                        "VPG {id}: no address of the device subnet {} is free for Gate peer {outer}",
                        vpg.device_subnet
                    ),
                )
            })?,
        };
        self.vpg_mut(id)?.gate.peers.insert(outer, inner);
        Ok(vec![gate_event(
            id,
            format!("peer {outer} registered, inner address {inner}"),
        )])
    }

    pub(super) fn unregister_peer(
        &mut self,
        op: &UnregisterGatePeer,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.lasting_vpg(&op.vpg)?;
        if !vpg.gate.peers.contains_key(&op.outer_ip) {
            let peers: Vec<_> = vpg.gate.peers.keys().map(Ipv4Addr::to_string).collect();
            return Err(unknown(
                error::GATE_PEER_NOT_FOUND,
                &format!("Gate peer of VPG {}", op.vpg),
                &op.outer_ip.to_string(),
                peers.iter().map(String::as_str),
            ));
        }
        self.vpg_mut(&op.vpg)?.gate.peers.remove(&op.outer_ip);
        Ok(vec![gate_event(
            &op.vpg,
            format!("peer {} unregistered", op.outer_ip),
        )])
    }
}

impl super::Vpg {
    /// Whether Gate works: it is open, and the VPG is in service.
    pub fn gate_is_open(&self) -> bool {
        self.gate.open && self.status == VpgStatus::Running
    }
}

fn gate_event(id: &VpgId, what: String) -> Event {
    Event::new(format!("Gate of VPG {id}"), what)
}

fn check_vni(id: &VpgId, vni: u32) -> Result<(), ApiError> {
    if VNI.contains(&vni) {
        return Ok(());
    }
    refuse(
        error::GATE_INVALID,
        format!(
            "VPG {id}: VNI {vni} is out of bounds; it may be {} to {}",
            VNI.start(),
            VNI.end()
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cloud::testing::World;

    #[test]
    fn gate_opens_with_vni_10_and_keeps_its_settings_when_closed() {
        let mut world = World::with_vpg();
        let vpg = json!({"vpg": "vpg"});
        assert_eq!(
            world.run("openGate", vpg.clone()),
            ["Gate of VPG vpg: open, VNI 10, privacy separator off"]
        );
        assert!(world.run("openGate", vpg.clone()).is_empty());
        world.run(
            "setVirtualPrivateGatewayVxLanId",
            json!({"vpg": "vpg", "vni": 77}),
        );
        world.run("enableGatePrivacySeparator", vpg.clone());
        world.run("closeGate", vpg.clone());
        assert_eq!(world.value("vpg.gate_open"), "false");
        world.run("openGate", vpg);
        assert_eq!(world.value("vpg.vni"), "77");
        assert_eq!(world.value("vpg.privacy_separator"), "true");
        for vni in [0, 16_777_216] {
            let error = world.refused("openGate", json!({"vpg": "vpg", "vni": vni}));
            assert_eq!(error.code, "GAT4001");
        }
    }

    #[test]
    fn peers_get_addresses_that_nobody_has() {
        let mut world = World::with_vpg();
        world.run("connect", json!({"sim": "sensor"}));
        world.run(
            "registerGatePeer",
            json!({"vpg": "vpg", "outer_ip": "10.0.0.254"}),
        );
        assert_eq!(world.value("vpg.peer_inner_ip[0]"), "10.255.255.254");
        for (outer, inner, part) in [
            ("10.0.0.254", "10.200.0.1", "already"),
            ("10.0.0.9", "10.128.0.3", "session of SIM sensor"),
            ("10.0.0.9", "10.128.0.1", "node 0"),
            ("10.0.0.9", "10.255.255.254", "Gate peer 10.0.0.254"),
            ("10.0.0.9", "10.255.255.255", "last address"),
            ("10.0.0.9", "10.0.0.9", "outside the device subnet"),
            ("100.64.0.4", "10.200.0.1", "outer address"),
        ] {
            let error = world.refused(
                "registerGatePeer",
                json!({"vpg": "vpg", "outer_ip": outer, "inner_ip": inner}),
            );
            assert_eq!(error.code, "GAT4002");
            assert!(error.message.contains(part), "{error}");
        }
        world.run(
            "unregisterGatePeer",
            json!({"vpg": "vpg", "outer_ip": "10.0.0.254"}),
        );
        let error = world.refused(
            "unregisterGatePeer",
            json!({"vpg": "vpg", "outer_ip": "10.0.0.254"}),
        );
        assert_eq!(error.code, "GAT4041");
    }
}
