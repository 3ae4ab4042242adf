//! What stands in a set.

use super::key::Key;
use super::{DATA_VALUE, DATA_VERDICT, LIST_ELEMENT, attribute, number, statement};
use crate::backend::kernel::net::wire;

/// An element of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::backend::kernel::net) struct Element {
    key: Vec<u8>,
    /// The first key behind an interval.
    ends: bool,
    /// What a map of verdicts says of the key.
    verdict: Option<String>,
}

/// The elements in an answer to `NFT_MSG_GETSETELEM`, behind its header.
pub(in crate::backend::kernel::net) fn elements(attributes: &[u8]) -> Vec<Element> {
    /// `NFTA_SET_ELEM_LIST_ELEMENTS`.
    const ELEMENTS: u16 = 3;
    let list = attribute(attributes, ELEMENTS).unwrap_or_default();
    wire::attributes(list)
        .filter(|(kind, _)| *kind == LIST_ELEMENT)
        .filter_map(|(_, one)| element(one))
        .collect()
}

fn element(bytes: &[u8]) -> Option<Element> {
    /// `NFTA_SET_ELEM_KEY`, `…_DATA` and `…_FLAGS`; `NFT_SET_ELEM_INTERVAL_END`.
    const KEY: u16 = 1;
    const DATA: u16 = 2;
    const FLAGS: u16 = 3;
    const INTERVAL_END: u32 = 1;
    let verdict = attribute(bytes, DATA).and_then(|data| attribute(data, DATA_VERDICT));
    Some(Element {
        key: attribute(attribute(bytes, KEY)?, DATA_VALUE)?.to_vec(),
        ends: number(bytes, FLAGS).unwrap_or(0) & INTERVAL_END != 0,
        verdict: match verdict {
            Some(verdict) => Some(statement::verdict(verdict)?),
            None => None,
        },
    })
}

/// A set in braces.
pub(super) fn text(key: &Key, elements: &[Element]) -> Option<String> {
    let mut sorted: Vec<&Element> = elements.iter().collect();
    // The end of one interval may be the start of the next.
    sorted.sort_by(|a, b| (&a.key, !a.ends).cmp(&(&b.key, !b.ends)));
    let has_intervals = elements.iter().any(|element| element.ends);
    let mut members = Vec::new();
    for (at, element) in sorted.iter().enumerate() {
        if element.ends {
            continue;
        }
        let end = sorted.get(at + 1).filter(|next| next.ends);
        let mut member = match end {
            Some(end) => key.interval(&element.key, &before(&end.key)?)?,
            // Up to the last value that there is.
            None if has_intervals => key.interval(&element.key, &vec![0xff; element.key.len()])?,
            None => key.value(&element.key)?,
        };
        if let Some(verdict) = &element.verdict {
            member = format!("{member} : {verdict}");
        }
        members.push(member);
    }
    Some(format!("{{ {} }}", members.join(", ")))
}

/// The number before this one, in network order; none before zero.
fn before(key: &[u8]) -> Option<Vec<u8>> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let (less, borrow) = byte.overflowing_sub(1);
        *byte = less;
        if !borrow {
            return Some(key);
        }
    }
    None
}
