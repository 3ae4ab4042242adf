//! The clouds, their clock, and the network that follows them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::node;
use crate::backend::{Backend, BackendError};
use crate::cloud::{Action, ApiError, Event, LinkName, NodeName};
use crate::guest::{Guests, fresh};
use crate::lower::{World, lower};
use crate::network::{Network, diff};
use crate::scenario::{Course, LinkChange};

/// One scenario's clouds on one backend.
pub(super) struct Session<'a, B> {
    pub course: Course,
    pub network: Network,
    pub backend: &'a mut B,
    /// The nodes on which scripts have run, so that nothing but themselves knows their configuration.
    pub scripted: BTreeSet<NodeName>,
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
        let world = World {
            links: course.links.plans().clone(),
            ..world
        };
        let mut session = Self {
            course,
            network: Network::default(),
            backend,
            scripted: BTreeSet::new(),
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
        self.backend.skip(time);
        let changes = self.follow().await?;
        Ok((events, changes))
    }

    /// Changes a link, and lets the network follow. Gives in words what has become of it.
    ///
    /// # Errors
    ///
    /// What the backend could not do.
    pub async fn change_link(
        &mut self,
        link: &LinkName,
        change: &LinkChange,
    ) -> Result<(String, usize), BackendError> {
        let became = self.course.links.change(link, change);
        self.world.links.clone_from(self.course.links.plans());
        let changes = self.follow().await?;
        Ok((became, changes))
    }

    /// What is known of the machines: what their clouds gave them, and of those on which scripts have run
    /// what their own kernel says.
    ///
    /// # Errors
    ///
    /// What the backend could not find out.
    pub async fn guests(&self) -> Result<Guests, BackendError> {
        let cloud = &self.course.cloud;
        let instances = cloud.aws.instances.keys().cloned().map(NodeName::Instance);
        let sims = cloud.soracom.sims.keys().cloned().map(NodeName::Sim);
        let mut guests = Guests::new();
        for name in instances
            .chain(sims)
            .chain([NodeName::Pc, NodeName::Internet])
        {
            let id = node::id(&name);
            let found = if self.scripted.contains(&name) && self.network.nodes.contains_key(&id) {
                Some(self.backend.guest(&id).await?)
            } else {
                let services = self.network.nodes.get(&id).map(|node| &node.services);
                let listens = services.into_iter().flat_map(|services| services.keys());
                fresh(cloud, &name, listens.cloned().collect())
            };
            guests.extend(found.map(|guest| (name, guest)));
        }
        Ok(guests)
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
