//! A capture file in the format pcapng (draft-ietf-opsawg-pcapng): one section, an interface for each link, a
//! block for each packet. Bytes out; who writes them to where is another's business.

use std::time::Duration;

/// The link types (draft-ietf-opsawg-pcaplinktype).
const ETHERNET: u16 = 1;

/// Block types.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;

/// Options.
const END: u16 = 0;
const COMMENT: u16 = 1;
const NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const APPLICATION: u16 = 4;

/// Time stamps count nanoseconds: 10 to the minus ninth.
const NANOSECONDS: u8 = 9;

/// A capture that is being written.
#[derive(Debug, Default)]
pub struct Capture {
    bytes: Vec<u8>,
    interfaces: u32,
}

/// The number of an interface in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceId(u32);

impl Capture {
    /// An empty capture.
    pub fn new() -> Self {
        let mut capture = Self::default();
        let mut body = Vec::new();
        // The byte order, version 1.0, and a length that nobody knows yet.
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend(1_u16.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        body.extend(u64::MAX.to_le_bytes());
        let application = concat!("canal-sim ", env!("CARGO_PKG_VERSION"));
        option(&mut body, APPLICATION, application.as_bytes());
        option(&mut body, END, &[]);
        capture.block(SECTION, &body);
        capture
    }

    /// Names an Ethernet interface that packets are captured on.
    pub fn interface(&mut self, name: &str) -> InterfaceId {
        let mut body = Vec::new();
        body.extend(ETHERNET.to_le_bytes());
        // Reserved, and no limit to a packet's length.
        body.extend([0; 6]);
        option(&mut body, NAME, name.as_bytes());
        option(&mut body, RESOLUTION, &[NANOSECONDS]);
        option(&mut body, END, &[]);
        self.block(INTERFACE, &body);
        self.interfaces += 1;
        InterfaceId(self.interfaces - 1)
    }

    /// Adds a packet, with what there is to say about it. The time is counted from the beginning of 1970.
    pub fn packet(&mut self, on: InterfaceId, at: Duration, frame: &[u8], comment: Option<&str>) {
        let stamp = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        // Frames are bounded by what IPv4 can carry.
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let mut body = Vec::with_capacity(frame.len() + 32);
        body.extend(on.0.to_le_bytes());
        body.extend(((stamp >> 32) as u32).to_le_bytes());
        body.extend((stamp as u32).to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(length.to_le_bytes());
        padded(&mut body, frame);
        if let Some(comment) = comment {
            option(&mut body, COMMENT, comment.as_bytes());
            option(&mut body, END, &[]);
        }
        self.block(PACKET, &body);
    }

    /// Takes what has been written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        // Each length counts itself, the type, and its repetition.
        let length = u32::try_from(body.len() + 12).unwrap_or(u32::MAX);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(body);
        self.bytes.extend(length.to_le_bytes());
    }
}

/// An option; the longest value is 65,535 bytes, and what is longer is cut.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(length.to_le_bytes());
    padded(body, &value[..usize::from(length)]);
}

/// Bytes, and zeros up to a multiple of four.
fn padded(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend(bytes);
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The blocks of a file: type and body, as a reader walks through them.
    fn blocks(mut bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut blocks = Vec::new();
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().unwrap());
        while !bytes.is_empty() {
            let length = number(&bytes[4..]) as usize;
            assert_eq!(length % 4, 0);
            assert_eq!(number(&bytes[length - 4..]) as usize, length);
            blocks.push((number(bytes), bytes[8..length - 4].to_vec()));
            bytes = &bytes[length..];
        }
        blocks
    }

    proptest! {
        #[test]
        fn every_block_can_be_walked_over(
            frames in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..70), proptest::option::of(".{0,20}")),
                0..6,
            ),
        ) {
            let mut capture = Capture::new();
            let on = capture.interface("sensor");
            for (at, (frame, comment)) in frames.iter().enumerate() {
                let at = Duration::from_nanos(5_000_000_000 + at as u64);
                capture.packet(on, at, frame, comment.as_deref());
            }
            let blocks = blocks(&capture.take());
            prop_assert_eq!(blocks.len(), frames.len() + 2);
            prop_assert_eq!((blocks[0].0, blocks[1].0), (SECTION, INTERFACE));
            for ((kind, body), (frame, _)) in blocks[2..].iter().zip(&frames) {
                prop_assert_eq!(*kind, PACKET);
                prop_assert_eq!(&body[20..20 + frame.len()], &frame[..]);
                prop_assert_eq!(body[12] as usize, frame.len());
            }
        }
    }
}
