//! The tables `[aws.security_group]` and `[aws.network_acl]`.

use std::collections::BTreeMap;

use super::names::Kind;
use super::reading::{Reading, Stage};
use super::rules::{self, Direction};
use super::table::Table;
use super::value;
use super::{Diagnostic, Span};
use crate::cloud::aws::{
    Action, AuthorizeSecurityGroupEgress, AuthorizeSecurityGroupIngress, CreateNetworkAcl,
    CreateNetworkAclEntry, CreateSecurityGroup, IpProtocol, NetworkAclId,
    ReplaceNetworkAclAssociation, RevokeSecurityGroupEgress, RuleSpec, SecurityGroupId, SubnetId,
    VpcId,
};

pub(super) const SECURITY_GROUP: &[&str] = &["vpc", "ingress", "egress"];

/// Reads `[aws.security_group.N]`. Like AWS's own, a new group lets everything out; `egress` replaces
/// that.
pub(super) fn security_group(to: &mut Reading, name: &str, table: &Table<'_>) {
    let id = SecurityGroupId::new(name);
    if let Some(vpc) = to.require_reference(table, "vpc", &[Kind::Vpc], VpcId::new) {
        let create = CreateSecurityGroup {
            name: id.clone(),
            vpc,
        };
        to.act(
            Stage::SecurityGroups,
            &table.span,
            Action::CreateSecurityGroup(create),
        );
    }
    for (rule, span) in group_rules(to, table, "ingress", Direction::Ingress).unwrap_or_default() {
        let authorize = AuthorizeSecurityGroupIngress {
            security_group: id.clone(),
            rule,
        };
        to.act(
            Stage::SecurityGroupRules,
            &span,
            Action::AuthorizeSecurityGroupIngress(authorize),
        );
    }
    if let Some(egress) = group_rules(to, table, "egress", Direction::Egress) {
        let span = table.key_span("egress").unwrap_or(table.span.clone());
        let everything = RuleSpec {
            protocol: IpProtocol::All,
            port: None,
            icmp_type: None,
            source: None,
            destination: Some("0.0.0.0/0".into()),
        };
        to.act(
            Stage::SecurityGroupRules,
            &span,
            Action::RevokeSecurityGroupEgress(RevokeSecurityGroupEgress {
                security_group: id.clone(),
                rule: everything,
            }),
        );
        for (rule, span) in egress {
            let authorize = AuthorizeSecurityGroupEgress {
                security_group: id.clone(),
                rule,
            };
            to.act(
                Stage::SecurityGroupRules,
                &span,
                Action::AuthorizeSecurityGroupEgress(authorize),
            );
        }
    }
}

fn group_rules(
    to: &mut Reading,
    table: &Table<'_>,
    key: &str,
    direction: Direction,
) -> Option<Vec<(RuleSpec, Span)>> {
    let rules = table.read(key, &mut to.errors, |key, value, errors| {
        value::list(key, value, errors, |key, item, errors| {
            Some((
                rules::rule(direction, key, item, errors)?,
                item.span.clone(),
            ))
        })
    })?;
    let known = rules.into_iter().filter(|(rule, _)| {
        let group = rule.group.as_ref();
        group.is_none_or(|group| to.names.refer(group, &[Kind::SecurityGroup]))
    });
    Some(known.map(|(rule, span)| (rule.spec, span)).collect())
}

pub(super) const NETWORK_ACL: &[&str] = &["vpc", "subnets", "ingress", "egress"];

/// Reads `[aws.network_acl.N]`.
pub(super) fn network_acl(to: &mut Reading, name: &str, table: &Table<'_>) {
    let id = NetworkAclId::new(name);
    if let Some(vpc) = to.require_reference(table, "vpc", &[Kind::Vpc], VpcId::new) {
        let create = CreateNetworkAcl {
            name: id.clone(),
            vpc,
        };
        to.act(
            Stage::NetworkAcls,
            &table.span,
            Action::CreateNetworkAcl(create),
        );
    }
    for (key, egress) in [("ingress", false), ("egress", true)] {
        let entries = table.read(key, &mut to.errors, |key, value, errors| {
            value::list(key, value, errors, |key, item, errors| {
                Some((rules::acl_entry(key, item, errors)?, item.span.clone()))
            })
        });
        let mut numbers: BTreeMap<u16, Span> = BTreeMap::new();
        for (entry, span) in entries.unwrap_or_default() {
            if let Some(first) = numbers.get(&entry.rule_number.value) {
                to.errors.push(
                    Diagnostic::error(
                        entry.rule_number.span,
                        format!(
                            "two {key} entries have the rule number {}",
                            entry.rule_number.value
                        ),
                    )
                    .related(first.clone(), "the first")
                    .help(
                        "entries are tried in the order of their numbers: give one of them another",
                    ),
                );
                continue;
            }
            numbers.insert(entry.rule_number.value, entry.rule_number.span);
            let create = CreateNetworkAclEntry {
                network_acl: id.clone(),
                egress,
                rule_number: entry.rule_number.value,
                action: entry.action,
                protocol: entry.protocol,
                port: entry.port,
                icmp_type: entry.icmp_type,
                cidr: entry.cidr,
            };
            to.act(
                Stage::NetworkAcls,
                &span,
                Action::CreateNetworkAclEntry(create),
            );
        }
    }
    for subnet in to
        .references(table, "subnets", &[Kind::Subnet])
        .unwrap_or_default()
    {
        let replace = ReplaceNetworkAclAssociation {
            subnet: SubnetId::new(subnet.value),
            network_acl: id.clone(),
        };
        to.act(
            Stage::AclAssociations,
            &subnet.span,
            Action::ReplaceNetworkAclAssociation(replace),
        );
    }
}
