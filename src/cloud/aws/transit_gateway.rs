//! Transit Gateway VPC attachments, as far as AWS's side is concerned: they hold on to their VPC, and
//! routes may lead to them (AWS Transit Gateway guide, "Amazon VPC attachments in AWS Transit Gateway").
//!
//! The Transit Gateway is SORACOM's, so attachments come and go by operations of its API.

use super::*;

impl AttachmentStatus {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VpcAttachmentPending => "vpcAttachmentPending",
            Self::AcceptancePending => "acceptancePending",
            Self::Active => "active",
            Self::Failed => "failed",
        }
    }
}

impl std::fmt::Display for AttachmentStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AttachmentId {
    /// Says what happened to this attachment.
    pub(in crate::cloud) fn happened(&self, what: impl Into<String>) -> Event {
        self.event(what)
    }
}

impl Aws {
    /// Attaches a VPC; SORACOM's side has yet to accept. SORACOM checks that it may be.
    ///
    /// # Errors
    ///
    /// `InvalidParameterValue` where an attachment has the name already, or a route still leads to a
    /// former one of that name.
    pub(in crate::cloud) fn attach(
        &mut self,
        name: &AttachmentId,
        vpc: &VpcId,
    ) -> Result<Vec<Event>, ApiError> {
        if self.attachments.contains_key(name) {
            return Err(refusal::taken("Transit Gateway attachment", name.as_str()));
        }
        self.no_stale_route(&RouteTarget::TransitGateway(name.clone()))?;
        let attachment = TransitGatewayAttachment {
            vpc: vpc.clone(),
            status: AttachmentStatus::AcceptancePending,
        };
        self.attachments.insert(name.clone(), attachment);
        Ok(vec![
            name.event("vpcAttachmentPending"),
            name.event("vpcAttachmentPending → acceptancePending"),
        ])
    }
}
