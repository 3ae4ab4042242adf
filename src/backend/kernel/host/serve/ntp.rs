//! SNTP (RFC 4330) with the machine's time.

use std::net::SocketAddrV4;
use std::time::SystemTime;

use crate::backend::kernel::host::witness::{Mark, Witness};
use crate::backend::protocol::ntp;

/// Answers client queries.
pub(super) fn answer(witness: Witness) -> impl FnMut(&[u8], SocketAddrV4) -> Option<Vec<u8>> {
    move |query, client| {
        if let Some(token) = ntp::token(query) {
            witness.note(Mark::Token(token), *client.ip());
        }
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        ntp::reply(query, ntp::timestamp(since)).map(|reply| reply.to_vec())
    }
}
