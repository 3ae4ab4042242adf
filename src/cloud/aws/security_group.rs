//! Security groups (Amazon VPC User Guide, "Control traffic to your AWS resources using security
//! groups").

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::refusal::{Outcome, list, refuse, unknown};
use super::*;

impl Aws {
    /// The addresses that a rule of a group of `seen_from_vpc` means when it names `group`: the private
    /// addresses of the group's interfaces, whether their instances run or not. Those of another VPC's
    /// group only while a peering between the two is active, and in the same region (VPC Peering Guide,
    /// "Update your security groups to reference peer security groups"); otherwise the rule is stale
    /// and means nobody.
    pub fn group_addresses(
        &self,
        seen_from_vpc: &VpcId,
        group: &SecurityGroupId,
    ) -> BTreeSet<Ipv4Addr> {
        let visible = self
            .security_groups
            .get(group)
            .is_some_and(|found| self.may_name_groups_of(seen_from_vpc, &found.vpc));
        self.instances
            .values()
            .filter(|instance| visible && instance.security_groups.contains(group))
            .map(|instance| instance.private_ip)
            .collect()
    }

    /// Whether rules in one VPC may name groups of another.
    fn may_name_groups_of(&self, from: &VpcId, to: &VpcId) -> bool {
        let region = |vpc| self.vpcs.get(vpc).map(|vpc| &vpc.region);
        from == to || (region(from) == region(to) && self.active_peering(from, to).is_some())
    }

    /// Refuses the name of a new group that something has, or that a stale rule still means.
    pub(super) fn group_name_is_free(&self, id: &SecurityGroupId) -> Result<(), ApiError> {
        if self.security_groups.contains_key(id) {
            return refuse(
                "InvalidGroup.Duplicate",
                format!("the security group {id:?} exists already; choose another name"),
            );
        }
        match self.groups_naming(id).next() {
            None => Ok(()),
            Some((name, _)) => refuse(
                "InvalidParameterValue",
                format!(
                    "a stale rule of the security group {name} still means a former group {id}; revoke it, or choose another name"
                ),
            ),
        }
    }

    /// The groups, besides itself, with a rule that names `id`.
    fn groups_naming<'a>(
        &'a self,
        id: &'a SecurityGroupId,
    ) -> impl Iterator<Item = (&'a SecurityGroupId, &'a SecurityGroup)> {
        self.security_groups.iter().filter(move |(name, group)| {
            *name != id
                && (group.ingress.iter().chain(&group.egress))
                    .any(|rule| matches!(&rule.peer, RulePeer::Group(peer) if peer == id))
        })
    }

    pub(super) fn create_security_group(&mut self, op: &CreateSecurityGroup) -> Outcome {
        self.vpc(&op.vpc)?;
        self.group_name_is_free(&op.name)?;
        let group = SecurityGroup {
            vpc: op.vpc.clone(),
            ingress: BTreeSet::new(),
            egress: BTreeSet::from([SecurityGroupRule::all_everywhere()]),
        };
        self.security_groups.insert(op.name.clone(), group);
        Ok(vec![op.name.event(format!(
            "created in the VPC {}: nothing in, everything out",
            op.vpc
        ))])
    }

    /// Refused while an instance has the group or a rule of another group of the VPC names it; a rule
    /// in a peer VPC turns stale instead (Amazon EC2 API Reference, `DeleteSecurityGroup`).
    pub(super) fn delete_security_group(&mut self, op: &DeleteSecurityGroup) -> Outcome {
        let id = &op.security_group;
        let group = self.security_group(id)?;
        if *id == group.vpc.default_security_group() {
            return refuse(
                "CannotDelete",
                format!(
                    "the security group {id} is the default one of the VPC {} and goes only with it",
                    group.vpc
                ),
            );
        }
        let members: Vec<&str> = self
            .instances
            .iter()
            .filter(|(_, instance)| instance.security_groups.contains(id))
            .map(|(name, _)| name.as_str())
            .collect();
        if !members.is_empty() {
            return refuse(
                "DependencyViolation",
                format!(
                    "the security group {id} has dependent objects; take it off the instances {} first",
                    list(&members)
                ),
            );
        }
        let naming: Vec<&str> = self
            .groups_naming(id)
            .filter(|(_, other)| other.vpc == group.vpc)
            .map(|(name, _)| name.as_str())
            .collect();
        if !naming.is_empty() {
            return refuse(
                "DependencyViolation",
                format!(
                    "the security group {id} has dependent objects; revoke the rules that name it in {} first",
                    list(&naming)
                ),
            );
        }
        self.security_groups.remove(id);
        Ok(vec![id.event("deleted")])
    }

    pub(super) fn authorize(
        &mut self,
        id: &SecurityGroupId,
        rule: &RuleSpec,
        egress: bool,
    ) -> Outcome {
        let group = self.security_group(id)?;
        let rule = rule.read(egress)?;
        if let RulePeer::Group(peer) = &rule.peer {
            let peer_vpc = &self.security_group(peer)?.vpc;
            if !self.may_name_groups_of(&group.vpc, peer_vpc) {
                return refuse(
                    "InvalidGroup.NotFound",
                    format!(
                        "the security groups {id} (VPC {}) and {peer} (VPC {peer_vpc}) belong to different networks; a rule can name the other once a peering between the two, in one region, is active",
                        group.vpc
                    ),
                );
            }
        }
        let sentence = rule.sentence(egress);
        let rules = self.security_group_mut(id)?.rules_mut(egress);
        if !rules.insert(rule) {
            return refuse(
                "InvalidPermission.Duplicate",
                format!(
                    "the security group {id} allows {sentence} already; leave one of the two out"
                ),
            );
        }
        Ok(vec![id.event(format!("authorized {sentence}"))])
    }

    pub(super) fn revoke(
        &mut self,
        id: &SecurityGroupId,
        rule: &RuleSpec,
        egress: bool,
    ) -> Outcome {
        let rule = rule.read(egress)?;
        let sentence = rule.sentence(egress);
        let rules = self.security_group_mut(id)?.rules_mut(egress);
        if !rules.remove(&rule) {
            let known: Vec<String> = rules.iter().map(|rule| rule.sentence(egress)).collect();
            return Err(unknown(
                "InvalidPermission.NotFound",
                &format!("rule of the security group {id}"),
                &sentence,
                known.iter().map(String::as_str),
            ));
        }
        Ok(vec![id.event(format!("revoked {sentence}"))])
    }
}

impl SecurityGroup {
    /// The rules of one direction.
    pub fn rules(&self, egress: bool) -> &BTreeSet<SecurityGroupRule> {
        if egress { &self.egress } else { &self.ingress }
    }

    fn rules_mut(&mut self, egress: bool) -> &mut BTreeSet<SecurityGroupRule> {
        if egress {
            &mut self.egress
        } else {
            &mut self.ingress
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::Lab;
    use super::*;

    const HTTP: &str =
        r#"security_group = "web", rule = { protocol = "tcp", port = 80, source = "0.0.0.0/0" }"#;

    #[test]
    fn a_new_group_lets_nothing_in_and_everything_out() {
        let lab = Lab::customer();
        let web = &lab.aws.security_groups[&SecurityGroupId::new("web")];
        assert!(web.ingress.is_empty());
        assert_eq!(
            web.egress,
            BTreeSet::from([SecurityGroupRule::all_everywhere()])
        );
    }

    #[test]
    fn a_rule_is_authorized_once_and_revoked_once() {
        let mut lab = Lab::customer();
        assert_eq!(
            lab.ok("AuthorizeSecurityGroupIngress", HTTP),
            ["security group web: authorized tcp 80 from 0.0.0.0/0"]
        );
        assert_eq!(
            lab.code("AuthorizeSecurityGroupIngress", HTTP),
            "InvalidPermission.Duplicate"
        );
        let error = lab.refused("RevokeSecurityGroupIngress", &HTTP.replace("80", "81"));
        assert_eq!(error.code, "InvalidPermission.NotFound");
        assert!(error.message.contains("tcp 80 from 0.0.0.0/0"), "{error}");
        lab.ok("RevokeSecurityGroupIngress", HTTP);
        let everything = r#"security_group = "web", rule = { destination = "0.0.0.0/0" }"#;
        lab.ok("RevokeSecurityGroupEgress", everything);
        assert_eq!(
            lab.code("RevokeSecurityGroupEgress", everything),
            "InvalidPermission.NotFound"
        );
        let unknown = lab.refused("AuthorizeSecurityGroupIngress", &HTTP.replace("web", "wep"));
        assert_eq!(unknown.code, "InvalidGroup.NotFound");
        assert!(unknown.message.contains("did you mean \"web\"?"));
    }

    #[test]
    fn a_group_in_use_stays() {
        let mut lab = Lab::customer();
        let delete = r#"security_group = "web""#;
        assert_eq!(
            lab.code("DeleteSecurityGroup", delete),
            "DependencyViolation"
        );
        lab.ok(
            "ModifyInstanceAttribute",
            r#"instance = "server", security_groups = ["customer-default"]"#,
        );
        lab.ok("CreateSecurityGroup", r#"as = "db", vpc = "customer""#);
        let named =
            r#"security_group = "db", rule = { protocol = "tcp", port = 5432, source = "web" }"#;
        lab.ok("AuthorizeSecurityGroupIngress", named);
        assert_eq!(
            lab.code("DeleteSecurityGroup", delete),
            "DependencyViolation"
        );
        lab.ok("RevokeSecurityGroupIngress", named);
        lab.ok("DeleteSecurityGroup", delete);
        assert_eq!(
            lab.code(
                "DeleteSecurityGroup",
                r#"security_group = "customer-default""#
            ),
            "CannotDelete"
        );
        assert_eq!(
            lab.code("CreateSecurityGroup", r#"as = "db", vpc = "customer""#),
            "InvalidGroup.Duplicate"
        );
    }

    #[test]
    fn a_peers_group_counts_only_while_the_peering_is_active() {
        let mut lab = Lab::with_peering();
        lab.ok("CreateSecurityGroup", r#"as = "peer", vpc = "other""#);
        let named =
            r#"security_group = "peer", rule = { protocol = "tcp", port = 80, source = "web" }"#;
        assert_eq!(
            lab.code("AuthorizeSecurityGroupIngress", named),
            "InvalidGroup.NotFound"
        );
        lab.ok("AcceptVpcPeeringConnection", r#"peering = "pcx""#);
        lab.ok("AuthorizeSecurityGroupIngress", named);
        let seen = |lab: &Lab, from: &str| {
            lab.aws
                .group_addresses(&VpcId::new(from), &SecurityGroupId::new("web"))
        };
        let server = BTreeSet::from([Ipv4Addr::new(10, 0, 0, 254)]);
        assert_eq!(seen(&lab, "other"), server);
        lab.ok("StopInstances", r#"instance = "server""#);
        assert_eq!(
            seen(&lab, "customer"),
            server,
            "stopped instances keep their addresses"
        );
        lab.ok("DeleteVpcPeeringConnection", r#"peering = "pcx""#);
        assert_eq!(seen(&lab, "other"), BTreeSet::new(), "the rule is stale");
        lab.ok("TerminateInstances", r#"instance = "server""#);
        lab.ok("DeleteSecurityGroup", r#"security_group = "web""#);
        assert_eq!(
            lab.code("CreateSecurityGroup", r#"as = "web", vpc = "customer""#),
            "InvalidParameterValue"
        );
        lab.ok("RevokeSecurityGroupIngress", named);
        lab.ok("CreateSecurityGroup", r#"as = "web", vpc = "customer""#);
    }
}
