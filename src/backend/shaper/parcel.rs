//! What a shaper carries.

/// The length of an Ethernet header in bytes. It is not sent over a cellular link, and no rate counts it.
pub(super) const HEADER: usize = 14;

/// An Ethernet frame, or something that stands for one.
pub trait Parcel: Clone {
    /// The frame's length in bytes, with its Ethernet header and without preamble and checksum.
    fn wire_len(&self) -> usize;

    /// Flips one bit, counted from the first of the frame; the first bit of a byte is the one that counts
    /// most. A bit beyond the end flips nothing.
    fn corrupt(&mut self, bit: u64);

    /// The length of the IP packet in the frame, which is what rates and queues count.
    fn packet_len(&self) -> usize {
        self.wire_len().saturating_sub(HEADER)
    }
}

impl Parcel for Vec<u8> {
    fn wire_len(&self) -> usize {
        self.len()
    }

    fn corrupt(&mut self, bit: u64) {
        let byte = usize::try_from(bit / 8)
            .ok()
            .and_then(|at| self.get_mut(at));
        if let Some(byte) = byte {
            *byte ^= 0x80 >> (bit % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_is_the_one_that_was_asked_for() {
        let mut frame = vec![0_u8; 3];
        frame.corrupt(0);
        frame.corrupt(15);
        assert_eq!(frame, [0x80, 0x01, 0]);
        frame.corrupt(24);
        frame.corrupt(u64::MAX);
        assert_eq!(frame, [0x80, 0x01, 0]);
    }
}
