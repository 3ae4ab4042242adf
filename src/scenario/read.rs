//! From a file's tables to a [`Scenario`].
//!
//! Reading goes on after a fault: a slip in a key or in the kind of a table is read as what is near to
//! it. What then can't be told is noted in [`Doubts`](super::doubt::Doubts).

use std::cell::Cell;
use std::collections::BTreeMap;

use super::check;
use super::data::{Data, Entries, Value};
use super::diagnostic::Harm;
use super::draft::Draft;
use super::names::{Kind, check_name};
use super::nearest::{alternatives, did_you_mean, nearest};
use super::reading::Reading;
use super::syntax::parse;
use super::table::Table;
use super::{
    Diagnostic, Diagnostics, Placed, Scenario, Severity, aws, firewall, limits, link, soracom,
    step, table, value,
};

/// A kind of table: its keys, and what reads it.
type Row = (Kind, &'static [&'static str], ReadTable);

/// Reads the tables of a kind.
type ReadTable = fn(&mut Reading, &str, &Table<'_>);

/// Each kind of table: its keys, and what reads it.
const TABLES: &[Row] = &[
    (Kind::Vpc, aws::VPC, aws::vpc),
    (Kind::Subnet, aws::SUBNET, aws::subnet),
    (Kind::RouteTable, aws::ROUTE_TABLE, aws::route_table),
    (
        Kind::SecurityGroup,
        firewall::SECURITY_GROUP,
        firewall::security_group,
    ),
    (
        Kind::NetworkAcl,
        firewall::NETWORK_ACL,
        firewall::network_acl,
    ),
    (Kind::Instance, aws::INSTANCE, aws::instance),
    (Kind::Address, aws::ADDRESS, aws::address),
    (Kind::VpcPeering, aws::PEERING, aws::peering),
    (Kind::Vpg, soracom::VPG, soracom::vpg),
    (Kind::Canal, soracom::PEERING, soracom::peering),
    (Kind::Attachment, soracom::ATTACHMENT, soracom::attachment),
    (
        Kind::CustomerRoute,
        soracom::CUSTOMER_ROUTE,
        soracom::customer_route,
    ),
    (Kind::Group, soracom::GROUP, soracom::group),
    (Kind::Sim, soracom::SIM, soracom::sim),
    (Kind::Link, link::LINK, link::profile),
];

const TOP: &[&str] = &["title", "aws", "soracom", "internet", "link", "step"];

/// Reads a file beside the scenario, by its name as seen from there; what could not be done is a fragment that
/// reads on after "failed to read".
pub type Beside<'f> = &'f dyn Fn(&str) -> Result<Vec<u8>, String>;

/// The files beside a scenario, as long as they aren't too large together.
struct Traces<'f> {
    beside: Beside<'f>,
    read: Cell<usize>,
}

impl<'f> Traces<'f> {
    fn new(beside: Beside<'f>) -> Self {
        let read = Cell::new(0);
        Self { beside, read }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let too_large = || {
            let most = limits::TRACE_BYTES >> 20;
            format!("with those before it, it is larger than {most} MiB")
        };
        // Nothing more is read then: there may be very many, each as large as one may be.
        if self.read.get() > limits::TRACE_BYTES {
            return Err(too_large());
        }
        let bytes = (self.beside)(name)?;
        let read = self.read.get() + bytes.len();
        self.read.set(read);
        if read > limits::TRACE_BYTES {
            return Err(too_large());
        }
        Ok(bytes)
    }
}

/// Reads a scenario. `file` is its name for messages; nothing is opened.
///
/// # Errors
///
/// What is wrong with the file itself; [`examine`] adds what the clouds have to say about it.
pub fn read(file: &str, bytes: &[u8]) -> Result<Scenario, Diagnostics> {
    let draft = draft(file, bytes, None)?;
    if draft.errors.is_empty() {
        Ok(draft.finish())
    } else {
        Err(Diagnostics::new(draft.scenario.source, draft.errors))
    }
}

/// Reads a scenario and carries its actions out on the pure clouds. Gives the scenario, if it can be
/// run, and everything that is wrong with it: in file order, and without what only follows from
/// something else.
pub fn examine(file: &str, bytes: &[u8]) -> (Option<Scenario>, Diagnostics) {
    examine_all(file, bytes, None)
}

/// The same of a scenario that may name files beside it.
pub fn examine_with(
    file: &str,
    bytes: &[u8],
    beside: Beside<'_>,
) -> (Option<Scenario>, Diagnostics) {
    examine_all(file, bytes, Some(beside))
}

fn examine_all(
    file: &str,
    bytes: &[u8],
    beside: Option<Beside<'_>>,
) -> (Option<Scenario>, Diagnostics) {
    let mut draft = match draft(file, bytes, beside) {
        Ok(draft) => draft,
        Err(diagnostics) => return (None, diagnostics),
    };
    let checked = check::check(&draft);
    let mut found = std::mem::take(&mut draft.errors);
    found.extend(checked);
    let diagnostics = Diagnostics::new(draft.scenario.source.clone(), found);
    let fits = diagnostics
        .list
        .iter()
        .all(|diagnostic| diagnostic.severity != Severity::Error);
    (fits.then(|| draft.finish()), diagnostics)
}

/// Reads what can be read.
///
/// # Errors
///
/// The file is not TOML; then nothing else is known of it.
fn draft(file: &str, bytes: &[u8], beside: Option<Beside<'_>>) -> Result<Draft, Diagnostics> {
    let (source, entries, mut errors) = parse(file, bytes)?;
    let traces = beside.map(Traces::new);
    let read_trace = traces.as_ref().map(|traces| |name: &str| traces.read(name));
    let beside = read_trace.as_ref().map(|read| read as Beside<'_>);
    let twice: Vec<super::Span> = errors
        .iter()
        .map(|error| error.primary.span.clone())
        .collect();
    let mut reading = Reading::default();
    reading.beside = beside;
    reading.errors.append(&mut errors);
    let mut title = None;
    let mut internet = None;
    let mut steps = None;
    let mut found = Vec::new();
    for (key, value) in entries.iter() {
        let known = TOP.contains(&key.value.as_str());
        if !known {
            reading.errors.push(unknown_top(key));
        }
        // What is unknown is read as what was probably meant, if that isn't there.
        let meant = if known {
            Some(key.value.as_str())
        } else {
            nearest(&key.value, TOP.iter().copied()).filter(|near| entries.get(near).is_none())
        };
        match meant {
            Some("title") => title = value::text("title", value, &mut reading.errors),
            Some("internet") => internet = Some(value),
            Some("step") => steps = Some(value),
            Some("link") => found.extend(of_name("link").map(|row| Found {
                row,
                key,
                value,
                meant: known,
            })),
            Some(cloud) => kinds_of_cloud(&mut reading, cloud, value, &mut found),
            None => {
                if let Some(row) = of_name(&key.value) {
                    found.push(Found {
                        row,
                        key,
                        value,
                        meant: false,
                    });
                } else {
                    reading.names.lose(value);
                }
            }
        }
    }
    // What stands under its own name comes before what was probably meant to.
    found.sort_by_key(|found| !found.meant);
    let tables: Vec<_> = found
        .iter()
        .flat_map(|found| declare(&mut reading, found))
        .collect();
    if let Some(table) = tables.get(limits::RESOURCES) {
        let most = limits::grouped(limits::RESOURCES);
        reading.errors.push(
            Diagnostic::error(
                table.name.span.clone(),
                format!("there are more resources than {most}"),
            )
            .label("the first that is too many")
            .help("make several scenarios of it"),
        );
    }
    for table in tables.iter().take(limits::RESOURCES) {
        read_table(&mut reading, table);
    }
    if let Some(value) = internet {
        soracom::internet(&mut reading, value);
    }
    let steps = steps
        .map(|value| step::steps(value, &twice, beside, &mut reading.errors))
        .unwrap_or_default();
    let mut draft = reading.finish(file, source, title, steps);
    draft.doubt_what_is_given_twice(&twice);
    Ok(draft)
}

fn unknown_top(key: &Placed<String>) -> Diagnostic {
    if key.value == "steps" {
        return Diagnostic::error(key.span.clone(), "a scenario has no `steps`")
            .help("each step is a table of its own: [[step]]");
    }
    // `[vpc.customer]` for `[aws.vpc.customer]`.
    match of_name(&key.value) {
        Some((kind, ..)) => Diagnostic::error(
            key.span.clone(),
            format!("a scenario has no `{}`", key.value),
        )
        .help(format!("write [{}.name]", kind.table())),
        None => table::unknown_key("a scenario", key, TOP),
    }
}

/// Every kind of table, and its keys.
pub(super) fn tables() -> impl Iterator<Item = (Kind, &'static [&'static str])> {
    TABLES.iter().map(|(kind, keys, _)| (*kind, *keys))
}

/// The keys of the file itself.
pub(super) fn top() -> &'static [&'static str] {
    TOP
}

/// The last part of the table's name.
fn short(kind: Kind) -> &'static str {
    kind.table().rsplit('.').next().unwrap_or_default()
}

/// The kind of table whose name ends like this.
fn of_name(name: &str) -> Option<&'static Row> {
    TABLES.iter().find(|(kind, ..)| short(*kind) == name)
}

/// Tables of one kind.
struct Found<'v> {
    row: &'static Row,
    key: &'v Placed<String>,
    value: &'v Value,
    /// Whether it says so itself; otherwise the kind is what was probably meant.
    meant: bool,
}

/// Finds the kinds of tables under `[aws]` or `[soracom]`.
fn kinds_of_cloud<'v>(
    reading: &mut Reading,
    cloud: &str,
    value: &'v Value,
    found: &mut Vec<Found<'v>>,
) {
    let of_cloud = || {
        TABLES
            .iter()
            .filter(|(kind, ..)| kind.table().split('.').next() == Some(cloud))
    };
    let Data::Table(kinds) = &value.data else {
        reading
            .errors
            .push(value::wrong_kind(cloud, "a table", value).help(format!(
                "resources have tables of their own, as in [{cloud}.{}.name]",
                of_cloud().next().map_or("kind", |(kind, ..)| short(*kind))
            )));
        for (kind, ..) in of_cloud() {
            reading.names.lose_kind(*kind);
        }
        return;
    };
    let known: BTreeMap<&str, &Row> = of_cloud().map(|row| (short(row.0), row)).collect();
    for (key, value) in kinds.iter() {
        let meant = known.get(key.value.as_str()).copied();
        if meant.is_none() {
            let names: Vec<&str> = known.keys().copied().collect();
            reading.errors.push(unknown_kind(cloud, key, &names));
        }
        let near =
            || nearest(&key.value, known.keys().copied()).and_then(|near| known.get(near).copied());
        match meant.or_else(near).or_else(|| of_name(&key.value)) {
            Some(row) => found.push(Found {
                row,
                key,
                value,
                meant: meant.is_some(),
            }),
            None => reading.names.lose(value),
        }
    }
}

fn unknown_kind(cloud: &str, key: &Placed<String>, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        key.span.clone(),
        format!("`{cloud}` has no resources of the kind `{}`", key.value),
    );
    let diagnostic = match did_you_mean(&key.value, known.iter().copied()) {
        Some(near) => diagnostic.label(near),
        None => diagnostic,
    };
    diagnostic
        .note(format!("it has {}", alternatives(known.iter().copied())))
        .maybe_help(of_name(&key.value).map(|(kind, ..)| format!("write [{}.name]", kind.table())))
}

/// A table that declares something.
struct Declared<'v> {
    row: &'static Row,
    name: &'v Placed<String>,
    span: super::Span,
    entries: &'v Entries,
}

/// Declares what tables of a kind declare.
fn declare<'v>(reading: &mut Reading, found: &Found<'v>) -> Vec<Declared<'v>> {
    let Found {
        row,
        key,
        value,
        meant,
    } = found;
    let (kind, keys, _) = **row;
    let Data::Table(items) = &value.data else {
        reading.names.lose_kind(kind);
        reading.errors.push(
            value::wrong_kind(&key.value, "a table", value).help(format!(
                "each {} has a table of its own: [{}.name]",
                kind.noun(),
                kind.table()
            )),
        );
        return Vec::new();
    };
    let mut declared = Vec::new();
    let mut nameless = false;
    for (name, value) in items.iter() {
        let Data::Table(entries) = &value.data else {
            reading.names.lose_kind(kind);
            let diagnostic = Diagnostic::error(
                name.span.clone(),
                format!(
                    "`{}` must be a {}'s table, not {}",
                    name.value,
                    kind.noun(),
                    value.found()
                ),
            );
            // `[aws.vpc]` with the keys of a VPC in it: the name was forgotten. Once is enough.
            if !keys.contains(&name.value.as_str()) {
                reading.errors.push(diagnostic);
            } else if !std::mem::replace(&mut nameless, true) {
                reading.errors.push(diagnostic.help(format!(
                    "give the {} a name: [{}.name]",
                    kind.noun(),
                    kind.table()
                )));
            }
            continue;
        };
        if !meant && reading.names.is_declared(kind, &name.value) {
            continue;
        }
        // `[aws.vpc.a.b]` says where the inner table stands; a table without a header of its own is
        // best pointed at by its name.
        let before = reading.errors.len();
        if check_name(
            kind.noun(),
            &name.value,
            name.span.clone(),
            &mut reading.errors,
        ) {
            reading
                .names
                .declare(kind, &name.value, name.span.clone(), &mut reading.errors);
        } else {
            reading.names.lose_name(&name.value);
        }
        if reading.errors.len() > before {
            reading.doubts.doubt(&name.value, Harm::Unreadable);
        }
        declared.push(Declared {
            row,
            name,
            span: value.span.clone(),
            entries,
        });
    }
    declared
}

/// Reads one table, and notes how far what it declares can be relied on.
fn read_table(reading: &mut Reading, table: &Declared<'_>) {
    let (kind, keys, read) = *table.row;
    let name = &table.name.value;
    reading.begin_table(name, &table.span);
    let before = reading.errors.len();
    let what = format!("{} `{name}`", kind.noun());
    let open = Table::open(
        what,
        table.span.clone(),
        table.entries,
        keys,
        &mut reading.errors,
    );
    read(reading, name, &open);
    reading.end_table(name, before);
}
