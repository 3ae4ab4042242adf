//! What the names in probes and scripts stand for.

use std::net::Ipv4Addr;

use super::NodeName;
use super::names::{ENDPOINTS, FIXED_NODES};
use super::nearest::nearest;
use super::soracom::is_domain_name;
use crate::cloud::aws::{InstanceId, InstanceState};
use crate::cloud::soracom::{SimId, SimStatus, platform};
use crate::cloud::{Cloud, internet};

/// Why a name stands for no node, or for none that has an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing has the name.
    #[error("no node is called `{name}`{}", suggestion(.nearest.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The name is that of a platform endpoint, which can be asked but does not ask.
    #[error(
        "`{0}` is an endpoint of SORACOM's platform: it can be asked, but asks nothing and runs no scripts"
    )]
    Endpoint(String),
    /// The SIM has no session, and no address is pinned for it.
    #[error(
        "SIM `{0}` is offline, so it has no address; connect it first, or give the address that it had"
    )]
    Offline(SimId),
    /// The instance does not run.
    #[error("instance `{0}` is stopped, so it asks nothing and runs no scripts; start it first")]
    Stopped(InstanceId),
    /// The instance does not run, so nothing comes back from it.
    #[error(
        "instance `{0}` is stopped, so it answers nothing; start it first, or expect `blocked`"
    )]
    Silent(InstanceId),
    /// The SIM is terminated.
    #[error("SIM `{0}` is terminated, and that is final; register another one")]
    Terminated(SimId),
    /// The text is a domain name.
    #[error("`{0}` is a domain name, not a node; look it up with `dns`, or ask its address")]
    DomainName(String),
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

/// The node that asks or carries out a script where its name is written.
///
/// # Errors
///
/// Nothing that could do so has the name.
pub fn node(name: &str, cloud: &Cloud) -> Result<NodeName, TargetError> {
    let node = named(name, cloud)?;
    match &node {
        NodeName::Sim(sim) if is_terminated(sim, cloud) => {
            Err(TargetError::Terminated(sim.clone()))
        }
        NodeName::Instance(instance) if is_stopped(instance, cloud) => {
            Err(TargetError::Stopped(instance.clone()))
        }
        _ => Ok(node),
    }
}

fn is_terminated(sim: &SimId, cloud: &Cloud) -> bool {
    let sim = cloud.soracom.sims.get(sim);
    sim.is_some_and(|sim| sim.status == SimStatus::Terminated)
}

fn is_stopped(instance: &InstanceId, cloud: &Cloud) -> bool {
    let instance = cloud.aws.instances.get(instance);
    instance.is_some_and(|instance| instance.state == InstanceState::Stopped)
}

/// The node of a name, whatever state it is in.
fn named(name: &str, cloud: &Cloud) -> Result<NodeName, TargetError> {
    match name {
        "pc" => return Ok(NodeName::Pc),
        "internet" => return Ok(NodeName::Internet),
        _ => {}
    }
    let sim = SimId::new(name);
    if cloud.soracom.sims.contains_key(&sim) {
        return Ok(NodeName::Sim(sim));
    }
    let instance = InstanceId::new(name);
    if cloud.aws.instances.contains_key(&instance) {
        return Ok(NodeName::Instance(instance));
    }
    if ENDPOINTS.contains(&name) {
        return Err(TargetError::Endpoint(name.to_owned()));
    }
    Err(unknown(name, cloud, &[]))
}

fn unknown(name: &str, cloud: &Cloud, more: &[&str]) -> TargetError {
    let sims = cloud.soracom.sims.keys().map(SimId::as_str);
    let instances = cloud.aws.instances.keys().map(InstanceId::as_str);
    let candidates = sims
        .chain(instances)
        .chain(FIXED_NODES.iter().copied())
        .chain(more.iter().copied());
    TargetError::Unknown {
        name: name.to_owned(),
        nearest: nearest(name, candidates).map(str::to_owned),
    }
}

/// The address that a node asks where `to` is written: an address, a platform endpoint, or a node.
/// The machines on the internet ask an instance at its public address, all others at its private one.
///
/// # Errors
///
/// Nothing has the name, or what has it has no address.
pub fn destination(from: &NodeName, to: &str, cloud: &Cloud) -> Result<Ipv4Addr, TargetError> {
    if let Ok(address) = to.parse() {
        return Ok(address);
    }
    let [dns, _] = platform::DNS;
    match to {
        "pong" | "metadata" => return Ok(platform::PONG),
        "dns" => return Ok(dns),
        "ntp" => return Ok(platform::NTP),
        _ => {}
    }
    match named(to, cloud) {
        Ok(NodeName::Pc) => Ok(internet::PC),
        Ok(NodeName::Internet) => Ok(internet::SERVER),
        Ok(NodeName::Sim(sim)) if is_terminated(&sim, cloud) => Err(TargetError::Terminated(sim)),
        Ok(NodeName::Sim(sim)) => sim_address(&sim, cloud).ok_or(TargetError::Offline(sim)),
        Ok(NodeName::Instance(instance)) => {
            let public = match from {
                NodeName::Pc | NodeName::Internet => cloud.aws.public_ip(&instance),
                NodeName::Sim(_) | NodeName::Instance(_) => None,
            };
            let private = cloud
                .aws
                .instances
                .get(&instance)
                .map(|instance| instance.private_ip);
            public
                .or(private)
                .ok_or_else(|| unknown(to, cloud, ENDPOINTS))
        }
        Err(_) if to.contains('.') && is_domain_name(to) => {
            Err(TargetError::DomainName(to.to_owned()))
        }
        Err(_) => Err(unknown(to, cloud, ENDPOINTS)),
    }
}

/// The address of a SIM's session, or else the one that it is pinned to.
fn sim_address(sim: &SimId, cloud: &Cloud) -> Option<Ipv4Addr> {
    let sim = cloud.soracom.sims.get(sim)?;
    if let Some(session) = &sim.session {
        return Some(session.ip);
    }
    let group = cloud.soracom.groups.get(sim.group.as_ref()?)?;
    let vpg = group.vpg.as_ref().filter(|_| group.use_vpg)?;
    let pinned = &cloud.soracom.vpgs.get(vpg)?.ip_address_map;
    pinned.get(&sim.imsi).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn gate() -> Cloud {
        let text = include_bytes!("../../tests/check/gate.toml");
        let scenario = crate::scenario::read("gate.toml", text).unwrap();
        crate::scenario::build(&scenario).unwrap().0
    }

    #[test]
    fn a_name_is_asked_where_the_asking_node_would_find_it() {
        let cloud = gate();
        let sensor = node("sensor", &cloud).unwrap();
        let server = Ipv4Addr::new(10, 0, 0, 254);
        assert_eq!(destination(&sensor, "server", &cloud), Ok(server));
        let public = destination(&NodeName::Pc, "server", &cloud).unwrap();
        assert_eq!(
            Some(public),
            cloud.aws.public_ip(&InstanceId::new("server"))
        );
        assert_eq!(destination(&sensor, "pong", &cloud), Ok(platform::PONG));
        assert_eq!(destination(&sensor, "pc", &cloud), Ok(internet::PC));
        assert_eq!(
            destination(&sensor, "10.0.0.1", &cloud),
            Ok(Ipv4Addr::new(10, 0, 0, 1))
        );
        assert!(destination(&sensor, "sensor", &cloud).is_ok());
    }

    #[test]
    fn what_has_no_address_says_why() {
        let mut cloud = gate();
        let server = node("server", &cloud).unwrap();
        let say = |cloud: &Cloud, to| destination(&server, to, cloud).unwrap_err().to_string();
        assert!(say(&cloud, "sensr").contains("did you mean `sensor`"));
        assert!(say(&cloud, "example.com").contains("is a domain name"));
        assert!(
            node("pong", &cloud)
                .unwrap_err()
                .to_string()
                .contains("endpoint")
        );
        cloud
            .soracom
            .sims
            .get_mut(&SimId::new("sensor"))
            .unwrap()
            .session = None;
        assert!(say(&cloud, "sensor").contains("is offline"));
        let sim = cloud.soracom.sims.get_mut(&SimId::new("sensor")).unwrap();
        sim.status = SimStatus::Terminated;
        assert!(say(&cloud, "sensor").contains("is terminated"));
    }

    #[test]
    fn what_does_not_run_asks_nothing_but_can_be_asked() {
        let mut cloud = gate();
        let server = cloud.aws.instances.get_mut(&InstanceId::new("server"));
        server.unwrap().state = InstanceState::Stopped;
        let stopped = TargetError::Stopped(InstanceId::new("server"));
        assert_eq!(node("server", &cloud), Err(stopped));
        assert!(destination(&NodeName::Pc, "server", &cloud).is_ok());
        let sim = cloud.soracom.sims.get_mut(&SimId::new("sensor")).unwrap();
        sim.status = SimStatus::Terminated;
        let terminated = TargetError::Terminated(SimId::new("sensor"));
        assert_eq!(node("sensor", &cloud), Err(terminated));
    }
}
