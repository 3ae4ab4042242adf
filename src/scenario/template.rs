//! Text with `${name.attribute}` in it.
//!
//! A placeholder is ours only where a dot follows the name, so that scripts keep the shell's own `$x`,
//! `${x}`, `${x:-y}` and `$(…)`. `$${name.attribute}` stands for the characters themselves.

use super::value::Errors;
use super::{Diagnostic, Placed, Span, Template};
use crate::cloud::Cloud;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text that stays.
    Text(&'t str),
    /// The path of a value.
    Path(&'t str),
}

/// Cuts a template into pieces.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find("${") {
        let start = at + found;
        at = start + 2;
        let Some(path) = path_at(&text[at..]) else {
            continue;
        };
        let escaped = text[done..start].ends_with('$');
        let keep = if escaped { start - 1 } else { start };
        if done < keep {
            pieces.push(Piece::Text(&text[done..keep]));
        }
        at += path.len() + 1;
        if escaped {
            pieces.push(Piece::Text(&text[start..at]));
        } else {
            pieces.push(Piece::Path(path));
        }
        done = at;
    }
    if done < text.len() {
        pieces.push(Piece::Text(&text[done..]));
    }
    pieces
}

/// The path at the beginning of `text`, if it is one that a `}` ends. No further is looked than a path may go:
/// the text may be long, and have many of them.
fn path_at(text: &str) -> Option<&str> {
    let may_be = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']');
    let (path, rest) = text.split_at(text.find(|c| !may_be(c))?);
    (rest.starts_with('}') && is_path(path)).then_some(path)
}

/// `name.attribute`, with more attributes and indices after it.
pub(super) fn is_path(path: &str) -> bool {
    let Some((name, attributes)) = path.split_once('.') else {
        return false;
    };
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    word(name)
        && attributes.split('.').all(|attribute| {
            let (name, mut indices) = match attribute.find('[') {
                Some(at) => attribute.split_at(at),
                None => (attribute, ""),
            };
            while let Some(rest) = indices.strip_prefix('[') {
                match rest.split_once(']') {
                    Some((index, rest))
                        if !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()) =>
                    {
                        indices = rest;
                    }
                    _ => return false,
                }
            }
            indices.is_empty() && word(name) && name.starts_with(|c: char| c.is_ascii_alphabetic())
        })
}

/// How many faults of one string are told: the others are like them, as a rule, and a string may hold
/// thousands.
const TOLD: usize = 3;

/// How much of a placeholder a message quotes, in characters.
const QUOTED: usize = 40;

/// The beginning of what stands in a placeholder, all of it if that isn't long.
fn quoted(inner: &str) -> String {
    match inner.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &inner[..end]),
        None => inner.to_owned(),
    }
}

/// Complains about what looks like a placeholder and is none; in a script, only about what the shell
/// would not understand either.
pub(super) fn check(text: &Placed<String>, script: bool, errors: &mut Errors) {
    let mut at = 0;
    let before = errors.len();
    while errors.len() < before + TOLD
        && let Some(found) = text.value[at..].find("${")
    {
        let start = at + found;
        at = start + 2;
        let rest = &text.value[at..];
        if path_at(rest).is_some() || text.value[..start].ends_with('$') {
            continue;
        }
        let example = "as in `${vpg.outer_ip[0]}`";
        let word = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'))
            .unwrap_or(rest.len());
        let ours = word > 0 && rest[word..].starts_with('.');
        if script && !ours {
            continue;
        }
        let end = rest
            .find(|c: char| c == '}' || c.is_whitespace())
            .unwrap_or(rest.len());
        let inner = &rest[..end];
        let closed = usize::from(rest[end..].starts_with('}'));
        let span = place(text, start..at + end + closed);
        let wrong = |message: String| Diagnostic::error(span, message);
        let shown = quoted(inner);
        errors.push(if closed == 0 {
            wrong(format!("`${{{shown}` has no closing `}}`")).help(example)
        } else if inner.is_empty() {
            wrong("`${}` names nothing".into()).help(format!(
                "name a resource and one of its attributes, {example}"
            ))
        } else if word == inner.len() {
            wrong(format!("`${{{shown}}}` names no attribute")).help(format!(
                "name a resource and one of its attributes, {example}"
            ))
        } else {
            wrong(format!("`${{{shown}}}` is not the path of a value")).help(format!(
                "a name, then attributes with dots and indices in brackets, {example}"
            ))
        });
    }
}

/// Where in the file a part of a string stands. What is between the quotes is as long as the string,
/// unless there are escapes in it; then it is the whole string.
pub(super) fn place(text: &Placed<String>, part: Span) -> Span {
    // `"…"`, `"""…"""`, and the latter with a line feed, or carriage return and line feed, first.
    let opening = match text.span.len().checked_sub(text.value.len()) {
        Some(2) => 1,
        Some(6) => 3,
        Some(7) => 4,
        Some(8) => 5,
        _ => return text.span.clone(),
    };
    let start = text.span.start + opening;
    start + part.start..start + part.end
}

impl Template {
    /// The paths of values that it names.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        pieces(&self.0.value)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Path(path) => Some(path),
                Piece::Text(_) => None,
            })
    }

    /// The text with the present values in it.
    ///
    /// # Errors
    ///
    /// A diagnostic at the placeholder whose path stands for nothing.
    #[allow(
        clippy::result_large_err,
        reason = "made once for a template that is wrong, never on a busy path"
    )]
    pub fn resolve(&self, cloud: &Cloud) -> Result<String, Diagnostic> {
        let mut text = String::with_capacity(self.0.value.len());
        for piece in pieces(&self.0.value) {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Path(path) => match cloud.value(path) {
                    Ok(value) => text.push_str(&value),
                    Err(why) => return Err(Diagnostic::error(self.span_of(path), why.to_string())),
                },
            }
        }
        Ok(text)
    }

    /// Where in the file the first placeholder with this path stands.
    pub(super) fn span_of(&self, path: &str) -> Span {
        let placeholder = format!("${{{path}}}");
        match self.0.value.find(&placeholder) {
            Some(at) => place(&self.0, at..at + placeholder.len()),
            None => self.0.span.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let template = Template(Placed {
            value: text.into(),
            span: 0..0,
        });
        template.paths().map(str::to_owned).collect()
    }

    #[test]
    fn the_shell_keeps_what_is_its_own() {
        for text in [
            "$x",
            "${x}",
            "${x:-y.z}",
            "$(ls a.b)",
            "${x%.*}",
            "${#x}",
            "$$",
            "${1}",
            "${x-1.5}",
            "${",
            "$",
            "${a.b",
            "${a.}",
            "${.b}",
            "${a.b[}",
            "${a.b[x]}",
            "${a b.c}",
        ] {
            assert_eq!(paths(text), [] as [&str; 0], "{text}");
            assert_eq!(pieces(text), [Piece::Text(text)], "{text}");
        }
    }

    #[test]
    fn ours_have_a_dot() {
        assert_eq!(
            paths("a ${vpg.outer_ip[1]} b${x.y.z}"),
            ["vpg.outer_ip[1]", "x.y.z"]
        );
        assert_eq!(
            pieces("$${a.b} $x"),
            [Piece::Text("${a.b}"), Piece::Text(" $x")]
        );
    }

    #[test]
    fn what_is_no_placeholder_is_complained_about() {
        let complaints = |text: &str, script| {
            let mut errors = Vec::new();
            let text = Placed {
                value: text.into(),
                span: 0..0,
            };
            check(&text, script, &mut errors);
            errors.len()
        };
        for text in ["${", "${}", "${a}", "${a.b", "${a.b[}", "${a b}", "é${é}"] {
            assert_eq!(complaints(text, false), 1, "{text}");
        }
        for text in ["${a.b", "${a.b[}"] {
            assert_eq!(complaints(text, true), 1, "{text}");
        }
        for text in ["${", "${}", "${a}", "${a:-b.c}", "$${a.b}", "${a.b}"] {
            assert_eq!(complaints(text, true), 0, "{text}");
        }
    }

    #[test]
    fn of_many_faults_in_a_string_the_first_are_told_in_short() {
        let mut errors = Vec::new();
        let text = Placed {
            value: "${a.".repeat(16_000),
            span: 0..0,
        };
        check(&text, true, &mut errors);
        assert_eq!(errors.len(), 3);
        let long = errors.iter().map(|error| error.message.len()).max();
        assert!(long.is_some_and(|long| long < 100), "{errors:?}");
        assert!(errors[0].message.contains("${a.${a.") && errors[0].message.contains('…'));
    }
}
