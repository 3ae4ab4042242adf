//! The words of the language, for whoever describes it: every table and its keys, every operation and
//! its parameters. They are the reader's own lists, so they can't differ from what it reads.

use super::parameters::{self, Parameter, Shape};
use super::rules::{self, Direction};
use super::{aws, expect, link, read, reading, soracom, step};
use crate::cloud::{aws as ec2, soracom as air};

/// A place in a scenario that has keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What it is called: `[aws.vpc.NAME]`, or in words where it has no header of its own.
    pub name: String,
    /// Its keys.
    pub keys: &'static [&'static str],
}

/// Every place that has keys of its own. A `do` step has those of its operation too.
pub fn places() -> Vec<Place> {
    let place = |name: &str, keys| Place {
        name: name.to_owned(),
        keys,
    };
    let tables =
        read::tables().map(|(kind, keys)| place(&format!("[{}.NAME]", kind.table()), keys));
    let steps = step::KINDS
        .iter()
        .map(|kind| place(&format!("{kind} step"), step::own_keys(kind)));
    let inner = [
        ("file", read::top()),
        ("[internet]", soracom::INTERNET),
        ("route", aws::ROUTE),
        ("service", reading::SERVICE),
        ("ingress rule", Direction::Ingress.keys()),
        ("egress rule", Direction::Egress.keys()),
        ("network ACL entry", rules::ACL_ENTRY),
        ("routing filter entry", rules::ROUTING_FILTER_ENTRY),
        ("gate", soracom::GATE),
        ("Gate peer", soracom::GATE_PEER),
        ("direction of a link", link::WAY),
        ("queue", link::QUEUE),
        ("loss in bursts", link::BURST),
        ("reordering", link::REORDER),
        ("radio", link::RADIO),
        ("degrade", link::DEGRADE),
        ("every step", step::COMMON),
        ("expectation", expect::KEYS),
    ];
    tables
        .chain(steps)
        .chain(inner.map(|(name, keys)| place(name, keys)))
        .collect()
}

/// An operation that a `do` step can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its real name.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Its parameters.
    pub parameters: Vec<OperationParameter>,
}

/// A parameter of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationParameter {
    /// Its key.
    pub name: &'static str,
    /// What its value looks like, in words.
    pub value: String,
    /// Whether the operation can't do without.
    pub required: bool,
    /// What it means, and what counts where it isn't given.
    pub meaning: &'static str,
}

/// What an operation does, and what each of its parameters means.
type Meaning = (&'static str, &'static [&'static str]);

/// The operations of the EC2 API.
pub fn aws_operations() -> Vec<Operation> {
    operations(ec2::Action::NAMES, ec2::Action::MEANINGS)
}

/// The operations of the SORACOM API, and of devices.
pub fn soracom_operations() -> Vec<Operation> {
    operations(air::Action::NAMES, air::Action::MEANINGS)
}

fn operations(names: &[&'static str], meanings: &[Meaning]) -> Vec<Operation> {
    let both = names.iter().zip(meanings);
    both.map(|(name, (meaning, of_fields))| Operation {
        name,
        meaning,
        parameters: parameters::of(name)
            .unwrap_or_default()
            .iter()
            .zip(of_fields.iter())
            .map(|(parameter, meaning)| OperationParameter {
                name: parameter.name,
                value: in_words(parameter),
                required: parameter.required,
                meaning,
            })
            .collect(),
    })
    .collect()
}

/// What a parameter's value looks like. The first arms are those that the reader tells by their names
/// too.
fn in_words(parameter: &Parameter) -> String {
    match (&parameter.shape, parameter.name) {
        (_, "port") => "port, or range of ports".into(),
        (_, "rule") => "table: a rule".into(),
        (_, "entries") => "list of routing filter entries".into(),
        (Shape::Text, _) => "string".into(),
        (Shape::Cidr, _) => "CIDR block".into(),
        (Shape::Address, _) => "IPv4 address".into(),
        (Shape::Account, _) => "account number".into(),
        (Shape::Boolean, _) => "boolean".into(),
        (Shape::Number(_), _) => "number".into(),
        (Shape::Word(words), _) => super::nearest::alternatives(words.iter().map(String::as_str)),
        (Shape::Texts, _) => "list of strings".into(),
        (Shape::List, _) => "list".into(),
        (Shape::Table, _) => "table".into(),
        (Shape::Other, _) => "value".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_do_step_has_no_other_keys_than_its_operation() {
        let own = [step::own_keys("do"), step::COMMON].concat();
        assert_eq!(own, step::NO_PARAMETERS);
    }

    #[test]
    fn every_parameter_has_a_meaning() {
        for (names, meanings) in [
            (ec2::Action::NAMES, ec2::Action::MEANINGS),
            (air::Action::NAMES, air::Action::MEANINGS),
        ] {
            assert_eq!(names.len(), meanings.len());
            for (name, (_, of_fields)) in names.iter().zip(meanings) {
                let known = parameters::of(name).map(<[_]>::len);
                assert_eq!(known, Some(of_fields.len()), "{name}");
            }
        }
    }
}
