//! Names: which are allowed, what the tables declare, and what refers to what.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{Data, Value};
use super::nearest::did_you_mean;
use super::value::Errors;
use super::{Diagnostic, Placed, Span, limits};

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
    Link,
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
            Self::Link => "link",
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
            Self::Link => "link",
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

/// The names that the tables declare, and what is wrong with the references to them. All names are
/// declared before the first is referred to.
#[derive(Default)]
pub(super) struct Names {
    declared: BTreeMap<(Kind, String), Span>,
    /// Names of tables that can't be told for what they are.
    lost: BTreeSet<String>,
    /// Kinds of which something is declared whose name is not known.
    pub nameless: BTreeSet<Kind>,
    /// References to what no table declares.
    pub unknown: Vec<Placed<String>>,
    /// What is wrong with them.
    pub errors: Errors,
}

impl Names {
    /// Notes that `value` may declare anything under the names of its tables.
    pub fn lose(&mut self, value: &Value) {
        if let Data::Table(items) = &value.data {
            for (name, _) in items.iter() {
                self.lose_name(&name.value);
            }
        }
    }

    /// Notes that something may have a name.
    pub fn lose_name(&mut self, name: &str) {
        self.lost.insert(name.to_owned());
    }

    /// Notes that something of a kind is declared, under a name that is not known.
    pub fn lose_kind(&mut self, kind: Kind) {
        self.nameless.insert(kind);
    }

    /// The names of tables that can't be told for what they are.
    pub fn lost(&self) -> impl Iterator<Item = &str> {
        self.lost.iter().map(String::as_str)
    }

    /// Whether a table declares a name, or AWS makes what has it along with a VPC.
    pub fn is_declared(&self, kind: Kind, name: &str) -> bool {
        let declared = |kind, name: &str| self.declared.contains_key(&(kind, name.to_owned()));
        let suffix = match kind {
            Kind::RouteTable => Some("-main"),
            Kind::SecurityGroup | Kind::NetworkAcl => Some("-default"),
            _ => None,
        };
        declared(kind, name)
            || suffix
                .and_then(|suffix| name.strip_suffix(suffix))
                .is_some_and(|vpc| declared(Kind::Vpc, vpc))
    }

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

    /// Whether something of one of these kinds has a name; complains where nothing has it.
    pub fn refer(&mut self, name: &Placed<String>, kinds: &'static [Kind]) -> bool {
        if kinds
            .iter()
            .any(|kind| self.is_declared(*kind, &name.value))
        {
            return true;
        }
        let silent = self.lost.contains(&name.value)
            || kinds.iter().any(|kind| self.nameless.contains(kind));
        if !silent {
            let unknown = self.unknown(name, kinds);
            self.errors.push(unknown);
        }
        self.unknown.push(name.clone());
        false
    }

    fn unknown(&self, reference: &Placed<String>, kinds: &[Kind]) -> Diagnostic {
        let name = &reference.value;
        let mut nouns: Vec<&str> = kinds.iter().map(|kind| kind.noun()).collect();
        nouns.dedup();
        let mut diagnostic = Diagnostic::error(
            reference.span.clone(),
            format!("no {} is called `{name}`", nouns.join(" or ")),
        );
        if self.errors.len() >= limits::TOLD {
            // It will not be told.
            return diagnostic;
        }
        let candidates = self.names_of(kinds);
        if let Some(near) = did_you_mean(name, candidates.iter().map(String::as_str)) {
            return diagnostic.label(near);
        }
        if let Some(((kind, _), span)) = self.declared.iter().find(|((_, other), _)| other == name)
        {
            diagnostic = diagnostic.related(span.clone(), format!("`{name}` is {}", kind.a_noun()));
        }
        let tables: Vec<String> = kinds
            .iter()
            .map(|kind| format!("[{}.{name}]", kind.table()))
            .collect();
        diagnostic = diagnostic.help(match &tables[..] {
            [table] => format!("declare it with {table}"),
            _ => format!("declare it with one of {}", tables.join(", ")),
        });
        if kinds.contains(&Kind::Canal) && kinds.len() > 1 {
            diagnostic = diagnostic
                .help("where a step makes it, add the route with `CreateRoute` in a later step");
        }
        diagnostic
    }

    /// The names of these kinds, those included that AWS gives.
    fn names_of(&self, kinds: &[Kind]) -> Vec<String> {
        let mut names = Vec::new();
        for kind in kinds {
            for (declared, name) in self.declared.keys() {
                match (declared, kind) {
                    _ if declared == kind => names.push(name.clone()),
                    (Kind::Vpc, Kind::RouteTable) => names.push(format!("{name}-main")),
                    (Kind::Vpc, Kind::SecurityGroup | Kind::NetworkAcl) => {
                        names.push(format!("{name}-default"));
                    }
                    _ => {}
                }
            }
        }
        names.sort();
        names
    }
}
