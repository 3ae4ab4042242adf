//! Carries out the steps of a scenario and says what came of them, as one stream of events.
//!
//! Nothing here prints: reports consume the events.

pub mod event;
