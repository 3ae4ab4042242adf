//! SORACOM's side: SIMs, groups, sessions, Virtual Private Gateways, Canal and Gate.

mod action;
mod model;

pub use action::*;
pub use model::*;
