//! A BPF ring buffer from the reading side (Linux, `Documentation/bpf/ringbuf.rst`).
//!
//! One page holds how far this side has read, the next how far the kernel has written, then come the
//! data, mapped twice in a row so that no entry is ever torn. Each entry begins with its length, whose
//! highest bits say that it is still being written, or was given up.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use nix::libc;

use super::bpf::{Map, MapKind};

const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
/// The length and the page number before each entry.
const HEADER: usize = 8;

/// The reading side. There is one at most for each map.
#[derive(Debug)]
pub(in crate::backend::kernel) struct Ring {
    map: Map,
    consumer: Mapping,
    producer: Mapping,
    page: usize,
    /// Bytes of data; a power of two.
    size: usize,
}

impl Ring {
    /// A ring with room for so many bytes: a power of two, and a multiple of the page size.
    pub fn new(size: u32) -> io::Result<Self> {
        let map = Map::new(MapKind::RingBuffer, 0, 0, size)?;
        // SAFETY: asks for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).map_err(|_| io::ErrorKind::Unsupported)?;
        let size = size as usize;
        let consumer = Mapping::new(map.fd(), page, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        let producer = Mapping::new(map.fd(), page + 2 * size, libc::PROT_READ, page)?;
        Ok(Self {
            map,
            consumer,
            producer,
            page,
            size,
        })
    }

    /// The descriptor; readable when there is an entry.
    pub fn fd(&self) -> &OwnedFd {
        self.map.fd()
    }

    /// Copies the next entry to `entry`, or its beginning if it is longer; gives its whole length, or
    /// none if there is no entry.
    pub fn next(&mut self, entry: &mut [u8]) -> Option<usize> {
        loop {
            // SAFETY: the first word of the consumer's page, which is mapped as long as `self` lives
            // and aligned as a page is; the kernel only reads it.
            let read = unsafe { AtomicUsize::from_ptr(self.consumer.start.as_ptr().cast()) };
            // SAFETY: the same for the producer's page. It is mapped for reading, and only read.
            let written = unsafe { &*self.producer.start.as_ptr().cast::<AtomicUsize>() };
            let at = read.load(Ordering::Relaxed);
            if at == written.load(Ordering::Acquire) {
                return None;
            }
            let offset = self.page + (at & (self.size - 1));
            // SAFETY: the offset lies within the data, which follow the producer's page; entries are
            // aligned to eight bytes, as positions grow by multiples of eight. Only read.
            let header = unsafe { &*self.producer.start.as_ptr().add(offset).cast::<AtomicU32>() };
            let header = header.load(Ordering::Acquire);
            if header & BUSY != 0 {
                return None;
            }
            let length = (header & !DISCARDED) as usize;
            let whole = (length + HEADER).next_multiple_of(8);
            let kept = header & DISCARDED == 0;
            if kept {
                let copied = length.min(entry.len()).min(self.size - HEADER);
                // SAFETY: the data are mapped twice in a row, so `size` bytes from any offset in the
                // first half are there. The kernel does not write to an entry that is complete before
                // this side has passed it on, which happens below. The two do not overlap, since
                // `entry` is borrowed for writing.
                unsafe {
                    std::ptr::copy_nonoverlapping(
                        self.producer.start.as_ptr().add(offset + HEADER),
                        entry.as_mut_ptr(),
                        copied,
                    );
                }
            }
            read.store(at.wrapping_add(whole), Ordering::Release);
            if kept {
                return Some(length);
            }
        }
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd().as_fd()
    }
}

/// A part of a map in this process's memory.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    length: NonZeroUsize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and what is read and written in it is
// behind `&mut Ring` or atomic.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(fd: &OwnedFd, length: usize, protection: i32, offset: usize) -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        let length = NonZeroUsize::new(length).ok_or(io::ErrorKind::InvalidInput)?;
        let offset = libc::off_t::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory of ours.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length.get(),
                protection,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                offset,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { start, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nothing that points into it outlives it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length.get()) };
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests;
