//! The clouds, their clock, and the network that follows them.

use std::time::Duration;

use crate::backend::{Backend, BackendError};
use crate::cloud::soracom::SimId;
use crate::cloud::{Action, ApiError, Cloud, Event, Time};
use crate::lower::{World, lower};
use crate::network::{Network, diff};

/// One scenario's clouds on one backend.
pub(super) struct Session<'a, B> {
    pub cloud: Cloud,
    pub network: Network,
    pub backend: &'a mut B,
    world: World,
    now: Time,
}

impl<'a, B: Backend> Session<'a, B> {
    /// Builds the network that these clouds come to.
    ///
    /// # Errors
    ///
    /// What the backend could not do.
    pub async fn start(
        cloud: Cloud,
        now: Time,
        world: World,
        backend: &'a mut B,
    ) -> Result<Self, BackendError> {
        let mut session = Self {
            cloud,
            network: Network::default(),
            backend,
            world,
            now,
        };
        session.follow().await?;
        Ok(session)
    }

    /// Carries an action out on the clouds, and lets the network follow.
    ///
    /// # Errors
    ///
    /// What the backend could not do; what the service refused is a result.
    pub async fn act(
        &mut self,
        action: &Action,
    ) -> Result<Result<(Vec<Event>, usize), ApiError>, BackendError> {
        let events = match self.cloud.apply(action, self.now) {
            Ok(events) => events,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let changes = self.follow().await?;
        Ok(Ok((events, changes)))
    }

    /// Lets time pass in the clouds, and lets the network follow.
    ///
    /// # Errors
    ///
    /// What the backend could not do.
    pub async fn wait(&mut self, time: Duration) -> Result<(Vec<Event>, usize), BackendError> {
        self.now = self.now.saturating_add(time);
        let events = self.cloud.advance(self.now);
        let changes = self.follow().await?;
        Ok((events, changes))
    }

    /// How long until something in the clouds changes by itself.
    pub fn until_next_change(&self) -> Option<Duration> {
        let next = self.cloud.next_change()?;
        Some(next.saturating_sub(self.now))
    }

    /// Marks a session as used.
    pub fn touch(&mut self, sim: &SimId) {
        self.cloud.soracom.touch(sim, self.now);
    }

    /// Brings the network to where the clouds are; gives the number of changes.
    async fn follow(&mut self) -> Result<usize, BackendError> {
        let wanted = lower(&self.cloud, &self.world);
        let changes = diff(&self.network, &wanted);
        for change in &changes {
            tracing::debug!(?change, "network");
        }
        self.backend.apply(&changes).await?;
        self.network = wanted;
        Ok(changes.len())
    }
}
