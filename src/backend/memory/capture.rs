//! What passes the links, as a capture: an interface for each link, and one for what was dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use super::frame::{self, BROADCAST, Frame};
use super::time::Time;
use crate::backend::CaptureFile;
use crate::backend::pcapng::{Capture, InterfaceId};
use crate::network::{Family, Label, LinkId, Mac, NodeId};

/// The name of the interface for what was dropped.
const DROPS: &str = "drops";

/// How much a capture takes, of a whole scenario: it is held in memory until the scenario's end. That is some
/// two million small packets, or 4,000 of the largest pings; a reader of captures takes several times its size.
const MOST: usize = 256 << 20;

/// What a packet takes beside its bytes and its comment, at most: the block around it and what pads it.
const BLOCK: usize = 64;

/// A capture under way.
#[derive(Debug)]
pub(super) struct Capturing {
    file: Capture,
    links: BTreeMap<LinkId, InterfaceId>,
    drops: InterfaceId,
    packets: u64,
    /// What it still takes, in bytes; nothing any more once something was left out.
    room: usize,
    left_out: u64,
    /// When the network was made, counted from 1970.
    epoch: Duration,
}

impl Capturing {
    pub fn new(epoch: Duration) -> Self {
        let mut file = Capture::new();
        let drops = file.interface(DROPS);
        Self {
            file,
            links: BTreeMap::new(),
            drops,
            packets: 0,
            room: MOST,
            left_out: 0,
            epoch,
        }
    }

    /// A frame enters a link.
    pub fn frame(&mut self, link: &LinkId, at: Time, frame: &Frame) {
        if !self.takes(frame.len()) {
            return;
        }
        let on = match self.links.get(link) {
            Some(on) => *on,
            None => {
                let on = self.file.interface(link.as_str());
                self.links.insert(link.clone(), on);
                on
            }
        };
        let mut bytes = vec![0; frame.len()];
        frame.write(&mut bytes);
        self.file
            .packet(on, self.epoch + at.as_duration(), &bytes, None);
    }

    /// A packet was given a label.
    pub fn label(&mut self, node: &NodeId, label: &Label, family: Family, packet: &[u8], at: Time) {
        let comment = format!("{node}: {} {}", label.reason, label.resource);
        if !self.takes(frame::HEADER + packet.len() + comment.len()) {
            return;
        }
        let mut bytes = vec![0; frame::HEADER + packet.len()];
        // What it came in, or would have gone out in, is over.
        let frame = Frame {
            destination: BROADCAST,
            source: Mac([0; 6]),
            family,
            bytes: packet.to_vec(),
        };
        frame.write(&mut bytes);
        let at = self.epoch + at.as_duration();
        self.file.packet(self.drops, at, &bytes, Some(&comment));
    }

    /// Counts one more, and whether there is room for it. The first that does not fit ends the capture: one
    /// with gaps would be read as if nothing had passed there.
    fn takes(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes + BLOCK);
        self.room = left.unwrap_or_default();
        let takes = left.is_some() && self.left_out == 0;
        let count = match takes {
            true => &mut self.packets,
            false => &mut self.left_out,
        };
        *count += 1;
        takes
    }

    /// Takes what has been captured since the last time. Where something was left out, the last packet is an empty
    /// one whose comment says so; it comes at `now`.
    pub fn take(&mut self, now: Time) -> CaptureFile {
        let left_out = self.left_out;
        if left_out > 0 {
            let comment = format!(
                "the capture is full: it takes {} MiB of a scenario, and {left_out} more packets were left out",
                MOST >> 20
            );
            let at = self.epoch + now.as_duration();
            self.file.packet(self.drops, at, &[], Some(&comment));
        }
        CaptureFile {
            packets: std::mem::take(&mut self.packets),
            left_out,
            bytes: self.file.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_that_is_full_ends_and_says_so() {
        let frame = |length| Frame {
            destination: BROADCAST,
            source: Mac([0; 6]),
            family: Family::Ip,
            bytes: vec![0; length],
        };
        let link = LinkId::new("air");
        let mut capturing = Capturing::new(Duration::ZERO);
        let at = Time::default();
        for _ in 0..5_000 {
            capturing.frame(&link, at, &frame(65_000));
        }
        // One that would fit comes too late: there are no gaps.
        capturing.frame(&link, at, &frame(10));
        let label = Label {
            is_final: true,
            reason: "LINK_CUT".to_owned(),
            resource: "air".to_owned(),
        };
        capturing.label(&NodeId::new("a"), &label, Family::Ip, &[0; 20], at);
        let file = capturing.take(at);
        assert_eq!(file.packets + file.left_out, 5_002);
        assert!((4_000..4_200).contains(&file.packets), "{}", file.packets);
        let length = file.bytes.len();
        assert!((MOST - 300_000..MOST + 1_000).contains(&length), "{length}");
        let end = String::from_utf8_lossy(&file.bytes[length - 200..]).into_owned();
        let said = format!("256 MiB of a scenario, and {} more packets", file.left_out);
        assert!(end.contains(&said), "{end}");
    }
}
