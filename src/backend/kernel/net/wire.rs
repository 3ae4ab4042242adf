//! Netlink as bytes: reading answers, and writing what the packet crates have no type for.
//!
//! Every reader here is total: it takes any bytes and never panics.

use nix::errno::Errno;

use super::error::Refusal;

/// The length of a message's header.
pub(super) const HEADER: usize = 16;

/// `NLMSG_ERROR`: an acknowledgement, or a refusal.
const ERROR: u16 = 2;

/// `NLM_F_ACK_TLVS`: the acknowledgement carries attributes.
const ACK_TLVS: u16 = 0x200;

/// One message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub kind: u16,
    pub flags: u16,
    pub sequence: u32,
    pub payload: &'a [u8],
}

/// Takes `N` bytes out of a slice.
pub(super) fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn native_u16(bytes: &[u8], at: usize) -> Option<u16> {
    take(bytes, at).map(u16::from_ne_bytes)
}

pub(super) fn native_u32(bytes: &[u8], at: usize) -> Option<u32> {
    take(bytes, at).map(u32::from_ne_bytes)
}

/// The messages of a datagram; ends at the first that is cut short.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = native_u32(bytes, 0)? as usize;
        let message = Message {
            kind: native_u16(bytes, 4)?,
            flags: native_u16(bytes, 6)?,
            sequence: native_u32(bytes, 8)?,
            payload: bytes.get(HEADER..length)?,
        };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// The attributes of a payload, flags taken off their types; ends at the first that is cut short.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(native_u16(bytes, 0)?);
        let kind = native_u16(bytes, 2)? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

impl Message<'_> {
    /// The acknowledgement in this message, if it is one: done, or refused and why.
    pub fn acknowledgement(&self) -> Option<Result<(), Refusal>> {
        if self.kind != ERROR {
            return None;
        }
        let number = take(self.payload, 0).map_or(Errno::EIO as i32, i32::from_ne_bytes);
        if number == 0 {
            return Some(Ok(()));
        }
        let said = (self.flags & ACK_TLVS != 0)
            .then(|| {
                // With capped acknowledgements the request's header alone stands before them.
                let attributes = attributes(self.payload.get(4 + HEADER..)?);
                said(attributes)
            })
            .flatten();
        Some(Err(Refusal {
            errno: Errno::from_raw(number.saturating_neg()),
            said,
        }))
    }
}

/// `NLMSGERR_ATTR_MSG`: the kernel's own words.
fn said<'a>(mut attributes: impl Iterator<Item = (u16, &'a [u8])>) -> Option<String> {
    let (_, text) = attributes.find(|(kind, _)| *kind == 1)?;
    Some(string(text))
}

/// A string attribute, without the zero at its end.
pub(super) fn string(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Appends an attribute.
pub(super) fn put(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Appends a message; `fill` writes what follows the header.
pub(super) fn message(
    bytes: &mut Vec<u8>,
    (kind, flags, sequence): (u16, u16, u32),
    fill: impl FnOnce(&mut Vec<u8>),
) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let start = bytes.len();
    bytes.extend([0; 4]);
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    fill(bytes);
    let length = u32::try_from(bytes.len() - start).unwrap_or(u32::MAX);
    bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        message(&mut bytes, (16, 5, 7), |b| put(b, 3, b"eth0\0"));
        message(&mut bytes, (17, 0, 8), |_| {});
        let read: Vec<Message> = messages(&bytes).collect();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].kind, read[0].flags, read[0].sequence), (16, 5, 7));
        let (kind, value) = attributes(read[0].payload).next().unwrap();
        assert_eq!((kind, string(value)), (3, "eth0".to_owned()));
        assert_eq!(read[1].sequence, 8);
    }

    #[test]
    fn a_refusal_carries_the_kernels_words() {
        let mut bytes = Vec::new();
        message(&mut bytes, (ERROR, ACK_TLVS, 1), |b| {
            b.extend((-22_i32).to_ne_bytes());
            b.extend([0; HEADER]);
            put(b, 1, b"Invalid gateway\0");
        });
        let answer = messages(&bytes).next().unwrap().acknowledgement().unwrap();
        let refusal = answer.unwrap_err();
        assert_eq!(refusal.errno, Errno::EINVAL);
        assert_eq!(refusal.said.as_deref(), Some("Invalid gateway"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for message in messages(&bytes) {
                let _ = message.acknowledgement();
                for (_, value) in attributes(message.payload) {
                    let _ = string(value);
                }
            }
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
