//! A node's packet filter: nf_tables' semantics, made ready for many packets.
//!
//! | file | subject |
//! |---|---|
//! | `compile.rs` | chains as they are described → chains as they are run |
//! | `test.rs` | what can be asked of a packet |
//! | `set.rs` | sets of interfaces and of prefixes |
//! | `run.rs` | a packet's way through a hook |

mod compile;
mod run;
mod set;
mod test;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::network::{Chain, ChainId, Family, HookPoint, IfName};
use compile::Compiled;

pub(super) use run::{Hands, Place, Verdict};
pub(super) use test::ArpSubject;

/// An interface's name, as a number within a node. It outlives the interface.
pub(super) type Name = u32;

/// All chains of a node.
#[derive(Debug, Default)]
pub(super) struct Filter {
    names: FxHashMap<IfName, Name>,
    described: BTreeMap<ChainId, Chain>,
    /// What is run; made anew when a packet comes after a change.
    compiled: Option<Compiled>,
    /// Whether connections are tracked: where any rule asks for it, as in Linux.
    tracks: bool,
    translates: bool,
}

impl Filter {
    /// The number of an interface's name.
    pub fn name(&mut self, name: &IfName) -> Name {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let fresh = self.names.len() as Name;
        self.names.insert(name.clone(), fresh);
        fresh
    }

    /// Makes a chain, or replaces it.
    pub fn set(&mut self, id: &ChainId, chain: &Chain) {
        self.described.insert(id.clone(), chain.clone());
        self.changed();
    }

    /// Removes a chain.
    pub fn remove(&mut self, id: &ChainId) {
        self.described.remove(id);
        self.changed();
    }

    fn changed(&mut self) {
        self.compiled = None;
        self.tracks = self.described.values().any(compile::tracks);
        let nat = |chain: &Chain| {
            chain.hook.is_some_and(|hook| {
                matches!(
                    hook.point,
                    HookPoint::NatPrerouting | HookPoint::NatPostrouting
                )
            })
        };
        self.translates = self.described.values().any(nat);
    }

    /// Whether the node tracks connections.
    pub fn tracks(&self) -> bool {
        self.tracks
    }

    /// Whether the node translates addresses.
    pub fn translates(&self) -> bool {
        self.translates
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.described.is_empty()
    }

    /// Makes what is run out of what is described, where that has changed.
    pub fn ready(&mut self) {
        if self.compiled.is_none() && !self.described.is_empty() {
            let described = std::mem::take(&mut self.described);
            self.compiled = Some(Compiled::new(&described, self));
            self.described = described;
        }
    }

    fn family(&self, family: Family) -> Option<&compile::Tables> {
        let compiled = self.compiled.as_ref()?;
        Some(match family {
            Family::Ip => &compiled.ip,
            Family::Arp => &compiled.arp,
        })
    }
}
