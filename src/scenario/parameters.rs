//! The parameters of the operations: which there are, of what shape, and which must be given.
//!
//! All of it is asked of the types that the clouds declare, through serde, so that it can't differ
//! from them: a field's shape is that of the sample value which the field accepts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use serde::de::{Deserializer, Visitor};
use serde_json::{Value as Json, json};

use crate::cloud::Action;

/// What a parameter's value looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Any string.
    Text,
    /// A CIDR block.
    Cidr,
    /// An IPv4 address.
    Address,
    /// An AWS account number.
    Account,
    /// `true` or `false`.
    Boolean,
    /// A whole number from 0 to this.
    Number(u32),
    /// One of these words.
    Word(Vec<String>),
    /// A list of strings.
    Texts,
    /// A list of something else.
    List,
    /// A table.
    Table,
    /// None of these.
    Other,
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    /// Its key.
    pub name: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// Whether the operation can't do without.
    pub required: bool,
}

/// The parameters of an operation; none if there is no such operation.
pub(super) fn of(operation: &str) -> Option<&'static [Parameter]> {
    static ALL: OnceLock<BTreeMap<&'static str, Vec<Parameter>>> = OnceLock::new();
    ALL.get_or_init(|| Action::names().map(|name| (name, describe(name))).collect())
        .get(operation)
        .map(Vec::as_slice)
}

fn describe(operation: &str) -> Vec<Parameter> {
    let fields = match Action::read(operation, Fields) {
        Some(Err(Captured(fields))) => fields,
        _ => &[],
    };
    let shapes: Vec<(Shape, Option<Json>)> =
        fields.iter().map(|field| shape(operation, field)).collect();
    let required = |left_out: &str| {
        let others: serde_json::Map<String, Json> = fields
            .iter()
            .zip(&shapes)
            .filter(|(field, _)| **field != left_out)
            .filter_map(|(field, (_, sample))| Some(((*field).to_owned(), sample.clone()?)))
            .collect();
        matches!(Action::read(operation, Json::Object(others)), Some(Err(_)))
    };
    fields
        .iter()
        .zip(&shapes)
        .map(|(name, (shape, _))| Parameter {
            name,
            shape: shape.clone(),
            required: required(name),
        })
        .collect()
}

/// The shape of a field, and a value that it accepts.
fn shape(operation: &str, field: &str) -> (Shape, Option<Json>) {
    let accepts = |sample: &Json| refusal(operation, field, sample).is_none();
    let largest = || {
        [u32::from(u8::MAX), u32::from(u16::MAX)]
            .into_iter()
            .find(|max| !accepts(&json!(u64::from(*max) + 1)))
            .unwrap_or(u32::MAX)
    };
    let samples = [
        (json!("-"), Shape::Text),
        (json!("10.0.0.0/8"), Shape::Cidr),
        (json!("10.0.0.1"), Shape::Address),
        (json!("111122223333"), Shape::Account),
        (json!(true), Shape::Boolean),
        (json!(1), Shape::Number(0)),
        (json!(["-"]), Shape::Texts),
        (json!([]), Shape::List),
        (json!({}), Shape::Table),
    ];
    for (sample, shape) in samples {
        if accepts(&sample) {
            let shape = match shape {
                Shape::Number(_) => Shape::Number(largest()),
                other => other,
            };
            return (shape, Some(sample));
        }
    }
    let words = refusal(operation, field, &json!("-"))
        .map(|message| expected_words(&message))
        .unwrap_or_default();
    match words.first() {
        Some(first) => {
            let sample = json!(first);
            (Shape::Word(words), Some(sample))
        }
        None => (Shape::Other, None),
    }
}

/// Why a field does not accept a value.
fn refusal(operation: &str, field: &str, sample: &Json) -> Option<String> {
    let mut object = serde_json::Map::new();
    object.insert(field.to_owned(), sample.clone());
    match Action::read(operation, Json::Object(object)) {
        Some(Err(error)) => {
            // Values are read before it turns out which fields are missing.
            let message = error.to_string();
            (!message.starts_with("missing field")).then_some(message)
        }
        Some(Ok(_)) | None => None,
    }
}

/// The words of serde's "unknown variant `-`, expected one of `allow`, `deny`".
fn expected_words(message: &str) -> Vec<String> {
    match message
        .strip_prefix("unknown variant ")
        .and_then(|rest| rest.split_once("expected "))
    {
        Some((_, words)) => words
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect(),
        None => Vec::new(),
    }
}

/// A deserializer that only notes which fields the type has.
struct Fields;

/// The fields.
#[derive(Debug)]
struct Captured(&'static [&'static str]);

impl fmt::Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for Captured {}

impl serde::de::Error for Captured {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> Deserializer<'de> for Fields {
    type Error = Captured;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Captured> {
        Err(Captured(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Captured> {
        Err(Captured(fields))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parameter(operation: &str, name: &str) -> Parameter {
        of(operation)
            .unwrap()
            .iter()
            .find(|parameter| parameter.name == name)
            .unwrap()
            .clone()
    }

    #[test]
    fn every_parameter_has_a_known_shape() {
        for operation in Action::names() {
            for parameter in of(operation).unwrap() {
                // `port` is a number or a string; its values have a reader of their own.
                assert!(
                    parameter.shape != Shape::Other,
                    "{operation} {}",
                    parameter.name
                );
            }
        }
    }

    #[test]
    fn what_must_be_given_is_known() {
        assert!(parameter("openGate", "vpg").required);
        assert!(!parameter("openGate", "vni").required);
        assert!(!parameter("RunInstances", "source_dest_check").required);
        assert!(parameter("RunInstances", "as").required);
        assert!(parameter("CreateNetworkAclEntry", "rule_number").required);
    }

    #[test]
    fn shapes_are_those_of_the_types() {
        assert_eq!(parameter("openGate", "vni").shape, Shape::Number(u32::MAX));
        assert_eq!(
            parameter("CreateNetworkAclEntry", "rule_number").shape,
            Shape::Number(65_535)
        );
        assert_eq!(
            parameter("CreateNetworkAclEntry", "action").shape,
            Shape::Word(vec!["allow".into(), "deny".into()])
        );
        assert_eq!(parameter("CreateVpc", "cidr").shape, Shape::Cidr);
        assert_eq!(
            parameter("RunInstances", "private_ip").shape,
            Shape::Address
        );
        assert_eq!(
            parameter("RunInstances", "security_groups").shape,
            Shape::Texts
        );
    }
}
