//! From a file's bytes to tables: what TOML itself has to say.

use toml::Spanned;
use toml::de::DeTable;

use super::data::Entries;
use super::{Diagnostic, Diagnostics, Source, Span, limits};

/// How many bytes are shown behind the place where a file is more than it may be.
const SHOWN: usize = 40;

/// From bytes to tables. Keys given twice are the only fault that reading goes on after: whatever else
/// is wrong with the syntax, what follows it would be guesswork.
pub(super) fn parse(
    file: &str,
    bytes: &[u8],
) -> Result<(Source, Entries, Vec<Diagnostic>), Diagnostics> {
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
    if let Some(diagnostic) = limits::exceeded(&text) {
        // No more of the file than what is shown of it.
        let end = source.boundary(diagnostic.primary.span.end + SHOWN);
        let text = source.text[..end].into();
        let source = Source { text, ..source };
        return Err(Diagnostics::new(source, vec![diagnostic]));
    }
    if text.trim().is_empty() {
        let diagnostic = Diagnostic::error(0..0, "the file is empty")
            .help("a scenario declares resources and has steps; an example is in the README");
        return Err(Diagnostics::new(source, vec![diagnostic]));
    }
    let (table, faults) = if text.len() <= limits::MANY_FAULTS {
        DeTable::parse_recoverable(&text)
    } else {
        match DeTable::parse(&text) {
            Ok(table) => (table, Vec::new()),
            Err(fault) => (Spanned::new(0..0, DeTable::default()), vec![fault]),
        }
    };
    let duplicates_only = faults.iter().all(is_duplicate);
    let mut errors: Vec<Diagnostic> = Vec::new();
    let mut searched = 0;
    for fault in faults.iter().take(limits::TOLD) {
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
