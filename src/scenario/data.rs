//! The file's values with their places, owned and in the order of the file.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Placed, Span};

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The value.
    pub data: Data,
    /// Where it stands; of a table with a header, the header.
    pub span: Span,
}

/// The kinds of value that TOML has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A string.
    Text(String),
    /// A whole number; none where it has more than 127 bits.
    Integer(Option<i128>),
    /// Any other number, as it is written.
    Float(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A date, a time, or both.
    Date,
    /// A list.
    List(Vec<Value>),
    /// A table.
    Table(Entries),
}

/// A table's entries in the order of the file; no key occurs twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(pub Vec<(Placed<String>, Value)>);

impl Entries {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key with its place, and the value.
    pub fn entry(&self, key: &str) -> Option<&(Placed<String>, Value)> {
        self.0.iter().find(|(given, _)| given.value == key)
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = (&Placed<String>, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl From<&DeTable<'_>> for Entries {
    fn from(table: &DeTable<'_>) -> Self {
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| {
                let key = Placed {
                    value: key.get_ref().to_string(),
                    span: key.span(),
                };
                (key, Value::from(value))
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        Self(entries)
    }
}

impl From<&Spanned<DeValue<'_>>> for Value {
    fn from(value: &Spanned<DeValue<'_>>) -> Self {
        let data = match value.get_ref() {
            DeValue::String(text) => Data::Text(text.to_string()),
            DeValue::Integer(number) => {
                Data::Integer(i128::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(number) => Data::Float(number.to_string()),
            DeValue::Boolean(value) => Data::Boolean(*value),
            DeValue::Datetime(_) => Data::Date,
            DeValue::Array(items) => Data::List(items.iter().map(Self::from).collect()),
            DeValue::Table(items) => Data::Table(items.into()),
        };
        Self {
            data,
            span: value.span(),
        }
    }
}

impl Value {
    /// What it is, in words.
    pub(super) fn found(&self) -> String {
        match &self.data {
            Data::Text(_) => "a string".into(),
            Data::Integer(Some(number)) => format!("the number {number}"),
            Data::Integer(None) => "a number of too many digits".into(),
            Data::Float(number) => format!("the number {number}"),
            Data::Boolean(value) => value.to_string(),
            Data::Date => "a date".into(),
            Data::List(_) => "a list".into(),
            Data::Table(_) => "a table".into(),
        }
    }

    /// The string, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as JSON. Numbers and dates that JSON has no room for become null, which no
    /// parameter accepts.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Text(text) => text.as_str().into(),
            Data::Integer(number) => number
                .and_then(|number| i64::try_from(number).ok())
                .map_or(serde_json::Value::Null, Into::into),
            Data::Float(number) => number
                .parse::<f64>()
                .map_or(serde_json::Value::Null, Into::into),
            Data::Boolean(value) => (*value).into(),
            Data::Date => serde_json::Value::Null,
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Table(items) => items.to_json(),
        }
    }
}

impl Entries {
    /// The table as a JSON object.
    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Object(
            self.iter()
                .map(|(key, value)| (key.value.clone(), value.to_json()))
                .collect(),
        )
    }
}
