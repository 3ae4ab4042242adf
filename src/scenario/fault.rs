//! Which value of the file a service's refusal is about.

use super::data::{Data, Entries, Value};
use super::{Placed, Span};

/// The single values of a table, those in lists included; inner tables only where `deep` says so.
pub(super) fn scalars(entries: &Entries, deep: bool) -> Vec<Placed<String>> {
    let mut found = Vec::new();
    for (_, value) in entries.iter() {
        collect(value, deep, &mut found);
    }
    found
}

/// The single values in a value.
pub(super) fn texts(value: &Value) -> Vec<Placed<String>> {
    let mut found = Vec::new();
    collect(value, true, &mut found);
    found
}

fn collect(value: &Value, deep: bool, found: &mut Vec<Placed<String>>) {
    let mut push = |text: String| {
        found.push(Placed {
            value: text,
            span: value.span.clone(),
        });
    };
    match &value.data {
        Data::Text(text) => push(text.clone()),
        Data::Integer(Some(number)) => push(number.to_string()),
        Data::List(items) => items.iter().for_each(|item| collect(item, deep, found)),
        Data::Table(items) if deep => items
            .iter()
            .for_each(|(_, value)| collect(value, deep, found)),
        Data::Table(_) | Data::Integer(None) | Data::Float(_) | Data::Boolean(_) | Data::Date => {}
    }
}

/// The value that a refusal is about: of those that its message names, an address or a range before a
/// name (names also say which resource the rest is about), and the first before the others. What comes
/// before a colon only says which resource it is.
pub(super) fn value_at_fault(message: &str, values: &[Placed<String>]) -> Option<Span> {
    let (_, matter) = message.split_once(": ").unwrap_or(("", message));
    first_named(matter, values).or_else(|| first_named(message, values))
}

fn first_named(message: &str, values: &[Placed<String>]) -> Option<Span> {
    values
        .iter()
        .filter_map(|value| {
            let at = find_word(message, &value.value)?;
            let numeric =
                value.value.starts_with(|c: char| c.is_ascii_digit()) && value.value.contains('.');
            Some(((!numeric, at), value))
        })
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, value)| value.span.clone())
}

/// Where `word` stands in a text by itself, not as part of a longer word, address or range.
pub(super) fn find_word(text: &str, word: &str) -> Option<usize> {
    if word.is_empty() {
        return None;
    }
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        let mut after = text[at + word.len()..].chars();
        let next = after.next();
        // A full stop ends a sentence, or goes on with the address.
        let goes_on = next == Some('.') && after.next().is_some_and(part);
        !before.is_some_and(|c| part(c) || c == '.') && !next.is_some_and(part) && !goes_on
    })
}

/// The table that begins at `span`, anywhere under `value`.
pub(super) fn table_at<'v>(value: &'v Entries, span: &Span) -> Option<&'v Entries> {
    value.iter().find_map(|(_, value)| find_table(value, span))
}

fn find_table<'v>(value: &'v Value, span: &Span) -> Option<&'v Entries> {
    match &value.data {
        Data::Table(entries) if value.span == *span => Some(entries),
        Data::Table(entries) => table_at(entries, span),
        Data::List(items) => items.iter().find_map(|item| find_table(item, span)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[&str]) -> Vec<Placed<String>> {
        let place = |(i, value): (usize, &&str)| Placed {
            value: (*value).to_owned(),
            span: i..i,
        };
        values.iter().enumerate().map(place).collect()
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(find_word("the VPC vpc-main", "vpc"), None);
        assert_eq!(find_word("the VPC vpc.", "vpc"), Some(8));
        assert_eq!(find_word("10.0.0.0/16 or 10.0.0.0", "10.0.0.0"), Some(15));
        assert_eq!(find_word("110.0.0.0", "10.0.0.0"), None);
        assert_eq!(find_word("10.0.0.1.", "10.0.0.1"), Some(0));
        assert_eq!(find_word("é", ""), None);
    }

    #[test]
    fn addresses_come_before_names() {
        let given = values(&["public", "10.0.1.5"]);
        let message = "the subnet public does not hold 10.0.1.5";
        assert_eq!(value_at_fault(message, &given), Some(1..1));
        assert_eq!(
            value_at_fault("no VPC is called \"public\"", &given),
            Some(0..0)
        );
        assert_eq!(value_at_fault("something else", &given), None);
        let given = values(&["10.0.0.254", "192.0.2.1"]);
        let message = "Gate peer 10.0.0.254: 192.0.2.1 lies outside";
        assert_eq!(value_at_fault(message, &given), Some(1..1));
    }
}
