//! Gate: at SORACOM, and on the peer.

use std::net::Ipv4Addr;

use super::packet::{inner_source, last_machine, outer_source};
use super::{Fault, Mend, after};
use crate::cloud::aws::{
    self, AuthorizeSecurityGroupIngress, InstanceId, IpProtocol, Ports, RulePeer, RuleSpec, VpcId,
};
use crate::cloud::soracom::{
    self, DisableGatePrivacySeparator, OpenGate, RegisterGatePeer, SetVxLanId, UnregisterGatePeer,
    Vpg, VpgId,
};
use crate::cloud::{Action, NodeName};
use crate::reach::GateCheck;

/// The UDP port of VXLAN (RFC 7348).
const VXLAN: u16 = 4789;
/// The interface as SORACOM's script calls it, and everybody after it.
const DEV: &str = "vxlan0";

impl Fault<'_> {
    pub(super) fn open_gate(&self) -> Option<Mend> {
        let id = self.vpg_on_way()?;
        let words = format!(
            "Open Gate on the VPG {id}: until then neither VXLAN nor traffic between devices passes."
        );
        Some(Mend::act([open(id)], words))
    }

    pub(super) fn privacy_separator(&self) -> Option<Mend> {
        let vpg = self.vpg_on_way()?.clone();
        let words =
            format!("Switch the privacy separator of the VPG {vpg} off: it keeps devices apart.");
        let op = DisableGatePrivacySeparator { vpg };
        let action = soracom::Action::DisableGatePrivacySeparator(op);
        Some(Mend::act([action], words))
    }

    /// The peer is registered, with the inner address that it uses if that is free.
    pub(super) fn register_peer(&self) -> Option<Mend> {
        let id = self.vpg_on_way()?;
        let outer_ip = match self.gate_check() {
            Some(GateCheck::Registered(outer)) => outer,
            _ => self.packet.source,
        };
        let used = inner_source(self.hops);
        let found = [used, None]
            .into_iter()
            .map(|inner| vec![register(id, outer_ip, inner)])
            .find(|actions| after(self.cloud, actions).is_some())?;
        let words = format!(
            "Register {outer_ip} as a Gate peer of the VPG {id}: its VXLAN arrives, and Gate does not \
             know it."
        );
        Some(Mend::act(found, words))
    }

    /// The peer is registered with the address that it uses, or uses the one that it is registered with.
    pub(super) fn inner_address(&self) -> Option<Mend> {
        let id = self.vpg_on_way()?;
        let vpg = self.cloud.soracom.vpgs.get(id)?;
        let outer_ip = outer_source(self.hops)?;
        let registered = *vpg.gate.peers.get(&outer_ip)?;
        let Some(GateCheck::InnerSource(used)) = self.gate_check() else {
            return None;
        };
        let unregister = UnregisterGatePeer {
            vpg: id.clone(),
            outer_ip,
        };
        let actions = vec![
            soracom::Action::UnregisterGatePeer(unregister).into(),
            register(id, outer_ip, Some(used)),
        ];
        if after(self.cloud, &actions).is_some() {
            let words = format!(
                "Register the Gate peer {outer_ip} of the VPG {id} with the inner address {used}, \
                 which it uses, instead of {registered}."
            );
            return Some(Mend::act(actions, words));
        }
        let machine = last_machine(self.hops)?;
        let length = vpg.device_subnet.prefix_len();
        let words = format!(
            "Give {DEV} of {machine} the address {registered}, which it is registered with at the VPG \
             {id}, instead of {used}."
        );
        let within = vpg.device_subnet.contains(&used);
        let remove = within.then(|| format!("ip addr del {used}/{length} dev {DEV}"));
        let add = format!("ip addr add {registered}/{length} dev {DEV}");
        Some(Mend::say(words).typing(Some(machine), remove.into_iter().chain([add])))
    }

    /// The VPG takes the peer's VNI where that is the only peer; else the peer takes the VPG's.
    pub(super) fn vni(&self) -> Option<Mend> {
        let id = self.vpg_on_way()?;
        let gate = &self.cloud.soracom.vpgs.get(id)?.gate;
        let Some(GateCheck::Vni(vni)) = self.gate_check() else {
            return None;
        };
        let set = soracom::Action::SetVxLanId(SetVxLanId {
            vpg: id.clone(),
            vni,
        });
        let set = vec![set.into()];
        if gate.peers.len() <= 1 && after(self.cloud, &set).is_some() {
            let words = format!(
                "Set the VNI of the VPG {id} to {vni}, which its peer uses; it is {}.",
                gate.vni
            );
            return Some(Mend::act(set, words));
        }
        self.tunnel_anew()
    }

    /// The peer's VXLAN interface is made anew, as it should be.
    pub(super) fn tunnel_anew(&self) -> Option<Mend> {
        let (id, vpg) = self.vpg_of_tunnel()?;
        let (instance, outer) = self.peer()?;
        let registered = vpg.gate.peers.get(&outer).copied();
        let inner = registered
            .or_else(|| inner_source(self.hops).filter(|ip| vpg.device_subnet.contains(ip)))?;
        let words = format!(
            "Make {DEV} of {instance} anew, as Gate of the VPG {id} expects it. It is lost at a reboot, \
             so let it be made at each start."
        );
        let commands = anew(vpg, outer, inner);
        let on = NodeName::Instance(instance.clone());
        Some(Mend::say(words).typing(Some(on), commands))
    }

    /// The VPG that the tunnel leads to, or should.
    fn vpg_of_tunnel(&self) -> Option<(&VpgId, &Vpg)> {
        let vpgs = &self.cloud.soracom.vpgs;
        if let Some(id) = self.vpg_on_way() {
            return Some((id, vpgs.get(id)?));
        }
        let asked = self.packet.destination;
        let outer = outer_source(self.hops);
        let by = |which: &dyn Fn(&Vpg) -> bool| vpgs.iter().find(|(_, vpg)| which(vpg));
        by(&|vpg| vpg.vpg_subnet.contains(&asked))
            .or_else(|| by(&|vpg| outer.is_some_and(|ip| vpg.gate.peers.contains_key(&ip))))
            .or_else(|| by(&|vpg| vpg.device_subnet.contains(&asked)))
    }

    /// The instance at the tunnel's other end, and its address.
    fn peer(&self) -> Option<(&InstanceId, Ipv4Addr)> {
        let instances = &self.cloud.aws.instances;
        let by_name = |id: NodeName| match id {
            NodeName::Instance(id) => instances.get_key_value(&id),
            NodeName::Sim(_) | NodeName::Pc | NodeName::Internet => None,
        };
        let asked = match self.gate_check() {
            Some(GateCheck::Peer(outer)) => {
                let mut all = instances.iter();
                all.find(|(_, instance)| instance.private_ip == outer)
            }
            _ => None,
        };
        let (id, instance) = asked.or_else(|| by_name(last_machine(self.hops)?))?;
        Some((id, instance.private_ip))
    }

    /// The flood entries that the peer lacks.
    pub(super) fn flood(&self) -> Option<Mend> {
        let (id, vpg) = self.vpg_of_tunnel()?;
        let machine = last_machine(self.hops)?;
        let (missing, words) = match self.gate_check() {
            Some(GateCheck::Flood(index)) => {
                let node = *vpg.outer_ips().get(index)?;
                let words = format!(
                    "Let {DEV} of {machine} flood to {node} too: the session is served by that node of \
                     the VPG {id}."
                );
                (vec![node], words)
            }
            _ => {
                let words = format!("Let {DEV} of {machine} flood to both nodes of the VPG {id}.");
                (vpg.outer_ips().to_vec(), words)
            }
        };
        let commands = missing.into_iter().map(flood_entry);
        Some(Mend::say(words).typing(Some(machine), commands))
    }

    /// A VPG's own address was called: only Gate leads to what is behind it.
    pub(super) fn called_a_vpg(&self) -> Option<Mend> {
        let (id, vpg) = self.vpg_of_tunnel()?;
        let words = format!(
            "The address {} is where traffic of the VPG {id}'s devices comes from, and leads nowhere. \
             Gate is what leads to devices: ask a device's own address, in {}, through the tunnel.",
            self.packet.destination, vpg.device_subnet
        );
        let gate = match &self.flow.from {
            NodeName::Instance(instance) => self.gate_for(instance, id),
            NodeName::Sim(_) | NodeName::Pc | NodeName::Internet => None,
        };
        Some(match gate {
            Some(gate) => Mend { words, ..gate },
            None => Mend::say(words),
        })
    }

    /// Somebody in a VPC calls a device by its own address, which only Gate leads to.
    pub(super) fn gate_expected(
        &self,
        vpc: &VpcId,
        instance: &InstanceId,
        asked: Ipv4Addr,
    ) -> Option<Mend> {
        let mut vpgs = self.cloud.soracom.vpgs.iter();
        let (id, _) = vpgs.find(|(id, vpg)| {
            vpg.device_subnet.contains(&asked)
                && super::peering::live(&self.cloud.aws, &id.vpc(), vpc).is_some()
        })?;
        self.gate_for(instance, id)
    }

    /// Everything that Gate needs for an instance and that is not there, and the interface on it.
    fn gate_for(&self, instance: &InstanceId, id: &VpgId) -> Option<Mend> {
        let soracom = &self.cloud.soracom;
        let vpg = soracom.vpgs.get(id)?;
        let outer = self.cloud.aws.instances.get(instance)?.private_ip;
        let mut actions = Vec::new();
        if !vpg.gate.open {
            actions.push(open(id));
        }
        if !vpg.gate.peers.contains_key(&outer) {
            actions.push(register(id, outer, None));
        }
        actions.extend(self.let_vxlan_in(instance, vpg));
        let ready = after(self.cloud, &actions)?;
        let vpg = ready.soracom.vpgs.get(id)?;
        let inner = *vpg.gate.peers.get(&outer)?;
        let words = format!(
            "Canal leads from devices to the VPC only. For the other way, Gate of the VPG {id} must be \
             open, {instance} registered as a peer, udp {VXLAN} let in, and {DEV} made on {instance}, \
             where it is lost at each reboot."
        );
        let on = NodeName::Instance(instance.clone());
        let commands = anew(vpg, outer, inner);
        Some(Mend::act(actions, words).typing(Some(on), commands))
    }

    /// A rule for the VPG's VXLAN, where the instance's groups have none.
    fn let_vxlan_in(&self, instance: &InstanceId, vpg: &Vpg) -> Option<Action> {
        let aws = &self.cloud.aws;
        let groups = &aws.instances.get(instance)?.security_groups;
        let rules = groups
            .iter()
            .filter_map(|group| aws.security_groups.get(group))
            .flat_map(|group| group.rules(false));
        let mut allowing = rules.filter(|rule| {
            let from = matches!(&rule.peer, RulePeer::Cidr(cidr) if cidr.contains(&vpg.vpg_subnet));
            from && rule.covers(IpProtocol::Udp, VXLAN, 0)
        });
        if allowing.next().is_some() {
            return None;
        }
        let op = AuthorizeSecurityGroupIngress {
            security_group: groups.first()?.clone(),
            rule: RuleSpec {
                protocol: IpProtocol::Udp,
                port: Some(Ports::One(VXLAN)),
                icmp_type: None,
                source: Some(vpg.vpg_subnet.to_string()),
                destination: None,
            },
        };
        Some(aws::Action::AuthorizeSecurityGroupIngress(op).into())
    }
}

/// What is typed on a Gate peer (SORACOM, Gate, `gate_init_vxlan.sh`), whether it has the interface, wrong
/// in some way, or not.
fn anew(vpg: &Vpg, outer: Ipv4Addr, inner: Ipv4Addr) -> Vec<String> {
    let (vni, length) = (vpg.gate.vni, vpg.device_subnet.prefix_len());
    [
        format!("ip link del {DEV} 2>/dev/null || true"),
        format!("ip link add {DEV} type vxlan local {outer} id {vni} dstport {VXLAN} dev eth0"),
        format!("ip addr add {inner}/{length} dev {DEV}"),
        format!("ip link set {DEV} up"),
    ]
    .into_iter()
    .chain(vpg.outer_ips().map(flood_entry))
    .collect()
}

fn flood_entry(node: Ipv4Addr) -> String {
    format!("bridge fdb append 00:00:00:00:00:00 dev {DEV} dst {node}")
}

fn open(vpg: &VpgId) -> Action {
    let op = OpenGate {
        vpg: vpg.clone(),
        vni: None,
        privacy_separator: None,
    };
    soracom::Action::OpenGate(op).into()
}

fn register(vpg: &VpgId, outer_ip: Ipv4Addr, inner_ip: Option<Ipv4Addr>) -> Action {
    let op = RegisterGatePeer {
        vpg: vpg.clone(),
        outer_ip,
        inner_ip,
    };
    soracom::Action::RegisterGatePeer(op).into()
}
