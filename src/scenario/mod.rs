//! A scenario file: two clouds, and a list of steps.
//!
//! Reading never touches a backend. What can be known to be wrong without running anything is found by
//! carrying the actions out on the pure clouds.
//!
//! | step | function |
//! |---|---|
//! | bytes → [`Scenario`], or everything that is wrong with the file | [`read`] |

mod aws;
mod data;
mod diagnostic;
mod expect;
mod model;
mod names;
mod nearest;
mod read;
mod reading;
mod rules;
mod soracom;
mod step;
mod table;
mod template;
mod value;

pub use data::{Data, Entries, Value};
pub use diagnostic::{Diagnostic, Diagnostics, Label, Position, Severity};
pub use model::*;
pub use read::read;
