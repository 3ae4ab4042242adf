//! `[[step]]`.

use std::time::Duration;

use super::data::{Data, Entries, Value};
use super::diagnostic::harmful;
use super::draft::{Faulty, StepDraft};
use super::expect::{self, text_template};
use super::nearest::{alternatives, did_you_mean};
use super::table::Table;
use super::value::{self, Errors};
use super::{
    Ask, Beside, Diagnostic, DoStep, LinkChange, LinkStep, Placed, ProbeStep, RunStep, Span, Step,
    StepKind, Template, ValueCheck, action, limits, link, template,
};
use crate::cloud::Action;

/// The keys that say what kind of step it is.
pub(super) const KINDS: &[&str] = &["do", "expect", "run", "wait", "check", "link"];

/// The keys that every step may have.
pub(super) const COMMON: &[&str] = &["name", "repeat", "eventually"];

/// How long to wait for the answer to a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a script may take.
const RUN_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the steps. `twice` says where keys are given twice: it can't be told what their steps mean.
pub(super) fn steps(
    value: &Value,
    twice: &[Span],
    beside: Option<Beside<'_>>,
    errors: &mut Errors,
) -> Vec<StepDraft> {
    let Data::List(items) = &value.data else {
        errors.push(
            value::wrong_kind("step", "a list of tables", value)
                .help("write [[step]] with two brackets on either side"),
        );
        return Vec::new();
    };
    let begins = |i: usize| items.get(i).map_or(usize::MAX, |item| item.span.start);
    let mut steps = Vec::new();
    if let Some(item) = items.get(limits::STEPS) {
        let most = limits::grouped(limits::STEPS);
        errors.push(
            Diagnostic::error(
                item.span.clone(),
                format!("there are more steps than {most}"),
            )
            .label("the first that is too many")
            .help("use `repeat`, or make several scenarios of it"),
        );
    }
    let mut carried_out = 0;
    let mut waited = Duration::ZERO;
    for (i, item) in items.iter().enumerate().take(limits::STEPS) {
        let Data::Table(entries) = &item.data else {
            errors.push(value::wrong_kind("step", "a table", item));
            continue;
        };
        let clear = !twice
            .iter()
            .any(|span| (begins(i)..begins(i + 1)).contains(&span.start));
        let sound = step(item, entries, beside, errors).filter(|_| clear);
        let before = carried_out;
        carried_out += sound.as_ref().map_or(1, times);
        if (before..carried_out).contains(&limits::REPEATS_IN_ALL) {
            let most = limits::grouped(limits::REPEATS_IN_ALL as usize);
            let message = format!("steps are carried out more often than {most} times in all");
            errors.push(
                Diagnostic::error(item.span.clone(), message)
                    .label("with the repetitions of this one and those before it")
                    .help(
                        "repeat them less often, make `eventually` shorter, or make several scenarios of it",
                    ),
            );
        }
        let before = waited;
        if let Some(step) = &sound
            && let StepKind::Wait(wait) = step.kind
        {
            waited = waited.saturating_add(wait.saturating_mul(step.repeat));
        }
        if before <= limits::WAITS && limits::WAITS < waited {
            errors.push(
                Diagnostic::error(
                    item.span.clone(),
                    "the steps wait longer than 100 years in all",
                )
                .label("with the repetitions of this one and those before it")
                .help("what takes longest in the clouds takes some days"),
            );
        }
        steps.push(match sound {
            Some(step) => StepDraft::Sound(step),
            None => StepDraft::Faulty(Faulty::new(&item.span, entries)),
        });
    }
    steps
}

/// How often a step is carried out, at most.
fn times(step: &Step) -> u64 {
    match (&step.kind, step.eventually) {
        // One attempt for each change that is due in the clouds, and they come of actions.
        (StepKind::Check(_), Some(_)) => 1,
        (_, Some(eventually)) => limits::attempts(eventually),
        (_, None) => u64::from(step.repeat),
    }
}

/// The keys of a step of this kind besides [`COMMON`], and those that a `do` step's operation has.
pub(super) fn own_keys(kind: &str) -> &'static [&'static str] {
    match kind {
        "do" => &["do", "error"],
        "expect" => &["from", "to", "expect", "timeout"],
        "run" => &["on", "run", "exit", "stdout", "stderr", "timeout"],
        "wait" => &["wait"],
        "link" => &["link", "cut", "restore", "degrade"],
        _ => &["check"],
    }
}

fn step(
    value: &Value,
    entries: &Entries,
    beside: Option<Beside<'_>>,
    errors: &mut Errors,
) -> Option<Step> {
    let given: Vec<&Placed<String>> = entries
        .iter()
        .map(|(key, _)| key)
        .filter(|key| KINDS.contains(&key.value.as_str()))
        .collect();
    let kind = match given[..] {
        [kind] => kind.value.as_str(),
        [] => {
            errors.push(no_kind(value, entries));
            return None;
        }
        [first, second, ..] => {
            errors.push(
                Diagnostic::error(
                    second.span.clone(),
                    format!(
                        "a step can't have both `{}` and `{}`",
                        first.value, second.value
                    ),
                )
                .related(first.span.clone(), "the first")
                .help("make two steps of it"),
            );
            return None;
        }
    };
    let before = errors.len();
    let allowed: Vec<&str> = if kind == "do" {
        // The operation has its own parameters.
        entries.iter().map(|(key, _)| key.value.as_str()).collect()
    } else {
        own_keys(kind).iter().chain(COMMON).copied().collect()
    };
    let what = format!("a step with `{kind}`");
    let table = Table::open(what, value.span.clone(), entries, &allowed, errors);
    let name = table.read("name", errors, value::text);
    let repeat = table.read("repeat", errors, |key, value, errors| {
        value::number(key, 1..=limits::REPEATS, value, errors)
    });
    let eventually = table.read("eventually", errors, |key, value, errors| match kind {
        // It is the clouds' time that passes, and nobody waits.
        "check" => value::duration(key, value, errors),
        _ => value::patience(key, value, errors),
    });
    let step = match kind {
        "do" => do_step(&table, entries, errors),
        "expect" => probe(&table, errors),
        "run" => run(&table, errors),
        "wait" => table
            .read("wait", errors, value::duration)
            .map(|wait| (StepKind::Wait(wait), written(&table, "wait"))),
        "link" => change(&table, beside, errors),
        _ => checks(&table, errors),
    };
    let (kind, said) = step.filter(|_| !harmful(&errors[before..]))?;
    Some(Step {
        name: name.map_or(said, |name| name.value),
        span: value.span.clone(),
        kind,
        repeat: repeat.unwrap_or(1),
        eventually,
    })
}

fn no_kind(value: &Value, entries: &Entries) -> Diagnostic {
    let diagnostic = Diagnostic::error(value.span.clone(), "the step does not say what it does");
    if entries.get("from").is_some() || entries.get("to").is_some() {
        return diagnostic.help("add what you expect, for example `expect = { ping = true }`");
    }
    if entries.get("on").is_some() {
        return diagnostic.help("add the script, for example `run = \"ip address\"`");
    }
    if ["cut", "restore", "degrade"]
        .iter()
        .any(|key| entries.get(key).is_some())
    {
        return diagnostic.help("add whose link it is, for example `link = \"sensor\"`");
    }
    for (key, _) in entries.iter() {
        if let Some(near) = did_you_mean(&key.value, KINDS.iter().copied()) {
            return diagnostic.related(key.span.clone(), near);
        }
    }
    diagnostic.help(format!(
        "a step has exactly one of {}",
        alternatives(KINDS.iter().copied())
    ))
}

/// A value that a step without a name is called by: the key and what is written there.
fn written(table: &Table<'_>, key: &str) -> String {
    let value = table
        .value(key)
        .and_then(Value::as_text)
        .unwrap_or_default();
    format!("{key} {value}")
}

/// Keys of a `do` step that are no parameters of the operation.
pub(super) const NO_PARAMETERS: &[&str] = &["do", "error", "name", "repeat", "eventually"];

fn do_step(
    table: &Table<'_>,
    entries: &Entries,
    errors: &mut Errors,
) -> Option<(StepKind, String)> {
    let operation = table.read("do", errors, value::text);
    let error = table.read("error", errors, value::text);
    let operation = operation?;
    let names = Action::names;
    if !names().any(|name| name == operation.value) {
        let diagnostic = Diagnostic::error(
            operation.span,
            format!("there is no operation {:?}", operation.value),
        );
        errors.push(match did_you_mean(&operation.value, names()) {
            Some(near) => diagnostic.label(near),
            None => similar(diagnostic, &operation.value, names()),
        });
        return None;
    }
    let mut parameters: Vec<_> = entries
        .0
        .iter()
        .filter(|(key, _)| !NO_PARAMETERS.contains(&key.value.as_str()))
        .cloned()
        .collect();
    for (_, value) in &parameters {
        check_templates(value, errors);
    }
    action::mend(&operation.value, &mut parameters, NO_PARAMETERS, errors);
    let parameters = Entries(parameters);
    action::check(&operation, &parameters, errors);
    let said = operation.value.clone();
    Some((
        StepKind::Do(DoStep {
            operation,
            parameters,
            error,
        }),
        said,
    ))
}

/// Names the operations that share a word with what was written.
fn similar<'n>(
    diagnostic: Diagnostic,
    given: &str,
    names: impl Iterator<Item = &'n str>,
) -> Diagnostic {
    let words = |name: &str| -> Vec<String> {
        name.split_inclusive(|c: char| !c.is_ascii_alphanumeric())
            .flat_map(|part| {
                part.split(|c: char| c.is_ascii_uppercase()).zip(
                    std::iter::once(None)
                        .chain(part.chars().filter(char::is_ascii_uppercase).map(Some)),
                )
            })
            .map(|(rest, first)| {
                let rest = rest.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
                first.into_iter().collect::<String>().to_lowercase() + rest
            })
            .filter(|word| word.len() > 2)
            .collect()
    };
    let given = words(given);
    let mut hits: Vec<(usize, &str)> = names
        .map(|name| {
            (
                words(name)
                    .iter()
                    .filter(|word| given.contains(word))
                    .count(),
                name,
            )
        })
        .filter(|(shared, _)| *shared > 0)
        .collect();
    hits.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    let diagnostic = diagnostic
        .note("operations go by their names in the EC2 and SORACOM APIs, as in `CreateRoute` or `openGate`");
    if hits.is_empty() {
        return diagnostic;
    }
    diagnostic.help(format!(
        "perhaps {}?",
        alternatives(hits.into_iter().take(4).map(|(_, name)| name))
    ))
}

fn check_templates(value: &Value, errors: &mut Errors) {
    match &value.data {
        Data::Text(text) => {
            let text = Placed {
                value: text.clone(),
                span: value.span.clone(),
            };
            template::check(&text, false, errors);
        }
        Data::List(items) => items.iter().for_each(|item| check_templates(item, errors)),
        Data::Table(items) => items
            .iter()
            .for_each(|(_, value)| check_templates(value, errors)),
        Data::Integer(_) | Data::Float(_) | Data::Boolean(_) | Data::Date => {}
    }
}

fn probe(table: &Table<'_>, errors: &mut Errors) -> Option<(StepKind, String)> {
    let from = table.require("from", "\"sensor\"", errors, value::text);
    let to = table.require("to", "\"server\"", errors, text_template);
    let expect = table.read("expect", errors, expect::read);
    let timeout = table.read("timeout", errors, value::patience);
    let (from, to, (ask, expect)) = (from?, to?, expect?);
    let how = match &ask {
        Ask::Ping { .. } => "ping".to_owned(),
        Ask::Tcp { port } => format!("tcp/{port}"),
        Ask::Udp { port } => format!("udp/{port}"),
        Ask::Http { port, path } => format!("http/{port} {path}"),
        Ask::Dns { name } => format!("dns {name}"),
        Ask::Ntp => "ntp".to_owned(),
    };
    let said = format!("{} → {}: {how}", from.value, to.0.value);
    let probe = ProbeStep {
        from,
        to,
        ask,
        expect,
        timeout: timeout.unwrap_or(PROBE_TIMEOUT),
    };
    Some((StepKind::Probe(probe), said))
}

fn run(table: &Table<'_>, errors: &mut Errors) -> Option<(StepKind, String)> {
    let on = table.require("on", "\"server\"", errors, value::text);
    let script = table.read("run", errors, |key, value, errors| {
        let text = value::text(key, value, errors)?;
        if text.value.contains('\0') {
            errors.push(Diagnostic::error(
                text.span,
                "a script can't hold the character NUL",
            ));
            return None;
        }
        template::check(&text, true, errors);
        Some(Template(text))
    });
    let exit = table.read("exit", errors, |key, value, errors| {
        value::number(key, 0..=255, value, errors)
    });
    let stdout = table.read("stdout", errors, text_template);
    let stderr = table.read("stderr", errors, text_template);
    let timeout = table.read("timeout", errors, value::patience);
    let on = on?;
    let said = format!("run on {}", on.value);
    let run = RunStep {
        on,
        script: script?,
        exit: exit.unwrap_or(0),
        stdout,
        stderr,
        timeout: timeout.unwrap_or(RUN_TIMEOUT),
    };
    Some((StepKind::Run(run), said))
}

fn change(
    table: &Table<'_>,
    beside: Option<Beside<'_>>,
    errors: &mut Errors,
) -> Option<(StepKind, String)> {
    let link = table.read("link", errors, value::text)?;
    let given: Vec<&str> = ["cut", "restore", "degrade"]
        .into_iter()
        .filter(|key| table.value(key).is_some())
        .collect();
    let [key] = given[..] else {
        errors.push(
            Diagnostic::error(
                table.span.clone(),
                "a step with `link` has exactly one of `cut`, `restore` and `degrade`",
            )
            .help("as in `cut = true` or `degrade = { loss = \"30%\" }`"),
        );
        return None;
    };
    let (change, verb) = match key {
        "cut" => (
            table
                .read(key, errors, value::yes)
                .map(|()| LinkChange::Cut),
            "cut",
        ),
        "restore" => (
            table
                .read(key, errors, value::yes)
                .map(|()| LinkChange::Restore),
            "restore",
        ),
        _ => {
            let degraded = table.read(key, errors, |key, value, errors| {
                link::degrade(key, value, beside, errors)
            });
            (
                degraded.map(|table| LinkChange::Degrade(Box::new(table))),
                "degrade",
            )
        }
    };
    let said = format!("{verb} the link of {}", link.value);
    let change = change?;
    Some((StepKind::Link(LinkStep { link, change }), said))
}

fn checks(table: &Table<'_>, errors: &mut Errors) -> Option<(StepKind, String)> {
    let value = table.value("check")?;
    let example = "as in { \"vpg.status\" = \"running\" }";
    let Data::Table(items) = &value.data else {
        errors.push(value::wrong_kind("check", "a table", value).help(example));
        return None;
    };
    if items.0.is_empty() {
        errors
            .push(Diagnostic::error(value.span.clone(), "there is nothing to check").help(example));
        return None;
    }
    let mut checks = Vec::new();
    for (path, value) in items.iter() {
        if let Data::Table(inner) = &value.data {
            let attribute = inner.0.first().map_or("status", |(key, _)| &key.value);
            errors.push(
                Diagnostic::error(path.span.clone(), "a path stands between quotes")
                    .help(format!("write \"{}.{attribute}\"", path.value)),
            );
            continue;
        }
        if !template::is_path(&path.value) {
            errors.push(
                Diagnostic::error(
                    path.span.clone(),
                    format!("{:?} is not the path of a value", path.value),
                )
                .help(format!("a name, then attributes with dots, {example}")),
            );
            continue;
        }
        // Values are compared as text; what is written without quotes is just as plain.
        let expected = match &value.data {
            Data::Boolean(_) | Data::Integer(Some(_)) => Some(Template(Placed {
                value: plain(value),
                span: value.span.clone(),
            })),
            _ => text_template(&path.value, value, errors),
        };
        checks.extend(expected.map(|expected| ValueCheck {
            path: path.clone(),
            expected,
        }));
    }
    let first = checks.first()?;
    let said = format!("check {}", first.path.value);
    Some((StepKind::Check(checks), said))
}

fn plain(value: &Value) -> String {
    match &value.data {
        Data::Boolean(value) => value.to_string(),
        Data::Integer(Some(number)) => number.to_string(),
        _ => String::new(),
    }
}
