//! A scenario file: two clouds, and a list of steps.
//!
//! Reading never touches a backend. What can be known to be wrong without running anything is found by
//! carrying the actions out on the pure clouds, even where the file itself is wrong in places: what only
//! follows from a fault is left out.
//!
//! | step | function |
//! |---|---|
//! | bytes → [`Scenario`], or what is wrong with the file itself | [`read`] |
//! | the same, with what is wrong as far as the clouds can tell | [`examine`] |
//! | what the tables declare → both clouds | [`build`] |
//! | the same, as steps go on | [`Course`] |
//! | a name in a probe or a script → node, address | [`target`] |
//! | a name in a link step → link; what steps do to links | [`links`] |
//! | a `do` step → the action to carry out | [`DoStep::action`] |
//! | text with `${…}` in it → text | [`Template::resolve`] |
//! | nothing → what a file may ask for at most | [`limits`] |
//! | nothing → the language's tables, keys, operations and parameters | [`vocabulary`] |

mod action;
mod aws;
mod check;
mod course;
mod data;
mod diagnostic;
mod doubt;
mod draft;
mod expect;
mod fault;
mod firewall;
pub mod limits;
mod link;
pub mod links;
mod machines;
mod model;
mod moment;
mod names;
mod nearest;
mod parameters;
mod quantity;
mod read;
mod reading;
mod replay;
mod rules;
mod setup;
mod soracom;
mod step;
mod syntax;
mod table;
pub mod target;
mod template;
mod value;
pub mod vocabulary;

pub use course::Course;
pub use data::{Data, Entries, Value};
pub use diagnostic::{Diagnostic, Diagnostics, Label, Position, Severity};
pub use link::LinkTable;
pub use links::{LinkChange, Links};
pub use model::*;
pub use moment::{Moment, MomentError, START};
pub use read::{Beside, examine, examine_with, read};
pub use replay::{ReplayError, Replayed, replay};
pub use setup::build;
