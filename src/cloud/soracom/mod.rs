//! SORACOM's side: SIMs, groups, sessions, Virtual Private Gateways, Canal and Gate.
//!
//! [`Soracom::apply`] hands each [`Action`] to the file of its subject; [`Soracom::advance`] lets
//! time pass.

mod action;
mod address;
mod apply;
mod canal;
mod cidr;
mod error;
mod find;
mod gate;
mod group;
mod ip_address_map;
mod model;
mod occupancy;
mod routing_filter;
mod session;
mod sim;
mod speed;
mod transit_gateway;
mod value;
mod vpg;

pub use action::*;
pub use model::*;
pub use session::IDLE_TIMEOUT;
pub use speed::SPEED_CLASSES;
pub use vpg::{CREATION, TERMINATION};
