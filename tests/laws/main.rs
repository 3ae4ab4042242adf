//! Laws: sentences that hold of whatever is generated, and state machines that are compared with a model.
//! `docs/property-tests.md` lists them.
//!
//! | module | what it is about |
//! |---|---|
//! | [`any`] | what is generated: actions, clouds, networks, flows |
//! | [`state`] | what is true of the clouds at any time |
//! | [`clouds`] | what actions and the passing of time may do to them |
//! | [`route`], [`network_acl`] | which route counts, which entry decides |
//! | [`lowered`] | what the clouds come to in Linux terms |
//! | [`written`] | actions in the language of scenarios |
//! | [`packet`] | what becomes of packets, as the predictor has it |
//! | [`difference`] | the changes from one network to another |
//! | [`shaper`] | what a link does to frames |
//! | [`written`] | actions as text |
//! | [`machine`] | the clouds' state machines against a small model of each |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod any;
mod clouds;
mod difference;
mod lowered;
mod machine;
mod network_acl;
mod packet;
mod route;
mod shaper;
mod state;
mod written;
