//! What the fuzzer runs (`scripts/fuzz.sh`), and what the tests run again over the inputs that it kept
//! (`fuzz/corpus`). Not a part of the program.
//!
//! A target takes any bytes and checks what must hold whatever they are: no panic, the same answer twice, what
//! is written can be read. Targets for private readers stand beside these, in a `fuzzing` module of
//! their own.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod capture;
mod explain;
mod scenario;
mod shell;
mod trace;
mod vxlan;

pub use capture::capture;
pub use explain::explain;
pub use scenario::scenario;
pub use shell::shell;
pub use trace::trace;
pub use vxlan::vxlan;

pub use crate::backend::evidence::fuzzing::dissect;
#[cfg(all(feature = "kernel", target_os = "linux"))]
pub use crate::backend::kernel::fuzzing::{drops, netlink, rules};
pub use crate::backend::memory::fuzzing::{frames, packet, stream};
pub use crate::backend::protocol_fuzzing::protocol;

/// What a target is: any bytes in, and a panic where something doesn't hold.
pub type Target = fn(&[u8]);

/// The targets, by the names of their files in `fuzz/fuzz_targets` and of their folders in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("capture", capture),
    ("dissect", dissect),
    #[cfg(all(feature = "kernel", target_os = "linux"))]
    ("drops", drops),
    ("explain", explain),
    ("frames", frames),
    #[cfg(all(feature = "kernel", target_os = "linux"))]
    ("netlink", netlink),
    ("packet", packet),
    ("protocol", protocol),
    #[cfg(all(feature = "kernel", target_os = "linux"))]
    ("rules", rules),
    ("scenario", scenario),
    ("shell", shell),
    ("stream", stream),
    ("trace", trace),
    ("vxlan", vxlan),
];

/// Takes bytes apart.
pub(crate) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next byte; 0 behind the end.
    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// The next bytes, as many as there are of these.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (first, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        first
    }

    /// A piece, with its length before it.
    pub(crate) fn piece(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        self.take(length)
    }

    /// Whether there is more.
    pub(crate) fn has_more(&self) -> bool {
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
