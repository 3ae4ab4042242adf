//! Tables of the file: which keys are allowed, which are missing.

use std::collections::BTreeMap;

use super::data::{Data, Entries, Value};
use super::diagnostic::Harm;
use super::nearest::{alternatives, did_you_mean, nearest};
use super::value::{Errors, wrong_kind};
use super::{Diagnostic, Placed, Span};

/// A table whose unknown keys have been complained about.
pub(super) struct Table<'t> {
    /// What it describes: `VPC "customer"`.
    pub what: String,
    /// Its header, or all of it where it stands in a line.
    pub span: Span,
    items: &'t Entries,
    /// Keys that are slips of others, by what they are slips of.
    meant: BTreeMap<&'t str, &'t (Placed<String>, Value)>,
}

impl<'t> Table<'t> {
    /// A table that may have the keys `allowed`.
    pub fn open(
        what: impl Into<String>,
        span: Span,
        items: &'t Entries,
        allowed: &[&'t str],
        errors: &mut Errors,
    ) -> Self {
        let mut table = Self {
            what: what.into(),
            span,
            items,
            meant: BTreeMap::new(),
        };
        for entry in &items.0 {
            let key = &entry.0;
            if allowed.contains(&key.value.as_str()) {
                continue;
            }
            let mut error = unknown_key(&table.what, key, allowed);
            // Where what it is a slip of is not there, that is what it is read as.
            if let Some(meant) = nearest(&key.value, allowed.iter().copied())
                && table.entry(meant).is_none()
            {
                table.meant.insert(meant, entry);
                error = error.harm(Harm::None);
            }
            errors.push(error);
        }
        table
    }

    /// The same of a value, which must be a table.
    pub fn of_value(
        what: impl Into<String>,
        key: &str,
        value: &'t Value,
        allowed: &[&'t str],
        errors: &mut Errors,
    ) -> Option<Self> {
        match &value.data {
            Data::Table(items) => {
                Some(Self::open(what, value.span.clone(), items, allowed, errors))
            }
            _ => {
                let first = allowed.first().unwrap_or(&"key");
                errors.push(wrong_kind(key, "a table", value).help(format!(
                    "as in {{ {first} = … }}; it may have {}",
                    alternatives(allowed.iter().copied())
                )));
                None
            }
        }
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&'t Value> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Where a key stands.
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.entry(key).map(|(key, _)| key.span.clone())
    }

    fn entry(&self, key: &str) -> Option<&'t (Placed<String>, Value)> {
        let entry = self.items.entry(key);
        entry.or_else(|| self.meant.get(key).copied())
    }

    /// Reads the value of a key, if it is there.
    pub fn read<T>(
        &self,
        key: &str,
        errors: &mut Errors,
        read: impl FnOnce(&str, &'t Value, &mut Errors) -> Option<T>,
    ) -> Option<T> {
        read(key, self.value(key)?, errors)
    }

    /// Reads the value of a key, and complains where it is missing; `example` is what could be written.
    pub fn require<T>(
        &self,
        key: &str,
        example: &str,
        errors: &mut Errors,
        read: impl FnOnce(&str, &'t Value, &mut Errors) -> Option<T>,
    ) -> Option<T> {
        match self.value(key) {
            Some(value) => read(key, value, errors),
            None => {
                errors.push(
                    Diagnostic::error(self.span.clone(), format!("{} lacks `{key}`", self.what))
                        .help(format!("add, for example, `{key} = {example}`")),
                );
                None
            }
        }
    }
}

/// Says that a key is not known here.
pub(super) fn unknown_key(what: &str, key: &Placed<String>, allowed: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(key.span.clone(), format!("{what} has no `{}`", key.value))
        .harm(Harm::LeftOut);
    let near = did_you_mean(&key.value, allowed.iter().copied());
    let diagnostic = match near {
        Some(near) => diagnostic.label(near),
        None => diagnostic,
    };
    if allowed.is_empty() {
        diagnostic
    } else {
        diagnostic.note(format!(
            "it may have {}",
            alternatives(allowed.iter().copied())
        ))
    }
}
