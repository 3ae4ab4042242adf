//! The maker: the one thread that goes from namespace to namespace and builds the network.
//!
//! A namespace belongs to a thread, so this can't be a task: the runtime would carry on with other
//! tasks in the wrong network. More threads gain nothing, since the kernel makes namespaces and
//! links one at a time.

use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::counters::Counting;
use super::reader::Reports;
use super::relay::Surroundings;
use super::world::{Nodes, World};
use crate::backend::BackendError;
use crate::backend::kernel::shortage::{Need, refused};
use crate::guest::Guest;
use crate::network::{Change, NodeId};

/// What the thread is asked for, and where it says how it went.
enum Request {
    Change(Vec<Change>, Answer<(Nodes, Result<(), BackendError>)>),
    ForgetUnanswered(Answer<Result<(), BackendError>>),
    Guest(NodeId, Answer<Result<Guest, BackendError>>),
    LookAtRules(NodeId, Answer<Result<bool, BackendError>>),
}

type Answer<T> = oneshot::Sender<T>;

impl Request {
    /// Does it. Who asked may have stopped waiting; the work is done all the same.
    fn carry_out(self, world: &mut World) {
        match self {
            Self::Change(changes, answer) => {
                let done = world.apply(&changes);
                let _ = answer.send((world.nodes(), done));
            }
            Self::ForgetUnanswered(answer) => {
                let _ = answer.send(world.forget_unanswered());
            }
            Self::Guest(node, answer) => {
                let _ = answer.send(world.guest(&node));
            }
            Self::LookAtRules(node, answer) => {
                let _ = answer.send(world.look_at_rules(&node));
            }
        }
    }
}

/// The way to the thread. When it is dropped the thread ends, and with it the network.
#[derive(Debug)]
pub(in crate::backend::kernel) struct Maker {
    orders: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Maker {
    /// Starts the thread.
    pub async fn start(
        counting: Counting,
        reports: Reports,
        surroundings: Surroundings,
    ) -> Result<Self, BackendError> {
        let (orders, inbox) = mpsc::channel::<Request>();
        let (ready, started) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("canal-maker".into())
            .spawn(move || {
                let mut world = match World::new(counting, reports, surroundings) {
                    Ok(world) => {
                        let _ = ready.send(Ok(()));
                        world
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                for request in inbox {
                    request.carry_out(&mut world);
                }
            })
            .map_err(|error| refused("start the maker thread", Need::Thread, &error))?;
        started.await.map_err(|_| gone())??;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// Makes changes; the nodes there are afterwards, and how it went.
    pub async fn apply(
        &self,
        changes: Vec<Change>,
    ) -> Result<(Nodes, Result<(), BackendError>), BackendError> {
        self.order(|answer| Request::Change(changes, answer)).await
    }

    /// Lets every node forget the neighbours that have not answered.
    pub async fn forget_unanswered(&self) -> Result<(), BackendError> {
        self.order(Request::ForgetUnanswered).await?
    }

    /// What a node's own kernel says of its configuration.
    pub async fn guest(&self, node: NodeId) -> Result<Guest, BackendError> {
        self.order(|answer| Request::Guest(node, answer)).await?
    }

    /// Looks at the rules that a script may have left in a node's packet filter, and traces what passes
    /// them; whether there are any.
    pub async fn look_at_rules(&self, node: &NodeId) -> Result<bool, BackendError> {
        self.order(|answer| Request::LookAtRules(node.clone(), answer))
            .await?
    }

    async fn order<T>(
        &self,
        request: impl FnOnce(Answer<T>) -> Request,
    ) -> Result<T, BackendError> {
        let (answer, answered) = oneshot::channel();
        self.orders
            .as_ref()
            .and_then(|orders| orders.send(request(answer)).ok())
            .ok_or_else(gone)?;
        answered.await.map_err(|_| gone())
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        crate::fault::point("maker ends");
        // The thread's loop ends with the channel.
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn gone() -> BackendError {
    BackendError::Failed {
        doing: "change the network".into(),
        why: "the maker thread has ended".into(),
    }
}
