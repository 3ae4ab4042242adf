//! Sessions, and the groups that say where they go.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::json;

use super::{Fault, Mend, after, name};
use crate::cloud::NodeName;
use crate::cloud::soracom::{
    Action, ActivateSim, Connect, CreateGroup, GroupId, PutConfigurationParameters, Reconnect,
    SetSimGroup, SimId, SimStatus, VpgId, VpgStatus,
};
use crate::reach::HopKind;

impl Fault<'_> {
    /// The device connects; its SIM is activated first where its status forbids it.
    pub(super) fn offline(&self) -> Option<Mend> {
        let HopKind::Session { sim, .. } = self.last.kind else {
            return None;
        };
        let actions = self.connect(sim)?;
        let words = match actions.len() {
            1 => format!(
                "Connect {sim}: it has no session, and nothing in the cloud can wake an offline SIM."
            ),
            _ => format!("Activate {sim}, whose status forbids it to connect, and connect it."),
        };
        Some(Mend::act(actions, words))
    }

    fn connect(&self, id: &SimId) -> Option<Vec<Action>> {
        let sim = self.cloud.soracom.sims.get(id)?;
        let activate = match sim.status {
            SimStatus::Ready | SimStatus::Active | SimStatus::Standby => None,
            SimStatus::Inactive | SimStatus::Suspended => {
                Some(Action::ActivateSim(ActivateSim { sim: id.clone() }))
            }
            SimStatus::Terminated => return None,
        };
        let connect = match sim.session {
            None => Action::Connect(Connect { sim: id.clone() }),
            Some(_) => reconnect(id),
        };
        Some(activate.into_iter().chain([connect]).collect())
    }

    /// The SIM that asks, or that is on the way where its device answers.
    fn sim(&self) -> Option<&SimId> {
        let on_way = self.hops.iter().find_map(|hop| match hop.kind {
            HopKind::Session { sim, .. } => Some(sim),
            _ => None,
        });
        match &self.flow.from {
            NodeName::Sim(sim) if !self.answer => Some(sim),
            _ => on_way,
        }
    }

    /// The group leads elsewhere by now, and the session does not know it.
    pub(super) fn stale_session(&self) -> Option<Mend> {
        let id = self.sim()?;
        let sim = self.cloud.soracom.sims.get(id)?;
        let session = sim.session.as_ref()?;
        let group = self.cloud.soracom.groups.get(sim.group.as_ref()?)?;
        let wanted = group.vpg.as_ref().filter(|_| group.use_vpg);
        let anchor = session.anchor.as_ref().map(|(vpg, _)| vpg);
        if wanted == anchor {
            return None;
        }
        let place = |vpg: Option<&VpgId>| match vpg {
            Some(vpg) => format!("the VPG {vpg}"),
            None => "no VPG".to_owned(),
        };
        let words = format!(
            "Reconnect {id}: its session was made for {}, and its group has {} by now; a session \
             keeps what it was made with.",
            place(anchor),
            place(wanted)
        );
        Some(Mend::act([reconnect(id)], words))
    }

    /// The SIM is on the shared platform: it goes into a group whose VPG leads to the destination, or its
    /// own group gets that VPG.
    pub(super) fn use_vpg(&self) -> Option<Mend> {
        let id = self.sim()?;
        let soracom = &self.cloud.soracom;
        let sim = soracom.sims.get(id)?;
        // On a VPG it would be an address of the platform that nothing has.
        sim.session.as_ref().filter(|s| s.anchor.is_none())?;
        let vpg = self.vpg_to(self.packet.destination)?;
        let with_vpg = soracom
            .groups
            .iter()
            .find(|(_, group)| group.use_vpg && group.vpg.as_ref() == Some(vpg));
        let into = |group: &GroupId| {
            Action::SetSimGroup(SetSimGroup {
                sim: id.clone(),
                group: group.clone(),
            })
        };
        let put = |group: &GroupId| {
            Action::PutConfigurationParameters(PutConfigurationParameters {
                group: group.clone(),
                namespace: None,
                parameters: BTreeMap::from([
                    ("useVpg".into(), json!(true)),
                    ("vpgId".into(), json!(vpg)),
                ]),
            })
        };
        let (mut actions, what) = match (with_vpg, &sim.group) {
            (Some((group, _)), _) => (
                vec![into(group)],
                format!("Move {id} into the group {group}"),
            ),
            (None, Some(group)) => (
                vec![put(group)],
                format!("Give the group {group} the VPG {vpg}"),
            ),
            (None, None) => {
                let name = name::group(self.cloud);
                let create = Action::CreateGroup(CreateGroup { name: name.clone() });
                let what = format!("Make a group {name} with the VPG {vpg}, move {id} into it");
                (vec![create, put(&name), into(&name)], what)
            }
        };
        actions.push(reconnect(id));
        let words = format!(
            "{what}, and reconnect {id}: without a VPG a SIM reaches the internet and no network \
             of one's own."
        );
        Some(Mend::act(actions, words))
    }

    /// The running VPG that leads to an address, or the only one that there is.
    fn vpg_to(&self, address: Ipv4Addr) -> Option<&VpgId> {
        let running = || {
            let vpgs = self.cloud.soracom.vpgs.iter();
            vpgs.filter(|(_, vpg)| vpg.status == VpgStatus::Running)
        };
        let leads = running().find(|(_, vpg)| {
            let peerings = vpg.peerings.values().map(|peering| peering.destination);
            let routes = vpg.customer_routes.values().map(|route| route.destination);
            let mut ranges = peerings.chain(routes).chain([vpg.device_subnet]);
            ranges.any(|range| range.contains(&address))
        });
        let only = || running().next().filter(|_| running().count() == 1);
        leads.or_else(only).map(|(id, _)| id)
    }

    /// No session has this address of the device subnet: the SIM that is pinned to it connects.
    pub(super) fn nobody_in_device_subnet(&self) -> Option<Mend> {
        let id = self.vpg_on_way()?;
        let soracom = &self.cloud.soracom;
        let asked = self.packet.destination;
        let pinned = soracom.pinned_on(id).find(|(_, ip)| *ip == asked);
        if let Some((sim, _)) = pinned {
            let actions: Vec<_> = self.connect(sim)?.into_iter().map(Into::into).collect();
            let has_it = after(self.cloud, &actions).is_some_and(|cloud| {
                let mut sessions = cloud.soracom.sessions_on(id);
                sessions.any(|(_, session)| session.ip == asked)
            });
            if has_it {
                let words =
                    format!("Connect {sim}, which is pinned to {asked}, and has no session there.");
                return Some(Mend::act(actions, words));
            }
        }
        let online: Vec<String> = soracom
            .sessions_on(id)
            .map(|(sim, session)| format!("{sim} has {}", session.ip))
            .collect();
        let online = match online.is_empty() {
            true => "no device is online".to_owned(),
            false => online.join(", "),
        };
        Some(Mend::say(format!(
            "Nothing on the VPG {id} has the address {asked}; {online}. Ask the address that the device \
             has now, connect it, or pin it to an address of its own."
        )))
    }
}

fn reconnect(sim: &SimId) -> Action {
    Action::Reconnect(Reconnect { sim: sim.clone() })
}
