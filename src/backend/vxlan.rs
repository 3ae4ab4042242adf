//! The VXLAN header (RFC 7348, section 5).
//!
//! ```text
//!  0                   1                   2                   3
//! |R|R|R|R|I|R|R|R|            Reserved                           |
//! |                VXLAN Network Identifier (VNI) |   Reserved    |
//! ```

use std::fmt;
use std::ops::Range;

/// The UDP port that IANA assigned.
pub const PORT: u16 = 4789;

/// The header's length in bytes.
pub const HEADER_LEN: usize = 8;

/// The largest VNI: 24 bits.
pub const MAX_VNI: u32 = 0xff_ffff;

const FLAGS: usize = 0;
const VNI: Range<usize> = 4..7;
const VALID_VNI: u8 = 0x08;

/// The bytes are no VXLAN packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a VXLAN packet")]
pub struct Error;

/// A view of a VXLAN packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<T: AsRef<[u8]>> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view without a check; its accessors panic where the buffer is shorter than a header.
    pub const fn new_unchecked(buffer: T) -> Self {
        Self { buffer }
    }

    /// A view whose accessors never panic.
    ///
    /// # Errors
    ///
    /// If the buffer is shorter than a header.
    pub fn new_checked(buffer: T) -> Result<Self, Error> {
        let packet = Self::new_unchecked(buffer);
        packet.check_len()?;
        Ok(packet)
    }

    /// Ensures that no accessor will panic.
    ///
    /// # Errors
    ///
    /// If the buffer is shorter than a header.
    pub fn check_len(&self) -> Result<(), Error> {
        if self.buffer.as_ref().len() < HEADER_LEN {
            return Err(Error);
        }
        Ok(())
    }

    /// The buffer.
    pub fn into_inner(self) -> T {
        self.buffer
    }

    /// The I flag: without it the VNI means nothing, and receivers drop the packet.
    pub fn has_vni(&self) -> bool {
        self.buffer.as_ref()[FLAGS] & VALID_VNI != 0
    }

    /// The virtual network identifier.
    pub fn vni(&self) -> u32 {
        let vni = &self.buffer.as_ref()[VNI];
        u32::from_be_bytes([0, vni[0], vni[1], vni[2]])
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> Packet<&'a T> {
    /// The inner Ethernet frame.
    pub fn payload(&self) -> &'a [u8] {
        &self.buffer.as_ref()[HEADER_LEN..]
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Zeroes the header.
    pub fn clear(&mut self) {
        self.buffer.as_mut()[..HEADER_LEN].fill(0);
    }

    /// Sets the VNI, of which the lower 24 bits count, and the flag that makes it valid.
    pub fn set_vni(&mut self, vni: u32) {
        let [_, a, b, c] = vni.to_be_bytes();
        let buffer = self.buffer.as_mut();
        buffer[FLAGS] |= VALID_VNI;
        buffer[VNI].copy_from_slice(&[a, b, c]);
    }

    /// The inner Ethernet frame.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.buffer.as_mut()[HEADER_LEN..]
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vxlan {}", self.vni())
    }
}

/// A VXLAN header as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// The virtual network identifier, at most [`MAX_VNI`].
    pub vni: u32,
}

impl Repr {
    /// Reads a header. Reserved bits are ignored, as RFC 7348 asks of receivers.
    ///
    /// # Errors
    ///
    /// If the packet is too short or its VNI isn't valid.
    pub fn parse<T: AsRef<[u8]> + ?Sized>(packet: &Packet<&T>) -> Result<Self, Error> {
        packet.check_len()?;
        if !packet.has_vni() {
            return Err(Error);
        }
        Ok(Self { vni: packet.vni() })
    }

    /// The length of the header that will be written.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the header.
    pub fn emit<T: AsRef<[u8]> + AsMut<[u8]>>(&self, packet: &mut Packet<T>) {
        packet.clear();
        packet.set_vni(self.vni);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_without_the_flag_is_refused() {
        let bytes = [0; 8];
        let packet = Packet::new_checked(&bytes[..]).unwrap();
        assert_eq!(Repr::parse(&packet), Err(Error));
        assert_eq!(Packet::new_checked(&bytes[..7]), Err(Error));
    }

    #[test]
    fn the_example_of_vni_10() {
        let mut bytes = [0xff; 9];
        Repr { vni: 10 }.emit(&mut Packet::new_unchecked(&mut bytes[..]));
        assert_eq!(bytes, [8, 0, 0, 0, 0, 0, 10, 0, 0xff]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(vni in 0..=MAX_VNI) {
            let mut bytes = [0; HEADER_LEN];
            Repr { vni }.emit(&mut Packet::new_unchecked(&mut bytes[..]));
            let packet = Packet::new_checked(&bytes[..]).unwrap();
            prop_assert_eq!(Repr::parse(&packet), Ok(Repr { vni }));
        }
    }
}
