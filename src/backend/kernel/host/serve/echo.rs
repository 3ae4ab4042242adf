//! The echo protocol (RFC 862).

use std::net::SocketAddrV4;

use tokio::net::TcpStream;

use crate::backend::evidence::Token;
use crate::backend::kernel::host::witness::{Mark, Witness};

/// Sends back what comes until the client closes.
pub(super) async fn talk(mut stream: TcpStream) {
    let (mut from, mut to) = stream.split();
    // A client that goes away in the middle ends the talk.
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

/// Sends each datagram back.
pub(super) fn answer(witness: Witness) -> impl FnMut(&[u8], SocketAddrV4) -> Option<Vec<u8>> {
    move |payload, client| {
        if let Some(token) = Token::at_start(payload) {
            witness.note(Mark::Token(token), *client.ip());
        }
        Some(payload.to_vec())
    }
}
