//! What has been read so far, and the order in which the tables' actions are carried out.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::data::Value;
use super::diagnostic::Harm;
use super::doubt::Doubts;
use super::draft::{Draft, StepDraft};
use super::names::{Kind, Names};
use super::setup::created;
use super::table::Table;
use super::value::{self, Errors};
use super::{Beside, NodeName, Placed, Scenario, Serve, Source, Span, link};
use crate::cloud::Action;
use crate::cloud::soracom::SimId;
use crate::lower::LinkPlan;

/// When an action of the set-up is carried out: what is named comes before what names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Vpcs,
    InternetGateways,
    Subnets,
    RouteTables,
    SecurityGroups,
    NetworkAcls,
    AclAssociations,
    Instances,
    Addresses,
    Vpgs,
    Groups,
    Sims,
    IpAddressMaps,
    VpcPeerings,
    CanalPeerings,
    Attachments,
    CustomerRoutes,
    Gates,
    // A rule may name a group of a VPC behind an active peering.
    SecurityGroupRules,
    Routes,
}

/// What has been read so far.
#[derive(Default)]
pub(super) struct Reading<'f> {
    /// The files beside this one, where they can be read.
    pub beside: Option<Beside<'f>>,
    pub errors: Errors,
    pub doubts: Doubts,
    /// What the table declares that is being read.
    makes: Option<String>,
    /// Whether an action has been added that makes it.
    made: bool,
    /// How many references were unknown when the table began.
    unknown_before: usize,
    pub names: Names,
    pub setup: BTreeMap<Stage, Vec<Placed<Action>>>,
    pub connect: Vec<Placed<SimId>>,
    pub serve: BTreeMap<NodeName, Vec<Serve>>,
    pub dns: BTreeMap<String, Vec<Ipv4Addr>>,
    /// What links do that go by a name.
    pub profiles: BTreeMap<String, LinkPlan>,
    /// Which link goes by which.
    pub links: Vec<link::Use>,
}

impl Reading<'_> {
    /// Begins with the table that declares `name`.
    pub fn begin_table(&mut self, name: &str, span: &Span) {
        self.doubts.table(name, span);
        self.makes = Some(name.to_owned());
        self.made = false;
        self.unknown_before = self.names.unknown.len();
    }

    /// Ends with it: notes how far what it declares can be relied on. `before` is how many errors there
    /// were.
    pub fn end_table(&mut self, name: &str, before: usize) {
        self.makes = None;
        let own = self.errors.iter().skip(before).map(|error| error.harm);
        let mut harm = own.max().unwrap_or(Harm::None);
        if self.names.unknown.len() > self.unknown_before {
            harm = Harm::Unreadable;
        }
        if harm == Harm::Unreadable && !self.made {
            self.doubts.miss(name);
        }
        self.doubts.doubt(name, harm);
    }

    /// What has been read, with the steps.
    pub fn finish(
        mut self,
        file: &str,
        source: Source,
        title: Option<Placed<String>>,
        steps: Vec<StepDraft>,
    ) -> Draft {
        let links = self.plans();
        let Self {
            mut errors,
            mut doubts,
            names,
            setup,
            mut connect,
            serve,
            dns,
            ..
        } = self;
        for name in names.lost() {
            doubts.miss(name);
        }
        for name in &names.unknown {
            doubts.unresolved(&name.value);
        }
        doubts.nameless = names.nameless;
        errors.extend(names.errors);
        connect.sort_by_key(|sim| sim.span.start);
        Draft {
            scenario: Scenario {
                title: title.map_or_else(|| file.to_owned(), |title| title.value),
                source,
                setup: setup.into_values().flatten().collect(),
                connect,
                serve,
                dns,
                links,
                steps: Vec::new(),
            },
            steps,
            errors,
            doubts,
        }
    }

    /// Adds an action to the set-up.
    pub fn act(&mut self, stage: Stage, span: &Span, action: impl Into<Action>) {
        let action = action.into();
        self.made |= self.makes.is_some() && created(&action) == self.makes.as_deref();
        self.setup.entry(stage).or_default().push(Placed {
            value: action,
            span: span.clone(),
        });
    }

    /// Reads a key that names something of one of these kinds.
    pub fn reference<T>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        kinds: &'static [Kind],
        new: impl FnOnce(String) -> T,
    ) -> Option<T> {
        let name = table.read(key, &mut self.errors, value::text)?;
        self.names.refer(&name, kinds).then(|| new(name.value))
    }

    /// The same of a key that must be there.
    pub fn require_reference<T>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        kinds: &'static [Kind],
        new: impl FnOnce(String) -> T,
    ) -> Option<T> {
        let example = format!(
            "\"name of {}\"",
            kinds.first().map_or_else(String::new, |kind| kind.a_noun())
        );
        let name = table.require(key, &example, &mut self.errors, value::text)?;
        self.names.refer(&name, kinds).then(|| new(name.value))
    }

    /// Reads a list of names; those that nothing has are left out.
    pub fn references(
        &mut self,
        table: &Table<'_>,
        key: &str,
        kinds: &'static [Kind],
    ) -> Option<Vec<Placed<String>>> {
        let mut names = table.read(key, &mut self.errors, |key, value, errors| {
            value::list(key, value, errors, |key, item, errors| {
                value::text(key, item, errors)
            })
        })?;
        names.retain(|name| self.names.refer(name, kinds));
        Some(names)
    }

    /// Reads what listens on a node.
    pub fn serve(&mut self, table: &Table<'_>, node: NodeName) {
        let name = node.to_string();
        let list = table.read("serve", &mut self.errors, |key, value, errors| {
            value::list(key, value, errors, |key, item, errors| {
                service(&name, key, item, errors)
            })
        });
        let Some(list) = list else { return };
        let mut taken: BTreeMap<(bool, u16), Span> = BTreeMap::new();
        let mut services = Vec::new();
        for service in list {
            let place = match service.value {
                Serve::Http { port, .. } | Serve::Tcp { port } => (true, port),
                Serve::Udp { port } => (false, port),
            };
            if let Some(first) = taken.get(&place) {
                let transport = if place.0 { "TCP" } else { "UDP" };
                self.errors.push(
                    super::Diagnostic::error(
                        service.span,
                        format!(
                            "two services of `{name}` listen on {transport} port {}",
                            place.1
                        ),
                    )
                    .related(first.clone(), "the first")
                    .help("give one of them another port, or leave it out"),
                );
                continue;
            }
            taken.insert(place, service.span);
            services.push(service.value);
        }
        self.serve.insert(node, services);
    }
}

pub(super) const SERVICE: &[&str] = &["http", "tcp", "udp", "body"];

/// Reads one of `{ http = 80, body = "…" }`, `{ tcp = 7 }`, `{ udp = 7 }`. A page without `body` says
/// which node it comes from.
fn service(node: &str, key: &str, value: &Value, errors: &mut Errors) -> Option<Placed<Serve>> {
    let table = Table::of_value("a service", key, value, SERVICE, errors)?;
    let kinds: Vec<&str> = ["http", "tcp", "udp"]
        .into_iter()
        .filter(|key| table.value(key).is_some())
        .collect();
    let [kind] = kinds[..] else {
        errors.push(
            super::Diagnostic::error(
                value.span.clone(),
                "a service has exactly one of `http`, `tcp` and `udp`",
            )
            .help("as in { http = 80, body = \"hello\" } or { tcp = 7 }"),
        );
        return None;
    };
    let port = table.read(kind, errors, value::port);
    let body = table.read("body", errors, value::text);
    if kind != "http"
        && let Some(span) = table.key_span("body")
    {
        errors.push(
            super::Diagnostic::error(span, format!("a service over {kind} has no `body`"))
                .label("it sends back what it receives"),
        );
        return None;
    }
    let port = port?;
    let serve = match kind {
        "http" => Serve::Http {
            port,
            body: body.map_or_else(|| format!("hello from {node}"), |body| body.value),
        },
        "tcp" => Serve::Tcp { port },
        _ => Serve::Udp { port },
    };
    Some(Placed {
        value: serve,
        span: value.span.clone(),
    })
}
