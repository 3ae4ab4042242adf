//! The outbound routing filter.
//!
//! Entries allow or deny destinations beyond the internet gateway and the private connections; the
//! most specific prefix wins, what matches none is allowed, and the platform's own endpoints always
//! answer (users.soracom.io, VPG, "アウトバウンドルーティングフィルター"; Air, "エンドポイント").

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::cidr::canonical;
use super::error::{self, refuse};
use super::{SetRoutingFilter, Soracom, Vpg};
use crate::cloud::aws::RuleAction;
use crate::cloud::{ApiError, Event};

impl Soracom {
    pub(super) fn set_routing_filter(
        &mut self,
        op: &SetRoutingFilter,
    ) -> Result<Vec<Event>, ApiError> {
        self.lasting_vpg(&op.vpg)?;
        let mut filter = BTreeMap::new();
        for entry in &op.entries {
            canonical(
                error::FILTER_INVALID,
                "routing filter entry",
                entry.ip_range,
            )?;
            if filter.insert(entry.ip_range, entry.action).is_some() {
                return refuse(
                    error::FILTER_INVALID,
                    format!(
                        "VPG {}: the routing filter has {} twice; remove one of the entries",
                        op.vpg, entry.ip_range
                    ),
                );
            }
        }
        let event = Event::new(
            format!("routing filter of VPG {}", op.vpg),
            match filter.len() {
                0 => "emptied".into(),
                1 => "set: 1 entry".into(),
                entries => format!("set: {entries} entries"),
            },
        );
        self.vpg_mut(&op.vpg)?.routing_filter = filter;
        Ok(vec![event])
    }
}

impl Vpg {
    /// The entry of the routing filter that decides on a destination: the most specific one. None
    /// means allowed.
    pub fn filter_verdict(&self, destination: Ipv4Addr) -> Option<(Ipv4Net, RuleAction)> {
        self.routing_filter
            .iter()
            .filter(|(range, _)| range.contains(&destination))
            .max_by_key(|(range, _)| range.prefix_len())
            .map(|(range, action)| (*range, *action))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::VpgId;
    use super::*;
    use crate::cloud::testing::World;

    #[test]
    fn the_most_specific_prefix_wins() {
        let mut world = World::with_vpg();
        world.run(
            "setRoutingFilter",
            json!({"vpg": "vpg", "entries": [
                {"action": "deny", "ip_range": "0.0.0.0/0"},
                {"action": "allow", "ip_range": "10.0.0.0/16"},
                {"action": "deny", "ip_range": "10.0.0.254/32"},
            ]}),
        );
        let vpg = &world.cloud.soracom.vpgs[&VpgId::new("vpg")];
        let verdict = |ip| vpg.filter_verdict(ip).map(|(_, action)| action);
        assert_eq!(verdict(Ipv4Addr::new(8, 8, 8, 8)), Some(RuleAction::Deny));
        assert_eq!(verdict(Ipv4Addr::new(10, 0, 0, 1)), Some(RuleAction::Allow));
        assert_eq!(
            verdict(Ipv4Addr::new(10, 0, 0, 254)),
            Some(RuleAction::Deny)
        );
        world.run("setRoutingFilter", json!({"vpg": "vpg", "entries": []}));
        let vpg = &world.cloud.soracom.vpgs[&VpgId::new("vpg")];
        assert_eq!(vpg.filter_verdict(Ipv4Addr::new(8, 8, 8, 8)), None);
    }

    #[test]
    fn a_range_is_given_once() {
        let mut world = World::with_vpg();
        let error = world.refused(
            "setRoutingFilter",
            json!({"vpg": "vpg", "entries": [
                {"action": "deny", "ip_range": "10.0.0.0/16"},
                {"action": "allow", "ip_range": "10.0.0.0/16"},
            ]}),
        );
        assert_eq!(error.code, "RTF4001");
    }
}
