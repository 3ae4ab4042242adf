//! What is wrong with a scenario, where, and what mends it.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::{Source, Span, limits};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The scenario can't be run.
    Error,
    /// It can, but hardly means what it says.
    Warning,
}

/// A place in the file and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What to say; may be empty.
    pub text: String,
}

/// What can't be told of what is around a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Harm {
    /// Nothing: it is clear what was meant.
    None,
    /// Something is left out.
    LeftOut,
    /// A value is not known.
    Unreadable,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub primary: Label,
    /// Other places that have to do with it.
    pub related: Vec<Label>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// What mends it.
    pub help: Vec<String>,
    /// What can't be told because of it.
    pub(super) harm: Harm,
}

/// Whether something can't be told because of these.
pub(super) fn harmful(errors: &[Diagnostic]) -> bool {
    errors.iter().any(|error| error.harm > Harm::None)
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            primary: Label {
                span,
                text: String::new(),
            },
            related: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
            harm: Harm::Unreadable,
        }
    }

    /// Says what can't be told because of it; without this, a value is not known.
    #[must_use]
    pub(super) fn harm(mut self, harm: Harm) -> Self {
        self.harm = harm;
        self
    }

    /// Says something at the place itself.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Adds what else is worth knowing.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds what mends it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds what mends it, where that is known.
    #[must_use]
    pub fn maybe_help(mut self, text: Option<String>) -> Self {
        self.help.extend(text);
        self
    }
}

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Source {
    /// The line and column of a byte of the text; of its end for everything beyond.
    pub fn position(&self, offset: usize) -> Position {
        let before = &self.text[..self.boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The nearest place at or before `offset` where a character begins.
    pub(super) fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    /// The span, cut to the text and to whole characters.
    fn clamp(&self, span: &Span) -> Span {
        let start = self.boundary(span.start);
        start..self.boundary(span.end).max(start)
    }
}

/// Everything that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// The file.
    pub source: Source,
    /// What is wrong, in file order.
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// The diagnostics of a file, put into file order, each once, and no more than are worth reading.
    pub fn new(source: Source, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.primary.span.start);
        list.dedup();
        if list.len() > limits::TOLD {
            let rest = list.split_off(limits::TOLD);
            list.extend(summary(&rest));
        }
        Self { source, list }
    }

    /// Where a diagnostic begins and ends.
    pub fn positions(&self, diagnostic: &Diagnostic) -> (Position, Position) {
        let span = &diagnostic.primary.span;
        (
            self.source.position(span.start),
            self.source.position(span.end),
        )
    }

    /// The diagnostics as text, the way rustc shows its own; with ANSI colours where `color` says so.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut out = String::new();
        for diagnostic in &self.list {
            out.push_str(&renderer.render(&[self.group(diagnostic)]));
            out.push_str("\n\n");
        }
        out.truncate(out.trim_end_matches('\n').len());
        if !out.is_empty() {
            out.push('\n');
        }
        out
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(diagnostic.message.as_str());
        let mut group = if self.source.text.is_empty() {
            title.element(Origin::path(self.source.file.as_str()))
        } else {
            title.element(self.snippet(diagnostic))
        };
        for note in &diagnostic.notes {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        for help in &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }

    /// The lines that the diagnostic is about. Only these are handed over: looking through the whole
    /// file anew for each diagnostic would take long in a large one.
    fn snippet<'a>(
        &'a self,
        diagnostic: &'a Diagnostic,
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let text = &*self.source.text;
        let places = || std::iter::once(&diagnostic.primary).chain(&diagnostic.related);
        let spans = || places().map(|place| self.source.clamp(&place.span));
        let start = spans().map(|span| span.start).min().unwrap_or(0);
        let end = spans().map(|span| span.end).max().unwrap_or(0);
        let start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
        let mut snippet = Snippet::source(&text[start..end])
            .path(self.source.file.as_str())
            .line_start(self.source.position(start).line);
        for (i, (place, span)) in places().zip(spans()).enumerate() {
            let kind = if i == 0 {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let label = (!place.text.is_empty()).then_some(place.text.as_str());
            snippet =
                snippet.annotation(kind.span(span.start - start..span.end - start).label(label));
        }
        snippet
    }
}

/// What stands for those that are not told.
fn summary(rest: &[Diagnostic]) -> Option<Diagnostic> {
    let first = rest.first()?;
    let message = format!("{} more are wrong like this or otherwise", rest.len());
    let is_error = rest.iter().any(|one| one.severity == Severity::Error);
    let mut summary = Diagnostic::error(first.primary.span.clone(), message)
        .label("the first of them")
        .help("mend these first");
    if !is_error {
        summary.severity = Severity::Warning;
    }
    Some(summary)
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source {
            file: "x.toml".into(),
            text: "a = 1\r\nñandú = 2\n".into(),
        };
        let at = source.text.find('=').into_iter().next();
        assert_eq!(at.map(|at| source.position(at).column), Some(3));
        let second = source.text.rfind('=').map(|at| source.position(at));
        assert_eq!(second, Some(Position { line: 2, column: 7 }));
        assert_eq!(source.position(9_999), Position { line: 3, column: 1 });
    }
}
