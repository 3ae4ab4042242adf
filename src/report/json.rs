//! One JSON object a line: the events as they are.

use std::io::{self, Write};

use super::Report;
use crate::run::event::Event;

/// Writes each event as one line of JSON, at once.
pub struct Json<W> {
    out: W,
}

impl<W: Write> Json<W> {
    /// A report to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Report for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn each_event_is_one_line() {
        let mut out = Vec::new();
        let mut json = Json::new(&mut out);
        let events = sample::events();
        for event in &events {
            json.event(event).unwrap();
        }
        json.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), events.len());
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(value["event"].is_string());
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn an_interrupted_run_says_so() {
        let mut out = Vec::new();
        let mut json = Json::new(&mut out);
        for event in sample::interrupted() {
            json.event(&event).unwrap();
        }
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn what_was_skipped_is_told() {
        let mut out = Vec::new();
        let mut json = Json::new(&mut out);
        for event in sample::skipping() {
            json.event(&event).unwrap();
        }
        json.finish().unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
