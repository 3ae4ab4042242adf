//! What an API answers when it refuses.

use std::fmt;

use serde::Serialize;

/// The service that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// The EC2 API.
    Aws,
    /// The SORACOM API.
    Soracom,
}

/// A refusal, in the service's own terms. The state is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// Who refused.
    pub service: Service,
    /// The service's code: `InvalidVpcID.NotFound`, `SEM0016`.
    pub code: &'static str,
    /// What is wrong, with the names of the resources, and what to do about it.
    pub message: String,
}

impl ApiError {
    /// A refusal of the EC2 API.
    pub fn aws(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            service: Service::Aws,
            code,
            message: message.into(),
        }
    }

    /// A refusal of the SORACOM API.
    pub fn soracom(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            service: Service::Soracom,
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aws => "AWS",
            Self::Soracom => "SORACOM",
        })
    }
}
