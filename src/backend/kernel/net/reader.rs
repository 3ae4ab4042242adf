//! One thread that reads what the nodes' kernels report, so that neither a busy runtime nor a slow
//! listener delays the time stamps.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::error::Refusal;
use super::socket::NetlinkSocket;
use super::wire;
use crate::backend::BackendError;
use crate::backend::kernel::shortage::{Need, refused};
use crate::network::NodeId;

/// What is done with a message that was read at this moment. Runs on the reading thread.
pub(super) type Report = Box<dyn FnMut(&wire::Message<'_>, Instant) + Send>;

/// A node's socket, and what is done with its messages.
struct Source {
    node: NodeId,
    socket: NetlinkSocket,
    report: Mutex<Report>,
}

/// What the reading thread and its users share.
struct Shared {
    epoll: Epoll,
    stop: EventFd,
    sources: Mutex<BTreeMap<u64, Arc<Source>>>,
}

/// The reading thread.
pub(super) struct Reader {
    shared: Arc<Shared>,
    next: u64,
    thread: Option<JoinHandle<()>>,
}

/// A socket's place in the thread: it is read for as long as this is held.
pub(super) struct Listener {
    shared: Arc<Shared>,
    key: u64,
}

/// The key of the event that ends the thread.
const STOP: u64 = 0;

impl Reader {
    /// Starts the thread.
    pub fn start() -> Result<Self, BackendError> {
        const DOING: &str = "start the packet log's thread";
        let make = || -> Result<_, Refusal> {
            let shared = Shared {
                epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
                stop: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
                sources: Mutex::default(),
            };
            let event = EpollEvent::new(EpollFlags::EPOLLIN, STOP);
            shared.epoll.add(&shared.stop, event)?;
            Ok(Arc::new(shared))
        };
        let shared = make().map_err(|refusal| refusal.of(DOING))?;
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("canal-nflog".into())
            .spawn(move || read_all(&for_thread))
            .map_err(|error| refused(DOING, Need::Thread, &error))?;
        Ok(Self {
            shared,
            next: STOP + 1,
            thread: Some(thread),
        })
    }

    /// Reads a socket that doesn't block, on behalf of `node`.
    pub fn listen(
        &mut self,
        node: &NodeId,
        socket: NetlinkSocket,
        report: Report,
    ) -> Result<Listener, Refusal> {
        let source = Arc::new(Source {
            node: node.clone(),
            socket,
            report: Mutex::new(report),
        });
        let key = self.next;
        self.next += 1;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, key);
        let fd = source.socket.as_socket().as_fd();
        self.shared.epoll.add(fd, event)?;
        lock(&self.shared.sources).insert(key, source);
        Ok(Listener {
            shared: Arc::clone(&self.shared),
            key,
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.shared.stop.write(1).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let source = lock(&self.shared.sources).remove(&self.key);
        if let Some(source) = source {
            let _ = self.shared.epoll.delete(source.socket.as_socket().as_fd());
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.key).finish()
    }
}

/// What a mutex holds. A panic elsewhere leaves the sources whole: each change to them is one insertion
/// or removal.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread's work: waits for messages and passes them on, until told to stop.
fn read_all(shared: &Shared) {
    let mut events = [EpollEvent::empty(); 64];
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        let ready = match shared.epoll.wait(&mut events, EpollTimeout::NONE) {
            Ok(count) => &events[..count],
            Err(Errno::EINTR) => continue,
            Err(errno) => {
                tracing::error!("the packet log has ended: {}", errno.desc());
                return;
            }
        };
        for event in ready {
            if event.data() == STOP {
                return;
            }
            let source = lock(&shared.sources).get(&event.data()).cloned();
            if let Some(source) = source {
                drain(&source, &mut buffer);
            }
        }
    }
}

/// Reads what a socket holds.
fn drain(source: &Source, buffer: &mut Vec<u8>) {
    let mut report = lock(&source.report);
    loop {
        buffer.clear();
        match source.socket.as_socket().recv(buffer, 0) {
            Ok(_) => {
                let at = Instant::now();
                wire::messages(buffer).for_each(|message| report(&message, at));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                let fd = source.socket.as_socket().as_raw_fd();
                tracing::warn!(node = %source.node, fd, "packets of the log were lost: too many at once");
            }
            Err(_) => return,
        }
    }
}
