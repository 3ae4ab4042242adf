//! Network ACLs (Amazon VPC User Guide, "Control subnet traffic with network access control lists").

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::ports::{covers, port_range};
use super::refusal::{Outcome, list, refuse, taken, unknown};
use super::security_group_rule::EVERYWHERE;
use super::*;

/// The highest number that an entry can have.
const LAST_RULE_NUMBER: u16 = 32766;

/// What decides about a packet at a network ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclMatch {
    /// The entry with this number.
    Entry(u16, RuleAction),
    /// None: everything that no entry matches is denied.
    FinalDeny,
}

impl AclMatch {
    /// What happens.
    pub fn action(self) -> RuleAction {
        match self {
            Self::Entry(_, action) => action,
            Self::FinalDeny => RuleAction::Deny,
        }
    }
}

impl NetworkAcl {
    /// The ACL that comes with a VPC: entry 100 allows everything, both ways.
    pub(super) fn default_of(vpc: &VpcId) -> Self {
        let allow = NetworkAclEntry {
            action: RuleAction::Allow,
            protocol: IpProtocol::All,
            ports: PortRange::ALL,
            icmp_type: None,
            cidr: EVERYWHERE,
        };
        Self {
            vpc: vpc.clone(),
            ingress: BTreeMap::from([(100, allow.clone())]),
            egress: BTreeMap::from([(100, allow)]),
        }
    }

    /// The entries of one direction.
    pub fn entries(&self, egress: bool) -> &BTreeMap<u16, NetworkAclEntry> {
        if egress { &self.egress } else { &self.ingress }
    }

    fn entries_mut(&mut self, egress: bool) -> &mut BTreeMap<u16, NetworkAclEntry> {
        if egress {
            &mut self.egress
        } else {
            &mut self.ingress
        }
    }

    /// What decides about a packet: the matching entry with the lowest number. `address` is the source
    /// of what enters the subnet and the destination of what leaves it; `port` counts for TCP and UDP,
    /// `icmp_type` for ICMP.
    pub fn first_match(
        &self,
        egress: bool,
        address: Ipv4Addr,
        protocol: IpProtocol,
        port: u16,
        icmp_type: u8,
    ) -> AclMatch {
        self.entries(egress)
            .iter()
            .find(|(_, entry)| {
                entry.cidr.contains(&address)
                    && covers(
                        (entry.protocol, entry.ports, entry.icmp_type),
                        (protocol, port, icmp_type),
                    )
            })
            .map_or(AclMatch::FinalDeny, |(number, entry)| {
                AclMatch::Entry(*number, entry.action)
            })
    }
}

/// What `CreateNetworkAclEntry` and `ReplaceNetworkAclEntry` have in common.
struct EntrySpec<'a> {
    acl: &'a NetworkAclId,
    egress: bool,
    number: u16,
    action: RuleAction,
    protocol: IpProtocol,
    port: Option<&'a Ports>,
    icmp_type: Option<u8>,
    cidr: Ipv4Net,
}

impl EntrySpec<'_> {
    fn read(&self) -> Result<NetworkAclEntry, ApiError> {
        if !(1..=LAST_RULE_NUMBER).contains(&self.number) {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "{} can't be the number of an entry of the network ACL {}: choose one from 1 to {LAST_RULE_NUMBER}",
                    self.number, self.acl
                ),
            );
        }
        Ok(NetworkAclEntry {
            action: self.action,
            protocol: self.protocol,
            ports: port_range(self.protocol, self.port, self.icmp_type)?,
            icmp_type: self.icmp_type,
            cidr: self.cidr.trunc(),
        })
    }

    fn place(&self) -> String {
        let direction = if self.egress { "egress" } else { "ingress" };
        format!("{direction} entry {}", self.number)
    }
}

impl Aws {
    pub(super) fn create_network_acl(&mut self, op: &CreateNetworkAcl) -> Outcome {
        if self.network_acls.contains_key(&op.name) {
            return Err(taken("network ACL", op.name.as_str()));
        }
        self.vpc(&op.vpc)?;
        let acl = NetworkAcl {
            vpc: op.vpc.clone(),
            ingress: BTreeMap::new(),
            egress: BTreeMap::new(),
        };
        self.network_acls.insert(op.name.clone(), acl);
        Ok(vec![op.name.event(format!(
            "created in the VPC {}: denies everything",
            op.vpc
        ))])
    }

    pub(super) fn delete_network_acl(&mut self, op: &DeleteNetworkAcl) -> Outcome {
        let id = &op.network_acl;
        let acl = self.network_acl(id)?;
        if *id == acl.vpc.default_network_acl() {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "the network ACL {id} is the default one of the VPC {} and goes only with it",
                    acl.vpc
                ),
            );
        }
        let subnets: Vec<&str> = self
            .subnets
            .iter()
            .filter(|(_, subnet)| subnet.network_acl == *id)
            .map(|(name, _)| name.as_str())
            .collect();
        if !subnets.is_empty() {
            return refuse(
                "DependencyViolation",
                format!(
                    "the network ACL {id} has dependencies and can't be deleted; give the subnets {} another one first",
                    list(&subnets)
                ),
            );
        }
        self.network_acls.remove(id);
        Ok(vec![id.event("deleted")])
    }

    pub(super) fn create_network_acl_entry(&mut self, op: &CreateNetworkAclEntry) -> Outcome {
        let spec = EntrySpec {
            acl: &op.network_acl,
            egress: op.egress,
            number: op.rule_number,
            action: op.action,
            protocol: op.protocol,
            port: op.port.as_ref(),
            icmp_type: op.icmp_type,
            cidr: op.cidr,
        };
        let acl = self.network_acl(spec.acl)?;
        let entry = spec.read()?;
        if acl.entries(spec.egress).contains_key(&spec.number) {
            return refuse(
                "NetworkAclEntryAlreadyExists",
                format!(
                    "the network ACL {} has an {} already; use ReplaceNetworkAclEntry, or another number",
                    spec.acl,
                    spec.place()
                ),
            );
        }
        self.set_entry(&spec, entry, "created")
    }

    pub(super) fn replace_network_acl_entry(&mut self, op: &ReplaceNetworkAclEntry) -> Outcome {
        let spec = EntrySpec {
            acl: &op.network_acl,
            egress: op.egress,
            number: op.rule_number,
            action: op.action,
            protocol: op.protocol,
            port: op.port.as_ref(),
            icmp_type: op.icmp_type,
            cidr: op.cidr,
        };
        let entry = spec.read()?;
        self.entry_exists(spec.acl, spec.egress, spec.number)?;
        self.set_entry(&spec, entry, "replaced")
    }

    fn set_entry(&mut self, spec: &EntrySpec<'_>, entry: NetworkAclEntry, what: &str) -> Outcome {
        let event = spec.acl.event(format!("{} {what}: {entry}", spec.place()));
        self.network_acl_mut(spec.acl)?
            .entries_mut(spec.egress)
            .insert(spec.number, entry);
        Ok(vec![event])
    }

    fn entry_exists(&self, id: &NetworkAclId, egress: bool, number: u16) -> Result<(), ApiError> {
        let entries = self.network_acl(id)?.entries(egress);
        if entries.contains_key(&number) {
            return Ok(());
        }
        let direction = if egress { "egress" } else { "ingress" };
        let known: Vec<String> = entries.keys().map(u16::to_string).collect();
        Err(unknown(
            "InvalidNetworkAclEntry.NotFound",
            &format!("{direction} entry of the network ACL {id}"),
            &number.to_string(),
            known.iter().map(String::as_str),
        ))
    }

    pub(super) fn delete_network_acl_entry(&mut self, op: &DeleteNetworkAclEntry) -> Outcome {
        self.entry_exists(&op.network_acl, op.egress, op.rule_number)?;
        self.network_acl_mut(&op.network_acl)?
            .entries_mut(op.egress)
            .remove(&op.rule_number);
        let direction = if op.egress { "egress" } else { "ingress" };
        Ok(vec![op.network_acl.event(format!(
            "{direction} entry {} deleted",
            op.rule_number
        ))])
    }

    pub(super) fn replace_network_acl_association(
        &mut self,
        op: &ReplaceNetworkAclAssociation,
    ) -> Outcome {
        let subnet = self.subnet(&op.subnet)?;
        let acl = self.network_acl(&op.network_acl)?;
        if acl.vpc != subnet.vpc {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "the network ACL {} belongs to the VPC {}, the subnet {} to the VPC {}",
                    op.network_acl, acl.vpc, op.subnet, subnet.vpc
                ),
            );
        }
        self.subnet_mut(&op.subnet)?.network_acl = op.network_acl.clone();
        Ok(vec![op.network_acl.event(format!(
            "associated with the subnet {}",
            op.subnet
        ))])
    }
}

impl std::fmt::Display for NetworkAclEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let action = match self.action {
            RuleAction::Allow => "allow",
            RuleAction::Deny => "deny",
        };
        write!(f, "{action} {}", self.protocol)?;
        if let Some(icmp_type) = self.icmp_type {
            write!(f, " type {icmp_type}")?;
        } else if self.ports != PortRange::ALL {
            write!(f, " {}", self.ports)?;
        }
        write!(f, " {}", self.cidr)
    }
}
