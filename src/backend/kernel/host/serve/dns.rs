//! DNS (RFC 1035) with the records that a scenario gives, over UDP and TCP.

use std::future::Future;
use std::io;
use std::net::SocketAddrV4;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::kernel::host::witness::{Mark, Witness};
use crate::backend::protocol::dns::{self, Records};
use crate::network::Transport;

/// Answers queries over UDP.
pub(super) fn answer(
    records: Records,
    witness: Witness,
    port: u16,
) -> impl FnMut(&[u8], SocketAddrV4) -> Option<Vec<u8>> {
    move |query, client| {
        let (reply, id) = dns::reply_over_udp(&records, query)?;
        let mark = Mark::Ports {
            transport: Transport::Udp,
            client: client.port(),
            server: port,
            id,
        };
        witness.note(mark, *client.ip());
        Some(reply)
    }
}

/// Answers queries over TCP, each behind its length (RFC 1035, section 4.2.2).
pub(super) fn talk(
    records: Arc<Records>,
) -> impl Fn(TcpStream, SocketAddrV4) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    move |stream, _| {
        let records = Arc::clone(&records);
        Box::pin(async move {
            // A client that goes away in the middle ends the talk.
            let _ = converse(stream, &records).await;
        })
    }
}

async fn converse(mut stream: TcpStream, records: &Records) -> io::Result<()> {
    loop {
        let mut query = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut query).await?;
        let Some(reply) = dns::reply(records, &query) else {
            return Ok(());
        };
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(&reply).await?;
    }
}
