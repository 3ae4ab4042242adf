//! Groups and their SORACOM Air settings.
//!
//! Keys and values are those of the namespace `SoracomAir` (API reference,
//! `putConfigurationParameters`). What is put is merged into what is there, and is refused as a whole
//! if the result makes no sense. Sessions don't notice before they are re-established.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{self, refuse, taken};
use super::{CreateGroup, Group, GroupId, PutConfigurationParameters, SimId, Soracom, VpgId};
use crate::cloud::nearest::hint;
use crate::cloud::{ApiError, Event};

/// The only namespace whose settings have a meaning here.
const NAMESPACE: &str = "SoracomAir";
/// Its keys that have one.
const KEYS: [&str; 5] = ["useVpg", "vpgId", "useCustomDns", "dnsServers", "ipLinkMtu"];
/// Values of `ipLinkMtu`. The reference gives no bounds; these are what every IPv4 host must accept
/// (RFC 791) and what a cellular link carries.
const MTU: RangeInclusive<u32> = 576..=1500;

impl Soracom {
    pub(super) fn create_group(&mut self, op: &CreateGroup) -> Result<Vec<Event>, ApiError> {
        if self.groups.contains_key(&op.name) {
            return Err(taken(error::GROUP_INVALID, "group", op.name.as_str()));
        }
        self.groups.insert(op.name.clone(), Group::default());
        Ok(vec![Event::new(format!("group {}", op.name), "created")])
    }

    pub(super) fn delete_group(&mut self, id: &GroupId) -> Result<Vec<Event>, ApiError> {
        self.group(id)?;
        let members: Vec<_> = self
            .sims
            .iter()
            .filter(|(_, sim)| sim.group.as_ref() == Some(id))
            .map(|(name, _)| SimId::as_str(name))
            .collect();
        if !members.is_empty() {
            return refuse(
                error::GROUP_IN_USE,
                format!(
                    "group {id} still has SIMs: {}; move them elsewhere with setSimGroup or \
                     unsetSimGroup",
                    members.join(", ")
                ),
            );
        }
        self.groups.remove(id);
        Ok(vec![Event::new(format!("group {id}"), "deleted")])
    }

    pub(super) fn put_configuration(
        &mut self,
        op: &PutConfigurationParameters,
    ) -> Result<Vec<Event>, ApiError> {
        let id = &op.group;
        if let Some(namespace) = &op.namespace
            && namespace != NAMESPACE
        {
            return invalid(
                id,
                format!("namespace {namespace:?} means nothing here; the only one is {NAMESPACE}"),
            );
        }
        let mut group = self.group(id)?.clone();
        for (key, value) in &op.parameters {
            self.put_one(id, &mut group, key, value)?;
        }
        self.check(id, &group)?;
        if op.parameters.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = op.parameters.keys().map(String::as_str).collect();
        let event = Event::new(
            format!("group {id}"),
            format!(
                "{} set; sessions follow when they are re-established",
                keys.join(", ")
            ),
        );
        self.groups.insert(id.clone(), group);
        Ok(vec![event])
    }

    /// Sets one key; `null` takes a setting back.
    fn put_one(
        &self,
        id: &GroupId,
        group: &mut Group,
        key: &str,
        value: &Value,
    ) -> Result<(), ApiError> {
        let wrong = |wanted| wrong_type(id, key, wanted, value);
        match key {
            "useVpg" => group.use_vpg = read(value).ok_or_else(|| wrong("true or false"))?,
            "vpgId" => {
                group.vpg = match read::<Option<String>>(value)
                    .ok_or_else(|| wrong("the name or the id of a VPG"))?
                {
                    Some(name) => Some(self.vpg_by_id(&name)?),
                    None => None,
                }
            }
            "useCustomDns" => {
                group.use_custom_dns = read(value).ok_or_else(|| wrong("true or false"))?;
            }
            "dnsServers" => {
                group.dns_servers = read::<Option<Vec<Ipv4Addr>>>(value)
                    .ok_or_else(|| wrong("a list of IPv4 addresses"))?
                    .unwrap_or_default();
            }
            "ipLinkMtu" => {
                group.ip_link_mtu = read(value).ok_or_else(|| wrong("a whole number of bytes"))?;
            }
            _ => {
                return invalid(
                    id,
                    format!("{NAMESPACE} has no key {key:?}; {}", hint(key, KEYS)),
                );
            }
        }
        Ok(())
    }

    /// The VPG of this name, or of this id.
    fn vpg_by_id(&self, text: &str) -> Result<VpgId, ApiError> {
        if let Some(name) = self.vpgs.keys().find(|name| name.service_id() == text) {
            return Ok(name.clone());
        }
        let name = VpgId::new(text);
        self.vpg(&name)?;
        Ok(name)
    }

    /// Refuses settings that no session could be made with.
    fn check(&self, id: &GroupId, group: &Group) -> Result<(), ApiError> {
        match (&group.vpg, group.use_vpg) {
            (None, true) => return invalid(id, "useVpg needs a vpgId".into()),
            (Some(vpg), true) => {
                self.lasting_vpg(vpg)?;
            }
            (_, false) => {}
        }
        if group.use_custom_dns && group.dns_servers.is_empty() {
            return invalid(id, "useCustomDns needs dnsServers".into());
        }
        if let Some(mtu) = group.ip_link_mtu
            && !MTU.contains(&mtu)
        {
            return invalid(
                id,
                format!(
                    "ipLinkMtu {mtu} is out of bounds; it may be {} to {}",
                    MTU.start(),
                    MTU.end()
                ),
            );
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn invalid<T>(id: &GroupId, what: String) -> Result<T, ApiError> {
    refuse(error::GROUP_INVALID, format!("group {id}: {what}"))
}

fn wrong_type(id: &GroupId, key: &str, wanted: &str, value: &Value) -> ApiError {
    ApiError::soracom(
        error::GROUP_INVALID,
        format!("group {id}: {key} is {wanted}; this is {value}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::cloud::testing::World;

    fn put(parameters: Value) -> Value {
        json!({"group": "canal", "parameters": parameters})
    }

    #[test]
    fn settings_are_merged() {
        let mut world = World::with_vpg();
        world.configure(json!({"ipLinkMtu": 1400}));
        world.configure(json!({"useVpg": false}));
        assert_eq!(world.value("canal.ip_link_mtu"), "1400");
        assert_eq!(world.value("canal.vpg"), "vpg");
        let id = world.value("vpg.id");
        world.configure(json!({"useVpg": true, "vpgId": id, "ipLinkMtu": null}));
        assert_eq!(world.value("canal.vpg"), "vpg");
        assert!(world.cloud.value("canal.ip_link_mtu").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused_as_a_whole() {
        let mut world = World::with_vpg();
        for (parameters, message) in [
            (
                json!({"useVPG": true}),
                "group canal: SoracomAir has no key \"useVPG\"; did you mean \"useVpg\"?",
            ),
            (
                json!({"useVpg": "yes"}),
                "group canal: useVpg is true or false; this is \"yes\"",
            ),
            (
                json!({"ipLinkMtu": 9001}),
                "group canal: ipLinkMtu 9001 is out of bounds; it may be 576 to 1500",
            ),
            (
                json!({"ipLinkMtu": 1400, "vpgId": "vqg"}),
                "no VPG is called \"vqg\"; did you mean \"vpg\"?",
            ),
            (json!({"vpgId": null}), "group canal: useVpg needs a vpgId"),
            (
                json!({"useCustomDns": true}),
                "group canal: useCustomDns needs dnsServers",
            ),
            (
                json!({"dnsServers": ["dns.example"]}),
                "group canal: dnsServers is a list of IPv4 addresses; this is [\"dns.example\"]",
            ),
        ] {
            let error = world.refused("putConfigurationParameters", put(parameters));
            assert_eq!(error.message, message);
        }
        let error = world.refused(
            "putConfigurationParameters",
            json!({"group": "canal", "namespace": "SoracomBeam", "parameters": {}}),
        );
        assert!(error.message.contains("SoracomAir"), "{error}");
    }

    #[test]
    fn a_group_with_sims_is_not_deleted() {
        let mut world = World::with_vpg();
        let error = world.refused("deleteGroup", json!({"group": "canal"}));
        assert_eq!(error.code, "GRP4002");
        assert!(error.message.contains("camera, sensor"), "{error}");
        for sim in ["camera", "sensor"] {
            world.run("unsetSimGroup", json!({"sim": sim}));
        }
        world.run("deleteGroup", json!({"group": "canal"}));
        world.run("createGroup", json!({"as": "canal"}));
        world.refused("createGroup", json!({"as": "canal"}));
    }
}
