//! Which of the services' states can be seen between two actions. The matches are exhaustive, so that a
//! new state has to be placed.

use canal_sim::cloud::aws::{AttachmentStatus, InstanceState, PeeringStatus};
use canal_sim::cloud::soracom::{SimStatus, VpgStatus};

/// Where a state is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Between two actions.
    AtRest,
    /// Only within an action, in what it says that happened.
    Passing,
    /// Never: what would lead there is refused.
    Never,
}

/// A status that something can be in.
pub trait Status: Copy + std::fmt::Debug {
    /// Where it is seen.
    fn seen(self) -> Seen;
}

impl Status for PeeringStatus {
    fn seen(self) -> Seen {
        match self {
            Self::PendingAcceptance | Self::Active | Self::Failed | Self::Expired => Seen::AtRest,
            Self::Rejected | Self::Deleted => Seen::AtRest,
            Self::InitiatingRequest | Self::Provisioning | Self::Deleting => Seen::Passing,
        }
    }
}

impl Status for AttachmentStatus {
    fn seen(self) -> Seen {
        match self {
            Self::AcceptancePending | Self::Active => Seen::AtRest,
            Self::VpcAttachmentPending => Seen::Passing,
            Self::Failed => Seen::Never,
        }
    }
}

impl Status for InstanceState {
    fn seen(self) -> Seen {
        match self {
            Self::Running | Self::Stopped => Seen::AtRest,
        }
    }
}

impl Status for SimStatus {
    fn seen(self) -> Seen {
        match self {
            Self::Ready | Self::Active | Self::Inactive => Seen::AtRest,
            Self::Standby | Self::Suspended | Self::Terminated => Seen::AtRest,
        }
    }
}

impl Status for VpgStatus {
    fn seen(self) -> Seen {
        match self {
            Self::Creating | Self::Running | Self::Terminating => Seen::AtRest,
            Self::Terminated => Seen::Passing,
            Self::Failed => Seen::Never,
        }
    }
}

/// The name of a state that is seen between two actions; fails for any other.
pub fn at_rest(status: impl Status) -> String {
    assert_eq!(status.seen(), Seen::AtRest, "{status:?}");
    format!("{status:?}")
}
