//! Filters as nf_tables: from [`Rule`](crate::network::Rule)s to netlink messages, and to text.
//!
//! ```text
//! Filter ──expression──▶ expressions and sets ──encode──▶ messages ──tables──▶ one transaction
//!    └─────text─────▶ what `nft list ruleset` would say
//! ```

mod encode;
mod expression;
mod interval;
mod list;
mod tables;
mod text;

pub(super) use list::others;
pub(super) use tables::Tables;
pub use text::text;
