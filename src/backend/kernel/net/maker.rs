//! The maker: the one thread that goes from namespace to namespace and builds the network.
//!
//! A namespace belongs to a thread, so this can't be a task: the runtime would carry on with other
//! tasks in the wrong network. More threads gain nothing, since the kernel makes namespaces and
//! links one at a time.

use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::{broadcast, oneshot};

use super::counters::Counting;
use super::nflog::LoggedPacket;
use super::trace::ReportDrop;
use super::world::{Nodes, World};
use crate::backend::BackendError;
use crate::network::{Change, NodeId};

/// What the thread is asked for, and where to say how it went.
enum Order {
    Change(
        Vec<Change>,
        oneshot::Sender<(Nodes, Result<(), BackendError>)>,
    ),
    ForgetUnanswered(oneshot::Sender<Result<(), BackendError>>),
    LookAtRules(NodeId, oneshot::Sender<Result<bool, BackendError>>),
}

/// The way to the thread. When it is dropped the thread ends, and with it the network.
#[derive(Debug)]
pub(in crate::backend::kernel) struct Maker {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Maker {
    /// Starts the thread.
    pub async fn start(
        counting: Counting,
        log: broadcast::Sender<LoggedPacket>,
        drops: ReportDrop,
    ) -> Result<Self, BackendError> {
        let (orders, inbox) = mpsc::channel::<Order>();
        let (ready, started) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("canal-maker".into())
            .spawn(move || {
                let mut world = match World::new(counting, log, drops) {
                    Ok(world) => {
                        let _ = ready.send(Ok(()));
                        world
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                for order in inbox {
                    // Who asked may have stopped waiting; the work is done all the same.
                    match order {
                        Order::Change(changes, answer) => {
                            let done = world.apply(&changes);
                            let _ = answer.send((world.nodes(), done));
                        }
                        Order::ForgetUnanswered(answer) => {
                            let _ = answer.send(world.forget_unanswered());
                        }
                        Order::LookAtRules(node, answer) => {
                            let _ = answer.send(world.look_at_rules(&node));
                        }
                    }
                }
            })
            .map_err(|error| super::error::Refusal::from(error).of("start the maker thread"))?;
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
        self.order(|answer| Order::Change(changes, answer)).await
    }

    /// Lets every node forget the neighbours that have not answered.
    pub async fn forget_unanswered(&self) -> Result<(), BackendError> {
        self.order(Order::ForgetUnanswered).await?
    }

    /// Looks at the rules that a script may have left in a node's packet filter, and traces what passes
    /// them; whether there are any.
    pub async fn look_at_rules(&self, node: &NodeId) -> Result<bool, BackendError> {
        self.order(|answer| Order::LookAtRules(node.clone(), answer))
            .await?
    }

    async fn order<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, BackendError> {
        let (answer, answered) = oneshot::channel();
        self.orders
            .as_ref()
            .and_then(|orders| orders.send(order(answer)).ok())
            .ok_or_else(gone)?;
        answered.await.map_err(|_| gone())
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
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
