//! A `do` step's parameters become an [`Action`].

use super::data::{Data, Entries, Value};
use super::diagnostic::Harm;
use super::names::check_name;
use super::nearest::{alternatives, did_you_mean, nearest};
use super::parameters::{self, Parameter, Shape};
use super::rules::{self, Direction};
use super::table::unknown_key;
use super::value::{self, Errors};
use super::{Diagnostic, DoStep, Placed, Source, Template};
use crate::cloud::{AccountId, Action, Cloud};

impl DoStep {
    /// The action with the present values in its parameters.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the parameters. `source` is the file that the step comes from.
    pub fn action(&self, source: &Source, cloud: &Cloud) -> Result<Action, Vec<Diagnostic>> {
        let parameters = self.resolved(cloud)?;
        let mut errors = Errors::new();
        check(&self.operation, &parameters, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let at = || {
            // Never beyond the file, even if the step comes from another one.
            let end = source.text.len();
            self.operation.span.start.min(end)..self.operation.span.end.min(end)
        };
        match Action::read(&self.operation.value, parameters.to_json()) {
            Some(Ok(action)) => Ok(action),
            Some(Err(why)) => Err(vec![Diagnostic::error(
                at(),
                format!(
                    "the parameters of `{}` are wrong: {why}",
                    self.operation.value
                ),
            )]),
            None => Err(vec![Diagnostic::error(
                at(),
                format!("there is no operation {:?}", self.operation.value),
            )]),
        }
    }

    /// The parameters with the present values in them.
    pub(super) fn resolved(&self, cloud: &Cloud) -> Result<Entries, Vec<Diagnostic>> {
        let mut errors = Errors::new();
        let mut parameters = self.parameters.clone();
        for (_, value) in &mut parameters.0 {
            substitute(value, cloud, &mut errors);
        }
        if errors.is_empty() {
            Ok(parameters)
        } else {
            Err(errors)
        }
    }

    /// What the step calls what it makes.
    pub(super) fn creates(&self) -> Option<&str> {
        self.parameters.get("as").and_then(Value::as_text)
    }
}

fn substitute(value: &mut Value, cloud: &Cloud, errors: &mut Errors) {
    match &mut value.data {
        Data::Text(text) if text.contains("${") => {
            let template = Template(Placed {
                value: text.clone(),
                span: value.span.clone(),
            });
            match template.resolve(cloud) {
                Ok(resolved) => *text = resolved,
                Err(error) => errors.push(error),
            }
        }
        Data::List(items) => {
            for item in items {
                substitute(item, cloud, errors);
            }
        }
        Data::Table(items) => {
            for (_, value) in &mut items.0 {
                substitute(value, cloud, errors);
            }
        }
        Data::Text(_) | Data::Integer(_) | Data::Float(_) | Data::Boolean(_) | Data::Date => {}
    }
}

/// Whether a value depends on the clouds' state, or was meant to.
fn has_templates(value: &Value) -> bool {
    match &value.data {
        Data::Text(text) => text.contains("${"),
        Data::List(items) => items.iter().any(has_templates),
        Data::Table(items) => items.iter().any(|(_, value)| has_templates(value)),
        Data::Integer(_) | Data::Float(_) | Data::Boolean(_) | Data::Date => false,
    }
}

/// Complains about keys that are slips of a parameter that is not given, and makes it of them; about
/// slips of `others`, keys that every such step may have, too.
pub(super) fn mend(
    operation: &str,
    given: &mut [(Placed<String>, Value)],
    others: &[&str],
    errors: &mut Errors,
) {
    let Some(known) = parameters::of(operation) else {
        return;
    };
    let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
    let mut taken: Vec<String> = given.iter().map(|(key, _)| key.value.clone()).collect();
    for (key, _) in given {
        if names.contains(&key.value.as_str()) {
            continue;
        }
        let meant = nearest(&key.value, names.iter().chain(others).copied());
        let Some(meant) = meant.filter(|meant| !taken.iter().any(|name| name == meant)) else {
            continue;
        };
        if names.contains(&meant) {
            let error = unknown_key(&format!("`{operation}`"), key, &names);
            errors.push(error.harm(Harm::None));
            taken.push(meant.to_owned());
            key.value = meant.to_owned();
        }
    }
}

/// Complains about everything that is wrong with the parameters of an operation; about values that hold
/// templates only as far as their keys go.
pub(super) fn check(operation: &Placed<String>, given: &Entries, errors: &mut Errors) {
    let Some(known) = parameters::of(&operation.value) else {
        return;
    };
    let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
    for (key, value) in given.iter() {
        match known.iter().find(|parameter| parameter.name == key.value) {
            None => {
                let what = format!("`{}`", operation.value);
                errors.push(unknown_key(&what, key, &names));
            }
            Some(_) if has_templates(value) => {}
            Some(parameter) => check_value(&operation.value, parameter, value, errors),
        }
    }
    for parameter in known {
        if parameter.required && given.get(parameter.name).is_none() {
            errors.push(
                Diagnostic::error(
                    operation.span.clone(),
                    format!("`{}` lacks `{}`", operation.value, parameter.name),
                )
                .help(format!(
                    "add, for example, `{} = {}`",
                    parameter.name,
                    example(parameter)
                )),
            );
        }
    }
}

fn example(parameter: &Parameter) -> String {
    match (&parameter.shape, parameter.name) {
        (_, "rule") => "{ protocol = \"tcp\", port = 80, source = \"0.0.0.0/0\" }".into(),
        (_, "entries") => "[{ action = \"deny\", ip_range = \"0.0.0.0/0\" }]".into(),
        (_, "parameters") => "{ useVpg = true, vpgId = \"vpg\" }".into(),
        (_, "target") => "\"igw\"".into(),
        (_, "speed_class") => "\"s1.fast\"".into(),
        (Shape::Text, _) => "\"name\"".into(),
        (Shape::Cidr, _) => "\"10.0.0.0/16\"".into(),
        (Shape::Address, _) => "\"10.0.0.254\"".into(),
        (Shape::Account, _) => "\"111122223333\"".into(),
        (Shape::Boolean, _) => "true".into(),
        (Shape::Number(_) | Shape::Other, _) => "100".into(),
        (Shape::Word(words), _) => format!("{:?}", words.first().map_or("", String::as_str)),
        (Shape::Texts | Shape::List, _) => "[]".into(),
        (Shape::Table, _) => "{}".into(),
    }
}

fn check_value(operation: &str, parameter: &Parameter, value: &Value, errors: &mut Errors) {
    let key = parameter.name;
    match (&parameter.shape, key) {
        (_, "port") => {
            rules::ports(key, value, errors);
        }
        (_, "rule") => {
            let direction = if operation.ends_with("Ingress") {
                Direction::Ingress
            } else {
                Direction::Egress
            };
            rules::rule(direction, key, value, errors);
        }
        (_, "entries") => {
            value::list(key, value, errors, rules::routing_filter_entry);
        }
        (_, "as") => {
            if let Some(name) = value::text(key, value, errors) {
                check_name("resource", &name.value, name.span, errors);
            }
        }
        (Shape::Text, _) => {
            value::text(key, value, errors);
        }
        (Shape::Cidr, _) => {
            value::cidr(key, value, errors);
        }
        (Shape::Address, _) => {
            value::address(key, value, errors);
        }
        (Shape::Account, _) => {
            if let Some(text) = value::text(key, value, errors)
                && let Err(why) = AccountId::try_from(text.value)
            {
                errors.push(Diagnostic::error(text.span, why));
            }
        }
        (Shape::Boolean, _) => {
            value::boolean(key, value, errors);
        }
        (Shape::Number(largest), _) => {
            value::number(key, 0..=*largest, value, errors);
        }
        (Shape::Word(words), _) => {
            let words = || words.iter().map(String::as_str);
            if let Some(text) = value::text(key, value, errors)
                && !words().any(|word| word == text.value)
            {
                errors.push(
                    Diagnostic::error(
                        text.span,
                        format!(
                            "`{key}` must be {}, not {:?}",
                            alternatives(words()),
                            text.value
                        ),
                    )
                    .maybe_help(did_you_mean(&text.value, words())),
                );
            }
        }
        (Shape::Texts, _) => {
            value::list(key, value, errors, value::text);
        }
        (Shape::List, _) => {
            value::list(key, value, errors, |_, _, _| Some(()));
        }
        (Shape::Table, _) => {
            if !matches!(value.data, Data::Table(_)) {
                errors.push(value::wrong_kind(key, "a table", value));
            }
        }
        (Shape::Other, _) => {}
    }
}
