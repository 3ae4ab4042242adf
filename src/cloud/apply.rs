//! [`Cloud`]: where the two sides meet.

use super::{Action, ApiError, Cloud, Event, Time};

impl Cloud {
    /// Carries out an action at a time. The caller lets time pass first, with [`Cloud::advance`].
    ///
    /// # Errors
    ///
    /// The service's refusal; nothing has changed then.
    pub fn apply(&mut self, action: &Action, now: Time) -> Result<Vec<Event>, ApiError> {
        match action {
            Action::Aws(action) => {
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
    /// depend on traffic, which comes with [`Soracom::touch`](super::soracom::Soracom::touch).
    pub fn next_change(&self) -> Option<Time> {
        [self.aws.next_change(), self.soracom.next_change()]
            .into_iter()
            .flatten()
            .min()
    }
}
