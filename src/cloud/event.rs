//! What an action, or the passing of time, did.

use serde::Serialize;

/// Something that happened to a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The resource, kind and name: `peering pcx`, `VPG vpg`, `session of SIM sensor`.
    pub resource: String,
    /// What happened, in the services' words: `pending-acceptance → active`, `created`, `expired`.
    pub what: String,
}

impl Event {
    /// An event.
    pub fn new(resource: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            what: what.into(),
        }
    }
}
