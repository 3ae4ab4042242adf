//! A node's tables: what is in the kernel, and the transaction that changes it.

use std::collections::{BTreeMap, BTreeSet};

use nix::errno::Errno;

use super::encode::{TABLE, Transaction};
use super::expression::expressions;
use crate::backend::kernel::features::Feature;
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::socket::NetlinkSocket;
use crate::network::{Chain, ChainId, Change, Family, Hook, HookPoint};

/// The chains that are in the kernel, and what makes each a base chain.
#[derive(Clone, Debug, Default)]
pub(in crate::backend::kernel) struct Tables {
    chains: BTreeMap<ChainId, Option<Hook>>,
    families: BTreeSet<Family>,
}

/// What shall become of a chain, by the last change that speaks of it.
type Wanted<'a> = BTreeMap<&'a ChainId, (&'a Change, Option<&'a Chain>)>;

/// A refusal, and the change that it refers to where it refers to one.
type Refused<'a> = (Option<&'a Change>, Refusal);

impl Tables {
    /// Makes a node's changes of chains, all together or none. Connections that are being tracked stay
    /// so.
    ///
    /// # Errors
    ///
    /// The kernel's refusal, and the change that it refers to where it refers to one.
    pub fn change<'a>(
        &mut self,
        socket: &mut NetlinkSocket,
        changes: &'a [Change],
    ) -> Result<(), Refused<'a>> {
        let off = |errno: Errno| (changes.first(), Refusal::from(errno));
        Feature::NfTables.there().map_err(off)?;
        if changes.iter().any(translates) {
            Feature::Nat.there().map_err(off)?;
        }
        let mut wanted = Wanted::new();
        for change in changes {
            match change {
                Change::SetChain(_, id, chain) => wanted.insert(id, (change, Some(chain))),
                Change::DelChain(_, id) => wanted.insert(id, (change, None)),
                _ => None,
            };
        }
        let (writer, after) = self.write(&wanted)?;
        let Some(writer) = writer else {
            return Ok(());
        };
        let origins = writer.origins;
        let (batch, last) = writer.transaction.end();
        let refusal = socket.transaction(batch, last);
        match refusal.map_err(|refusal| (None, refusal))? {
            None => {
                *self = after;
                Ok(())
            }
            Some((at, refusal)) => Err((origins.get(at).copied().flatten(), refusal)),
        }
    }

    /// The transaction, and the tables as they are behind it. What others may refer to is made first
    /// and removed last, so a jump may lead to a chain that stands later in the list.
    fn write<'a>(&self, wanted: &Wanted<'a>) -> Result<(Option<Writer<'a>>, Self), Refused<'a>> {
        let mut after = self.clone();
        let mut writer = Writer {
            transaction: Transaction::begin(TABLE),
            origins: vec![None],
        };
        for (id, (change, chain)) in wanted {
            if chain.is_some() && after.families.insert(id.family) {
                writer.add(change, |t| t.add_table(id.family));
            }
        }
        for (id, (change, _)) in wanted {
            if self.chains.contains_key(*id) {
                writer.add(change, |t| t.flush_chain(id));
            }
        }
        for (id, (change, chain)) in wanted {
            let hook = chain.map(|chain| chain.hook);
            // A chain's hook is for life.
            if self.chains.get(*id).is_some_and(|have| hook != Some(*have)) {
                writer.add(change, |t| t.remove_chain(id));
                after.chains.remove(*id);
            }
        }
        for (id, (change, chain)) in wanted {
            let Some(chain) = chain else { continue };
            if !after.chains.contains_key(*id) {
                let mut done = Ok(());
                writer.add(change, |t| done = t.add_chain(id, chain));
                done.map_err(|refusal| (Some(*change), refusal))?;
                after.chains.insert((*id).clone(), chain.hook);
            }
        }
        for (id, (change, chain)) in wanted {
            for rule in chain.iter().flat_map(|chain| &chain.rules) {
                if let Some(expressions) = expressions(rule) {
                    writer.add(change, |t| t.add_rule(id, &expressions));
                }
            }
        }
        let writer = (writer.origins.len() > 1).then_some(writer);
        Ok((writer, after))
    }
}

/// Whether a change needs connection tracking and NAT.
fn translates(change: &Change) -> bool {
    let Change::SetChain(_, _, chain) = change else {
        return false;
    };
    let point = chain.hook.map(|hook| hook.point);
    matches!(
        point,
        Some(HookPoint::NatPrerouting | HookPoint::NatPostrouting)
    )
}

/// A transaction, and which change each of its requests comes from.
struct Writer<'a> {
    transaction: Transaction,
    origins: Vec<Option<&'a Change>>,
}

impl<'a> Writer<'a> {
    fn add(&mut self, change: &'a Change, write: impl FnOnce(&mut Transaction)) {
        write(&mut self.transaction);
        let count = self.transaction.batch.len();
        self.origins.resize(count, Some(change));
    }
}
