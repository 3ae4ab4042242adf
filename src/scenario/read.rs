//! From a file's bytes to a [`Scenario`].

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::data::{Data, Entries, Value};
use super::names::{Kind, check_name};
use super::nearest::{alternatives, did_you_mean};
use super::reading::Reading;
use super::table::Table;
use super::{
    Diagnostic, Diagnostics, Placed, Scenario, Source, Span, aws, firewall, soracom, step, table,
    value,
};

/// Reads the tables of a kind.
type ReadTable = fn(&mut Reading, &str, &Table<'_>);

/// Each kind of table: its keys, and what reads it.
const TABLES: &[(Kind, &[&str], ReadTable)] = &[
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
];

const TOP: &[&str] = &["title", "aws", "soracom", "internet", "step"];

/// Reads a scenario. `file` is its name for messages; nothing is opened.
///
/// # Errors
///
/// Everything that is wrong with the file, as far as that can be known without carrying it out. A file
/// that is not TOML gets only the diagnostics that say so.
pub fn read(file: &str, bytes: &[u8]) -> Result<Scenario, Diagnostics> {
    let (source, entries, mut errors) = parse(file, bytes)?;
    let mut reading = Reading::default();
    reading.errors.append(&mut errors);
    for (key, _) in entries.iter() {
        if !TOP.contains(&key.value.as_str()) {
            reading.errors.push(unknown_top(key));
        }
    }
    let title = entries
        .get("title")
        .and_then(|title| value::text("title", title, &mut reading.errors));
    for cloud in ["aws", "soracom"] {
        if let Some(value) = entries.get(cloud) {
            read_cloud(&mut reading, cloud, value);
        }
    }
    if let Some(value) = entries.get("internet") {
        soracom::internet(&mut reading, value);
    }
    let steps = entries
        .get("step")
        .map(|value| step::steps(value, &mut reading.errors))
        .unwrap_or_default();
    let Reading {
        mut errors,
        names,
        setup,
        mut connect,
        serve,
        dns,
    } = reading;
    names.resolve(&mut errors);
    if !errors.is_empty() {
        return Err(Diagnostics::new(source, errors));
    }
    connect.sort_by_key(|sim| sim.span.start);
    Ok(Scenario {
        title: title.map_or_else(|| file.to_owned(), |title| title.value),
        source,
        setup: setup.into_values().flatten().collect(),
        connect,
        serve,
        dns,
        steps,
    })
}

/// From bytes to tables. Keys given twice are the only fault that reading goes on after: whatever else
/// is wrong with the syntax, what follows it would be guesswork.
fn parse(file: &str, bytes: &[u8]) -> Result<(Source, Entries, Vec<Diagnostic>), Diagnostics> {
    // A byte order mark is nothing that a person sees, so places don't count it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let source = Source {
        file: file.to_owned(),
        text: text.as_ref().into(),
    };
    if let Err(wrong) = std::str::from_utf8(bytes) {
        let at = wrong.valid_up_to();
        let diagnostic = Diagnostic::error(
            at..at + char::REPLACEMENT_CHARACTER.len_utf8(),
            "the file is not UTF-8 text",
        )
        .label(format!(
            "this was the byte 0x{:02X}",
            bytes.get(at).copied().unwrap_or_default()
        ));
        return Err(Diagnostics::new(source, vec![diagnostic]));
    }
    if text.trim().is_empty() {
        let diagnostic = Diagnostic::error(0..0, "the file is empty")
            .help("a scenario declares resources and has steps; an example is in the README");
        return Err(Diagnostics::new(source, vec![diagnostic]));
    }
    let (table, faults) = DeTable::parse_recoverable(&text);
    let duplicates_only = faults.iter().all(is_duplicate);
    let mut errors: Vec<Diagnostic> = Vec::new();
    let mut searched = 0;
    for fault in &faults {
        // What comes after a fault in its line only follows from it, unless keys are given twice.
        let start = fault.span().map_or(text.len(), |span| span.start);
        let same_line = !is_duplicate(fault)
            && start >= searched
            && text
                .get(searched..start)
                .is_some_and(|between| !between.contains('\n'));
        searched = start;
        if errors.is_empty() || !same_line {
            errors.extend(syntax_error(&text, fault, !errors.is_empty()));
        }
    }
    if duplicates_only {
        Ok((source, table.get_ref().into(), errors))
    } else {
        Err(Diagnostics::new(source, errors))
    }
}

/// Whether a key or a table is given twice, which leaves the rest of the file in order.
fn is_duplicate(fault: &toml::de::Error) -> bool {
    fault.message().starts_with("duplicate key")
}

/// What to say about a fault of syntax; nothing where it only follows from a table that was given
/// twice, so that its keys were too.
fn syntax_error(text: &str, fault: &toml::de::Error, follows: bool) -> Option<Diagnostic> {
    let span = fault.span().unwrap_or(text.len()..text.len());
    if !is_duplicate(fault) {
        return Some(Diagnostic::error(span, fault.message()));
    }
    let key = text.get(span.clone()).unwrap_or_default();
    let diagnostic =
        Diagnostic::error(span.clone(), format!("`{key}` is given twice")).label("again");
    let begins_line = text
        .get(..span.start)
        .is_some_and(|before| before.trim_end_matches([' ', '\t']).ends_with('\n'));
    match first_of(text, &span) {
        Some(first) => Some(diagnostic.related(first, "the first")),
        None if follows && begins_line => None,
        None => Some(diagnostic),
    }
}

/// Where the header or key that stands at `span` stood before.
fn first_of(text: &str, span: &Span) -> Option<Span> {
    let line_start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let normal = |line: &str| -> String {
        let line = line.trim_start();
        let end = if line.starts_with('[') {
            line.rfind(']').map(|at| at + 1)
        } else {
            line.find('=')
        };
        line[..end.unwrap_or(0)]
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect()
    };
    let wanted = normal(text[line_start..].lines().next()?);
    if wanted.is_empty() {
        return None;
    }
    let header = wanted.starts_with('[');
    let mut first = None;
    let mut at = 0;
    for line in text[..line_start].split_inclusive('\n') {
        if !header && line.trim_start().starts_with('[') {
            // A key's table begins anew.
            first = None;
        }
        if first.is_none() && normal(line) == wanted {
            let indent = line.len() - line.trim_start().len();
            first = Some(at + indent..at + line.trim_end().len());
        }
        at += line.len();
    }
    first
}

fn unknown_top(key: &Placed<String>) -> Diagnostic {
    if key.value == "steps" {
        return Diagnostic::error(key.span.clone(), "a scenario has no `steps`")
            .help("each step is a table of its own: [[step]]");
    }
    // `[vpc.customer]` for `[aws.vpc.customer]`.
    let kind = TABLES
        .iter()
        .find(|(kind, ..)| short(*kind) == key.value.as_str());
    match kind {
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

fn read_cloud(reading: &mut Reading, cloud: &str, value: &Value) {
    let Data::Table(kinds) = &value.data else {
        reading
            .errors
            .push(value::wrong_kind(cloud, "a table", value));
        return;
    };
    let of_cloud = || {
        TABLES
            .iter()
            .filter(|(kind, ..)| kind.table().split('.').next() == Some(cloud))
    };
    let known: BTreeMap<&str, _> = of_cloud().map(|entry| (short(entry.0), entry)).collect();
    for (key, value) in kinds.iter() {
        let Some((kind, keys, read)) = known.get(key.value.as_str()) else {
            reading.errors.push(unknown_kind(
                cloud,
                key,
                &known.keys().copied().collect::<Vec<_>>(),
            ));
            continue;
        };
        read_kind(reading, *kind, keys, *read, key, value);
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
    let elsewhere = TABLES.iter().find(|(kind, ..)| short(*kind) == key.value);
    diagnostic
        .note(format!("it has {}", alternatives(known.iter().copied())))
        .maybe_help(elsewhere.map(|(kind, ..)| format!("write [{}.name]", kind.table())))
}

fn read_kind(
    reading: &mut Reading,
    kind: Kind,
    keys: &[&str],
    read: ReadTable,
    key: &Placed<String>,
    value: &Value,
) {
    let Data::Table(items) = &value.data else {
        reading.errors.push(
            value::wrong_kind(&key.value, "a table", value).help(format!(
                "each {} has a table of its own: [{}.name]",
                kind.noun(),
                kind.table()
            )),
        );
        return;
    };
    for (name, value) in items.iter() {
        let Data::Table(entries) = &value.data else {
            // `[aws.vpc]` with the keys of a VPC in it: the name was forgotten.
            let diagnostic = Diagnostic::error(
                name.span.clone(),
                format!(
                    "`{}` must be a {}'s table, not {}",
                    name.value,
                    kind.noun(),
                    value.found()
                ),
            );
            reading.errors.push(if keys.contains(&name.value.as_str()) {
                diagnostic.help(format!(
                    "give the {} a name: [{}.name]",
                    kind.noun(),
                    kind.table()
                ))
            } else {
                diagnostic
            });
            continue;
        };
        // `[aws.vpc.a.b]` says where the inner table stands; a table without a header of its own is
        // best pointed at by its name.
        if check_name(
            kind.noun(),
            &name.value,
            name.span.clone(),
            &mut reading.errors,
        ) {
            reading
                .names
                .declare(kind, &name.value, name.span.clone(), &mut reading.errors);
        }
        let what = format!("{} `{}`", kind.noun(), name.value);
        let table = Table::open(what, value.span.clone(), entries, keys, &mut reading.errors);
        read(reading, &name.value, &table);
    }
}
