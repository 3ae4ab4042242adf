//! SNTP (RFC 4330). A probe's transmit timestamp is its token.

use std::time::Duration;

use crate::backend::evidence::Token;

/// A message without authenticator (RFC 4330, section 4).
const LENGTH: usize = 48;

/// From NTP's epoch, 1900, to Unix's, 1970 (RFC 4330, section 3 gives the epoch).
const UNIX_EPOCH: u64 = 2_208_988_800;

/// Version 4, mode 3 (client). The transmit timestamp is the token: the server sends it back
/// untouched, whatever it says.
pub(in crate::backend) fn query(token: Token) -> [u8; LENGTH] {
    let mut query = [0; LENGTH];
    query[0] = (4 << 3) | 3;
    query[40..].copy_from_slice(&token.0);
    query
}

/// Mode 4 (server), with our timestamp as the originate timestamp.
pub(in crate::backend) fn is_reply(reply: &[u8], token: Token) -> Option<()> {
    let reply: &[u8; LENGTH] = reply.first_chunk()?;
    (reply[0] & 7 == 4 && reply[24..32] == token.0).then_some(())
}

/// The token of the probe that sent a query, if it is a probe's.
pub(in crate::backend) fn token(query: &[u8]) -> Option<Token> {
    let query: &[u8; LENGTH] = query.first_chunk()?;
    Token::at_start(&query[40..])
}

/// The reply to a query that arrived at `now` (RFC 4330, section 6).
pub(in crate::backend) fn reply(query: &[u8], now: [u8; 8]) -> Option<[u8; LENGTH]> {
    let query: &[u8; LENGTH] = query.first_chunk()?;
    let (version, mode) = ((query[0] >> 3) & 7, query[0] & 7);
    if mode != 3 || !(1..=4).contains(&version) {
        return None;
    }
    let mut reply = [0; LENGTH];
    // No leap second, the client's version, mode 4 (server).
    reply[0] = (version << 3) | 4;
    // Stratum 2; the client's poll interval; a precision of 2^-20 s, about a microsecond.
    reply[1] = 2;
    reply[2] = query[2];
    reply[3] = (-20_i8).cast_unsigned();
    // The reference of a stratum-2 server is its upstream's address: the machine's own clock.
    reply[12..16].copy_from_slice(&[127, 0, 0, 1]);
    reply[16..24].copy_from_slice(&now);
    // The originate timestamp is the client's transmit timestamp, whatever it says.
    reply[24..32].copy_from_slice(&query[40..]);
    reply[32..40].copy_from_slice(&now);
    reply[40..].copy_from_slice(&now);
    Some(reply)
}

/// A time, counted from 1970, as an NTP timestamp: seconds since 1900 modulo 2^32, and a 32-bit fraction.
pub(in crate::backend) fn timestamp(since: Duration) -> [u8; 8] {
    let seconds = (since.as_secs() + UNIX_EPOCH) & 0xffff_ffff;
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    ((seconds << 32) | fraction).to_be_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_client_s_timestamp_comes_back() {
        let mut query = [0; LENGTH];
        query[0] = 0x23;
        query[40..].copy_from_slice(b"whatever");
        let reply = reply(&query, [9; 8]).unwrap();
        assert_eq!((reply[0], reply[1]), (0x24, 2));
        assert_eq!(&reply[24..32], b"whatever");
        assert_eq!(&reply[40..], [9; 8]);
    }

    #[test]
    fn a_server_s_packet_gets_no_reply() {
        let mut query = [0; LENGTH];
        query[0] = 0x24;
        assert_eq!(reply(&query, [0; 8]), None);
    }
}
