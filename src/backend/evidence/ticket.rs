//! What makes each probe recognisable: a token, a source port, an ICMP identifier.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// Eight bytes that no other probe of this process carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub [u8; 8]);

impl Token {
    /// Reads what [`Display`](fmt::Display) writes: sixteen hexadecimal digits.
    pub(in crate::backend) fn from_hex(text: &str) -> Option<Self> {
        let is_hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
        Some(Self(number.to_be_bytes()))
    }

    /// The token at the start of a payload.
    pub(in crate::backend) fn at_start(payload: &[u8]) -> Option<Self> {
        payload.first_chunk().copied().map(Self)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The first source port of probes, and how many there are: above what most services listen on.
const FIRST_PORT: u16 = 40_000;
const PORTS: u32 = 25_000;

/// Gives out tokens, ports and identifiers, none twice before the numbers run out.
#[derive(Debug)]
pub(in crate::backend) struct Tickets {
    nonce: u32,
    probes: AtomicU32,
    ports: AtomicU32,
}

impl Tickets {
    /// `nonce` tells this process's tokens from another's.
    pub(in crate::backend) fn new(nonce: u32) -> Self {
        Self {
            nonce,
            probes: AtomicU32::new(1),
            ports: AtomicU32::new(0),
        }
    }

    /// The next probe's token, and a number to go with it (ICMP identifier, DNS query id).
    pub(in crate::backend) fn next(&self) -> (Token, u16) {
        let number = self.probes.fetch_add(1, Ordering::Relaxed);
        let [a, b, c, d] = self.nonce.to_be_bytes();
        let [e, f, g, h] = number.to_be_bytes();
        (Token([a, b, c, d, e, f, g, h]), u16::from_be_bytes([g, h]))
    }

    /// The next source port.
    pub(in crate::backend) fn next_port(&self) -> u16 {
        let step = self.ports.fetch_add(1, Ordering::Relaxed) % PORTS;
        // `step` is below 25,000, so the sum stays below 65,000.
        FIRST_PORT + step as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_survive_the_text_form() {
        let tickets = Tickets::new(0xf00d_0000);
        let ((a, _), (b, _)) = (tickets.next(), tickets.next());
        assert_ne!(a, b);
        assert_eq!(Token::from_hex(&a.to_string()), Some(a));
        assert_eq!(Token::from_hex("+00000000000000a"), None);
    }

    #[test]
    fn ports_stay_in_their_range() {
        let tickets = Tickets::new(0);
        tickets.ports.store(PORTS - 1, Ordering::Relaxed);
        assert_eq!(tickets.next_port(), 64_999);
        assert_eq!(tickets.next_port(), FIRST_PORT);
    }
}
