//! Which flows security groups track (Amazon EC2 User Guide, "Amazon EC2 security group connection
//! tracking", "Untracked connections").
//!
//! A tracked flow outlives the rule that let it in; an untracked one is cut at once.

use super::security_group_rule::EVERYWHERE;
use super::*;

impl Aws {
    /// Whether the TCP and UDP flows that `rule` lets through at `instance` are untracked: the rule
    /// names every address, and a rule in the other direction, in any of the instance's groups, allows
    /// every address on all ports. ICMP is always tracked, also what a rule for all traffic lets
    /// through.
    pub fn untracked(
        &self,
        instance: &InstanceId,
        rule: &SecurityGroupRule,
        ingress: bool,
    ) -> bool {
        let protocols: &[IpProtocol] = match rule.protocol {
            IpProtocol::Tcp => &[IpProtocol::Tcp],
            IpProtocol::Udp => &[IpProtocol::Udp],
            IpProtocol::All => &[IpProtocol::Tcp, IpProtocol::Udp],
            IpProtocol::Icmp => return false,
        };
        let everywhere = |rule: &SecurityGroupRule| rule.peer == RulePeer::Cidr(EVERYWHERE);
        let Some(instance) = self.instances.get(instance) else {
            return false;
        };
        let answered = |protocol: IpProtocol| {
            instance
                .security_groups
                .iter()
                .filter_map(|group| self.security_groups.get(group))
                // Answers to what comes in go out, and the other way round.
                .flat_map(|group| group.rules(ingress))
                .any(|rule| {
                    everywhere(rule)
                        && rule.ports == PortRange::ALL
                        && (rule.protocol == protocol || rule.protocol == IpProtocol::All)
                })
        };
        everywhere(rule) && protocols.iter().all(|protocol| answered(*protocol))
    }
}
