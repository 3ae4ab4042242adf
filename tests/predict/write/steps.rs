//! The steps: what a table can't say, then questions and changes in their order.
//!
//! Each change is tried on the pure clouds, and left out where they refuse it.

use std::collections::BTreeSet;
use std::time::Duration;

use canal_sim::cloud::aws::InstanceId;
use canal_sim::cloud::{Action, Cloud, Time};
use canal_sim::scenario::target;
use serde_json::{Value, json};

use super::aws::group_name;
use super::layout::{InstanceFacts, Layout, TunnelFacts, VpgFacts, at, choose};
use super::likely::likely;
use super::soracom::{filter, sim_name};
use super::toml::Text;
use super::tunnel;
use crate::plan::{Ask, Change, Flow, Mistake, Pick, Session, State, Step, To};

/// Longer than a peering request lives.
const LATE: Duration = Duration::from_secs(8 * 24 * 60 * 60);

/// A scenario under way.
pub struct Steps<'a> {
    layout: &'a Layout<'a>,
    cloud: Cloud,
    now: Time,
    timeout: &'a str,
    text: Text,
    /// Instances that have the interface `vxlan0`.
    tunnels: BTreeSet<usize>,
}

impl<'a> Steps<'a> {
    pub fn new(
        layout: &'a Layout<'a>,
        cloud: Cloud,
        now: Time,
        timeout: &'a str,
        text: Text,
    ) -> Self {
        Self {
            layout,
            cloud,
            now,
            timeout,
            text,
            tunnels: BTreeSet::new(),
        }
    }

    pub fn done(self) -> String {
        self.text.0
    }

    /// What comes before the first question.
    pub fn open(&mut self) {
        let layout = self.layout;
        if layout.plan.late {
            self.text.step();
            self.text.set("wait", "8d");
            self.now = self.now.saturating_add(LATE);
            self.cloud.advance(self.now);
        }
        for (n, sim) in layout.plan.sims.iter().enumerate() {
            // Idle sessions have ended.
            if layout.plan.late && sim.session != Session::Offline {
                self.act("connect", json!({"sim": sim_name(n)}));
            }
            if let Session::Moved(pick) = sim.session {
                let group = layout.sim_group(Some(pick));
                self.act("setSimGroup", json!({"sim": sim_name(n), "group": group}));
            }
        }
        let peerings = layout.peerings.iter().map(|one| (&one.name, one.state));
        let canals = layout.links.iter().map(|one| (&one.name, one.state));
        for (name, state) in peerings.chain(canals) {
            match state {
                State::Accepted | State::Requested => {}
                State::Rejected => {
                    self.act("RejectVpcPeeringConnection", json!({"peering": name}));
                }
                State::Deleted => {
                    self.act("DeleteVpcPeeringConnection", json!({"peering": name}));
                }
            }
        }
        for link in layout
            .links
            .iter()
            .filter(|one| one.state == State::Deleted)
        {
            let vpg = &layout.vpgs[link.vpg].name;
            self.act(
                "deleteTransitGatewayVpcAttachment",
                json!({"vpg": vpg, "attachment": link.name}),
            );
        }
        for instance in &layout.instances {
            if instance.plan.stopped {
                self.act("StopInstances", json!({"instance": instance.name}));
            } else if instance.plan.forwards {
                self.run(&instance.name, "echo 1 > /proc/sys/net/ipv4/ip_forward");
            }
        }
        for tunnel in &layout.tunnels {
            self.tunnel(tunnel, tunnel.plan.mistake);
        }
    }

    pub fn write(&mut self, step: &Step) {
        match step {
            Step::Ask(flow) => self.ask(flow),
            Step::Change(change) => self.change(change),
        }
    }

    /// One action, if the clouds carry it out.
    fn act(&mut self, operation: &str, parameters: Value) -> bool {
        let action = Action::read(operation, parameters.clone())
            .unwrap()
            .unwrap();
        if self.cloud.apply(&action, self.now).is_err() {
            return false;
        }
        self.text.step();
        self.text.set("do", operation);
        for (key, value) in parameters.as_object().unwrap() {
            self.text.set(key, value.clone());
        }
        true
    }

    fn run(&mut self, on: &str, script: &str) {
        self.text.step();
        self.text.set("on", on);
        if script.contains('\n') {
            self.text
                .0
                .push_str(&format!("run = \"\"\"\n{script}\n\"\"\"\n"));
        } else {
            self.text.set("run", script);
        }
    }

    /// Runs the script that makes a Gate peer of an instance, unless it is one already.
    fn tunnel(&mut self, tunnel: &TunnelFacts<'_>, mistake: Mistake) {
        let name = &self.layout.instances[tunnel.instance].name;
        let runs = target::node(name, &self.cloud).is_ok();
        if !runs || self.tunnels.contains(&tunnel.instance) {
            return;
        }
        if let Some(script) = tunnel::script(self.layout, tunnel, mistake) {
            self.run(name, &script);
            self.tunnels.insert(tunnel.instance);
        }
    }

    fn ask(&mut self, flow: &Flow) {
        let sims = (0..self.layout.plan.sims.len()).map(sim_name);
        let instances = self.layout.instances.iter().map(|one| one.name.clone());
        let mut machines: Vec<String> = sims.chain(instances).collect();
        // Twice as often as the two on the internet.
        machines.extend(machines.clone());
        machines.extend(["internet".to_owned(), "pc".to_owned()]);
        machines.retain(|name| target::node(name, &self.cloud).is_ok());
        let Some(from) = choose(&machines, flow.from).cloned() else {
            return;
        };
        let Some((to, ask)) = self.to(&from, &machines, flow) else {
            return;
        };
        self.text.step();
        self.text.set("from", from);
        self.text.set("to", to);
        self.text.set("timeout", self.timeout);
        self.text
            .0
            .push_str(&format!("expect = {{ {ask}, predicted = true }}\n"));
    }

    /// Who is asked, and how.
    fn to(&self, from: &str, machines: &[String], flow: &Flow) -> Option<(String, String)> {
        let layout = self.layout;
        let ask = ask(flow.ask);
        let asker = target::node(from, &self.cloud).ok()?;
        Some(match flow.to {
            To::Node(pick) => {
                let mut others: Vec<String> = machines.to_vec();
                // What is stopped answers nothing, so it is asked at its address.
                let stopped = layout.instances.iter().filter(|one| !self.runs(one));
                others.extend(stopped.map(|one| one.ip.to_string()));
                others.retain(|name| {
                    name != from && target::destination(&asker, name, &self.cloud).is_ok()
                });
                (choose(&others, pick)?.clone(), ask)
            }
            To::Likely(pick) => {
                let mut likely = likely(layout, &self.cloud, from);
                // What is stopped is asked at its address, by another sort of question.
                likely.retain(|name| {
                    name.parse::<std::net::Ipv4Addr>().is_ok()
                        || name == "pong"
                        || target::node(name, &self.cloud).is_ok()
                });
                (choose(&likely, pick)?.clone(), ask)
            }
            To::Inner(pick) => (choose(&layout.tunnels, pick)?.inner.to_string(), ask),
            To::Public(pick) => {
                let public: Vec<String> = layout
                    .instances
                    .iter()
                    .filter_map(|one| self.cloud.aws.public_ip(&InstanceId::new(&one.name)))
                    .map(|address| address.to_string())
                    .collect();
                (choose(&public, pick)?.clone(), ask)
            }
            To::Endpoint(pick) => match pick % 4 {
                0 => ("dns".to_owned(), "dns = \"example.com\"".to_owned()),
                1 => ("ntp".to_owned(), "ntp = true".to_owned()),
                _ => ("pong".to_owned(), ask),
            },
            To::VpgOwn(pick) => {
                let own = layout.vpgs.iter().flat_map(|vpg| {
                    let inner = [at(vpg.devices, 1), at(vpg.devices, 2)];
                    vpg.outer.into_iter().chain(inner)
                });
                let own: Vec<String> = own.map(|address| address.to_string()).collect();
                (choose(&own, pick)?.clone(), ask)
            }
            To::Address(pick) => (choose(&addresses(layout), pick)?.clone(), ask),
        })
    }

    fn runs(&self, instance: &InstanceFacts<'_>) -> bool {
        target::node(&instance.name, &self.cloud).is_ok()
    }

    fn change(&mut self, change: &Change) {
        let layout = self.layout;
        let vpg = |pick: &Pick| choose(&layout.vpgs, *pick);
        let sim = |pick: &Pick| {
            let count = layout.plan.sims.len();
            usize::from(*pick).checked_rem(count).map(sim_name)
        };
        match change {
            Change::Stop(pick) => self.reset("StopInstances", *pick),
            Change::Start(pick) => self.reset("StartInstances", *pick),
            Change::Reboot(pick) => self.reset("RebootInstances", *pick),
            Change::Check(pick, on) => {
                if let Some(one) = choose(&layout.instances, *pick) {
                    let parameters = json!({"instance": one.name, "source_dest_check": on});
                    self.act("ModifyInstanceAttribute", parameters);
                }
            }
            Change::Regroup(pick, group) => {
                if let Some(one) = choose(&layout.instances, *pick) {
                    let count = layout.plan.vpcs[one.vpc].groups.len();
                    let vpc = &layout.vpcs[one.vpc].name;
                    if let Some(n) = usize::from(*group).checked_rem(count) {
                        let groups = [group_name(vpc, n)];
                        let parameters = json!({"instance": one.name, "security_groups": groups});
                        self.act("ModifyInstanceAttribute", parameters);
                    }
                }
            }
            Change::Reconnect(pick) => {
                if let Some(sim) = sim(pick) {
                    self.act("reconnect", json!({"sim": sim}));
                }
            }
            Change::Disconnect(pick) => {
                if let Some(sim) = sim(pick) {
                    self.act("disconnect", json!({"sim": sim}));
                }
            }
            Change::Move(pick, home) => {
                if let Some(sim) = sim(pick) {
                    let group = layout.sim_group(*home);
                    self.act("setSimGroup", json!({"sim": sim, "group": group}));
                }
            }
            Change::OpenGate(pick) => self.on_vpg(vpg(pick), "openGate", json!({})),
            Change::CloseGate(pick) => self.on_vpg(vpg(pick), "closeGate", json!({})),
            Change::Vni(pick, other) => {
                let vni = if *other { 30 } else { 10 };
                self.on_vpg(
                    vpg(pick),
                    "setVirtualPrivateGatewayVxLanId",
                    json!({"vni": vni}),
                );
            }
            Change::Separator(pick, on) => {
                let operation = if *on {
                    "enableGatePrivacySeparator"
                } else {
                    "disableGatePrivacySeparator"
                };
                self.on_vpg(vpg(pick), operation, json!({}));
            }
            Change::Filter(pick, entries) => {
                let entries = filter(layout, entries);
                self.on_vpg(vpg(pick), "setRoutingFilter", json!({"entries": entries}));
            }
            Change::DeletePeering(pick) => {
                if let Some(peering) = self.peering(*pick) {
                    self.act("DeleteVpcPeeringConnection", json!({"peering": peering}));
                }
            }
            Change::AcceptPeering(pick) => {
                if let Some(peering) = self.peering(*pick) {
                    self.act("AcceptVpcPeeringConnection", json!({"peering": peering}));
                }
            }
            Change::DeleteCanal(pick) => {
                if let Some(link) = choose(&layout.links, *pick) {
                    let (vpg, name) = (layout.vpgs.get(link.vpg), &link.name);
                    let parameters = json!({"peering": name});
                    self.on_vpg(vpg, "deleteVpcPeeringConnection", parameters);
                }
            }
            Change::Unregister(pick) => {
                if let Some(tunnel) = choose(&layout.tunnels, *pick) {
                    let outer = layout.instances[tunnel.instance].ip;
                    let parameters = json!({"outer_ip": outer.to_string()});
                    self.on_vpg(
                        layout.vpgs.get(tunnel.vpg),
                        "unregisterGatePeer",
                        parameters,
                    );
                }
            }
            Change::TunnelDown(pick) => self.switch(*pick, "ip link set vxlan0 down"),
            Change::TunnelUp(pick) => self.switch(*pick, "ip link set vxlan0 up"),
            Change::TunnelAgain(pick) => {
                if let Some(tunnel) = choose(&layout.tunnels, *pick) {
                    self.switch(*pick, "ip link del vxlan0");
                    self.tunnels.remove(&tunnel.instance);
                    self.tunnel(tunnel, Mistake::None);
                }
            }
            Change::DetachGateway(pick) => {
                if let Some(vpc) = choose(&layout.vpcs, *pick) {
                    let parameters = json!({"internet_gateway": vpc.name, "vpc": vpc.name});
                    self.act("DetachInternetGateway", parameters);
                }
            }
        }
    }

    /// Something that loses what was typed on an instance.
    fn reset(&mut self, operation: &str, pick: Pick) {
        let Some(n) = usize::from(pick).checked_rem(self.layout.instances.len()) else {
            return;
        };
        let name = &self.layout.instances[n].name;
        // Starting one that runs changes nothing.
        let keeps = operation == "StartInstances" && target::node(name, &self.cloud).is_ok();
        if self.act(operation, json!({"instance": name})) && !keeps {
            self.tunnels.remove(&n);
        }
    }

    fn on_vpg(&mut self, vpg: Option<&VpgFacts>, operation: &str, mut parameters: Value) {
        if let Some(vpg) = vpg {
            parameters["vpg"] = vpg.name.clone().into();
            self.act(operation, parameters);
        }
    }

    /// A peering of either kind.
    fn peering(&self, pick: Pick) -> Option<String> {
        let own = self.layout.peerings.iter().map(|one| one.name.clone());
        let canals = self.layout.links.iter().map(|one| one.name.clone());
        choose(&own.chain(canals).collect::<Vec<_>>(), pick).cloned()
    }

    /// A line typed on a Gate peer that has its interface.
    fn switch(&mut self, pick: Pick, line: &str) {
        if let Some(tunnel) = choose(&self.layout.tunnels, pick)
            && self.tunnels.contains(&tunnel.instance)
        {
            let name = self.layout.instances[tunnel.instance].name.clone();
            self.run(&name, line);
        }
    }
}

fn ask(ask: Ask) -> String {
    match ask {
        Ask::Ping => "ping = true".to_owned(),
        Ask::Tcp(port) => format!("tcp = {port}"),
        Ask::Udp(port) => format!("udp = {port}"),
        Ask::Large {
            size,
            dont_fragment: false,
        } => format!("ping = true, size = {size}"),
        Ask::Large {
            size,
            dont_fragment: true,
        } => format!("ping = true, size = {size}, df = true"),
    }
}

/// Addresses of the clouds' own machinery, and such as nobody has.
fn addresses(layout: &Layout<'_>) -> Vec<String> {
    let mut list: Vec<String> = [
        "8.8.8.8",
        "198.51.100.77",
        "203.0.113.200",
        "10.99.0.1",
        "192.168.77.7",
        "100.127.0.9",
        "100.64.0.9",
        "169.254.169.253",
    ]
    .map(str::to_owned)
    .to_vec();
    for vpc in &layout.vpcs {
        let subnet = vpc.subnets[0];
        list.extend([1, 2, 99].map(|n| at(subnet, n).to_string()));
        // In the VPC, in no subnet.
        list.push(at(vpc.cidr, 3 * 256 + 9).to_string());
    }
    for vpg in &layout.vpgs {
        list.extend([3, 4, 9].map(|n| at(vpg.devices, n).to_string()));
    }
    for tunnel in &layout.tunnels {
        list.push(tunnel.spare.to_string());
    }
    list
}
