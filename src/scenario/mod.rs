//! A scenario file: two clouds, and a list of steps.
//!
//! Reading never touches a backend. What can be known to be wrong without running anything is found by
//! carrying the actions out on the pure clouds.

mod model;

pub use model::*;
