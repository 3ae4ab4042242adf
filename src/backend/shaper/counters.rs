//! What became of frames.

use super::Lost;

/// How many frames met which fate. At any time `offered + duplicated = taken + lost() + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that were offered.
    pub offered: u64,
    /// Copies that were made.
    pub duplicated: u64,
    /// Frames that came out.
    pub taken: u64,
    /// Frames that are under way: they wait, are sent, or travel.
    pub queued: u64,
    /// Lost by chance.
    pub loss: u64,
    /// Lost because too many were waiting.
    pub queue_full: u64,
    /// Lost because they are too long.
    pub too_long: u64,
    /// Lost because the link is cut, or was while they were under way.
    pub cut: u64,
    /// Frames with a flipped bit; these count as any other.
    pub corrupted: u64,
    /// Frames that were held back so that later ones overtake them; these too.
    pub reordered: u64,
}

impl Counters {
    /// Frames that did not come out and never will.
    pub fn lost(&self) -> u64 {
        self.loss + self.queue_full + self.too_long + self.cut
    }

    pub(super) fn lose(&mut self, lost: Lost, frames: u64) {
        let count = match lost {
            Lost::Loss => &mut self.loss,
            Lost::QueueFull => &mut self.queue_full,
            Lost::TooLong => &mut self.too_long,
            Lost::Cut => &mut self.cut,
        };
        *count += frames;
    }
}
