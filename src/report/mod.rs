//! Reports: consumers of the events that a run gives, and of explanations. Nothing here runs anything, and
//! nothing here decides what a result means.
//!
//! | module | what it makes of the events |
//! |---|---|
//! | [`terminal`] | text for people, as the steps finish |
//! | [`json`] | one JSON object a line |
//! | [`junit`] | a JUnit file, whole at the end |
//! | [`captures`] | a capture file for each scenario |
//! | [`essence`] | one line that says what a step showed |
//! | [`failure`] | all that is known about a step that failed |
//! | [`explain`] | what `canal-sim explain` found, as text for people |
//! | [`kept`] | how much of a run's output is kept until its end |
//! | [`way`] | the stops of a packet's way, in lines |
//! | [`text`] | text that is safe to print, wrapped; durations |

pub mod aside;
pub mod captures;
pub mod essence;
pub mod explain;
pub mod failure;
pub mod json;
pub mod junit;
pub mod kept;
#[cfg(test)]
mod sample;
pub mod terminal;
pub mod text;
pub mod way;

use std::io;

use crate::run::event::Event;

/// Takes the events of one run, in their order.
pub trait Report {
    /// Takes one event.
    ///
    /// # Errors
    ///
    /// Where the report could not be written.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Writes what is left to write. Nothing comes after it.
    ///
    /// # Errors
    ///
    /// Where the report could not be written.
    fn finish(&mut self) -> io::Result<()>;
}
