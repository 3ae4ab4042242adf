//! Security groups: allow-only, a union over an interface's groups, stateful (Amazon VPC User Guide,
//! "Control traffic to your AWS resources using security groups").

use std::net::Ipv4Addr;

use super::hop::{HopKind, SgMatch};
use super::map::{Interface, Map, PeeringEnd};
use super::packet::Packet;
use super::walk::Walk;
use crate::cloud::Reason;
use crate::cloud::aws::{RulePeer, SecurityGroupId};

impl Map<'_> {
    /// Whether a rule of an interface that names a group means an address: the private address of one of
    /// the group's interfaces, in the same VPC or, over an active peering within a region, in a peer
    /// (VPC Peering Guide, "Update your security groups to reference peer security groups").
    fn means(&self, interface: &Interface<'_>, group: &SecurityGroupId, address: Ipv4Addr) -> bool {
        let Some(named) = self.cloud.aws.security_groups.get(group) else {
            return false;
        };
        let own = &self.vpcs[interface.vpc];
        let holder = if named.vpc == *own.id {
            Some(own)
        } else {
            let region = &own.vpc.region;
            let mut vpcs = self.vpcs.iter().enumerate();
            let found = vpcs.find(|(_, vpc)| *vpc.id == named.vpc && vpc.vpc.region == *region);
            found
                .filter(|(number, _)| self.are_peers(interface.vpc, *number))
                .map(|(_, vpc)| vpc)
        };
        holder
            .and_then(|vpc| vpc.groups.get(&address))
            .is_some_and(|instance| instance.security_groups.contains(group))
    }

    fn are_peers(&self, a: usize, b: usize) -> bool {
        let (a, b) = (PeeringEnd::Vpc(a), PeeringEnd::Vpc(b));
        let mut active = self.peerings.iter().filter(|peering| peering.active);
        active.any(|peering| peering.ends == [a, b] || peering.ends == [b, a])
    }
}

impl<'a> Walk<'_, 'a> {
    /// Whether an interface's groups let a packet pass. An answer passes where its flow did.
    pub fn security_groups(
        &mut self,
        at: usize,
        packet: &Packet,
        egress: bool,
    ) -> Result<(), Reason> {
        let interface = &self.map.interfaces[at];
        let matched = if self.answer && self.memory.has_passed(at, !egress) {
            SgMatch::Answer
        } else {
            self.rule_for(interface, packet, egress)
        };
        self.stop(HopKind::SecurityGroups {
            instance: interface.id,
            egress,
            matched,
        });
        match matched {
            SgMatch::Answer => Ok(()),
            SgMatch::Rule(..) => {
                if !self.answer {
                    self.memory.pass(at, egress);
                }
                Ok(())
            }
            SgMatch::Nothing => Err(Reason::EniSgRulesMismatch),
            SgMatch::NoRules => Err(Reason::SgHasNoRules),
        }
    }

    fn rule_for(&self, interface: &Interface<'a>, packet: &Packet, egress: bool) -> SgMatch<'a> {
        let (protocol, port, icmp_type) = packet.for_rules();
        let far = if egress {
            packet.destination
        } else {
            packet.source
        };
        let mut any = false;
        for (id, group) in &interface.groups {
            let rules = if egress {
                &group.egress
            } else {
                &group.ingress
            };
            for rule in rules {
                any = true;
                let about = rule.covers(protocol, port, icmp_type)
                    && match &rule.peer {
                        RulePeer::Cidr(range) => range.contains(&far),
                        RulePeer::Group(group) => self.map.means(interface, group, far),
                    };
                if about {
                    return SgMatch::Rule(id, rule);
                }
            }
        }
        if any {
            SgMatch::Nothing
        } else {
            SgMatch::NoRules
        }
    }
}
