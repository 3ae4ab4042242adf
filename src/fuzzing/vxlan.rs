//! The VXLAN header: no accessor of a checked packet panics, and what is read can be written and read again.

use crate::backend::vxlan::{HEADER_LEN, MAX_VNI, Packet, Repr};

/// Any bytes as a VXLAN packet.
pub fn vxlan(bytes: &[u8]) {
    let Ok(packet) = Packet::new_checked(bytes) else {
        assert!(bytes.len() < HEADER_LEN);
        return;
    };
    assert!(packet.vni() <= MAX_VNI);
    assert_eq!(packet.payload().len() + HEADER_LEN, bytes.len());
    assert!(!packet.to_string().is_empty());
    let Ok(repr) = Repr::parse(&packet) else {
        assert!(!packet.has_vni());
        return;
    };
    let mut copy = bytes.to_vec();
    let mut written = Packet::new_unchecked(&mut copy[..]);
    repr.emit(&mut written);
    assert_eq!(written.payload_mut(), packet.payload());
    let again = Packet::new_checked(&copy[..]).map(|packet| Repr::parse(&packet));
    assert_eq!(again, Ok(Ok(repr)));
}
