//! Network namespaces, held by descriptor and by nothing else: they have no name, and when the
//! process ends, however it ends, the kernel takes them away.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use super::error::Refusal;
use crate::backend::kernel::features::Feature;
use crate::network::NodeId;

/// A node's namespace. It lives as long as somebody holds its descriptor, or a socket made inside.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// The node.
    pub node: NodeId,
    /// The namespace. Sockets that a thread makes after `setns` to it belong to it for good.
    pub fd: Arc<OwnedFd>,
}

impl Namespace {
    /// Runs `work` on a thread of its own inside the namespace: sockets made there stay there.
    ///
    /// # Errors
    ///
    /// Where the namespace can't be entered, or `work` panicked.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<T> {
        let fd = Arc::clone(&self.fd);
        let thread = std::thread::Builder::new().spawn(move || {
            enter(&fd)?;
            Ok(work())
        })?;
        thread.join().unwrap_or_else(|_| {
            Err(std::io::Error::other(
                "the work inside the namespace panicked",
            ))
        })
    }
}

/// Takes the calling thread into a namespace.
pub(super) fn enter(fd: impl AsFd) -> Result<(), Errno> {
    setns(fd, CloneFlags::CLONE_NEWNET)
}

/// The calling thread's namespace.
pub(super) fn current() -> Result<OwnedFd, Refusal> {
    // A thread's own entry: /proc/self would be the main thread's.
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

/// Takes the calling thread into a new namespace, with nothing in it but `lo`, which is down.
pub(super) fn make() -> Result<OwnedFd, Refusal> {
    Feature::NetworkNamespaces.there()?;
    unshare(CloneFlags::CLONE_NEWNET)?;
    crate::fault::point("namespace made");
    current()
}
