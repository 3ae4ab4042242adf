//! Both clouds as pure state machines: no I/O, no clock, no Linux.
//!
//! [`Cloud::apply`] takes one [`Action`] — one operation of a real API, or something that a device
//! does — and the time, and gives either what happened or the service's own error, in which case
//! nothing has changed. [`Cloud::advance`] lets time pass: requests expire, gateways come up, idle
//! sessions end.
//!
//! Resources go by names that the caller chooses; the identifiers that the services would assign
//! (`vpc-0…`, `pcx-0…`) follow from the names and can be asked for with [`Cloud::value`].

mod action;
mod apply;
pub mod aws;
mod error;
mod event;
mod id;
pub mod internet;
mod link;
pub(crate) mod nearest;
mod node;
mod reason;
pub mod soracom;
#[cfg(test)]
pub(crate) mod testing;
mod value;
mod written;

pub use error::{ApiError, Service};
pub use event::Event;
pub use id::{AccountId, service_id};
pub use link::LinkName;
pub use node::NodeName;
pub use reason::{Origin, Reason};
pub use value::ValueError;
pub use written::NotWritable;

use std::time::Duration;

/// Time since the scenario began. The caller keeps the clock.
pub type Time = Duration;

/// Both clouds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cloud {
    /// The customer's side.
    pub aws: aws::Aws,
    /// SORACOM's side.
    pub soracom: soracom::Soracom,
}

/// One operation of a real API, under its real name, or something that a device does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// An operation of the EC2 API.
    Aws(aws::Action),
    /// An operation of the SORACOM API, or of a device with its SIM.
    Soracom(soracom::Action),
}
