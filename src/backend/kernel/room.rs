//! Room for what a run needs at the least, asked for before anything is built: the runtime panics where it
//! can't start a thread or open a descriptor. Where memory ends all the same, [`Heap`] ends the process in words.

use std::sync::{PoisonError, RwLock};
use std::thread;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use super::shortage::{Need, refused};
pub use super::sys::heap::Heap;
use super::sys::heap::keep_to_one_arena;
use crate::backend::BackendError;

/// Threads besides those of the runtime: makers of nodes and sockets, readers of logs and drops, the relay, a
/// script and its pid 1.
const THREADS: usize = 8;

/// Descriptors that the runtime opens for itself, and some to begin with.
const DESCRIPTORS: usize = 16;

/// What this program takes besides its threads, in bytes: 20 MiB for itself, and as much again for a network.
const MEMORY: u64 = 48 << 20;

/// The stack of a thread (`std::thread`, "Stack size").
const STACK: u64 = 2 << 20;

/// Sees to it that there is room.
///
/// # Errors
///
/// What there is too little of, and where its limit is set.
pub fn sufficient() -> Result<(), BackendError> {
    raise_file_limit();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    memory(workers + THREADS)?;
    descriptors()?;
    threads(workers + THREADS)
}

/// Raises the limit of open files as far as the process may by itself: each node takes a few, and 1,024 are
/// allowed by default.
pub(super) fn raise_file_limit() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

fn memory(threads: usize) -> Result<(), BackendError> {
    let least = MEMORY + threads as u64 * STACK;
    let limits = [(Resource::RLIMIT_AS, "-v"), (Resource::RLIMIT_DATA, "-d")];
    for (limit, option) in limits {
        let Ok((most, _)) = getrlimit(limit) else {
            continue;
        };
        if most != RLIM_INFINITY && limit == Resource::RLIMIT_AS {
            keep_to_one_arena();
        }
        if most < least {
            return Err(BackendError::Machine {
                what: format!(
                    "memory is limited to {} MiB, and a run takes {} MiB at the least",
                    most >> 20,
                    least >> 20
                ),
                mend: format!("raise the limit: ulimit {option} {}", least >> 10),
            });
        }
    }
    Ok(())
}

fn descriptors() -> Result<(), BackendError> {
    let open = || EventFd::from_flags(EfdFlags::EFD_CLOEXEC);
    let opened: Result<Vec<_>, _> = (0..DESCRIPTORS).map(|_| open()).collect();
    match opened {
        Ok(_) => Ok(()),
        Err(errno) => Err(refused("open descriptors", Need::Other, &errno.into())),
    }
}

/// Starts so many threads at once, which do nothing.
fn threads(count: usize) -> Result<(), BackendError> {
    let gate = RwLock::new(());
    thread::scope(|scope| {
        let closed = gate.write().unwrap_or_else(PoisonError::into_inner);
        let done = (0..count).try_for_each(|_| {
            let wait = || drop(gate.read());
            thread::Builder::new().spawn_scoped(scope, wait).map(drop)
        });
        drop(closed);
        done.map_err(|error| refused("start threads", Need::Thread, &error))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_machine_has_room() {
        sufficient().unwrap();
    }

    #[test]
    fn too_many_threads_are_an_error_and_no_panic() {
        // More than the kernel numbers at all (`kernel.pid_max`) would take too long to start, so only few.
        threads(3).unwrap();
    }
}
