//! The customer's side: Amazon VPC and the instances in it.

mod action;
mod model;

pub use action::*;
pub use model::*;
