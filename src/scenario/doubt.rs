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

    /// Whether there is nothing that can't be told.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.doubtful.is_empty() && self.nameless.is_empty()
    }

    /// Whether something exists, but perhaps not in the state that was meant.
    pub fn is_doubtful(&self, name: &str) -> bool {
        self.doubtful.contains_key(name)
    }

    /// The same of what a path `[kind.]name.attribute` names.
    pub fn path_is_doubtful(&self, path: &str, cloud: &Cloud) -> bool {
        let mut names = path.split('.').take(2);
        names.clone().any(|name| self.is_doubtful(name))
            || self.reach(names.by_ref().map(str::to_owned), cloud)
    }

    /// Whether a refusal may only follow from what could not be made, or not as it was meant.
    pub fn excuse(&self, refusal: &ApiError) -> bool {
        let message = &refusal.message;
        !self.nameless.is_empty() && is_unknown(refusal)
            || self.missing.iter().any(|name| names_unknown(refusal, name))
            || self.doubtful.iter().any(|(name, harm)| match harm {
                // What is said to be lacking may be what was left out.
                Harm::None | Harm::LeftOut => {
                    let lacks = is_unknown(refusal) || refusal.code.ends_with("NotAttached");
                    lacks && find_word(message, name).is_some()
                }
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
            for (_, attributes) in cloud.soracom.values(&name, &cloud.aws) {
                open.extend(attributes.into_values().flatten());
            }
            seen.insert(name);
        }
        false
    }
}

/// Whether a service refuses because it does not know `name`.
pub(super) fn names_unknown(refusal: &ApiError, name: &str) -> bool {
    is_unknown(refusal) && find_word(&refusal.message, name).is_some()
}

/// Whether a service refuses because it does not know something.
fn is_unknown(refusal: &ApiError) -> bool {
    // EC2's codes say so; of SORACOM's, those with HTTP's 404 in them, and the one for the peer VPC.
    refusal.code.ends_with("NotFound") || refusal.code.contains("404") || refusal.code == "PCX4002"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_excuses_not_knowing_it_and_nothing_else() {
        let mut doubts = Doubts::default();
        doubts.miss("server");
        let unknown = ApiError::aws("InvalidInstanceID.NotFound", "no instance \"server\"");
        let other = ApiError::aws("InvalidIPAddress.InUse", "in use by the instance server");
        assert!(doubts.excuse(&unknown));
        assert!(!doubts.excuse(&other));
        doubts.made("server");
        assert!(!doubts.excuse(&unknown));
    }

    #[test]
    fn what_is_unreadable_excuses_more_than_what_is_left_out() {
        let lacks = ApiError::aws("InvalidGatewayID.NotFound", "VPC customer has no gateway");
        let outside = ApiError::aws("InvalidSubnet.Range", "not in the VPC customer");
        let mut doubts = Doubts::default();
        doubts.doubt("customer", Harm::None);
        assert!(!doubts.excuse(&lacks));
        doubts.doubt("customer", Harm::LeftOut);
        assert!(doubts.excuse(&lacks) && !doubts.excuse(&outside));
        doubts.doubt("customer", Harm::Unreadable);
        assert!(doubts.excuse(&lacks) && doubts.excuse(&outside));
    }

    #[test]
    fn a_reference_that_was_complained_about_is_not_a_resource_of_that_name() {
        let mut doubts = Doubts::default();
        doubts.unresolved("customer");
        let unknown = ApiError::aws("InvalidInstanceID.NotFound", "no instance \"customer\"");
        let lacks = ApiError::aws("InvalidGatewayID.NotFound", "VPC customer has no gateway");
        assert!(doubts.excuse(&unknown));
        assert!(!doubts.excuse(&lacks));
    }

    #[test]
    fn places_belong_to_the_table_before_them() {
        let mut doubts = Doubts::default();
        doubts.table("a", &(10..14));
        doubts.table("b", &(50..54));
        assert_eq!(doubts.table_at(9), None);
        assert_eq!(doubts.table_at(49), Some((10, "a")));
        assert_eq!(doubts.table_at(50), Some((50, "b")));
    }
}
