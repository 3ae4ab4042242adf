//! Security groups, network ACLs, and the source/destination check.

use ipnet::Ipv4Net;

use super::packet::Packet;
use super::{Fault, Mend};
use crate::cloud::aws::{
    AclMatch, Action, AuthorizeSecurityGroupEgress, AuthorizeSecurityGroupIngress,
    CreateNetworkAclEntry, InstanceId, IpProtocol, ModifyInstanceAttribute, NetworkAcl, Ports,
    RuleAction, RuleSpec, SecurityGroupId,
};
use crate::cloud::soracom::VpgType;
use crate::reach::HopKind;

/// Where the answers to TCP and UDP go: what AWS recommends to allow, since systems choose their
/// ephemeral ports differently (Amazon VPC User Guide, "Ephemeral ports").
const EPHEMERAL: &str = "1024-65535";
/// The largest number that an entry of a network ACL can have.
const LAST_ENTRY: u16 = 32_766;
/// How far apart people number entries (Amazon VPC User Guide, "Network ACL rules": leave room).
const STEP: u16 = 100;

impl Packet {
    fn ports(&self) -> Option<Ports> {
        match (self.protocol, self.port) {
            (IpProtocol::Tcp | IpProtocol::Udp, Some(port)) => Some(Ports::One(port)),
            (IpProtocol::Tcp | IpProtocol::Udp, None) => Some(Ports::Range(EPHEMERAL.into())),
            (IpProtocol::Icmp | IpProtocol::All, _) => None,
        }
    }

    fn icmp(&self) -> Option<u8> {
        (self.protocol == IpProtocol::Icmp).then_some(self.icmp_type)
    }

    /// As rules read: `udp 4789`, `icmp type 8`.
    fn what(&self) -> String {
        match (self.ports(), self.icmp()) {
            (Some(Ports::One(port)), _) => format!("{} {port}", self.protocol),
            (Some(Ports::Range(range)), _) => format!("{} {range}", self.protocol),
            (None, Some(icmp_type)) => format!("icmp type {icmp_type}"),
            (None, None) => self.protocol.to_string(),
        }
    }
}

impl Fault<'_> {
    /// A rule for exactly this packet, in the group that the fewest instances have.
    pub(super) fn security_groups(&self) -> Option<Mend> {
        let HopKind::SecurityGroups {
            instance, egress, ..
        } = self.last.kind
        else {
            return None;
        };
        let security_group = self.narrowest_group(instance)?;
        let (range, whose) = self.other_end(egress);
        let rule = |source: Option<String>, destination: Option<String>| RuleSpec {
            protocol: self.packet.protocol,
            port: self.packet.ports(),
            icmp_type: self.packet.icmp(),
            source,
            destination,
        };
        let what = self.packet.what();
        let (action, words) = if egress {
            let rule = rule(None, Some(range.to_string()));
            let words = format!("Let {what} to {range} out of the security group {security_group}");
            let op = AuthorizeSecurityGroupEgress {
                security_group,
                rule,
            };
            (Action::AuthorizeSecurityGroupEgress(op), words)
        } else {
            let rule = rule(Some(range.to_string()), None);
            let words = format!("Let {what} from {range} into the security group {security_group}");
            let op = AuthorizeSecurityGroupIngress {
                security_group,
                rule,
            };
            (Action::AuthorizeSecurityGroupIngress(op), words)
        };
        let vxlan = if self.packet.is_vxlan() {
            " What comes through Gate's tunnel is a new flow, even if the instance began."
        } else {
            ""
        };
        Some(Mend::act([action], format!("{words}{whose}.{vxlan}")))
    }

    fn narrowest_group(&self, instance: &InstanceId) -> Option<SecurityGroupId> {
        let instances = &self.cloud.aws.instances;
        let groups = &instances.get(instance)?.security_groups;
        let members = |group: &&SecurityGroupId| {
            instances
                .values()
                .filter(|instance| instance.security_groups.contains(*group))
                .count()
        };
        groups.iter().min_by_key(members).cloned()
    }

    /// The range that the address at the other end belongs to, and what is to be said about it: a VPG's
    /// range where it is a VPG's address, since a session may be served by either node; the device
    /// subnet where a Type-F2 VPG shows devices by their own addresses, which change with each session.
    fn other_end(&self, egress: bool) -> (Ipv4Net, String) {
        let address = if egress {
            self.packet.destination
        } else {
            self.packet.source
        };
        let soracom = &self.cloud.soracom;
        if let Some((id, vpg)) = soracom
            .vpgs
            .iter()
            .find(|(_, vpg)| vpg.vpg_subnet.contains(&address))
        {
            return (vpg.vpg_subnet, format!(", the range of the VPG {id}"));
        }
        let of_device = soracom.sims.values().find_map(|sim| {
            let session = sim.session.as_ref().filter(|s| s.ip == address)?;
            let (id, _) = session.anchor.as_ref()?;
            Some((id, soracom.vpgs.get(id)?))
        });
        match of_device {
            Some((id, vpg)) if vpg.vpg_type == VpgType::F2 => (
                vpg.device_subnet,
                format!(", the device subnet of the VPG {id}"),
            ),
            _ => (Ipv4Net::from(address), String::new()),
        }
    }

    /// An entry that comes before the one that denies.
    pub(super) fn network_acl(&self) -> Option<Mend> {
        let HopKind::NetworkAcl {
            acl,
            egress,
            matched,
            ..
        } = self.last.kind
        else {
            return None;
        };
        let entries = self.cloud.aws.network_acls.get(acl)?;
        let (cidr, whose) = self.other_end(egress);
        let (direction, preposition) = if egress {
            ("egress", "to")
        } else {
            ("ingress", "from")
        };
        let what = self.packet.what();
        let Some(rule_number) = free_before(entries, egress, matched) else {
            return Some(Mend::say(format!(
                "Allow {what} {preposition} {cidr} in the {direction} entries of the network ACL \
                 {acl} before the one that denies it. No number below that is free: give the \
                 entries others."
            )));
        };
        let stateless = if self.answer && !self.packet.is_vxlan() {
            " ACLs are stateless: the answer needs an entry of its own."
        } else {
            ""
        };
        let before = match matched {
            AclMatch::Entry(number, _) => format!("before the entry {number}, which denies it"),
            AclMatch::FinalDeny => "since no entry says anything of it".to_owned(),
        };
        let words = format!(
            "Allow {what} {preposition} {cidr}{whose} by the {direction} entry {rule_number} of the \
             network ACL {acl}, {before}.{stateless}"
        );
        let entry = CreateNetworkAclEntry {
            network_acl: acl.clone(),
            egress,
            rule_number,
            action: RuleAction::Allow,
            protocol: self.packet.protocol,
            port: self.packet.ports(),
            icmp_type: self.packet.icmp(),
            cidr,
        };
        Some(Mend::act([Action::CreateNetworkAclEntry(entry)], words))
    }

    /// The check goes off.
    pub(super) fn source_dest_check(&self) -> Option<Mend> {
        let HopKind::SourceDestCheck {
            instance,
            source,
            address,
        } = self.last.kind
        else {
            return None;
        };
        let words = format!(
            "Switch the source/destination check of {instance} off: it has a packet {} {address}, \
             which is not its own address.",
            if source { "from" } else { "for" }
        );
        let op = ModifyInstanceAttribute {
            instance: instance.clone(),
            security_groups: None,
            source_dest_check: Some(false),
        };
        Some(Mend::act([Action::ModifyInstanceAttribute(op)], words))
    }
}

/// A free number for an entry that shall come before what decided: a round one behind the others where
/// none did.
fn free_before(acl: &NetworkAcl, egress: bool, matched: AclMatch) -> Option<u16> {
    let entries = acl.entries(egress);
    let free = |number: &u16| !entries.contains_key(number);
    match matched {
        AclMatch::FinalDeny => {
            let last = entries.keys().next_back().copied().unwrap_or(0);
            let round = (last / STEP + 1) * STEP;
            [round]
                .into_iter()
                .chain((1..=LAST_ENTRY).rev())
                .find(|number| *number <= LAST_ENTRY && free(number))
        }
        AclMatch::Entry(number, _) => {
            let round = number.saturating_sub(STEP / 10);
            [round]
                .into_iter()
                .chain((1..number).rev())
                .find(|number| *number > 0 && free(number))
        }
    }
}
