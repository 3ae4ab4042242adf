//! [`Cloud`]: where the two sides meet.

use super::{Action, ApiError, Cloud, Event, Time, aws, soracom};

impl Cloud {
    /// Carries out an action at a time. The caller lets time pass first, with [`Cloud::advance`].
    ///
    /// # Errors
    ///
    /// The service's refusal; nothing has changed then.
    pub fn apply(&mut self, action: &Action, now: Time) -> Result<Vec<Event>, ApiError> {
        match action {
            Action::Aws(action) => {
                if let aws::Action::DeleteVpc(op) = action {
                    self.refuse_deleting_attached(&op.vpc)?;
                }
                let events = self.aws.apply(action, now)?;
                self.soracom.forget_ended_peerings(&self.aws);
                Ok(events)
            }
            Action::Soracom(action) => self.soracom.apply(action, &mut self.aws, now),
        }
    }

    /// Lets time pass: requests expire, VPGs come up and go, idle sessions end.
    pub fn advance(&mut self, now: Time) -> Vec<Event> {
        let mut events = self.aws.advance(now);
        self.soracom.forget_ended_peerings(&self.aws);
        events.extend(self.soracom.advance(now));
        events
    }

    /// The earliest time at which [`Cloud::advance`] has something to do, idle sessions aside: those
    /// depend on traffic, which comes with [`soracom::Soracom::touch`].
    pub fn next_change(&self) -> Option<Time> {
        [self.aws.next_change(), self.soracom.next_change()]
            .into_iter()
            .flatten()
            .min()
    }

    /// A VPC can't go while a Transit Gateway is attached to it (Amazon VPC, "Delete your VPC"). The
    /// attachments are SORACOM's to know, so AWS's side can't see them.
    fn refuse_deleting_attached(&self, vpc: &aws::VpcId) -> Result<(), ApiError> {
        let attachments: Vec<_> = self
            .soracom
            .attachments_of(vpc)
            .map(soracom::AttachmentId::as_str)
            .collect();
        if attachments.is_empty() {
            return Ok(());
        }
        Err(ApiError::aws(
            "DependencyViolation",
            format!(
                "VPC {vpc} can't be deleted while Transit Gateway attachments use it: {}; delete them \
                 first",
                attachments.join(", ")
            ),
        ))
    }
}
