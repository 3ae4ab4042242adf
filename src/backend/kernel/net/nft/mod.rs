//! Filters as nf_tables: from [`Rule`](crate::network::Rule)s to netlink messages, and to text.
//!
//! ```text
//! Filter ──expression──▶ expressions and sets ──encode──▶ messages ──tables──▶ one transaction
//!    └─────text─────▶ what `nft list ruleset` would say
//! ```
//!
//! And the other way round, for rules that somebody else made: from netlink messages to text (`listed`).

mod encode;
mod expression;
mod interval;
mod list;
mod listed;
mod tables;
mod text;
mod tracing;

pub(super) use encode::TABLE;
pub(super) use list::others;
#[cfg(any(test, fuzzing))]
pub(super) use list::table;
pub(super) use listed::{Element, comment, elements, rule_text};
pub(super) use tables::Tables;
pub use text::text;
pub(super) use tracing::{TRACE_GROUP, TRACE_TABLE, install_tracing};
