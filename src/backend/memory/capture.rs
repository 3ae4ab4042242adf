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

/// A capture under way.
#[derive(Debug)]
pub(super) struct Capturing {
    file: Capture,
    links: BTreeMap<LinkId, InterfaceId>,
    drops: InterfaceId,
    packets: u64,
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
            epoch,
        }
    }

    /// A frame enters a link.
    pub fn frame(&mut self, link: &LinkId, at: Time, frame: &Frame) {
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
        self.packets += 1;
        self.file
            .packet(on, self.epoch + at.as_duration(), &bytes, None);
    }

    /// A packet was given a label.
    pub fn label(&mut self, node: &NodeId, label: &Label, family: Family, packet: &[u8], at: Time) {
        let mut bytes = vec![0; frame::HEADER + packet.len()];
        // What it came in, or would have gone out in, is over.
        let frame = Frame {
            destination: BROADCAST,
            source: Mac([0; 6]),
            family,
            bytes: packet.to_vec(),
        };
        frame.write(&mut bytes);
        let comment = format!("{node}: {} {}", label.reason, label.resource);
        let at = self.epoch + at.as_duration();
        self.packets += 1;
        self.file.packet(self.drops, at, &bytes, Some(&comment));
    }

    /// Takes what has been captured since the last time.
    pub fn take(&mut self) -> CaptureFile {
        CaptureFile {
            packets: std::mem::take(&mut self.packets),
            bytes: self.file.take(),
        }
    }
}
