//! Names: which are allowed, what the tables declare, and what refers to what.

use std::collections::BTreeMap;

use super::nearest::did_you_mean;
use super::value::Errors;
use super::{Diagnostic, Placed, Span};

/// What a table of the file declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Vpc,
    Subnet,
    RouteTable,
    SecurityGroup,
    NetworkAcl,
    Instance,
    Address,
    VpcPeering,
    Vpg,
    Canal,
    Attachment,
    CustomerRoute,
    Group,
    Sim,
}

impl Kind {
    /// What people call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Vpc => "VPC",
            Self::Subnet => "subnet",
            Self::RouteTable => "route table",
            Self::SecurityGroup => "security group",
            Self::NetworkAcl => "network ACL",
            Self::Instance => "instance",
            Self::Address => "Elastic IP address",
            Self::VpcPeering | Self::Canal => "peering",
            Self::Attachment => "Transit Gateway attachment",
            Self::CustomerRoute => "customer route",
            Self::Vpg => "VPG",
            Self::Group => "group",
            Self::Sim => "SIM",
        }
    }

    /// The same with its article.
    pub fn a_noun(self) -> String {
        let article = match self {
            Self::Instance | Self::Address => "an",
            _ => "a",
        };
        format!("{article} {}", self.noun())
    }

    /// The table that declares it.
    pub fn table(self) -> &'static str {
        match self {
            Self::Vpc => "aws.vpc",
            Self::Subnet => "aws.subnet",
            Self::RouteTable => "aws.route_table",
            Self::SecurityGroup => "aws.security_group",
            Self::NetworkAcl => "aws.network_acl",
            Self::Instance => "aws.instance",
            Self::Address => "aws.address",
            Self::VpcPeering => "aws.peering",
            Self::Vpg => "soracom.vpg",
            Self::Canal => "soracom.peering",
            Self::Attachment => "soracom.attachment",
            Self::CustomerRoute => "soracom.customer_route",
            Self::Group => "soracom.group",
            Self::Sim => "soracom.sim",
        }
    }
}

/// Names of nodes that every scenario has.
pub(super) const FIXED_NODES: &[&str] = &["pc", "internet"];

/// Names of SORACOM's platform endpoints.
pub(super) const ENDPOINTS: &[&str] = &["pong", "metadata", "dns", "ntp"];

/// Checks a name that the file gives to something.
pub(super) fn check_name(kind: &str, name: &str, span: Span, errors: &mut Errors) -> bool {
    let fault = if name.is_empty() {
        Some("a name has at least one character".to_owned())
    } else if name.chars().count() > 40 {
        Some("a name has at most 40 characters".to_owned())
    } else {
        name.chars()
            .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'))
            .map(|bad| format!("{bad:?} may not stand in a name"))
    };
    if let Some(fault) = fault {
        errors.push(
            Diagnostic::error(span, format!("{name:?} can't be the name of a {kind}"))
                .label(fault)
                .help("a name consists of 1 to 40 of the characters A-Z a-z 0-9 _ -"),
        );
        return false;
    }
    let meaning = if FIXED_NODES.contains(&name) {
        Some("a machine that every scenario has")
    } else if ENDPOINTS.contains(&name) {
        Some("an endpoint of SORACOM's platform")
    } else if name == "igw" {
        Some("the internet gateway of a route table's VPC")
    } else {
        None
    };
    if let Some(meaning) = meaning {
        errors.push(
            Diagnostic::error(span, format!("the name `{name}` is taken"))
                .label(format!("`{name}` always means {meaning}"))
                .help("choose another name"),
        );
        return false;
    }
    true
}

/// Something that refers to a declared name.
struct Reference {
    name: Placed<String>,
    kinds: &'static [Kind],
}

/// The names that the tables declare, and the references to them.
#[derive(Default)]
pub(super) struct Names {
    declared: BTreeMap<(Kind, String), Span>,
    references: Vec<Reference>,
}

impl Names {
    /// Declares a name. A SIM and an instance share the names of nodes, both kinds of peering theirs.
    pub fn declare(&mut self, kind: Kind, name: &str, span: Span, errors: &mut Errors) {
        let rival = match kind {
            Kind::Sim => Some(Kind::Instance),
            Kind::Instance => Some(Kind::Sim),
            Kind::VpcPeering => Some(Kind::Canal),
            Kind::Canal => Some(Kind::VpcPeering),
            _ => None,
        };
        let first = rival.and_then(|rival| {
            let span = self.declared.get(&(rival, name.to_owned()))?;
            Some((rival, span.clone()))
        });
        if let Some((rival, first)) = first {
            let diagnostic = if span.start > first.start {
                Diagnostic::error(span.clone(), format!("the name `{name}` is given twice"))
                    .label(format!("as {}", kind.a_noun()))
                    .related(first, format!("first as {}", rival.a_noun()))
            } else {
                Diagnostic::error(first, format!("the name `{name}` is given twice"))
                    .label(format!("as {}", rival.a_noun()))
                    .related(span.clone(), format!("first as {}", kind.a_noun()))
            };
            errors.push(diagnostic.help("a name must say which one is meant: rename one of them"));
        }
        self.declared.insert((kind, name.to_owned()), span);
    }

    /// Notes that something of one of these kinds is referred to.
    pub fn refer(&mut self, name: &Placed<String>, kinds: &'static [Kind]) {
        self.references.push(Reference {
            name: name.clone(),
            kinds,
        });
    }

    /// Complains about every reference to what no table declares.
    pub fn resolve(&self, errors: &mut Errors) {
        let mut by_kind: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
        for (kind, name) in self.declared.keys() {
            by_kind.entry(*kind).or_default().push(name.clone());
            if *kind == Kind::Vpc {
                // What AWS makes along with each VPC.
                by_kind
                    .entry(Kind::RouteTable)
                    .or_default()
                    .push(format!("{name}-main"));
                for kind in [Kind::SecurityGroup, Kind::NetworkAcl] {
                    by_kind
                        .entry(kind)
                        .or_default()
                        .push(format!("{name}-default"));
                }
            }
        }
        for names in by_kind.values_mut() {
            names.sort();
        }
        for reference in &self.references {
            let known = reference.kinds.iter().any(|kind| {
                by_kind
                    .get(kind)
                    .is_some_and(|names| names.binary_search(&reference.name.value).is_ok())
            });
            if !known {
                errors.push(self.unknown(reference, &by_kind));
            }
        }
    }

    fn unknown(&self, reference: &Reference, by_kind: &BTreeMap<Kind, Vec<String>>) -> Diagnostic {
        let name = &reference.name.value;
        let mut nouns: Vec<&str> = reference.kinds.iter().map(|kind| kind.noun()).collect();
        nouns.dedup();
        let candidates = reference
            .kinds
            .iter()
            .filter_map(|kind| by_kind.get(kind))
            .flatten()
            .map(String::as_str);
        let mut diagnostic = Diagnostic::error(
            reference.name.span.clone(),
            format!("no {} is called `{name}`", nouns.join(" or ")),
        );
        if let Some(near) = did_you_mean(name, candidates) {
            return diagnostic.label(near);
        }
        if let Some(((kind, _), span)) = self.declared.iter().find(|((_, other), _)| other == name)
        {
            diagnostic = diagnostic.related(span.clone(), format!("`{name}` is {}", kind.a_noun()));
        } else if let [kind] = reference.kinds {
            diagnostic = diagnostic.help(format!("declare it with [{}.{name}]", kind.table()));
        }
        diagnostic
    }
}
