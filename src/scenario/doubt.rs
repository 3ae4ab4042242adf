//! What can't be told for sure after a fault, so that nothing is said that only follows from it.
//!
//! A fault is taken as one that would have worked had it been written right: whatever could come of that
//! later is left alone.

use std::collections::{BTreeMap, BTreeSet};

use super::Span;
use super::diagnostic::Harm;
use super::fault::find_word;
use super::names::Kind;
use crate::cloud::{ApiError, Cloud};

/// What can't be told for sure.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubts {
    /// The names of what could not be made.
    missing: BTreeSet<String>,
    /// The names of what exists, but perhaps not as it was meant.
    doubtful: BTreeMap<String, Harm>,
    /// Names that have been complained about where they are used in tables.
    unresolved: BTreeSet<String>,
    /// Kinds of which something is declared whose name is not known.
    pub nameless: BTreeSet<Kind>,
    /// Where the tables begin, and the names of what they declare.
    tables: BTreeMap<usize, String>,
}

impl Doubts {
    /// Notes that something could not be made.
    pub fn miss(&mut self, name: impl Into<String>) {
        self.missing.insert(name.into());
    }

    /// Notes that something may not be as it was meant.
    pub fn doubt(&mut self, name: impl Into<String>, harm: Harm) {
        if harm > Harm::None {
            let old = self.doubtful.entry(name.into()).or_insert(harm);
            *old = harm.max(*old);
        }
    }

    /// Notes that a name has been complained about.
    pub fn unresolved(&mut self, name: impl Into<String>) {
        self.unresolved.insert(name.into());
    }

    /// Notes that something has been made anew.
    pub fn made(&mut self, name: &str) {
        self.missing.remove(name);
        self.doubtful.remove(name);
    }

    /// Notes where a table begins.
    pub fn table(&mut self, name: &str, span: &Span) {
        self.tables.insert(span.start, name.to_owned());
    }

    /// What is declared by the table that a place lies in, and where that begins.
    pub fn table_at(&self, at: usize) -> Option<(usize, &str)> {
        let (start, name) = self.tables.range(..=at).next_back()?;
        Some((*start, name))
    }

    /// Whether something could not be made.
    pub fn is_missing(&self, name: &str) -> bool {
        self.missing.contains(name)
    }

    /// Whether a path `[kind.]name.attribute` is that of something that could not be made.
    pub fn path_is_missing(&self, path: &str) -> bool {
        path.split('.').take(2).any(|name| self.is_missing(name))
    }

    /// Whether something exists, but perhaps not in the state that was meant.
    pub fn is_doubtful(&self, name: &str) -> bool {
        self.doubtful.contains_key(name)
    }

    /// The same of what a path `[kind.]name.attribute` names.
    pub fn path_is_doubtful(&self, path: &str) -> bool {
        path.split('.').take(2).any(|name| self.is_doubtful(name))
    }

    /// Whether a refusal may only follow from what could not be made, or not as it was meant.
    pub fn excuse(&self, refusal: &ApiError) -> bool {
        let message = &refusal.message;
        self.missing.iter().any(|name| names_unknown(refusal, name))
            || self.doubtful.iter().any(|(name, harm)| match harm {
                // What is said to be lacking may be what was left out.
                Harm::None | Harm::LeftOut => names_unknown(refusal, name),
                Harm::Unreadable => find_word(message, name).is_some(),
            })
            || self
                .unresolved
                .iter()
                .any(|name| names_unknown(refusal, name) && message.contains(&format!("{name:?}")))
    }

    /// Whether one of these names may not be in the state that was meant; or the group of a SIM, or the VPG
    /// of a group, which a refused connection need not name.
    pub fn reach(&self, names: impl IntoIterator<Item = String>, cloud: &Cloud) -> bool {
        if self.doubtful.values().all(|harm| *harm < Harm::Unreadable) {
            return false;
        }
        let mut open: Vec<String> = names.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            if self.doubtful.get(&name) == Some(&Harm::Unreadable) {
                return true;
            }
            if seen.contains(&name) {
                continue;
            }
            for (_, attributes) in cloud.soracom.values(&name) {
                open.extend(attributes.into_values().flatten());
            }
            seen.insert(name);
        }
        false
    }
}

/// Whether a service refuses because it does not know `name`.
pub(super) fn names_unknown(refusal: &ApiError, name: &str) -> bool {
    // EC2's codes say so; of SORACOM's, those with HTTP's 404 in them, and the one for the peer VPC.
    let unknown = refusal.code.ends_with("NotFound")
        || refusal.code.contains("404")
        || refusal.code == "PCX4002";
    unknown && find_word(&refusal.message, name).is_some()
}
