//! Values as TOML in one line.

use std::fmt::Write;

use serde_json::Value;

/// A value as it stands behind `key = `.
pub fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{key} = {}", inline(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        // Strings, numbers and booleans are written alike.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// A file under way.
#[derive(Default)]
pub struct Text(pub String);

impl Text {
    /// Begins a table: `[aws.vpc.v1]`.
    pub fn table(&mut self, path: &str) {
        writeln!(self.0, "\n[{path}]").unwrap();
    }

    /// Begins a step.
    pub fn step(&mut self) {
        self.0.push_str("\n[[step]]\n");
    }

    /// One key; lists of tables take a line for each.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        match &value {
            Value::Array(items) if items.len() > 1 && items.iter().all(Value::is_object) => {
                writeln!(self.0, "{key} = [").unwrap();
                for item in items {
                    writeln!(self.0, "  {},", inline(item)).unwrap();
                }
                self.0.push_str("]\n");
            }
            _ => writeln!(self.0, "{key} = {}", inline(&value)).unwrap(),
        }
    }

    /// The same, where it isn't what holds anyway.
    pub fn set_if(&mut self, differs: bool, key: &str, value: impl Into<Value>) {
        if differs {
            self.set(key, value);
        }
    }
}
