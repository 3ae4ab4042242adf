//! The pages of `docs/`, and the README, held to the code.
//!
//! What can be generated is: `UPDATE_DOCS=1 cargo test --test docs` writes it anew.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod emulation;
mod explain;
mod kernel;
mod output;
mod page;
mod reasons;
mod scenarios;
