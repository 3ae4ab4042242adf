//! How much may be under way: what waits and travels is held in memory, for as long as a scenario says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a link holds, both directions together: what half a second at 1 Gbit/s is, which a link by a
/// geostationary satellite has under way (ITU-T G.114, 0.26 s up and down).
pub(super) const OF_A_LINK: usize = 64 << 20;

/// What all links of a network hold together.
const OF_A_NETWORK: usize = 512 << 20;

/// What a frame takes beside its bytes, nearly: its place in a line, and what an allocation takes for itself.
pub(super) const BESIDE: usize = 128;

/// What the links of one network hold together, in bytes.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<AtomicUsize>);

impl Pool {
    /// How much more there is room for.
    pub(super) fn left(&self) -> usize {
        OF_A_NETWORK.saturating_sub(self.0.load(Ordering::Relaxed))
    }

    /// A link holds so much, after so much before.
    pub(super) fn change(&self, before: usize, after: usize) {
        if after > before {
            self.0.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.0.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}
