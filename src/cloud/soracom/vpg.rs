//! Virtual Private Gateways: creation, what they are given, termination.
//!
//! Sources: API reference, `createVirtualPrivateGateway` and `terminateVirtualPrivateGateway`;
//! developers.soracom.io, VPG, "IP Address Assignment"; users.soracom.io, VPG, "VPG を削除する".
//! The status `failed` is never reached: a request that can't be met is refused.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::cidr::{self, canonical, overlap};
use super::error::{self, refuse, taken};
use super::{
    CreateVirtualPrivateGateway, Gate, GroupId, Soracom, Vpg, VpgId, VpgStatus, VpgType, platform,
};
use crate::cloud::nearest::hint;
use crate::cloud::{ApiError, Event, Time, service_id};

/// From `creating` to `running`: about three minutes.
pub const CREATION: Duration = Duration::from_secs(180);
/// From `terminating` until it is gone. Not published; about a minute.
pub const TERMINATION: Duration = Duration::from_secs(60);

const DEFAULT_DEVICE_SUBNET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 128, 0, 0), 9);
const DEFAULT_REGION: &str = "ap-northeast-1";
/// Where VPGs can be (API reference, `placement.region`).
const REGIONS: [&str; 4] = [
    "ap-northeast-1",
    "eu-central-1",
    "us-west-2",
    "ap-southeast-2",
];
/// Where the internet sees VPGs: half of TEST-NET-2 (RFC 5737), so that no real address is used.
const GLOBAL_IPS: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 128), 25);

impl Soracom {
    pub(super) fn create_vpg(
        &mut self,
        op: &CreateVirtualPrivateGateway,
        now: Time,
    ) -> Result<Vec<Event>, ApiError> {
        if self.vpgs.contains_key(&op.name) {
            return Err(taken(error::VPG_INVALID, "VPG", op.name.as_str()));
        }
        let region = op.region.as_deref().unwrap_or(DEFAULT_REGION);
        if !REGIONS.contains(&region) {
            return refuse(
                error::VPG_INVALID,
                format!(
                    "VPG {}: there are no VPGs in region {region:?}; {}",
                    op.name,
                    hint(region, REGIONS)
                ),
            );
        }
        let device_subnet = op.device_subnet.unwrap_or(DEFAULT_DEVICE_SUBNET);
        check_device_subnet(device_subnet)?;
        let vpg_subnet = match op.vpg_subnet {
            Some(range) => self.check_vpg_subnet(range)?,
            None => self.next_vpg_subnet()?,
        };
        let global_ips = if op.internet_gateway {
            Some(self.next_global_ips()?)
        } else {
            None
        };
        self.vpgs.insert(
            op.name.clone(),
            Vpg {
                vpg_type: op.r#type,
                use_internet_gateway: op.internet_gateway,
                device_subnet,
                vpg_subnet,
                status: VpgStatus::Creating,
                changes_at: Some(now.saturating_add(CREATION)),
                region: region.into(),
                peerings: Default::default(),
                gate: Gate::default(),
                ip_address_map: Default::default(),
                routing_filter: Default::default(),
                global_ips,
                attachments: Default::default(),
                customer_routes: Default::default(),
            },
        );
        Ok(vec![vpg_event(
            &op.name,
            format!("creating, with VPG range {vpg_subnet}"),
        )])
    }

    /// A VPG range as the scenario wants it: in reality SORACOM assigns it.
    fn check_vpg_subnet(&self, range: Ipv4Net) -> Result<Ipv4Net, ApiError> {
        canonical(error::VPG_INVALID, "VPG range", range)?;
        if !cidr::SHARED_ADDRESS_SPACE.contains(&range) || range.prefix_len() > 28 {
            return refuse(
                error::VPG_INVALID,
                format!(
                    "VPG range {range}: SORACOM assigns ranges out of {}, with room for the \
                     addresses of two nodes; take a /28 or a larger one there",
                    cidr::SHARED_ADDRESS_SPACE
                ),
            );
        }
        if overlap(range, platform::RANGE) {
            return refuse(
                error::VPG_INVALID,
                format!(
                    "VPG range {range} overlaps {}, where SORACOM's own services are; take another",
                    platform::RANGE
                ),
            );
        }
        match self.vpg_in(range) {
            Some((other, vpg)) => refuse(
                error::VPG_INVALID,
                format!(
                    "VPG range {range} overlaps {} of VPG {other}; take another",
                    vpg.vpg_subnet
                ),
            ),
            None => Ok(range),
        }
    }

    /// The next /24 out of the shared address space that no VPG touches.
    fn next_vpg_subnet(&self) -> Result<Ipv4Net, ApiError> {
        let start = u32::from(cidr::SHARED_ADDRESS_SPACE.network());
        let end = u32::from(platform::RANGE.network());
        (start..end)
            .step_by(256)
            .map(|base| Ipv4Net::new_assert(Ipv4Addr::from(base), 24))
            .find(|range| self.vpg_in(*range).is_none())
            .ok_or_else(|| {
                ApiError::soracom(
                    error::VPG_EXHAUSTED,
                    format!(
                        "no /24 of {} is left for another VPG; terminate one, or give smaller ranges",
                        cidr::SHARED_ADDRESS_SPACE
                    ),
                )
            })
    }

    fn vpg_in(&self, range: Ipv4Net) -> Option<(&VpgId, &Vpg)> {
        self.vpgs
            .iter()
            .find(|(_, vpg)| overlap(vpg.vpg_subnet, range))
    }

    /// One address for each of the two nodes.
    fn next_global_ips(&self) -> Result<[Ipv4Addr; 2], ApiError> {
        let taken: BTreeSet<Ipv4Addr> = self
            .vpgs
            .values()
            .filter_map(|vpg| vpg.global_ips)
            .flatten()
            .collect();
        let mut free = GLOBAL_IPS.hosts().filter(|ip| !taken.contains(ip));
        free.next()
            .zip(free.next())
            .map(|(a, b)| [a, b])
            .ok_or_else(|| {
                ApiError::soracom(
                    error::VPG_EXHAUSTED,
                    format!(
                        "every global address of {GLOBAL_IPS} has a VPG; terminate one, or switch \
                         the internet gateway off"
                    ),
                )
            })
    }

    pub(super) fn terminate_vpg(&mut self, id: &VpgId, now: Time) -> Result<Vec<Event>, ApiError> {
        let vpg = self.vpg(id)?;
        if vpg.status == VpgStatus::Terminating {
            return refuse(
                error::VPG_STATUS,
                format!("VPG {id} is being terminated already"),
            );
        }
        let users = self.users_of(id, vpg);
        if !users.is_empty() {
            return refuse(
                error::VPG_IN_USE,
                format!(
                    "VPG {id} can't be terminated while these use it: {}; delete the peerings, the \
                     customer routes and the attachments, and set useVpg of the groups to false",
                    users.join(", ")
                ),
            );
        }
        let vpg = self.vpg_mut(id)?;
        let mut events = vec![vpg_event(
            id,
            format!("{} → terminating", vpg.status.as_str()),
        )];
        vpg.status = VpgStatus::Terminating;
        vpg.changes_at = Some(now.saturating_add(TERMINATION));
        // A group may have been changed without its sessions being re-established.
        events.extend(self.end_sessions("VPG terminated", |session| {
            session
                .anchor
                .as_ref()
                .is_some_and(|(anchor, _)| anchor == id)
        }));
        Ok(events)
    }

    /// What keeps a VPG from being terminated.
    fn users_of(&self, id: &VpgId, vpg: &Vpg) -> Vec<String> {
        let groups = self
            .groups
            .iter()
            .filter(|(_, group)| group.use_vpg && group.vpg.as_ref() == Some(id));
        let peerings = vpg.peerings.keys().map(|name| format!("peering {name}"));
        let attachments = vpg.attachments.iter();
        peerings
            .chain(attachments.map(|name| format!("attachment {name}")))
            .chain(groups.map(|(name, _): (&GroupId, _)| format!("group {name}")))
            .collect()
    }

    /// Brings up and removes the VPGs whose time has come.
    pub(super) fn advance_vpgs(&mut self, now: Time) -> Vec<Event> {
        let mut events = Vec::new();
        self.vpgs.retain(|id, vpg| {
            if vpg.changes_at.is_none_or(|at| at > now) {
                return true;
            }
            vpg.changes_at = None;
            match vpg.status {
                VpgStatus::Creating => {
                    vpg.status = VpgStatus::Running;
                    events.push(vpg_event(id, "creating → running".into()));
                    true
                }
                VpgStatus::Terminating => {
                    events.push(vpg_event(id, "terminating → terminated".into()));
                    false
                }
                VpgStatus::Running | VpgStatus::Failed | VpgStatus::Terminated => true,
            }
        });
        // A group with the switch off may still name a VPG that is gone now. A later VPG of that name
        // would have another id, so the setting must not come back to life.
        for group in self.groups.values_mut() {
            if group
                .vpg
                .as_ref()
                .is_some_and(|id| !self.vpgs.contains_key(id))
            {
                group.vpg = None;
            }
        }
        events
    }
}

impl Vpg {
    /// Refuses what only VPGs of type `wanted` can do.
    pub(super) fn require_type(
        &self,
        id: &VpgId,
        wanted: VpgType,
        what: &str,
    ) -> Result<(), ApiError> {
        if self.vpg_type == wanted {
            return Ok(());
        }
        let instead = match self.vpg_type {
            VpgType::E => "Type-E has no private connection to the customer's network",
            VpgType::F => "a Type-F VPG is connected by VPC peering (createVpcPeeringConnection)",
            VpgType::F2 => {
                "a Type-F2 VPG is connected by Transit Gateway (createTransitGatewayVpcAttachment)"
            }
        };
        refuse(
            error::VPG_TYPE,
            format!(
                "VPG {id} is of Type-{:?} and has no {what}: {instead}; the type is fixed at creation",
                self.vpg_type
            ),
        )
    }
}

impl VpgId {
    /// The id that SORACOM would have assigned: a UUID that follows from the name.
    pub fn service_id(&self) -> String {
        let hex = service_id("", &format!("vpg/{self}"), 32);
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        parts.join("-")
    }
}

fn vpg_event(id: &VpgId, what: String) -> Event {
    Event::new(format!("VPG {id}"), what)
}

fn check_device_subnet(range: Ipv4Net) -> Result<(), ApiError> {
    canonical(error::VPG_INVALID, "device subnet", range)?;
    for reserved in [cidr::SHARED_ADDRESS_SPACE, cidr::BENCHMARK] {
        if overlap(range, reserved) {
            return refuse(
                error::VPG_INVALID,
                format!(
                    "device subnet {range} overlaps {reserved}, which SORACOM uses itself; choose another private range"
                ),
            );
        }
    }
    if !cidr::is_private(range) {
        return refuse(
            error::VPG_INVALID,
            format!(
                "device subnet {range} isn't private; take one of 10.0.0.0/8, 172.16.0.0/12 or \
                 192.168.0.0/16"
            ),
        );
    }
    // Two addresses for the nodes, the first and the last unusable, and some for devices.
    if range.prefix_len() > 29 {
        return refuse(
            error::VPG_INVALID,
            format!("device subnet {range} has no room for devices; take a /29 or a larger one"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cloud::testing::World;

    #[test]
    fn a_vpg_runs_three_minutes_after_its_creation() {
        let mut world = World::default();
        world.run(
            "createVirtualPrivateGateway",
            json!({"as": "vpg", "type": "F"}),
        );
        assert_eq!(world.cloud.next_change(), Some(super::CREATION));
        assert!(world.pass(179).is_empty());
        assert_eq!(world.pass(1), ["VPG vpg: creating → running"]);
        assert_eq!(world.value("vpg.device_subnet"), "10.128.0.0/9");
        assert_eq!(world.value("vpg.vpg_subnet"), "100.64.0.0/24");
        assert_eq!(world.value("vpg.outer_ip[0]"), "100.64.0.4");
        assert_eq!(world.value("vpg.outer_ip[1]"), "100.64.0.132");
        assert_eq!(world.value("vpg.global_ip[1]"), "198.51.100.130");
        world.running_vpg("second", "F");
        assert_eq!(world.value("second.vpg_subnet"), "100.64.1.0/24");
        assert_eq!(world.value("second.global_ip[0]"), "198.51.100.131");
    }

    #[test]
    fn ranges_that_cannot_be_are_refused() {
        let mut world = World::with_vpg();
        for (parameter, range, part) in [
            ("device_subnet", "8.8.8.0/24", "isn't private"),
            ("device_subnet", "10.0.0.0/7", "isn't private"),
            ("device_subnet", "100.64.0.0/16", "overlaps 100.64.0.0/10"),
            ("device_subnet", "198.18.0.0/16", "overlaps 198.18.0.0/15"),
            ("device_subnet", "0.0.0.0/0", "overlaps"),
            ("device_subnet", "10.0.0.0/30", "no room"),
            ("device_subnet", "10.0.0.5/16", "write 10.0.0.0/16"),
            ("vpg_subnet", "10.0.0.0/24", "out of 100.64.0.0/10"),
            ("vpg_subnet", "100.65.0.0/29", "two nodes"),
            ("vpg_subnet", "100.64.0.0/10", "100.127.0.0/16"),
            ("vpg_subnet", "100.127.5.0/24", "100.127.0.0/16"),
            ("vpg_subnet", "100.64.0.0/16", "of VPG vpg"),
        ] {
            let error = world.refused(
                "createVirtualPrivateGateway",
                json!({"as": "new", "type": "F", parameter: range}),
            );
            assert_eq!(error.code, "VPG4001");
            assert!(error.message.contains(part), "{range}: {error}");
        }
        let error = world.refused(
            "createVirtualPrivateGateway",
            json!({"as": "new", "type": "F", "region": "eu-central-2"}),
        );
        assert!(error.message.contains("\"eu-central-1\""), "{error}");
    }

    #[test]
    fn a_vpg_in_use_is_not_terminated() {
        let mut world = World::with_vpg();
        world.run(
            "createVpcPeeringConnection",
            json!({"as": "pcx", "vpg": "vpg", "vpc": "customer"}),
        );
        world.run("connect", json!({"sim": "sensor"}));
        let terminate = json!({"vpg": "vpg"});
        let error = world.refused("terminateVirtualPrivateGateway", terminate.clone());
        assert_eq!(error.code, "VPG4003");
        assert!(
            error.message.contains("peering pcx, group canal"),
            "{error}"
        );
        world.run(
            "deleteVpcPeeringConnection",
            json!({"vpg": "vpg", "peering": "pcx"}),
        );
        world.refused("terminateVirtualPrivateGateway", terminate.clone());
        world.configure(json!({"useVpg": false}));
        assert_eq!(
            world.run("terminateVirtualPrivateGateway", terminate.clone()),
            [
                "VPG vpg: running → terminating",
                "session of SIM sensor: ended: VPG terminated"
            ]
        );
        world.refused("terminateVirtualPrivateGateway", terminate.clone());
        world.refused("openGate", terminate.clone());
        assert_eq!(world.pass(60), ["VPG vpg: terminating → terminated"]);
        let error = world.refused("terminateVirtualPrivateGateway", terminate);
        assert_eq!(
            error.to_string(),
            "VPG4041: no VPG is called \"vpg\"; there is none; create it first"
        );
        // The group's old setting names nothing any more, not even a new VPG of the same name.
        world.running_vpg("vpg", "F");
        assert!(world.cloud.value("canal.vpg").is_err());
    }
}
