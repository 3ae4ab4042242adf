//! A ring that a thread fills as the kernel does: scripts/sanitize.sh runs this under Miri.

use std::fs::File;
use std::thread;

use super::*;

const PAGE: usize = 4096;
const SIZE: usize = 4096;

impl Mapping {
    /// Memory that belongs to no map, for tests.
    fn anonymous(length: usize) -> Self {
        let length = NonZeroUsize::new(length).expect("a test asks for some memory");
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory of ours.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length.get(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(start, libc::MAP_FAILED);
        let start = NonNull::new(start.cast()).expect("a mapping is nowhere near zero");
        Self { start, length }
    }
}

/// A ring in memory of our own, with the pages that a map would have.
fn ring() -> Ring {
    let nothing = File::open("/dev/null").expect("/dev/null is there");
    Ring {
        map: Map::without_kernel(nothing.into()),
        consumer: Mapping::anonymous(PAGE),
        producer: Mapping::anonymous(PAGE + 2 * SIZE),
        page: PAGE,
        size: SIZE,
    }
}

/// The kernel's side.
#[derive(Clone, Copy)]
struct Kernel {
    consumer: *mut u8,
    producer: *mut u8,
}

// SAFETY: the mappings outlive the threads below, and what both sides touch is atomic or handed over.
unsafe impl Send for Kernel {}

impl Kernel {
    fn of(ring: &Ring) -> Self {
        Self {
            consumer: ring.consumer.start.as_ptr(),
            producer: ring.producer.start.as_ptr(),
        }
    }

    /// Writes an entry behind the others, once there is room. The data are there twice, one mapping each.
    fn write(self, data: &[u8], flags: u32) {
        // SAFETY: both positions are the first words of their mappings, and every offset is taken modulo
        // the size of the data.
        unsafe {
            let written = AtomicUsize::from_ptr(self.producer.cast());
            let read = AtomicUsize::from_ptr(self.consumer.cast());
            let at = written.load(Ordering::Relaxed);
            let whole = (HEADER + data.len()).next_multiple_of(8);
            while at + whole - read.load(Ordering::Acquire) > SIZE {
                thread::yield_now();
            }
            for (n, byte) in data.iter().enumerate() {
                let place = PAGE + (at + HEADER + n) % SIZE;
                self.producer.add(place).write(*byte);
                self.producer.add(place + SIZE).write(*byte);
            }
            let header = self.producer.add(PAGE + at % SIZE).cast();
            AtomicU32::from_ptr(header).store(data.len() as u32 | flags, Ordering::Release);
            written.store(at + whole, Ordering::Release);
        }
    }
}

#[test]
fn entries_come_whole_across_the_end_and_without_those_that_were_given_up() {
    let mut ring = ring();
    let kernel = Kernel::of(&ring);
    let mut entry = [0; 1000];
    assert_eq!(ring.next(&mut entry), None);
    for round in 0..9 {
        let data: Vec<u8> = (0..1000).map(|n| (n + round) as u8).collect();
        kernel.write(&[0xff; 20], DISCARDED);
        kernel.write(&data, 0);
        assert_eq!(ring.next(&mut entry), Some(1000));
        assert_eq!(entry[..], data[..], "round {round}");
        assert_eq!(ring.next(&mut entry), None);
    }
    kernel.write(&[7; 1200], 0);
    // Longer than there is room for: its beginning, and its whole length.
    assert_eq!(ring.next(&mut entry), Some(1200));
    kernel.write(&[8; 8], BUSY);
    assert_eq!(ring.next(&mut entry), None);
}

#[test]
fn a_thread_may_write_while_another_reads() {
    let mut ring = ring();
    let kernel = Kernel::of(&ring);
    let count = if cfg!(miri) { 40 } else { 10_000 };
    let writer = thread::spawn(move || {
        // The whole of it moves here, not its parts.
        let kernel = kernel;
        for n in 0..count {
            kernel.write(&u64::to_ne_bytes(n).repeat(60), 0);
        }
    });
    let mut entry = [0; 480];
    for n in 0..count {
        while ring.next(&mut entry).is_none() {
            thread::yield_now();
        }
        assert_eq!(entry[..], u64::to_ne_bytes(n).repeat(60)[..]);
    }
    writer.join().expect("the writer has written");
}
