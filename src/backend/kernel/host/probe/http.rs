//! `GET path` over HTTP/1.1.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Asked, Halt};
use crate::backend::kernel::host::Host;
use crate::backend::kernel::host::witness::{Mark, PROBE_HEADER};
use crate::backend::probe::{Answer, Outcome};

/// How much of a body is read.
const LONGEST_BODY: usize = 1 << 20;

impl Host {
    pub(super) async fn ask_http(
        &self,
        to: Ipv4Addr,
        port: u16,
        path: &str,
        name: &str,
    ) -> Result<Asked, Halt> {
        let (token, _) = self.shared.tickets.next();
        let request = Request::get(path)
            .header(header::HOST, name)
            .header(
                header::USER_AGENT,
                concat!("canal-sim/", env!("CARGO_PKG_VERSION")),
            )
            .header(PROBE_HEADER, token.to_string())
            .body(Empty::<Bytes>::new())
            .map_err(|error| {
                Halt::Broken(self.failed(&format!("ask {name:?} for {path:?}"), error))
            })?;
        let dialling = self.dial(SocketAddrV4::new(to, port)).await?;
        let footprint = dialling.footprint(token, port);
        let witness = self.shared.witness.clone();
        let fate = async move {
            let began = dialling.began;
            let (stream, handshake) = match dialling.connected().await {
                Ok(connected) => connected,
                Err(outcome) => return outcome,
            };
            // A far end that accepts the connection and then closes it without a word of HTTP has
            // answered too: without a status.
            let reply = exchange(stream, request).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "no HTTP answer on an open connection");
                Reply {
                    rtt: handshake,
                    status: None,
                    body: None,
                }
            });
            Outcome::Answered(Answer {
                rtt: reply.rtt,
                seen_from: witness.source(Mark::Token(token), began),
                status: reply.status,
                body: reply.body,
                ..Answer::default()
            })
        };
        Ok(Asked {
            footprint,
            fate: Box::pin(fate),
        })
    }
}

struct Reply {
    rtt: Duration,
    status: Option<u16>,
    body: Option<String>,
}

async fn exchange(stream: TcpStream, request: Request<Empty<Bytes>>) -> hyper::Result<Reply> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let talk = async move {
        let sent = Instant::now();
        let response = sender.send_request(request).await?;
        let rtt = sent.elapsed();
        let status = Some(response.status().as_u16());
        let body = Some(read_body(response.into_body()).await?);
        Ok(Reply { rtt, status, body })
    };
    let mut talk = std::pin::pin!(talk);
    tokio::select! {
        biased;
        reply = &mut talk => reply,
        // The connection is done; what it read is still in hand.
        _ = connection => talk.await,
    }
}

async fn read_body<B>(mut body: B) -> hyper::Result<String>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = LONGEST_BODY - bytes.len();
            bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
        if bytes.len() == LONGEST_BODY {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
