//! The few commands of `bpf(2)` that the listener to the kernel's drops needs.
//!
//! Each command takes a union as long as the fields that it knows, in the machine's byte order; the
//! kernel takes what is missing at its end for zeros.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

/// `enum bpf_cmd`.
const MAP_CREATE: u32 = 0;
const MAP_LOOKUP_ELEM: u32 = 1;
const MAP_UPDATE_ELEM: u32 = 2;
const MAP_DELETE_ELEM: u32 = 3;
const PROG_LOAD: u32 = 5;
const RAW_TRACEPOINT_OPEN: u32 = 17;

/// `BPF_PROG_TYPE_RAW_TRACEPOINT`.
const RAW_TRACEPOINT: u32 = 17;

/// `enum bpf_map_type`: those that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend::kernel) enum MapKind {
    /// Keys to values.
    Hash = 1,
    /// Numbers from 0 to values.
    Array = 2,
    /// A queue towards a process; its entries are its bytes, and it has no keys.
    RingBuffer = 27,
}

/// A map. It lives as long as somebody holds it, a program among them.
#[derive(Debug)]
pub(in crate::backend::kernel) struct Map {
    fd: OwnedFd,
    key: usize,
    value: usize,
}

impl Map {
    /// A new map: sizes in bytes.
    pub fn new(kind: MapKind, key: u32, value: u32, entries: u32) -> io::Result<Self> {
        let mut union = Union::<5>::default();
        union.u32s([kind as u32, key, value, entries, 0]);
        // SAFETY: this command reads nothing but the union.
        let fd = unsafe { union.descriptor(MAP_CREATE) }?;
        Ok(Self {
            fd,
            key: key as usize,
            value: value as usize,
        })
    }

    /// The descriptor.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Sets a value.
    pub fn set(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.check(key, Some(value.len()))?;
        let mut union = self.element(key, value.as_ptr());
        // SAFETY: the kernel reads as many bytes of the key and of the value as the map was made for,
        // and `check` has found both that long. They outlive the call.
        unsafe { union.call(MAP_UPDATE_ELEM) }.map(drop)
    }

    /// Takes an entry out; there is an error if it isn't there.
    pub fn remove(&self, key: &[u8]) -> io::Result<()> {
        self.check(key, None)?;
        let mut union = self.element(key, std::ptr::null());
        // SAFETY: the kernel reads as many bytes of the key as the map was made for, and `check` has
        // found it that long. It outlives the call.
        unsafe { union.call(MAP_DELETE_ELEM) }.map(drop)
    }

    /// Reads an entry into `value`.
    pub fn get(&self, key: &[u8], value: &mut [u8]) -> io::Result<()> {
        self.check(key, Some(value.len()))?;
        let mut union = self.element(key, value.as_mut_ptr());
        // SAFETY: the kernel reads the key and writes the value, each as long as the map was made for,
        // and `check` has found both that long. The value is borrowed for writing; both outlive the call.
        unsafe { union.call(MAP_LOOKUP_ELEM) }.map(drop)
    }

    fn element(&self, key: &[u8], value: *const u8) -> Union<8> {
        let mut union = Union::<8>::default();
        union.u32s([self.fd.as_raw_fd().cast_unsigned()]);
        union.u64s(1, [key.as_ptr() as u64, value as u64]);
        union
    }

    fn check(&self, key: &[u8], value: Option<usize>) -> io::Result<()> {
        if key.len() == self.key && value.is_none_or(|length| length == self.value) {
            Ok(())
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }
}

#[cfg(test)]
impl Map {
    /// A descriptor that is no map, for tests that ask the kernel nothing.
    pub fn without_kernel(fd: OwnedFd) -> Self {
        Self {
            fd,
            key: 0,
            value: 0,
        }
    }
}

/// Loads a program for raw tracepoints. If the kernel refuses it, the end of its verifier's log comes
/// along.
pub(in crate::backend::kernel) fn load(
    instructions: &[u64],
    license: &CStr,
) -> Result<OwnedFd, (io::Error, String)> {
    let attempt = |log: &mut [u8]| {
        let mut union = Union::<12>::default();
        let count = u32::try_from(instructions.len()).unwrap_or(u32::MAX);
        union.u32s([RAW_TRACEPOINT, count]);
        union.u64s(1, [instructions.as_ptr() as u64, license.as_ptr() as u64]);
        let level = u32::from(!log.is_empty());
        let size = u32::try_from(log.len()).unwrap_or(u32::MAX);
        union.words[6..8].copy_from_slice(&[level, size]);
        let place = if log.is_empty() {
            0
        } else {
            log.as_mut_ptr() as u64
        };
        union.u64s(4, [place]);
        // SAFETY: the kernel reads `count` instructions of eight bytes and a string that ends with a
        // zero byte, and writes at most `size` bytes of log; all three are borrowed beyond the call.
        unsafe { union.descriptor(PROG_LOAD) }
    };
    attempt(&mut []).map_err(|error| {
        // What the verifier has to say costs time, so it is asked only now.
        let mut log = vec![0; 1 << 20];
        let _ = attempt(&mut log);
        let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
        let log = String::from_utf8_lossy(&log[..end]);
        let last: Vec<&str> = log.lines().rev().take(4).collect();
        (error, last.into_iter().rev().collect::<Vec<_>>().join("; "))
    })
}

/// Lets a program run whenever the kernel passes this tracepoint, until the descriptor is closed.
pub(in crate::backend::kernel) fn open_raw_tracepoint(
    name: &CStr,
    program: &OwnedFd,
) -> io::Result<OwnedFd> {
    let mut union = Union::<4>::default();
    union.u64s(0, [name.as_ptr() as u64]);
    union.words[2] = program.as_raw_fd().cast_unsigned();
    // SAFETY: the kernel reads a string that ends with a zero byte and outlives the call.
    unsafe { union.descriptor(RAW_TRACEPOINT_OPEN) }
}

/// `union bpf_attr`, as long as a command needs it; aligned for its 64-bit fields.
#[repr(C, align(8))]
struct Union<const WORDS: usize> {
    words: [u32; WORDS],
}

impl<const WORDS: usize> Default for Union<WORDS> {
    fn default() -> Self {
        Self { words: [0; WORDS] }
    }
}

impl<const WORDS: usize> Union<WORDS> {
    /// Writes fields of 32 bits from the beginning.
    fn u32s<const N: usize>(&mut self, fields: [u32; N]) {
        self.words[..N].copy_from_slice(&fields);
    }

    /// Writes fields of 64 bits from the `at`-th such field.
    fn u64s<const N: usize>(&mut self, at: usize, fields: [u64; N]) {
        for (n, field) in fields.into_iter().enumerate() {
            let bytes = field.to_ne_bytes();
            let [a, b, c, d, e, f, g, h] = bytes;
            self.words[2 * (at + n)] = u32::from_ne_bytes([a, b, c, d]);
            self.words[2 * (at + n) + 1] = u32::from_ne_bytes([e, f, g, h]);
        }
    }

    /// Carries a command out that gives a descriptor.
    ///
    /// # Safety
    ///
    /// As for [`Self::call`].
    unsafe fn descriptor(&mut self, command: u32) -> io::Result<OwnedFd> {
        // SAFETY: the caller answers for the command's pointers.
        let fd = unsafe { self.call(command) }?;
        // SAFETY: the commands that are used here give a fresh descriptor, which nobody else owns.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Carries a command out.
    ///
    /// # Safety
    ///
    /// What the union's fields point to must be valid for the command.
    unsafe fn call(&mut self, command: u32) -> io::Result<i32> {
        // SAFETY: the union is as long as the size says; the caller answers for what it points to.
        let done = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                libc::c_long::from(command),
                std::ptr::from_mut(self),
                size_of::<Self>(),
            )
        };
        let done = Errno::result(done)?;
        i32::try_from(done).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_where_the_kernel_looks() {
        let mut union = Union::<8>::default();
        union.u32s([7, 8]);
        union.u64s(1, [0x1122_3344_5566_7788, u64::MAX]);
        assert_eq!((size_of_val(&union), align_of_val(&union)), (32, 8));
        let halves = 0x1122_3344_5566_7788_u64.to_ne_bytes();
        let [a, b, c, d, e, f, g, h] = halves;
        let (low, high) = ([a, b, c, d], [e, f, g, h]);
        let (low, high) = (u32::from_ne_bytes(low), u32::from_ne_bytes(high));
        assert_eq!(union.words, [7, 8, low, high, u32::MAX, u32::MAX, 0, 0]);
    }
}
