//! The clouds, their clock, and the network that follows them.

use std::time::Duration;

use crate::backend::{Backend, BackendError};
use crate::cloud::{Action, ApiError, Event};
use crate::lower::{World, lower};
use crate::network::{Network, diff};
use crate::scenario::Course;

/// One scenario's clouds on one backend.
pub(super) struct Session<'a, B> {
    pub course: Course,
    pub network: Network,
    pub backend: &'a mut B,
    world: World,
}

impl<'a, B: Backend> Session<'a, B> {
    /// Builds the network that these clouds come to.
    ///
    /// # Errors
    ///
    /// What the backend could not do.
    pub async fn start(
        course: Course,
        world: World,
        backend: &'a mut B,
    ) -> Result<Self, BackendError> {
        let mut session = Self {
            course,
            network: Network::default(),
            backend,
            world,
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
        let events = match self.course.act(action) {
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
        let events = self.course.wait(time);
        let changes = self.follow().await?;
        Ok((events, changes))
    }

    /// Brings the network to where the clouds are; gives the number of changes.
    async fn follow(&mut self) -> Result<usize, BackendError> {
        let wanted = lower(&self.course.cloud, &self.world);
        let changes = diff(&self.network, &wanted);
        for change in &changes {
            tracing::debug!(?change, "network");
        }
        self.backend.apply(&changes).await?;
        self.network = wanted;
        Ok(changes.len())
    }
}
