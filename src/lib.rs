//! canal-sim: SORACOM Canal and Gate, and the AWS VPC behind them, on real packets and offline.
//!
//! The data goes one way through the crate:
//!
//! ```text
//! scenario.toml ──scenario──▶ Scenario ──▶ cloud (pure state machines) ◀── Action (one per API operation)
//!                                            │
//!                     ┌──────────────────────┴──────────────┐
//!       reach: predicts a Flow's fate                     lower: Cloud ─▶ network::Network ─diff─▶ Changes
//!                     │                                                                               │
//!                     │                               backend: makes the changes, probes, runs scripts
//!                     │                                   kernel (namespaces) │ memory (virtual time)
//!                     │                                                                               │
//!                     └────▶ run: expectation against measurement, measurement against prediction ◀───┘
//!                                            │
//!                                          events ──▶ report (terminal · JSON · JUnit)
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`cloud`] | both clouds' resources and the rules on changing them: no I/O, no clock |
//! | [`guest`] | what is configured by hand on instances and devices |
//! | [`reach`] | the predictor: what becomes of a packet by the clouds' rules, and why |
//! | [`network`] | a network in Linux terms, and the difference between two of them: knows no cloud |
//! | [`lower`] | `Cloud → Network`: the clouds' rules in Linux terms |
//! | [`backend`] | what carries a network out and measures it: one trait, and two that keep to it |
//! | [`scenario`] | file → `Scenario`, with diagnostics: touches no backend |
//! | [`explain`] | asks the predictor about a scenario at a moment: builds nothing, sends nothing |
//! | [`run`] | carries out the steps, compares, emits events: prints nothing |
//! | [`report`] | consumers of the events: run nothing |
//! | [`fault`] | points at which tests have a debug build end: nothing in a release build |
//! | [`cli`] | arguments → all of that → exit status: holds no rules of its own |
//!
//! The two backends, and what they share so that they can't differ in it:
//!
//! | module | what it holds |
//! |---|---|
//! | `backend::kernel` | nodes are network namespaces, in real time; on Linux, with the feature `kernel` |
//! | [`backend::memory`] | nodes are Linux's IPv4 forwarding in memory, on virtual time; on any system |
//! | [`backend::evidence`] | what a packet's death tells about a probe, and what Linux's own drops mean in the clouds' words |
//! | `backend::protocol` | what services and probes say to one another: bytes in, bytes out |
//! | [`backend::shaper`] | what a link does to frames, where it does anything: sans-IO and seeded |
//! | [`backend::vxlan`] | the VXLAN header, as a view and as a value |

pub mod backend;
pub mod cli;
pub mod cloud;
pub mod explain;
pub mod fault;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod guest;
pub mod lower;
pub mod network;
mod plain;
pub mod reach;
pub mod report;
pub mod run;
pub mod scenario;
