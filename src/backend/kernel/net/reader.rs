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
use super::nflog::ReportLogged;
use super::socket::NetlinkSocket;
use super::trace::ReportDrop;
use super::wire;
use crate::backend::BackendError;
use crate::backend::kernel::catch_up::CatchUp;
use crate::backend::kernel::shortage::{Need, refused};
use crate::network::NodeId;

/// What is done with a message that was read at this moment. Runs on the reading thread.
pub(super) type Report = Box<dyn FnMut(&wire::Message<'_>, Instant) + Send>;

/// Who is told of what the nodes' kernels report, and how the thread is asked to look once more.
pub(in crate::backend::kernel) struct Reports {
    /// Packets that a log rule reported.
    pub logged: ReportLogged,
    /// Packets that a rule of a node's own dropped.
    pub traced: ReportDrop,
    /// The thread's bell.
    pub catch_up: Arc<CatchUp>,
}

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
    catch_up: Arc<CatchUp>,
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

/// The key of the event that asks it to look once more.
const BELL: u64 = 1;

/// How many sockets that are ready it hears of at once.
const AT_ONCE: usize = 64;

impl Reader {
    /// Starts the thread, which looks once more when this bell rings.
    pub fn start(catch_up: Arc<CatchUp>) -> Result<Self, BackendError> {
        const DOING: &str = "start the packet log's thread";
        let make = || -> Result<_, Refusal> {
            let shared = Shared {
                epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
                stop: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
                catch_up,
                sources: Mutex::default(),
            };
            let event = |key| EpollEvent::new(EpollFlags::EPOLLIN, key);
            shared.epoll.add(&shared.stop, event(STOP))?;
            shared.epoll.add(shared.catch_up.as_fd(), event(BELL))?;
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
            next: BELL + 1,
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
    let mut events = [EpollEvent::empty(); AT_ONCE];
    let mut buffer = Vec::with_capacity(64 * 1024);
    // Whether the bell has rung; none where there is no more to do.
    let mut look = |patience: EpollTimeout| -> Option<bool> {
        let ready = match shared.epoll.wait(&mut events, patience) {
            Ok(count) => &events[..count],
            Err(Errno::EINTR) => return Some(false),
            Err(errno) => {
                tracing::error!("the packet log has ended: {}", errno.desc());
                return None;
            }
        };
        for event in ready {
            if event.data() == STOP {
                return None;
            }
            let source = lock(&shared.sources).get(&event.data()).cloned();
            if let Some(source) = source {
                drain(&source, &mut buffer);
            }
        }
        Some(ready.iter().any(|event| event.data() == BELL))
    };
    while let Some(is_rung) = look(EpollTimeout::NONE) {
        if !is_rung {
            continue;
        }
        let begun = shared.catch_up.begin();
        // The kernel names what is ready in turn, so these looks pass by every socket.
        let ready = lock(&shared.sources).len() + [STOP, BELL].len();
        for _ in 0..ready.div_ceil(AT_ONCE) {
            if look(EpollTimeout::ZERO).is_none() {
                return;
            }
        }
        shared.catch_up.done(begun);
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
