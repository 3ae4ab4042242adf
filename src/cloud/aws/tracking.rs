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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::lab::Lab;
    use super::*;

    fn allow(lab: &mut Lab, rule: &str) -> SecurityGroupRule {
        let before = lab.aws.security_groups[&SecurityGroupId::new("web")]
            .ingress
            .clone();
        lab.ok(
            "AuthorizeSecurityGroupIngress",
            &format!("security_group = \"web\", rule = {{ {rule} }}"),
        );
        let after = &lab.aws.security_groups[&SecurityGroupId::new("web")].ingress;
        after.difference(&before).next().unwrap().clone()
    }

    #[test]
    fn open_to_all_and_answered_to_all_is_untracked() {
        let mut lab = Lab::customer();
        let server = InstanceId::new("server");
        let web = allow(
            &mut lab,
            r#"protocol = "tcp", port = 80, source = "0.0.0.0/0""#,
        );
        let ssh = allow(
            &mut lab,
            r#"protocol = "tcp", port = 22, source = "203.0.113.0/24""#,
        );
        let ping = allow(&mut lab, r#"protocol = "icmp", source = "0.0.0.0/0""#);
        assert!(lab.aws.untracked(&server, &web, true));
        assert!(!lab.aws.untracked(&server, &ssh, true), "some sources only");
        assert!(
            !lab.aws.untracked(&server, &ping, true),
            "ICMP is always tracked"
        );
        lab.ok(
            "RevokeSecurityGroupEgress",
            r#"security_group = "web", rule = { destination = "0.0.0.0/0" }"#,
        );
        assert!(
            !lab.aws.untracked(&server, &web, true),
            "nothing answers to all"
        );
        let udp =
            r#"security_group = "web", rule = { protocol = "udp", destination = "0.0.0.0/0" }"#;
        lab.ok("AuthorizeSecurityGroupEgress", udp);
        assert!(
            !lab.aws.untracked(&server, &web, true),
            "UDP is no answer to TCP"
        );
    }
}
