//! What the program says where memory ends.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Cursor, Write};

use nix::libc;

/// The system's allocator. Where it refuses, the process says so and ends with this status, as it would for any other
/// lack of the machine's; Rust by itself aborts, with a core dump and no word of what to do. Everything that a run
/// makes goes with its processes, however they end.
#[derive(Debug)]
pub struct Heap {
    status: u8,
}

impl Heap {
    /// One that ends the process with this status.
    pub const fn new(status: u8) -> Self {
        Self { status }
    }

    fn given(&self, memory: *mut u8, size: usize) -> *mut u8 {
        if memory.is_null() {
            self.end(size);
        }
        memory
    }

    #[cold]
    fn end(&self, size: usize) -> ! {
        let mut room = [0; 256];
        let mut text = Cursor::new(&mut room[..]);
        // All of it is on the stack: there is no other memory. What has no room there is cut off.
        let _ = write!(
            text,
            "error: out of memory: {size} B more were refused\n  to mend it: use fewer nodes, a machine with \
             more memory, or raise the limits (ulimit -v, ulimit -d, the cgroup's memory.max)\n"
        );
        let length = usize::try_from(text.position()).unwrap_or(0);
        // SAFETY: the buffer is as long as is said, and outlives the call; both are plain system calls.
        unsafe {
            libc::write(libc::STDERR_FILENO, room.as_ptr().cast(), length);
            libc::_exit(i32::from(self.status))
        }
    }
}

/// Lets all threads share one pool of memory. By itself the allocator of the GNU C library sets 64 MiB of addresses
/// aside for each of its first threads (mallopt(3), `M_ARENA_MAX`), which a limit on addresses counts as used: stacks
/// of later threads then find no room, now and then.
pub(in crate::backend::kernel) fn keep_to_one_arena() {
    // SAFETY: a plain call on numbers, which other threads may make meanwhile.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

// SAFETY: each call is the system allocator's own, with what the caller has to vouch for; what it returns is handed on
// as it is. Where that is null the process ends, so nothing unwinds out of here.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the same promises that this call asks for.
        self.given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        self.given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        self.given(unsafe { System.realloc(memory, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
